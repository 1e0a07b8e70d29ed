// Running a Map or a Fold: the operands as strided views over one space, and the gradients back in their own shapes.
#include <fmt/core.h>

#include <algorithm>

#include "gradus/core/device_elements.h"
#include "gradus/core/recorded_step.h"
#include "gradus/ops/application.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/device_losses.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/geometry.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

Shape strides_of(const Application& a, int k, const Tensor& t) {
  switch (a.facts(k).role) {
    case Role::row: {  // over the space without the class axis, which it repeats along
      if (a.space.rank() == 0) return {};
      Shape rows = a.space;
      rows.erase(a.axis);
      Shape strides = broadcast_strides(t, rows);
      strides.insert(a.axis, 0);
      return strides;
    }
    case Role::column: {
      Shape strides = Shape::filled(a.space.rank(), 0);
      if (a.space.rank() && t.numel() > 1) strides[a.axis] = t.strides()[0];
      return strides;
    }
    default: return broadcast_strides(t.numel() == 1 ? t.alias({}, {}) : t, a.space);
  }
}

// Starts the formula's kernel on the device where its tensors lie; numbers travel by value.
std::shared_ptr<DeviceRun> start_on_device(const Application& a, const Call& call) {
  DeviceCall there;
  static_cast<Call&>(there) = call;
  for (int k = 0; k < a.entry->inputs; ++k) {
    if (!on_cpu(a.operands[k])) continue;
    there.in[k] = {};
    there.constant[k] = a.operands[k].item();
  }
  return std::make_shared<DeviceRun>(device_kernel(a.name(), *a.entry, a.device()), a.device(), there);
}

// Where there are no classes, every label that is not left out lies outside them: the first.
Problem label_of_no_class(const Application& a) {
  Problem problem;
  if (!a.entry->fold || a.space[a.axis] > 0) return problem;
  for (int k = 0; k < a.entry->inputs; ++k) {
    if (!a.facts(k).label) continue;
    const std::vector<double> labels = a.operands[k].to_vector();
    const double ignored = double(a.entry->ignored_label(a.formula->get(), k));
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] != ignored) return {k, labels[i], {int64_t(i), 0, 0}};
  }
  return problem;
}

}  // namespace

namespace {

// What has no kernel on devices: some Blocks, and derivatives along a direction.  The numbers travel to the CPU and
// back.
Outcome run_on_host(const Application& a, const Wanted& w) {
  const auto moved = [](const std::vector<Tensor>& tensors, Device device) {
    std::vector<Tensor> there;
    for (const Tensor& t : tensors) there.push_back(t.defined() ? to(t.detach(), device) : t);
    return there;
  };
  if (a.device() != cpu) RecordedStep::refuse(a.name(), "computes on the CPU");
  const std::vector<Tensor> direction = w.direction ? moved(*w.direction, cpu) : std::vector<Tensor>();
  Wanted here = w;
  if (w.direction) here.direction = &direction;
  if (w.upstream.defined()) here.upstream = to(w.upstream.detach(), cpu);
  Outcome out;
  if (a.entry->block) {
    out = run_block(runs_on_device(a) ? *block_on_cpu(a) : a, here);
  } else {
    Application one;
    one.about = a.about, one.entry = a.entry, one.formula = a.formula->clone();
    one.tensors = moved(a.tensors, cpu), one.operands = moved(a.operands, cpu);
    one.space = a.space, one.given = a.given, one.axis = a.axis, one.result = a.result;
    one.reduction = a.reduction, one.empty = a.empty, one.known = a.totals();
    out = run(one, here);
  }
  out.grads = moved(out.grads, a.device());
  if (out.values.defined()) out.values = to(out.values, a.device());
  return out;
}

}  // namespace

