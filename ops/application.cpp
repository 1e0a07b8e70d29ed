// The checks of a call: parameters, dtypes, devices and shapes, each with an error that says what to do.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/application.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/registry.h"

namespace gradus {

std::string number(double x) { return fmt::format("{:g}", x); }

std::string wanted(const Range& r) {
  if (r.only_ends) return fmt::format("{} or {}", number(r.low), number(r.high));
  const bool low = r.low != -range::inf, high = r.high != range::inf;
  if (low && high)
    return fmt::format("a value in {}{}, {}{}", r.open_low ? "(" : "[", number(r.low), number(r.high),
                       r.open_high ? ")" : "]");
  if (low) return fmt::format("a value {} {}", r.open_low ? ">" : ">=", number(r.low));
  return fmt::format("a value {} {}", r.open_high ? "<" : "<=", number(r.high));
}

Tensor scalar_tensor(double x, Dtype dtype, Device device) {
  Tensor t(Shape{}, dtype, device);
  fill_elements(t, x);
  return t;
}

Tensor converted(const Tensor& t, Dtype dtype) {
  if (t.dtype() == dtype) return t;
  Tensor to(t.shape(), dtype, t.device());
  copy_elements(t, to);
  return to;
}

Tensor as_given(const Application& a, int k, const Tensor& g) {
  const Shape& shape = a.tensors[k].shape();
  return g.shape() == shape ? g : dense(g).alias(shape, dense_strides(shape));
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

namespace {

bool inside(double x, const Range& r) {
  if (r.only_ends) return x == r.low || x == r.high;
  return x >= r.low && x <= r.high && !(r.open_low && x == r.low) && !(r.open_high && x == r.high);
}

// ---- checks -------------------------------------------------------------------------------------

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

// Were these the shape and the input for class labels, had they another dtype?
bool could_be_labels(const Application& a, int k, const Shape& got) {
  const LossEntry* loss = find_loss(a.name());
  const FormulaEntry* first = loss ? loss->formula(0) : nullptr;
  if (!first || k >= first->inputs || !first->input(k)->label || !a.space.rank()) return false;
  Shape rows = a.space;
  rows.erase(a.axis);
  return got == rows;
}

void check_shape(const Application& a, int k, bool standing) {
  const Shape want = wanted_shape(a, k), &got = a.operands[k].shape();
  if (a.facts(k).broadcast) standing = true;
  if (a.facts(k).leading && want.rank() && got.rank() == want.rank()) {
    Shape same = want;
    same[want.rank() - 1] = 1;
    if (got == same) return;
  }
  // Of several axes folded as one, another shape of as many elements must not pass for the given one.
  const bool whole = a.facts(k).role != Role::element || a.given == a.space || standing || a.facts(k).leading ||
                     a.tensors[k].shape() == a.given;
  if ((got == want && whole) ||
      (standing && (a.operands[k].numel() == 1 || (a.facts(k).role != Role::column && broadcasts_to(got, want)))))
    return;
  const std::string right = want.rank() ? text(a.facts(k).role == Role::element ? a.given : want) : "(), one number";
  const std::string hint = got.numel() == want.numel()  ? fmt::format("; reshape it to {}", right)
                           : could_be_labels(a, k, got) ? "; labels are int64, convert them with to(Dtype::int64)"
                                                        : "";
  throw ShapeError(fmt::format("{}: {} has shape {} but {} has shape {}, wanted {}{}", a.name(), a.facts(k).name,
                               text(got), a.facts(a.widest()).name, text(a.given),
                               standing && want.rank() ? right + " or what broadcasts to it" : right, hint));
}

// Brings every operand into the dtype that the kernels read, or says why it cannot be.
void check_dtypes(Application& a) {
  if (a.facts(0).any_dtype && !is_floating(a.dtype())) a.operands[0] = converted(a.operands[0], Dtype::float64);
  if (!computes(a.dtype()))
    throw DtypeError(fmt::format("{}: {} is {}, wanted float32 or float64; convert it with to()", a.name(),
                                 a.facts(0).name, name_of(a.dtype())));
  for (int k = 0; k < a.entry->inputs; ++k) {
    Tensor& t = a.operands[k];
    const InputFacts& f = a.facts(k);
    const Param* p = a.entry->param(a.formula->get(), k);
    const bool is_number = p && !p->is_tensor();  // which goes to any device by value
    if (!is_number && t.device() != a.device())
      throw DeviceError(fmt::format("{}: {} is on {} but {} is on {}; move one with to()", a.name(), f.name,
                                    text(t.device()), a.facts(0).name, text(a.device())));
    if (f.optional && is_number) continue;  // absent
    if (f.label || f.integer) {
      if (is_floating(t.dtype()) || t.dtype() == Dtype::boolean)
        throw DtypeError(fmt::format("{}: {} is {}, wanted integer labels; convert it with to(Dtype::int64)", a.name(),
                                     f.name, name_of(t.dtype())));
      t = converted(t, Dtype::int64);
    } else if (t.dtype() != a.dtype()) {
      const bool whole =
          !is_floating(t.dtype()) && (f.range.only_ends || f.any_dtype);  // masks and signs may be bools or integers
      if (!whole)
        throw DtypeError(fmt::format("{}: {} is {} but {} is {}, wanted the same; convert one with to()", a.name(),
                                     f.name, name_of(t.dtype()), a.facts(0).name, name_of(a.dtype())));
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
    if (a.facts(k).leading && !(t.shape() == a.space) && t.shape() == lead)
      t = dense(t).alias(with_last(lead, 1), dense_strides(with_last(lead, 1)));
  }
  a.given = a.space;
  if (!a.entry->fold) return;
  const int axes = a.entry->fold_axes(a.formula->get());
  if (axes != just_the_class_axis) {
    const int rank = a.space.rank(), kept = axes == all_but_channels && rank > 2 ? 2 : 1;
    const int lead = axes == 0 ? 0 : axes < just_the_class_axis ? std::min(kept, rank) : rank - axes;
    if (lead < 0)
      throw ShapeError(fmt::format("{}: {} has shape {}, wanted at least {} dimensions; unsqueeze it", a.name(),
                                   a.facts(a.widest()).name, text(a.space), axes));
    const Shape whole = a.space;
    a.space = folded(whole, lead);
    for (int k = 0; k < a.entry->inputs; ++k)
      if (a.facts(k).role == Role::element && a.operands[k].shape() == whole)
        a.operands[k] = dense(a.operands[k]).alias(a.space, dense_strides(a.space));
    a.axis = lead;
    return;
  }
  if (a.space.rank() == 0)
    throw ShapeError(fmt::format("{}: {} has shape (), wanted at least one dimension; unsqueeze it", a.name(),
                                 a.facts(a.widest()).name));
  a.axis = class_dimension(a, a.space.rank());
}

}  // namespace

int class_dimension(const Application& a, int rank) {
  int64_t axis = a.entry->class_axis(a.formula->get());
  if (axis == 1 && rank == 1) axis = 0;  // one row without a batch
  for (int i = 0; i < a.entry->options; ++i)
    if (const char* name = a.entry->option(i)->name; std::string_view(name) == "class_dim")
      return dimension(a.name(), axis, rank, name);
  return dimension(a.name(), axis, rank);
}

void check_options(const About& about, const FormulaEntry& entry, const void* formula) {
  for (int i = 0; i < entry.options; ++i) {
    const OptionFacts& o = *entry.option(i);
    const double x = entry.get(formula, i);
    if (o.optional && std::isnan(x)) continue;
    if (o.kind == OptionFacts::choice) {
      if (x >= o.choice_count)
        throw ParamError(
            fmt::format("{}: {} is choice {}, wanted one of its {} choices", about.name, o.name, x, o.choice_count));
    } else if (bounded(o.range) ? !inside(x, o.range) : std::isnan(x)) {
      throw ParamError(fmt::format("{}: {} is {}, wanted {}", about.name, o.name, number(x),
                                   bounded(o.range) ? wanted(o.range) : "a number"));
    }
  }
}

void report(const Application& a, const Problem& p) {
  if (a.entry->block) report_block(a);
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
    int64_t linear =
        a.entry->fold ? (p.at[0] * columns + (f.role == Role::element ? p.at[1] : 0)) * inner + p.at[2] : p.at[0];
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
  if (f.label)
    throw IndexError(fmt::format("{}: label {}{} is outside [0, {})", a.name(), int64_t(p.value), place,
                                 a.space.rank() ? a.space[a.axis] : 1));
  Range range = f.range;
  if (f.to_last_column) range.high = double(a.space[a.axis] - 1);
  const std::string what =
      fmt::format("{}: {} is {}{}, wanted {}", a.name(), f.name, number(p.value), place, wanted(range));
  if (a.entry->param(a.formula->get(), p.input)) throw ParamError(what);
  throw DomainError(what);
}

std::shared_ptr<Application> prepare(const About& about, std::unique_ptr<Formula> formula,
                                     const Tensor* const* inputs) {
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
      if ((std::isnan(p->number()) && !a->facts(k).optional) ||
          (bounded(r) && !inside(p->number(), r) && !std::isnan(p->number())))
        throw ParamError(fmt::format("{}: {} is {}, wanted {}", a->name(), a->facts(k).name, number(p->number()),
                                     bounded(r) ? wanted(r) : "a number"));
      a->tensors.push_back(scalar_tensor(p->number(), computes(dtype)         ? dtype
                                                      : a->facts(0).any_dtype ? Dtype::float64
                                                                              : Dtype::float32));
    }
  }
  check_options(*a->about, *a->entry, a->formula->get());
  a->operands = a->tensors;
  check_dtypes(*a);
  if (a->entry->block) {
    const bool there = a->device() != cpu && device_kernel(a->name(), *a->entry, a->device());
    for (Tensor& t : a->operands) t = there ? t.detach() : on_the_cpu(a->name(), t.detach());
    lay_out_block(*a);
    return a;
  }
  settle_space(*a);
  for (int k = 0; k < a->entry->inputs; ++k) check_shape(*a, k, a->entry->param(a->formula->get(), k) != nullptr);
  a->result = a->space;
  if (a->entry->fold) {
    a->result.erase(a->axis);
    if (a->entry->keeps_axis(a->formula->get())) a->result.insert(a->axis, 1);
  }
  return a;
}

}  // namespace gradus
