// Running a Block: its tensors as dense problems one behind the other, and the gradients back in their own shapes.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>
#include <utility>

#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/application.h"
#include "gradus/ops/block_on_device.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/dims.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

// ---- axes: from a tensor to its problems and back -----------------------------------------------

bool absent(const Application& a, int k) {
  const Param* p = a.entry->param(a.formula->get(), k);
  return a.facts(k).optional && p && !p->is_tensor() && std::isnan(p->number());
}
bool is_number(const Application& a, int k) {
  const Param* p = a.entry->param(a.formula->get(), k);
  return p && (!p->is_tensor() || (p->tensor().numel() == 1 && !a.facts(k).optional));
}

// The one axis that a formula of "*C" folds, which need not be the last.
int moved_axis(const Application& a, const Dims& d, int rank) {
  if (d.batch_at != 0 || d.letters.size() != 1) return -1;
  return class_dimension(a, rank);
}

// The dimensions of a tensor, batch axes first: inner dimension i is dimension order[i].
Shape inner_order(const Application& a, const Dims& d, int rank) {
  Shape order;
  const int letters = int(d.letters.size()), batch = rank - letters;
  const int moved = moved_axis(a, d, rank);
  if (moved >= 0) {
    for (int i = 0; i < rank; ++i)
      if (i != moved) order.push_back(i);
    order.push_back(moved);
    return order;
  }
  if (d.batch_at >= 0)
    for (int i = 0; i < batch; ++i) order.push_back(d.batch_at + i);
  for (int i = 0; i < letters; ++i) order.push_back(d.batch_at >= 0 && i >= d.batch_at ? i + batch : i);
  return order;
}

Tensor permuted(const Tensor& t, const Shape& order) {
  Shape shape, strides;
  for (int i : order) shape.push_back(t.shape()[i]), strides.push_back(t.strides()[i]);
  return t.alias(shape, strides);
}
Shape inverse(const Shape& order) {
  Shape inv = order;
  for (int i = 0; i < order.rank(); ++i) inv[int(order[i])] = i;
  return inv;
}

Shape joined(const Shape& a, const Shape& b) {
  Shape all = a;
  for (int64_t e : b) all.push_back(e);
  return all;
}

Tensor flat_if(const Dims& d, const Tensor& t) {
  return d.flat && t.rank() != 1 ? dense(t).alias({t.numel()}, {1}) : t;
}
Dims dims_of(const Application& a, int k) { return dims_for(a.facts(k).dims, a.operands[k].rank()); }

// Tensor t, shaped like operand k, as the kernel reads it: batch axes first (broadcast), dense.
Tensor to_inner(const Application& a, int k, const Tensor& t) {
  const BlockLayout& l = a.layout;
  if (is_number(a, k)) {  // the same everywhere
    const Shape shape = l.dims[size_t(k)];
    return dense(t.alias(shape, Shape::filled(shape.rank(), 0)));
  }
  const Dims d = dims_of(a, k);
  const Tensor flat = flat_if(d, t), inner = permuted(flat, inner_order(a, d, flat.rank()));
  if (!l.batched[size_t(k)]) return dense(inner);
  const Shape shape = joined(l.batch, l.dims[size_t(k)]);
  Shape strides = Shape::filled(shape.rank(), 0);
  for (int i = 1; i <= inner.rank(); ++i)
    if (inner.shape()[inner.rank() - i] != 1) strides[shape.rank() - i] = inner.strides()[inner.rank() - i];
  return dense(inner.alias(shape, strides));
}

// A gradient of to_inner(k) as one of operand k.
Tensor from_inner(const Application& a, int k, Tensor g) {
  const BlockLayout& l = a.layout;
  const Shape& own = a.operands[k].shape();
  if (!l.batched[size_t(k)]) g = sum_to(g, l.dims[size_t(k)]);  // of all problems
  if (is_number(a, k)) return sum_to(g, {}).alias(own, Shape::filled(own.rank(), 1));
  const Dims d = dims_of(a, k);
  Shape mine = own;
  if (d.flat) mine = {own.numel()};
  const Shape order = inner_order(a, d, mine.rank());
  Shape inner;
  for (int i : order) inner.push_back(mine[i]);
  g = dense(permuted(dense(sum_to(g, inner)), inverse(order)));
  return d.flat ? g.alias(own, dense_strides(own)) : g;
}

