// A loss as a module: its settings once, its inputs at every call.
//
//   LossModule loss("cross_entropy", {{{"weight", class_weights}}, {{"label_smoothing", 0.1}}});
//   Tensor l = loss(logits, labels);
//   LossModule clip("info_nce_loss");
//   clip.learn("temperature", 0.07);              // a parameter, for the optimiser
//   LossModule face("arcface_loss");
//   face.learn("weight", proxies);  // (classes, width): proxies are parameters too
#pragma once
#include <string>
#include <vector>

#include "gradus/nn/module.h"
#include "gradus/ops/registry.h"

namespace gradus {

class LossModule : public Module {
 public:
  /// Any loss of the registry with the settings that differ from its defaults: tensors, which are saved and converted
  /// with the module, and options. Throws ParamError for a name that is not known.
  explicit LossModule(const std::string& name, LossArguments settings = {});

  /// Makes an input or parameter of the loss train, from this value on.
  LossModule& learn(const std::string& name, const Tensor& start);
  LossModule& learn(const std::string& name, double start);

  /// The loss of these inputs, in the order in which the loss names those that no setting gives. Throws ParamError for
  /// too few or too many, and whatever the loss throws.
  template <class... Tensors> Tensor operator()(const Tensor& first, const Tensors&... others) {
    return of({first, others...});
  }
  Tensor of(const std::vector<Tensor>& inputs) const;
  Tensor forward(const Tensor& x) override { return of({x}); }
  void parts(Parts& p) override;

 private:
  const LossEntry* entry_;
  LossArguments settings_;
};

}  // namespace gradus
