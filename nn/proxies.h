// Proxies: a learned vector of each class, with which a loss compares embeddings instead of with other samples.
#pragma once
#include <memory>

#include "gradus/core/random.h"
#include "gradus/nn/module.h"

namespace gradus {

/// Another module and the proxies (classes, width) that train along with it; its forward is the other's. Its parameters
/// keep their names behind "inner.", the proxies are "proxies". They start normally distributed with a mean square
/// length of 1.
class WithProxies : public Module {
 public:
  /// Throws ParamError unless both numbers are positive.
  WithProxies(std::shared_ptr<Module> inner, int64_t classes, int64_t width,
              Generator& generator = default_generator());
  Tensor forward(const Tensor& x) override { return (*inner_)(x); }
  void parts(Parts& p) override { p.module("inner", *inner_).parameter("proxies", proxies_); }
  Module& inner() const { return *inner_; }
  const Tensor& proxies() const { return proxies_; }

 private:
  std::shared_ptr<Module> inner_;
  Tensor proxies_;
};

}  // namespace gradus