// The values' place in the result: where the class axis was moved, it goes back.
Shape result_order(const Application& a) {
  const int rank = a.layout.batch.rank() + a.layout.value.rank();
  Shape order;
  for (int i = 0; i < rank; ++i) order.push_back(i);
  const Dims d = parse_dims(a.entry->result);
  if (d.letters.size() == 1 && parse_dims(a.facts(0).dims).letters == d.letters && a.layout.batch.rank() > 0) {
    const int axis = moved_axis(a, {d.letters, d.plus, 0, false}, rank);
    order.erase(rank - 1);
    order.insert(axis, rank - 1);
  }
  return order;
}

// ---- checks -------------------------------------------------------------------------------------

std::string place_of(const Application& a, int k, int64_t problem, int64_t at) {
  const BlockLayout& l = a.layout;
  const Shape shape = l.batched[size_t(k)] ? joined(l.batch, l.dims[size_t(k)]) : l.dims[size_t(k)];
  const Shape& own = a.operands[size_t(k)].shape();
  int64_t linear = l.batched[size_t(k)] ? problem * l.dims[size_t(k)].numel() + at : at;
  if (shape.rank() == 0) return "";
  if (shape.rank() == 1) return fmt::format(" at {} {}", a.facts(k).integer ? "row" : "element", linear);
  Shape where = shape;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    where[i] = linear % shape[i];
    linear /= shape[i];
  }
  if (own.rank() == shape.rank() && !is_number(a, k)) {  // the axes as they were given
    const Shape order = inner_order(a, dims_of(a, k), own.rank()), inner = where;
    for (int i = 0; i < order.rank(); ++i) where[int(order[i])] = inner[i];
  }
  return " at " + text(where);
}

void check_boxes(const Application& a, int k) {
  const std::vector<double> v = a.layout.inner[size_t(k)].to_vector();
  for (size_t i = 0; i + 3 < v.size(); i += 4)
    if (!(v[i] <= v[i + 2] && v[i + 1] <= v[i + 3]))
      throw DomainError(
          fmt::format("{}: {} holds the box ({:g}, {:g}, {:g}, {:g}) at row {}, wanted x1 <= x2 and y1 <= y2", a.name(),
                      a.facts(k).name, v[i], v[i + 1], v[i + 2], v[i + 3], i / 4));
}

void check_numbers(const Application& a, int k) {
  const InputFacts& f = a.facts(k);
  const Tensor& t = a.layout.inner[size_t(k)];
  if (f.boxes) check_boxes(a, k);
  if (f.integer || !bounded(f.range) || !a.entry->checked(a.formula->get(), k)) return;
  visit_floating(a.dtype(), [&]<class F>(Type<F>) {
    const int64_t bad = outside(t.data<F>(), t.numel(), f.range);
    if (bad < 0) return;
    const std::string what = fmt::format("{}: {} is {}{}, wanted {}", a.name(), f.name,
                                         number(double(t.data<F>()[bad])), place_of(a, k, 0, bad), wanted(f.range));
    if (a.entry->param(a.formula->get(), k)) throw ParamError(what);
    throw DomainError(what);
  });
}

// A whole number of input k is at least the first, and less than the second.
std::pair<int64_t, int64_t> whole_bounds(const Application& a, int k) {
  const InputFacts& f = a.facts(k);
  return {f.below && !f.up_to ? 0
          : bounded(f.range)  ? int64_t(f.range.low)
                              : INT64_MIN,
          f.below ? a.layout.extents[f.below] + f.up_to : INT64_MAX};
}

