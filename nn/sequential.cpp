#include "gradus/nn/sequential.h"

namespace gradus {

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const auto& module : modules_) y = module->forward(y);
  return y;
}

void Sequential::parts(Parts& p) {
  for (size_t i = 0; i < modules_.size(); ++i) p.module(std::to_string(i), *modules_[i]);
}

}  // namespace gradus
