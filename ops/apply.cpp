// Applying a loss: shapes, errors, reductions and the tape, once for all of them.  No loss is named here.
#include "gradus/ops/apply.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/geometry.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

// One application: the formula with its options, and a tensor for every input.
struct Application {
  const About* about = nullptr;
  const FormulaEntry* entry = nullptr;
  std::unique_ptr<Formula> formula;
  std::vector<Tensor> tensors;     // as they came, for the tape
  std::vector<Tensor> operands;    // the same numbers in the dtype and shape that is computed on
  std::vector<uint32_t> versions;  // of tensors, when the application was recorded
  Shape space;                     // over which the formula runs
  int axis = 0;                    // of a Fold
  Shape result;                    // of the values, unreduced
  Reduction reduction = Reduction::mean;
  Empty empty = Empty::zero;
  Totals totals;

  const char* name() const { return about->name; }
  const InputFacts& facts(int k) const { return *entry->input(k); }
  int widest() const {  // the input whose shape is the space: the first that varies everywhere
    for (int k = 0; k < entry->inputs; ++k)
      if (facts(k).role == Role::element) return k;
    return 0;
  }
  Dtype dtype() const { return operands[0].dtype(); }
};

std::string number(double x) { return fmt::format("{:g}", x); }

std::string wanted(const Range& r) {
  if (r.only_ends) return fmt::format("{} or {}", number(r.low), number(r.high));
  const bool low = r.low != -range::inf, high = r.high != range::inf;
  if (low && high) return fmt::format("a value in {}{}, {}{}", r.open_low ? "(" : "[", number(r.low), number(r.high), r.open_high ? ")" : "]");
  if (low) return fmt::format("a value {} {}", r.open_low ? ">" : ">=", number(r.low));
  return fmt::format("a value {} {}", r.open_high ? "<" : "<=", number(r.high));
}

bool inside(double x, const Range& r) {
  if (r.only_ends) return x == r.low || x == r.high;
  return x >= r.low && x <= r.high && !(r.open_low && x == r.low) && !(r.open_high && x == r.high);
}

// ---- checks ----------------------------------------------------------------------------------------------------------------

void check_options(const Application& a) {
  for (int i = 0; i < a.entry->options; ++i) {
    const OptionFacts& o = *a.entry->option(i);
    const double x = a.entry->get(a.formula->get(), i);
    if (o.optional && std::isnan(x)) continue;
    if (o.kind == OptionFacts::choice) {
      if (x >= o.choice_count) throw ParamError(fmt::format("{}: {} is choice {}, wanted one of its {} choices", a.name(), o.name, x, o.choice_count));
    } else if (bounded(o.range) ? !inside(x, o.range) : std::isnan(x)) {
      throw ParamError(fmt::format("{}: {} is {}, wanted {}", a.name(), o.name, number(x), bounded(o.range) ? wanted(o.range) : "a number"));
    }
  }
}

Shape wanted_shape(const Application& a, int k) {
  switch (a.facts(k).role) {
    case Role::element: return a.space;
    case Role::row: {
      Shape s = a.space;
      if (s.rank()) s.erase(a.axis);
      return s;
    }
    case Role::column: return {a.space.rank() ? a.space[a.axis] : 1};
    default: return {};
  }
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank()) return false;
  for (int i = 1; i <= from.rank(); ++i)
    if (from[from.rank() - i] != 1 && from[from.rank() - i] != to[to.rank() - i]) return false;
  return true;
}