// Whole numbers in their bounds; an ignored label becomes -1.
void settle_integers(Application& a, int k) {
  const InputFacts& f = a.facts(k);
  Tensor& t = a.layout.inner[size_t(k)];
  if (!f.integer || (!f.below && !bounded(f.range)) || !a.entry->checked(a.formula->get(), k)) return;
  t = t.same_storage(a.tensors[k]) ? t.clone() : t;
  const int64_t ignored = a.entry->ignored_label(a.formula->get(), k);
  const auto [low, end] = whole_bounds(a, k);
  int64_t* v = t.mutable_data<int64_t>();
  for (int64_t i = 0; i < t.numel(); ++i) {
    if (f.label && v[i] == ignored) v[i] = -1;
    else if (v[i] < low || v[i] >= end)
      throw IndexError(f.label
                           ? fmt::format("{}: label {}{} is outside [0, {})", a.name(), v[i], place_of(a, k, 0, i), end)
                           : fmt::format("{}: {} is {}{}, wanted a whole number from {} to {}", a.name(), f.name, v[i],
                                         place_of(a, k, 0, i), low,
                                         end == INT64_MAX ? std::string("any") : std::to_string(end - 1)));
  }
}

[[noreturn]] void refuse(const Application& a, const BlockCall::Refusal& r) {
  const InputFacts& f = a.facts(r.input);
  if (r.at < 0)
    throw ShapeError(
        fmt::format("{}: {} has shape {}, wanted {}", a.name(), f.name, text(a.operands[r.input].shape()), r.wanted));
  const std::string what = fmt::format("{}: {} is {}{}, wanted {}", a.name(), f.name, number(r.value),
                                       place_of(a, r.input, r.problem, r.at), r.wanted);
  if (f.integer) throw IndexError(what);
  throw DomainError(what);
}

// ---- laying out ---------------------------------------------------------------------------------

[[noreturn]] void misfit(const Application& a, int k, const Dims& d, const std::string& why,
                         const Shape* batch = nullptr) {
  throw ShapeError(fmt::format("{}: {} has shape {}, wanted {}{}", a.name(), a.facts(k).name,
                               text(a.operands[k].shape()), readable(d, batch), why));
}

// The extents of the letters, from the first input that has each; others must agree.
void bind_extents(Application& a) {
  BlockLayout& l = a.layout;
  std::fill(std::begin(l.extents.of), std::end(l.extents.of), int64_t(-1));
  std::vector<int> binder(26, -1);
  int batch_from = -1;
  for (int k = 0; k < a.entry->inputs; ++k) {
    if (absent(a, k) || is_number(a, k)) continue;
    const Dims d = dims_of(a, k);
    const Tensor t = flat_if(d, a.operands[k]);
    const int letters = int(d.letters.size());
    if (d.batch_at >= 0 ? t.rank() < letters : t.rank() != letters) misfit(a, k, d, "; reshape it");
    const Shape order = inner_order(a, d, t.rank());
    const int batch = t.rank() - letters;
    if (d.batch_at >= 0) {
      Shape mine;
      for (int i = 0; i < batch; ++i) mine.push_back(t.shape()[int(order[i])]);
      if (batch_from < 0) l.batch = mine, batch_from = k;
      else if (a.facts(k).broadcast) l.batch = broadcast(a.name(), l.batch, mine);
      else if (!(mine == l.batch))
        misfit(a, k, d,
               fmt::format(" with the batch of {} of shape {}", a.facts(batch_from).name,
                           text(a.operands[size_t(batch_from)].shape())),
               &l.batch);
    }
    for (int i = 0; i < letters; ++i) {
      const int64_t extent = t.shape()[int(order[batch + i])] - d.plus[size_t(i)];
      int64_t& known = l.extents[d.letters[size_t(i)]];
      int& by = binder[size_t(d.letters[size_t(i)] - 'A')];
      if (known < 0) known = extent, by = k;
      else if (known != extent && by == k)
        misfit(a, k, d, fmt::format(" with the same {} everywhere", d.letters[size_t(i)]));
      else if (known != extent)
        misfit(a, k, d,
               fmt::format(" with {} = {} as {} of shape {} has", d.letters[size_t(i)], known, a.facts(by).name,
                           text(a.operands[by].shape())));
    }
  }
}

