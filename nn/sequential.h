// Sequential: modules one after the other, each fed with what the one before returned.
#pragma once
#include <concepts>
#include <memory>
#include <vector>

#include "gradus/nn/module.h"

namespace gradus {

/// Sequential(Linear(64, 32), ReLU(), Linear(32, 10)); its parts are named "0", "1" …
class Sequential : public Module {
 public:
  Sequential() = default;
  template <std::derived_from<Module>... M>
    requires(sizeof...(M) > 1)
  explicit Sequential(M... modules) {
    (add(std::move(modules)), ...);
  }

  template <std::derived_from<Module> M> Sequential& add(M module) {
    modules_.push_back(std::make_shared<M>(std::move(module)));
    return *this;
  }
  size_t size() const { return modules_.size(); }
  Module& operator[](size_t i) { return *modules_[i]; }

  Tensor forward(const Tensor& x) override;
  void parts(Parts& p) override;

 private:
  std::vector<std::shared_ptr<Module>> modules_;
};

}  // namespace gradus