Shape with_last(Shape lead, int64_t extent) {
  lead.push_back(extent);
  return lead;
}
// The dimensions from `lead` on as one.
Shape folded(const Shape& whole, int lead) {
  Shape shape;
  int64_t columns = 1;
  for (int d = 0; d < whole.rank(); ++d) {
    if (d < lead) shape.push_back(whole[d]);
    else columns *= whole[d];
  }
  shape.push_back(columns);
  return shape;
}
std::optional<Shape> broadcast_of(const Shape& a, const Shape& b) {
  Shape out = Shape::filled(std::max(a.rank(), b.rank()), 1);
  for (int i = 1; i <= out.rank(); ++i) {
    const int64_t x = i <= a.rank() ? a[a.rank() - i] : 1, y = i <= b.rank() ? b[b.rank() - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    out[out.rank() - i] = x == 1 ? y : x;
  }
  return out;
}

void check_shape(const Application& a, int k, bool standing) {
  const Shape want = wanted_shape(a, k), &got = a.operands[k].shape();
  if (a.facts(k).broadcast) standing = true;
  if (got == want || (standing && (a.operands[k].numel() == 1 || (a.facts(k).role != Role::column && broadcasts_to(got, want))))) return;
  const std::string hint = got.numel() == want.numel() ? fmt::format("; reshape it to {}", text(want)) : std::string();
  throw ShapeError(fmt::format("{}: {} has shape {} but {} has shape {}, wanted {}{}", a.name(), a.facts(k).name, text(got), a.facts(a.widest()).name,
                               text(a.space), standing ? fmt::format("{} or what broadcasts to it", text(want)) : text(want), hint));
}

Tensor converted(const Tensor& t, Dtype dtype) {
  if (t.dtype() == dtype) return t;
  Tensor to(t.shape(), dtype);
  copy_elements(t, to);
  return to;
}

// Brings every operand into the dtype that the kernels read, or says why it cannot be.
void check_dtypes(Application& a) {
  if (a.facts(0).any_dtype && !is_floating(a.dtype())) a.operands[0] = converted(a.operands[0], Dtype::float64);
  if (!computes(a.dtype()))
    throw DtypeError(fmt::format("{}: {} is {}, wanted float32 or float64; convert it with to()", a.name(), a.facts(0).name, name_of(a.dtype())));
  for (int k = 0; k < a.entry->inputs; ++k) {
    Tensor& t = a.operands[k];
    const InputFacts& f = a.facts(k);
    if (t.device() != a.operands[0].device())
      throw DeviceError(fmt::format("{}: {} is on {} but {} is on {}; move one with to()", a.name(), f.name, text(t.device()), a.facts(0).name,
                                    text(a.operands[0].device())));
    if (f.label) {
      if (is_floating(t.dtype()) || t.dtype() == Dtype::boolean)
        throw DtypeError(fmt::format("{}: {} is {}, wanted integer labels; convert it with to(Dtype::int64)", a.name(), f.name, name_of(t.dtype())));
      t = converted(t, Dtype::int64);
    } else if (t.dtype() != a.dtype()) {
      const bool whole = !is_floating(t.dtype()) && (f.range.only_ends || f.any_dtype);  // masks and signs may be bools or integers
      if (!whole)
        throw DtypeError(fmt::format("{}: {} is {} but {} is {}, wanted the same; convert one with to()", a.name(), f.name, name_of(t.dtype()),
                                     a.facts(0).name, name_of(a.dtype())));
      t = converted(t, a.dtype());
    }
  }
}

// Settles the space: inputs that broadcast to each other, a missing last axis, and the axes that a Fold folds as one.
void settle_space(Application& a) {
  a.space = a.operands[a.widest()].shape();
  for (int k = 0; k < a.entry->inputs; ++k) {
    Tensor& t = a.operands[k];
    if (a.facts(k).broadcast)
      if (const std::optional<Shape> both = broadcast_of(a.space, t.shape())) a.space = *both;
    Shape lead = a.space;
    if (lead.rank()) lead.erase(lead.rank() - 1);
    if (a.facts(k).leading && !(t.shape() == a.space) && t.shape() == lead) t = dense(t).alias(with_last(lead, 1), dense_strides(with_last(lead, 1)));
  }
  if (!a.entry->fold) return;
  const int axes = a.entry->fold_axes(a.formula->get());
  if (axes >= 0) {
    const int lead = axes == 0 ? 0 : a.space.rank() - axes;
    if (lead < 0)
      throw ShapeError(fmt::format("{}: {} has shape {}, wanted at least {} dimensions; unsqueeze it", a.name(), a.facts(a.widest()).name, text(a.space), axes));
    const Shape whole = a.space;
    a.space = folded(whole, lead);
    for (int k = 0; k < a.entry->inputs; ++k)
      if (a.facts(k).role == Role::element && a.operands[k].shape() == whole) a.operands[k] = dense(a.operands[k]).alias(a.space, dense_strides(a.space));
    a.axis = lead;
    return;
  }
  int64_t axis = a.entry->class_axis(a.formula->get());
  if (axis == 1 && a.space.rank() == 1) axis = 0;  // one row without a batch
  if (a.space.rank() == 0)
    throw ShapeError(fmt::format("{}: {} has shape (), wanted at least one dimension; unsqueeze it", a.name(), a.facts(a.widest()).name));
  a.axis = dimension(a.name(), axis, a.space.rank());
}

[[noreturn]] void report(const Application& a, const Problem& p) {
  const InputFacts& f = a.facts(p.input);
  std::string place;
  const Shape& shape = a.operands[p.input].shape();
  if (f.role == Role::column) place = fmt::format(" at class {}", p.at[1]);
  else if (f.role == Role::row || shape.rank() > 0) {
    // The position in the space's own dimensions, from outer, column and inner.
    Shape of = a.space;
    if (f.role == Role::row && of.rank()) of.erase(a.axis);
    int64_t inner = 1, columns = a.entry->fold && f.role == Role::element && a.space.rank() ? a.space[a.axis] : 1;
    if (a.entry->fold)
      for (int d = a.axis + 1; d < a.space.rank(); ++d) inner *= a.space[d];
    int64_t linear = a.entry->fold ? (p.at[0] * columns + (f.role == Role::element ? p.at[1] : 0)) * inner + p.at[2] : p.at[0];
    if (of.rank() == 1) place = fmt::format(" at {} {}", f.role == Role::row ? "row" : "element", linear);
    else if (of.rank() > 1) {
      Shape at = of;
      for (int d = of.rank() - 1; d >= 0; --d) {
        at[d] = linear % of[d];
        linear /= of[d];
      }
      place = " at " + text(at);
    }
  }
  if (f.label) throw IndexError(fmt::format("{}: label {}{} is outside [0, {})", a.name(), int64_t(p.value), place, a.space.rank() ? a.space[a.axis] : 1));
  const std::string what = fmt::format("{}: {} is {}{}, wanted {}", a.name(), f.name, number(p.value), place, wanted(f.range));
  if (a.entry->param(a.formula->get(), p.input)) throw ParamError(what);
  throw DomainError(what);
}

// ---- running ---------------------------------------------------------------------------------------------------------------

// What one run is asked for beside the totals.
struct Wanted {
  bool values = false;
  std::vector<bool> grads;                     // per input
  Tensor upstream;                             // per value; undefined: one
  double scale = 1, count_scale = 0, scale_tangent = 0, count_scale_tangent = 0;
  const std::vector<Tensor>* direction = nullptr;  // tangent, per input; undefined is zero
};
struct Outcome {
  Tensor values;
  std::vector<Tensor> grads;  // per input, of the input's own shape
  Totals totals;
  Problem problem;
};

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

// A gradient of operand k in the shape of the tensor that was given.
Tensor as_given(const Application& a, int k, const Tensor& g) {
  const Shape& shape = a.tensors[k].shape();
  return g.shape() == shape ? g : dense(g).alias(shape, dense_strides(shape));
}

Outcome run(const Application& a, const Wanted& w) {
  const int n = a.entry->inputs;
  Outcome out;
  out.grads.resize(size_t(n));
  Shape dense_space = dense_strides(a.space);
  Geometry geometry = a.entry->fold ? Geometry(a.space, a.axis) : Geometry(a.space);
  std::vector<int> in(size_t(n), -1), direction(size_t(n), -1), grad(size_t(n), -1);
  int values = -1, upstream = -1;
  for (int k = 0; k < n; ++k) {
    in[k] = geometry.add(a.operands[k], strides_of(a, k, a.operands[k]));
    if (w.direction && (*w.direction)[k].defined()) {
      const Tensor& v = (*w.direction)[k];
      const Shape& shape = a.operands[k].shape();
      const Tensor shaped = v.shape() == shape ? v : dense(v).alias(shape, dense_strides(shape));
      direction[k] = geometry.add(shaped, strides_of(a, k, shaped));
    }
    if (k < int(w.grads.size()) && w.grads[k]) {
      out.grads[k] = Tensor(a.space, a.dtype());
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
    out.values = Tensor(a.result, a.dtype());
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
  w.direction ? a.entry->tangent(call) : a.entry->run(call);
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

// ---- reductions ------------------------------------------------------------------------------------------------------------

// By what the sum of the values is divided.
double divisor(const Application& a, const Totals& t) {
  switch (a.reduction) {
    case Reduction::mean: return t.count;
    case Reduction::batchmean: return a.space.rank() ? double(a.space[0]) : 1.0;
    case Reduction::mean_active: return t.active;
    case Reduction::sum_over_pos: return std::max(1.0, t.count);
    default: return 1;
  }
}
bool nothing_to_average(const Application& a) { return a.reduction != Reduction::none && divisor(a, a.totals) == 0; }
// Does the divisor move with the count?
bool divides_by_count(const Application& a) {
  return a.reduction == Reduction::mean || (a.reduction == Reduction::sum_over_pos && a.totals.count > 1);
}

Tensor scalar_tensor(double x, Dtype dtype) {
  Tensor t(Shape{}, dtype);
  visit_floating(dtype, [&]<class F>(Type<F>) { *t.mutable_data<F>() = F(x); });
  return t;
}

double reduced_value(const Application& a) {
  if (!nothing_to_average(a)) return a.totals.value / divisor(a, a.totals);
  if (a.empty == Empty::error)
    throw DomainError(fmt::format("{}: nothing to average, the count is 0; pass at least one element that counts, or Empty::zero", a.name()));
  return a.empty == Empty::nan ? std::nan("") : 0.0;
}

// The gradients of the reduced result, times the upstream gradient.
std::vector<Tensor> gradients_of(const Application& a, const std::vector<bool>& wanted, const Tensor& upstream) {
  Wanted w;
  w.grads = wanted;
  if (a.reduction == Reduction::none) {
    w.upstream = upstream;
  } else if (nothing_to_average(a)) {
    std::vector<Tensor> zeros(wanted.size());
    for (size_t k = 0; k < wanted.size(); ++k)
      if (wanted[k]) zeros[k] = zeros_like(a.tensors[k]);
    return zeros;
  } else {  // d (S / n) = dS / n - S dn / n²
    const double up = upstream.item(), n = divisor(a, a.totals);
    w.scale = up / n;
    if (divides_by_count(a)) w.count_scale = -up * a.totals.value / (n * n);
  }
  return run(a, w).grads;
}

// The derivative of the reduced value, from those of the totals: d (S / n) = (dS - S dn / n) / n.
double reduced_tangent(const Application& a, const Totals& speed) {
  const double n = divisor(a, a.totals), dn = divides_by_count(a) ? speed.count : 0.0;
  return (speed.value - a.totals.value * dn / n) / n;
}

// The derivative of <gradients_of(...)[k], v> for the inputs wanted, and of the upstream gradient (last).
std::vector<Tensor> second_order(const Application& a, int k, const Tensor& v, const std::vector<bool>& wanted, const Tensor& upstream) {
  std::vector<Tensor> direction(a.tensors.size());
  direction[size_t(k)] = v;
  std::vector<Tensor> result;
  Wanted w;
  w.direction = &direction;
  w.grads = wanted;
  if (a.reduction == Reduction::none) {
    w.values = true;
    w.upstream = upstream;
    Outcome o = run(a, w);
    result = std::move(o.grads);
    result.push_back(o.values);
    return result;
  }
  if (nothing_to_average(a)) {
    result.resize(wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i]) result[i] = zeros_like(a.tensors[i]);
    result.push_back(zeros_like(upstream));
    return result;
  }
  const double up = upstream.item(), n = divisor(a, a.totals), sum = a.totals.value;
  Wanted speeds;
  speeds.direction = &direction;
  const Totals speed = run(a, speeds).totals;
  const double dn = divides_by_count(a) ? speed.count : 0.0, dsum = speed.value;
  w.scale = up / n;
  w.scale_tangent = -up * dn / (n * n);
  if (divides_by_count(a)) {
    w.count_scale = -up * sum / (n * n);
    w.count_scale_tangent = -up * dsum / (n * n) + 2 * up * sum * dn / (n * n * n);
  }
  result = run(a, w).grads;
  result.push_back(scalar_tensor(reduced_tangent(a, speed), a.dtype()));
  return result;
}

// ---- the tape --------------------------------------------------------------------------------------------------------------

void check_unchanged(const Application& a) {
  for (size_t k = 0; k < a.tensors.size(); ++k)
    if (a.tensors[k].version() != a.versions[k])
      throw StateError(fmt::format("{}: {} of shape {} saved for backward was changed in place (saved at version {}, now {}); clone() it before changing it",
                                   a.name(), a.facts(int(k)).name, text(a.tensors[k].shape()), a.versions[k], a.tensors[k].version()));
}

// The gradient of input k as a recorded op of all inputs and the upstream gradient.
Tensor recorded_gradient(const std::shared_ptr<Application>& a, int k, const std::vector<bool>& wanted, const Tensor& upstream) {
  std::vector<bool> only(wanted.size(), false);
  only[size_t(k)] = true;
  Tensor out = gradients_of(*a, only, upstream)[size_t(k)];
  std::vector<const Tensor*> inputs;
  for (const Tensor& t : a->tensors) inputs.push_back(&t);
  inputs.push_back(&upstream);
  record(a->name(), out, inputs.data(), int(inputs.size()), [a, k, wanted = std::vector<bool>(wanted), up = Saved(upstream)](const Tensor& v, Gradients& to) {
    if (!NoGrad::active())
      throw StateError(fmt::format("{}: third derivatives of a loss are not available; build it from tensor ops to go further", a->name()));
    check_unchanged(*a);
    std::vector<bool> needed = wanted;
    for (size_t i = 0; i < needed.size(); ++i) needed[i] = needed[i] && to.wants(int(i));
    std::vector<Tensor> d = second_order(*a, k, v, needed, up());
    for (size_t i = 0; i < needed.size(); ++i)
      if (needed[i]) to[int(i)] = d[i];
    if (to.wants(int(needed.size()))) to[int(needed.size())] = d.back();
  });
  return out;
}

// Gradients that the forward pass wrote already, up to one factor; empty where backward must compute them.
struct Fused {
  std::vector<Tensor> grads;
  double factor = 1;
};

void record_application(const std::shared_ptr<Application>& a, Tensor& out, const std::vector<bool>& wanted, Fused fused) {
  std::vector<const Tensor*> inputs;
  for (const Tensor& t : a->tensors) inputs.push_back(&t);
  for (const Tensor& t : a->tensors) a->versions.push_back(t.version());
  record(a->name(), out, inputs.data(), int(inputs.size()), [a, wanted = std::vector<bool>(wanted), fused = std::move(fused)](const Tensor& g, Gradients& to) {
    if (!NoGrad::active()) {
      check_unchanged(*a);
      for (int k = 0; k < int(wanted.size()); ++k)
        if (wanted[k] && to.wants(k)) to[k] = recorded_gradient(a, k, wanted, g);
      return;
    }
    if (!fused.grads.empty()) {
      const double factor = g.item() * fused.factor;
      for (int k = 0; k < int(wanted.size()); ++k)
        if (fused.grads[k].defined()) to[k] = factor == 1 ? fused.grads[k] : scaled(fused.grads[k], factor);
      return;
    }
    check_unchanged(*a);
    std::vector<Tensor> grads = gradients_of(*a, wanted, g);
    for (int k = 0; k < int(wanted.size()); ++k)
      if (wanted[k]) to[k] = std::move(grads[k]);
  });
}

// The count of every element of a Map whose count depends on plain numbers only; nullopt where it may vary.
std::optional<double> constant_count(const Application& a, const void* primary_formula) {
  if (a.entry->fold) return std::nullopt;
  if (!a.entry->weighed) return 1.0;
  for (int k = 0; k < a.entry->inputs; ++k) {
    const Param* p = a.entry->param(const_cast<void*>(primary_formula), k);
    if (a.facts(k).in_count && (!p || p->is_tensor())) return std::nullopt;
  }
  // One element tells for all.
  Application one;
  one.about = a.about, one.entry = a.entry;
  one.formula = std::make_unique<Formula>(*a.entry, [&](void* to) { a.entry->copy(a.formula->get(), to); });
  for (const Tensor& t : a.operands) one.operands.push_back(t.alias({}, {}));
  one.tensors = one.operands;
  one.reduction = Reduction::sum;
  return run(one, {}).totals.count;
}

std::shared_ptr<Application> prepare(const About& about, std::unique_ptr<Formula> formula, const Tensor* const* inputs) {
  auto a = std::make_shared<Application>();
  a->about = &about;
  a->formula = std::move(formula);
  a->entry = &a->formula->entry();
  const Dtype dtype = inputs[0]->dtype();
  for (int k = 0, given = 0; k < a->entry->inputs; ++k) {
    const Param* p = a->entry->param(a->formula->get(), k);
    if (!p) a->tensors.push_back(*inputs[given++]);
    else if (p->is_tensor()) a->tensors.push_back(p->tensor());
    else {
      const Range& r = a->facts(k).range;
      if (std::isnan(p->number()) || (bounded(r) && !inside(p->number(), r)))
        throw ParamError(fmt::format("{}: {} is {}, wanted {}", a->name(), a->facts(k).name, number(p->number()), bounded(r) ? wanted(r) : "a number"));
      a->tensors.push_back(scalar_tensor(p->number(), computes(dtype) ? dtype : a->facts(0).any_dtype ? Dtype::float64 : Dtype::float32));
    }
  }
  check_options(*a);
  a->operands = a->tensors;
  check_dtypes(*a);
  settle_space(*a);
  for (int k = 0; k < a->entry->inputs; ++k) check_shape(*a, k, a->entry->param(a->formula->get(), k) != nullptr);
  a->result = a->space;
  if (a->entry->fold) {
    a->result.erase(a->axis);
    if (a->entry->keeps_axis(a->formula->get())) a->result.insert(a->axis, 1);
  }
  return a;
}

void check_given(const char* name, const Tensor* const* inputs, int count) {
  for (int i = 0; i < count; ++i)
    if (!inputs[i]->defined()) throw ParamError(fmt::format("{}: input {} is an undefined tensor; pass a tensor", name, i));
}

Tensor compute(const std::shared_ptr<Application>& a) {
  std::vector<bool> wanted(a->tensors.size(), false);
  bool recorded = false, through_count = false;
  if (!NoGrad::active())
    for (size_t k = 0; k < wanted.size(); ++k) {
      wanted[k] = a->facts(int(k)).differentiable && a->tensors[k].requires_grad();
      recorded |= wanted[k];
      through_count |= wanted[k] && a->facts(int(k)).in_count;
    }

  // Value and gradient in one pass, where the scale of the gradient is one factor for all elements.
  const Reduction reduction = a->reduction;
  Wanted w;
  w.values = reduction == Reduction::none;
  Fused fused;
  const bool counted = reduction == Reduction::mean || reduction == Reduction::sum_over_pos;
  const bool fuse = recorded && reduction != Reduction::none && !(through_count && counted);
  bool scale_known = true;
  if (fuse) {
    w.grads = wanted;
    double n = 1;
    if (reduction == Reduction::batchmean) n = divisor(*a, {});
    else if (reduction == Reduction::mean) {
      const std::optional<double> each = a->space.numel() ? constant_count(*a, a->formula->get()) : std::nullopt;
      if (each && *each > 0) n = *each * double(a->space.numel());
      else scale_known = false;
    } else if (reduction != Reduction::sum) scale_known = false;
    if (n > 0) w.scale = 1 / n;
  }
  Outcome o = run(*a, w);
  if (o.problem.input >= 0) report(*a, o.problem);
  a->totals = o.totals;
  Tensor out = reduction == Reduction::none ? o.values : scalar_tensor(reduced_value(*a), a->dtype());
  if (a->about->logical) return converted(out, Dtype::boolean);
  if (!recorded) return out;
  if (fuse && !nothing_to_average(*a)) {
    fused.grads = std::move(o.grads);
    if (!scale_known) fused.factor = 1 / divisor(*a, a->totals);
  }
  record_application(a, out, wanted, std::move(fused));
  return out;
}

}  // namespace

std::unique_ptr<Formula> chosen_formula(const LossEntry& loss, const void* primary, bool integer_target, Reduction reduction) {
  const int which = loss.choose(primary, integer_target, reduction);
  const FormulaEntry& entry = *loss.formula(which);
  return std::make_unique<Formula>(entry, [&](void* to) {
    if (which == 0) entry.copy(primary, to);
    else loss.convert(which, primary, to);
  });
}

Tensor derivative_along(const About& about, const Formula& formula, const Tensor* const* inputs, int count, Reduction reduction,
                        const std::vector<Tensor>& direction) {
  check_given(about.name, inputs, count);
  const std::shared_ptr<Application> a = prepare(about, formula.clone(), inputs);
  a->reduction = reduction;
  if (reduction != Reduction::none) a->totals = run(*a, {}).totals;
  Wanted w;
  w.direction = &direction;
  w.values = reduction == Reduction::none;
  for (size_t k = 0; k < a->tensors.size(); ++k) w.grads.push_back(a->facts(int(k)).differentiable);
  Outcome o = run(*a, w);
  if (reduction == Reduction::none) return o.values;
  if (nothing_to_average(*a)) return scalar_tensor(0, a->dtype());
  return scalar_tensor(reduced_tangent(*a, o.totals), a->dtype());
}

Tensor apply(const About& about, const Formula& formula, const Tensor* const* inputs, int count, Reduction reduction, Empty empty) {
  check_given(about.name, inputs, count);
  std::shared_ptr<Application> a = prepare(about, formula.clone(), inputs);
  a->reduction = reduction;
  a->empty = empty;
  return compute(a);
}

Tensor apply(const LossEntry& loss, const void* primary, const Tensor* const* inputs, int count, Reduction reduction, Empty empty) {
  check_given(loss.about->name, inputs, count);
  const FormulaEntry& first = *loss.formula(0);
  bool integer_target = false;
  for (int k = 0, given = 0; k < first.inputs; ++k) {
    const bool required = !first.param(const_cast<void*>(primary), k);
    if (required && first.input(k)->label && given < count) integer_target = !is_floating(inputs[given]->dtype());
    given += required;
  }
  std::shared_ptr<Application> a = prepare(*loss.about, chosen_formula(loss, primary, integer_target, reduction), inputs);
  a->reduction = loss.reduced(primary, reduction);
  const bool special = a->reduction == Reduction::mean_per_row || (a->reduction == Reduction::sum_over_pos && reduction == a->reduction);
  if (special && a->reduction != loss.about->reduction)
    throw ParamError(fmt::format("{}: reduction is '{}', which this op does not offer, wanted none, sum, mean, batchmean or mean_active", a->name(),
                                 reduction == Reduction::mean_per_row ? "mean_per_row" : "sum_over_pos"));
  a->empty = empty;
  return compute(a);
}

}  // namespace gradus
