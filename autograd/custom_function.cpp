#include "gradus/autograd/custom_function.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "gradus/core/error.h"

namespace gradus {

struct RecordedCall : std::enable_shared_from_this<RecordedCall> {
  struct Input {
    Tensor stand_in;  // empty, with the input's node: it is recorded in the input's place, whose elements may go
    std::string description;
    Shape shape;
    Dtype dtype = Dtype::float32;
  };
  CustomFunction function;
  FunctionContext context;
  std::vector<Input> inputs;

  RecordedCall(const CustomFunction& function, FunctionContext kept, const std::vector<Tensor>& given)
      : function(function), context(std::move(kept)) {
    context.call_ = this;
    for (const Tensor& t : given) {
      Input& input = inputs.emplace_back();
      input.stand_in = Tensor(Shape{0});
      if (!t.defined()) continue;
      input.stand_in.state()->node = t.state()->node;
      input.description = describe(t);
      input.shape = t.shape();
      input.dtype = t.dtype();
    }
  }

  // From now on what forward kept is guarded.  The result is held as `out`, outside the graph: its own handle would be
  // a cycle.
  void guard(const std::vector<Tensor>& given, const Tensor& result, const Tensor& out) {
    for (FunctionContext::Kept& kept : context.kept_) {
      const auto same = [&](const Tensor& t) { return t.defined() && t.state() == kept.tensor.state(); };
      if (same(result)) kept.origin = FunctionContext::Origin::result;
      else if (std::any_of(given.begin(), given.end(), same)) kept.origin = FunctionContext::Origin::input;
      kept.guarded = Saved(same(result) ? out.detach() : kept.tensor, kept.tensor.defined());
      kept.tensor = Tensor();
    }
  }

  void record_as(Tensor& out) const {
    std::vector<const Tensor*> edges;
    for (const Input& input : inputs) edges.push_back(&input.stand_in);
    record(function.name, out, edges.data(), int(edges.size()),
           [call = shared_from_this()](const Tensor& g, Gradients& to) { call->run(g, to); });
  }

  void run(const Tensor& gradient, Gradients& to) const {
    std::vector<Tensor> gradients = function.backward(context, gradient);
    if (gradients.size() != inputs.size())
      throw StateError(
          fmt::format("{}: backward returned {} gradients, wanted {}; return one per input, undefined for "
                      "an input that gets none",
                      function.name, gradients.size(), inputs.size()));
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!to.wants(int(i)) || !gradients[i].defined()) continue;
      check_like(i, gradients[i]);
      to[int(i)] = std::move(gradients[i]);
    }
  }

 private:
  void check_like(size_t i, const Tensor& gradient) const {
    const auto text = [&] {
      return fmt::format("{}: backward returned {} for input {}, which is {}; return a gradient like it", function.name,
                         describe(gradient), i, inputs[i].description);
    };
    if (!(gradient.shape() == inputs[i].shape)) throw ShapeError(text());
    if (gradient.dtype() != inputs[i].dtype) throw DtypeError(text());
  }
};

bool FunctionContext::wants(int i) const {
  return call_ && i >= 0 && size_t(i) < call_->inputs.size() && call_->inputs[size_t(i)].stand_in.requires_grad();
}

Tensor FunctionContext::saved(int i) const {
  if (i < 0 || size_t(i) >= kept_.size())
    throw IndexError(fmt::format("{}: saved tensor {} was asked for, forward kept {}; save() it in forward",
                                 running_backward(), i, kept_.size()));
  const Kept& kept = kept_[size_t(i)];
  if (!kept.guarded) return kept.tensor;  // forward asks
  const Tensor& t = kept.guarded();
  if (NoGrad::active() || kept.origin == Origin::input) return t;
  if (kept.origin == Origin::result) {
    Tensor again = t.detach();
    call_->record_as(again);
    return again;
  }
  if (kept.origin == Origin::computed && is_floating(t.dtype()))
    throw StateError(
        fmt::format("{}: saved tensor {} is neither an input nor the result, so the backward that uses it cannot be "
                    "differentiated; compute it in backward from the inputs, or save_constant() it if it does not "
                    "depend on them",
                    running_backward(), i));
  return t.detach();
}

Tensor CustomFunction::operator()(const std::vector<Tensor>& inputs) const {
  if (!forward) throw StateError(fmt::format("{}: has no forward; give it one", name));
  FunctionContext context;
  std::vector<uint32_t> versions;
  for (const Tensor& t : inputs) versions.push_back(t.defined() ? t.version() : 0);
  Tensor result;
  {
    const NoGrad quiet;
    result = forward(context, inputs);
  }
  if (!result.defined())
    throw StateError(fmt::format("{}: forward returned an undefined tensor; return the result", name));
  bool recorded = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) continue;
    if (inputs[i].version() != versions[i])
      throw StateError(fmt::format("{}: forward changed input {} in place; work on a clone() of it", name, i));
    recorded |= recording(inputs[i]);
  }
  Tensor out = result.detach();  // a handle of its own, should forward have returned an input
  if (!recorded || !computes(out.dtype())) return out;
  if (!backward)
    throw StateError(fmt::format(
        "{}: has no backward, and an input requires a gradient; give it one, or call it under NoGrad", name));
  const auto call = std::make_shared<RecordedCall>(*this, std::move(context), inputs);
  call->guard(inputs, result, out);
  call->record_as(out);
  return out;
}

}  // namespace gradus