Outcome run(const Application& a, const Wanted& w) {
  const bool kernel = a.device() == cpu || !w.direction;
  if (a.entry->block && kernel && runs_on_device(a)) return run_block(a, w);
  if (a.device() != cpu && (a.entry->block || w.direction)) return run_on_host(a, w);
  if (a.entry->block) return run_block(a, w);
  const int n = a.entry->inputs;
  Outcome out;
  out.grads.resize(size_t(n));
  Shape dense_space = dense_strides(a.space);
  Geometry geometry = a.entry->fold ? Geometry(a.space, a.axis) : Geometry(a.space);
  int in[max_inputs], direction[max_inputs], grad[max_inputs];
  int values = -1, upstream = -1;
  for (int k = 0; k < n; ++k) {
    direction[k] = grad[k] = -1;
    in[k] = geometry.add(a.operands[k], strides_of(a, k, a.operands[k]));
    if (w.direction && (*w.direction)[k].defined()) {
      const Tensor& v = (*w.direction)[k];
      const Shape& shape = a.operands[k].shape();
      const Tensor shaped = v.shape() == shape ? v : dense(v).alias(shape, dense_strides(shape));
      direction[k] = geometry.add(shaped, strides_of(a, k, shaped));
    }
    if (k < int(w.grads.size()) && w.grads[k]) {
      out.grads[k] = Tensor(a.space, a.dtype(), a.device());
      grad[k] = geometry.add(out.grads[k], dense_space);
    }
  }
  const auto value_strides = [&](const Tensor& t) {
    if (!a.entry->fold || a.space.rank() == 0) return broadcast_strides(t, a.space);
    Shape rows = a.space;
    rows.erase(a.axis);
    Shape strides = broadcast_strides(t.alias(rows, t.rank() == rows.rank() ? t.strides() : dense_strides(rows)), rows);
    strides.insert(a.axis, 0);
    return strides;
  };
  if (w.values) {
    out.values = Tensor(a.result, a.dtype(), a.device());
    values = geometry.add(out.values, value_strides(out.values));
  }
  if (w.upstream.defined()) {
    const Tensor up = dense(w.upstream);
    upstream = geometry.add(up, value_strides(up));
  }
  if (a.space.numel() == 0) {
    for (int k = 0; k < n; ++k)
      if (out.grads[k].defined()) out.grads[k] = zeros_like(a.tensors[k]);
    if (w.values) out.values = zeros_like(out.values);
    out.problem = label_of_no_class(a);
    return out;
  }
  geometry.join();
  Call call;
  call.formula = a.formula->get();
  call.dtype = a.dtype();
  std::copy_n(geometry.extent(), 3, call.extent);
  const auto view = [&](int place) { return place < 0 ? View{} : geometry.view(place); };
  for (int k = 0; k < n; ++k) {
    call.in[k] = view(in[k]);
    call.direction[k] = view(direction[k]);
    call.grad[k] = view(grad[k]);
  }
  call.value = view(values);
  call.upstream = view(upstream);
  call.scale = w.scale, call.count_scale = w.count_scale;
  call.scale_tangent = w.scale_tangent, call.count_scale_tangent = w.count_scale_tangent;
  call.totals = &out.totals;
  call.problem = &out.problem;
  if (a.device() != cpu) {
    out.pending = start_on_device(a, call);
    if (w.wait) out.totals = out.pending->totals(), out.problem = out.pending->problem(), out.pending = nullptr;
  } else if (w.direction) a.entry->tangent(call);
  else a.entry->run(call);
  for (int k = 0; k < n; ++k)
    if (out.grads[k].defined()) {
      const Shape& own = a.operands[k].shape();
      out.grads[k] = a.facts(k).role == Role::element || own.numel() == 1 || own == a.space
                         ? sum_to(out.grads[k], own)
                         : [&] {  // a row or column sums over what it repeats along
                             Shape kept = Shape::filled(a.space.rank(), 1);
                             if (a.facts(k).role == Role::column) kept[a.axis] = a.space[a.axis];
                             else kept = a.space, kept[a.axis] = 1;
                             Tensor summed = sum_to(out.grads[k], kept);
                             return sum_to(summed.alias(wanted_shape(a, k), dense_strides(wanted_shape(a, k))), own);
                           }();
      out.grads[k] = as_given(a, k, out.grads[k]);
    }
  return out;
}

}  // namespace gradus