// An input that is the same for all problems may have a row for each of them.
void check_rows(const Application& a) {
  const BlockLayout& l = a.layout;
  bool batched = false;
  for (int k = 0; k < a.entry->inputs; ++k) batched |= std::string(a.facts(k).dims).find('*') != std::string::npos;
  for (int k = 0; k < a.entry->inputs; ++k)
    if (batched && !absent(a, k) && !is_number(a, k))
      if (const Dims d = dims_of(a, k);
          d.batch_at < 0 && d.letters.find('N') != std::string::npos && l.extents['N'] != l.batch.numel())
        misfit(a, k, d, fmt::format(" with N = {}, the number of problems", l.batch.numel()));
}

Shape extents_of(const Application& a, const Dims& d) {
  Shape shape;
  for (size_t i = 0; i < d.letters.size(); ++i)
    shape.push_back(std::max<int64_t>(0, a.layout.extents[d.letters[i]]) + d.plus[i]);
  return shape;
}

}  // namespace

void lay_out_block(Application& a) {
  BlockLayout& l = a.layout;
  bind_extents(a);
  const Extents given = l.extents;
  check_rows(a);
  a.entry->deduce(a.formula->get(), l.extents);
  for (int i = 0; i < a.entry->options; ++i) {
    const OptionFacts& o = *a.entry->option(i);
    const double x = a.entry->get(a.formula->get(), i);
    if (o.up_to && x > double(l.extents[o.up_to]))
      throw ParamError(fmt::format("{}: {} is {}, wanted at most {}", a.name(), o.name, number(x), l.extents[o.up_to]));
    if (o.below && x >= double(l.extents[o.below]))
      throw ParamError(
          fmt::format("{}: {} is {}, wanted less than {}", a.name(), o.name, number(x), l.extents[o.below]));
  }
  for (int k = 0; k < a.entry->inputs; ++k) {  // a formula may ask for one extent
    if (absent(a, k) || is_number(a, k)) continue;
    for (char letter : dims_of(a, k).letters)
      if (given[letter] != l.extents[letter])
        misfit(a, k, dims_of(a, k), fmt::format(" with {} = {}", letter, l.extents[letter]));
  }
  for (int k = 0; k < a.entry->inputs; ++k) {
    const Dims d = is_number(a, k) ? dims_for(a.facts(k).dims, -1) : dims_of(a, k);
    l.dims.push_back(extents_of(a, d));
    l.batched.push_back(d.batch_at >= 0 && !is_number(a, k));
  }
  for (int k = 0; k < a.entry->inputs; ++k) l.inner.push_back(absent(a, k) ? Tensor() : to_inner(a, k, a.operands[k]));
  l.value = extents_of(a, parse_dims(a.entry->result));
  const Shape inner = joined(l.batch, l.value), order = result_order(a);
  for (int i : order) a.result.push_back(inner[i]);
  a.space = a.result;
  for (int k = 0; k < a.entry->inputs; ++k)
    if (!absent(a, k) && !runs_on_device(a)) {  // a device looks at its numbers itself
      check_numbers(a, k);
      settle_integers(a, k);
    }
}

std::shared_ptr<Application> block_on_cpu(const Application& a) {
  auto one = std::make_shared<Application>();
  one->about = a.about, one->entry = a.entry, one->formula = a.formula->clone();
  one->tensors = a.tensors;
  for (const Tensor& t : a.operands) one->operands.push_back(t.defined() ? to(t.detach(), cpu) : t);
  one->reduction = a.reduction, one->empty = a.empty;
  lay_out_block(*one);
  return one;
}

void report_block(const Application& a) {
  run_block(*block_on_cpu(a), {});
  throw StateError(
      fmt::format("{}: was given numbers outside their ranges, which have been changed since; leave the "
                  "inputs as they are until the result is read",
                  a.name()));
}

