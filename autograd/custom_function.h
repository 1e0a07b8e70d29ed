// CustomFunction: a differentiable function of the user's own, forward and backward in one place.
//
//   const CustomFunction cube = {
//       .name = "cube",
//       .forward = [](FunctionContext& context, const std::vector<Tensor>& in) {
//         context.save(in[0]);
//         return in[0] * in[0] * in[0];
//       },
//       .backward = [](const FunctionContext& context, const Tensor& gradient) -> std::vector<Tensor> {
//         const Tensor x = context.saved(0);
//         return {gradient * 3.0 * x * x};
//       }};
//   const Tensor y = cube({x});
#pragma once
#include <functional>
#include <vector>

#include "gradus/autograd/node.h"

namespace gradus {

struct RecordedCall;  // of a CustomFunction: what its node holds

// What forward keeps for backward.
class FunctionContext {
 public:
  /// Keeps an input or the result, through which backward may be differentiated again. Something else that forward
  /// computed may be kept too; a backward that is itself recorded (create_graph) then refuses to use it, unless it
  /// holds no floating-point numbers.
  void save(const Tensor& t) { kept_.push_back({t, Origin::computed}); }
  /// Keeps a tensor that does not depend on the inputs, such as a random mask.
  void save_constant(const Tensor& t) { kept_.push_back({t, Origin::constant}); }

  /// The i-th tensor that was kept. IndexError when there is none, StateError when it was changed in place meanwhile.
  Tensor saved(int i) const;
  /// Does the i-th input need a gradient? One that is not wanted may be left undefined.
  bool wants(int i) const;

 private:
  friend struct RecordedCall;
  enum class Origin : uint8_t { input, result, constant, computed };
  struct Kept {
    Tensor tensor;
    Origin origin;
    Saved guarded = {};  // the tensor, from the end of forward on
  };
  std::vector<Kept> kept_;
  const RecordedCall* call_ = nullptr;
};

struct CustomFunction {
  const char* name;  // for errors; a literal, since graphs refer to it
  /// The result, computed without recording. Inputs must not be changed in place.
  std::function<Tensor(FunctionContext&, const std::vector<Tensor>& inputs)> forward;
  /// From the gradient of the result one gradient per input, undefined for an input that gets none. Written with tensor
  /// ops it can be differentiated again.
  std::function<std::vector<Tensor>(const FunctionContext&, const Tensor& gradient)> backward;

  /// The result of forward, recorded. StateError when forward changes an input or returns nothing; from a later
  /// backward StateError, ShapeError or DtypeError when the gradients differ from the inputs in number, shape or dtype.
  Tensor operator()(const std::vector<Tensor>& inputs) const;
};

}  // namespace gradus
