// Embeddings of length 1, among which distances mean the same everywhere.
#pragma once
#include <memory>

#include "gradus/nn/module.h"

namespace gradus {

/// x (N, D) with each row divided by its length; a row of zeros stays zeros.
Tensor unit_length(const Tensor& x);

/// What another module returns, (N, D), brought to the unit sphere. Its parameters keep their names behind "inner.".
class UnitSphere : public Module {
 public:
  explicit UnitSphere(std::shared_ptr<Module> inner) : inner_(std::move(inner)) {}
  Tensor forward(const Tensor& x) override { return unit_length((*inner_)(x)); }
  void parts(Parts& p) override { p.module("inner", *inner_); }
  Module& inner() const { return *inner_; }

 private:
  std::shared_ptr<Module> inner_;
};

}  // namespace gradus