namespace {

BlockBounds bounds_of(const Application& a, int k) {
  const InputFacts& f = a.facts(k);
  BlockBounds b;
  b.label = f.label;
  b.ignored = a.entry->ignored_label(a.formula->get(), k);
  b.checked = (f.below || bounded(f.range)) && a.entry->checked(a.formula->get(), k);
  if (f.integer) std::tie(b.low, b.end) = whole_bounds(a, k);
  return b;
}

}  // namespace

Outcome run_block(const Application& a, const Wanted& w) {
  const BlockLayout& l = a.layout;
  const Device device = runs_on_device(a) ? a.device() : cpu;
  const int n = a.entry->inputs;
  const int64_t problems = l.batch.numel();
  const Dtype dtype = w.direction ? Dtype::float64 : a.dtype();
  BlockCall call;
  call.formula = a.formula->get();
  call.dtype = dtype;
  call.problems = problems;
  call.reduction = a.reduction;
  call.scale = w.scale, call.count_scale = w.count_scale;
  call.scale_tangent = w.scale_tangent, call.count_scale_tangent = w.count_scale_tangent;
  const auto describe = [](BlockOperand& o, const Shape& dims) {
    o.rank = dims.rank();
    for (int d = 0; d < dims.rank(); ++d) o.extent[d] = dims[d];
  };
  Outcome out;
  out.grads.resize(size_t(n));
  std::vector<Tensor> alive;
  const auto read = [&](const Tensor& t) -> const void* {
    Tensor x = is_floating(t.dtype()) ? converted(t, dtype) : t;
    if (device != cpu && on_cpu(x)) x = full(x.shape(), x.numel() ? x.to_vector()[0] : 0.0, x.dtype(), device);
    alive.push_back(x);
    return x.address();
  };
  for (int k = 0; k < n; ++k) {
    if (!l.inner[size_t(k)].defined()) continue;
    const Shape& dims = l.dims[size_t(k)];
    BlockOperand& o = call.in[k];
    describe(o, dims);
    o.data = read(l.inner[size_t(k)]);
    o.step = l.batched[size_t(k)] ? dims.numel() : 0;
    if (w.direction && (*w.direction)[size_t(k)].defined())
      o.direction = read(to_inner(a, k, (*w.direction)[size_t(k)]));
    if (k < int(w.grads.size()) && w.grads[size_t(k)]) {
      out.grads[size_t(k)] = zeros(joined(l.batch, dims), dtype, device);
      o.grad = out.grads[size_t(k)].address();
      o.grad_step = dims.numel();
    }
  }
  const Shape inner = joined(l.batch, l.value), order = result_order(a);
  Tensor values = zeros(inner, dtype, device);
  describe(call.value, l.value);
  call.value.data = values.address();
  if (w.upstream.defined()) call.upstream = read(dense(permuted(w.upstream, inverse(order))));
  call.totals = &out.totals;
  BlockCall::Refusal refusal;
  call.refusal = &refusal;
  if (problems > 0 && device != cpu) {
    BlockOnDevice there;
    there.call = call;
    for (int k = 0; k < n; ++k) there.bounds[k] = bounds_of(a, k);
    out.pending = start_block(a, there);
    if (w.wait) out.totals = out.pending->totals(), out.problem = out.pending->problem(), out.pending = nullptr;
  } else if (problems > 0) {
    w.direction ? a.entry->solve_tangent(call) : a.entry->solve(call);
  }
  if (refusal.input >= 0) refuse(a, refusal);
  for (int k = 0; k < n; ++k)
    if (out.grads[size_t(k)].defined())
      out.grads[size_t(k)] = as_given(a, k, converted(from_inner(a, k, out.grads[size_t(k)]), a.dtype()));
  if (w.values) out.values = converted(dense(permuted(values, order)), a.dtype());
  return out;
}

}  // namespace gradus
