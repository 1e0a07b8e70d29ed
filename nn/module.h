// Module: a model or a part of one.  It has a forward, and says by name which parameters, buffers and modules it has.
//
//   struct Net : Module {
//     Linear hidden{784, 128}, output{128, 10};
//     Tensor forward(const Tensor& x) override { return output(relu(hidden(x))); }
//     void parts(Parts& p) override { p.module("hidden", hidden).module("output", output); }
//   };
//
// Copying a module copies handles: both train the same weights, as two Tensors share their elements.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "gradus/core/named_tensors.h"

namespace gradus {

class Module;

// What a module says it has.  A tensor that is undefined, such as the bias of a layer without one, is left out.
class Parts {
 public:
  Parts& parameter(const std::string& name, Tensor& t);  // trains, unless frozen by t.requires_grad(false)
  Parts& buffer(const std::string& name, Tensor& t);     // is saved, but no gradient changes it
  Parts& module(const std::string& name, Module& m);

 private:
  friend class Module;
  std::vector<std::pair<std::string, Tensor*>> parameters_, buffers_;
  std::vector<std::pair<std::string, Module*>> modules_;
};

class Module {
 public:
  virtual ~Module() = default;
  virtual Tensor forward(const Tensor& x) = 0;
  Tensor operator()(const Tensor& x) { return forward(x); }
  /// Names everything that trains or is saved; a part that is not named here does neither.
  virtual void parts(Parts&) {}

  /// All parameters of this module and those below it, as "hidden.weight".
  NamedTensors named_parameters();
  NamedTensors named_buffers();
  int64_t parameter_count();

  /// Parameters and buffers, sharing the module's elements.
  NamedTensors state_dict();
  /// Copies the values of a state into this module. Throws ParamError naming every entry that is missing, unknown or
  /// twice there, ShapeError naming both shapes of the first that does not fit; then nothing has changed.
  void load_state_dict(const NamedTensors& state);

  /// Whether layers such as dropout behave as in training; for this module and all below it.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }

  /// Mixed precision: Linear, Conv2d, recurrent layers and the projections of attention, here and below, round what
  /// they multiply and what they make to bfloat16 or float16, as their gradients on the way back; sums and the weights
  /// that train stay float32. float32, as at first, rounds nothing. Throws DtypeError for any other.
  void compute(Dtype precision);
  Dtype computes_in() const { return precision_; }

  /// Replaces all floating-point parameters and buffers by converted ones, without their gradients. Make optimisers
  /// afterwards: one made before goes on with the old tensors. Throws DtypeError unless float32 or float64.
  void to(Dtype dtype);
  /// Moves all parameters and buffers, in the same way. Throws DeviceError where there is no such device.
  void to(Device device);
  void zero_grad();
  /// The names of the parameters that require a gradient and have none: the last backward did not reach them.
  std::vector<std::string> without_gradient();

 private:
  // Puts replacement(t) in the place of every parameter and buffer for which it is defined; what was tied stays tied.
  template <class Make> void replace_tensors(Make replacement);
  template <class Visit> void walk(const std::string& prefix, Visit visit);
  bool training_ = true;
  Dtype precision_ = Dtype::float32;
};

}  // namespace gradus
