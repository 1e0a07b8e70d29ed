// Applying a loss: reductions and the tape, once for all of them.  No loss is named here.
#include "gradus/ops/apply.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/application.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"

namespace gradus {
namespace {

// ---- reductions ---------------------------------------------------------------------------------

// By what the sum of the values is divided.
double divisor(const Application& a, const Totals& t) {
  switch (a.reduction) {
    case Reduction::mean: return t.count;
    case Reduction::batchmean: return a.tensors[0].rank() ? double(a.tensors[0].shape()[0]) : 1.0;
    case Reduction::mean_active: return t.active;
    case Reduction::sum_over_pos: return std::max(1.0, t.count);
    default: return 1;
  }
}
bool nothing_to_average(const Application& a) { return a.reduction != Reduction::none && divisor(a, a.totals()) == 0; }
// Does the divisor move with the count?
bool divides_by_count(const Application& a) {
  return a.reduction == Reduction::mean || (a.reduction == Reduction::sum_over_pos && a.totals().count > 1);
}

double reduced_value(const Application& a) {
  if (!nothing_to_average(a)) return a.totals().value / divisor(a, a.totals());
  if (a.empty == Empty::error)
    throw DomainError(fmt::format(
        "{}: nothing to average, the count is 0; pass at least one element that counts, or Empty::zero", a.name()));
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
    const double up = upstream.item(), n = divisor(a, a.totals());
    w.scale = up / n;
    if (divides_by_count(a)) w.count_scale = -up * a.totals().value / (n * n);
  }
  return run(a, w).grads;
}

// The derivative of the reduced value, from those of the totals: d (S / n) = (dS - S dn / n) / n.
double reduced_tangent(const Application& a, const Totals& speed) {
  const double n = divisor(a, a.totals()), dn = divides_by_count(a) ? speed.count : 0.0;
  return (speed.value - a.totals().value * dn / n) / n;
}

// The derivative of <gradients_of(...)[k], v> for the inputs wanted, and of the upstream gradient (last).
std::vector<Tensor> second_order(const Application& a, int k, const Tensor& v, const std::vector<bool>& wanted,
                                 const Tensor& upstream) {
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
  const double up = upstream.item(), n = divisor(a, a.totals()), sum = a.totals().value;
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
  result.push_back(scalar_tensor(reduced_tangent(a, speed), a.dtype(), a.device()));
  return result;
}

// ---- the tape -----------------------------------------------------------------------------------

void check_unchanged(const Application& a) {
  for (size_t k = 0; k < a.tensors.size(); ++k)
    if (a.tensors[k].version() != a.versions[k])
      throw StateError(fmt::format(
          "{}: {} of shape {} saved for backward was changed in place (saved at version {}, now {}); clone() it before "
          "changing it",
          a.name(), a.facts(int(k)).name, text(a.tensors[k].shape()), a.versions[k], a.tensors[k].version()));
}

// The gradient of input k as a recorded op of all inputs and the upstream gradient.
Tensor recorded_gradient(const std::shared_ptr<Application>& a, int k, const std::vector<bool>& wanted,
                         const Tensor& upstream) {
  std::vector<bool> only(wanted.size(), false);
  only[size_t(k)] = true;
  Tensor out = gradients_of(*a, only, upstream)[size_t(k)];
  std::vector<const Tensor*> inputs;
  for (const Tensor& t : a->tensors) inputs.push_back(&t);
  inputs.push_back(&upstream);
  record(
      a->name(), out, inputs.data(), int(inputs.size()),
      [a, k, wanted = std::vector<bool>(wanted), up = Saved(upstream)](const Tensor& v, Gradients& to) {
        if (!NoGrad::active())
          throw StateError(fmt::format(
              "{}: third derivatives of a loss are not available; build it from tensor ops to go further", a->name()));
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
  Tensor factor_there;  // the same, where it lies on a device
};

void record_application(const std::shared_ptr<Application>& a, Tensor& out, const std::vector<bool>& wanted,
                        Fused fused) {
  std::vector<const Tensor*> inputs;
  for (const Tensor& t : a->tensors) inputs.push_back(&t);
  for (const Tensor& t : a->tensors) a->versions.push_back(t.version());
  record(a->name(), out, inputs.data(), int(inputs.size()),
         [a, wanted = std::vector<bool>(wanted), fused = std::move(fused)](const Tensor& g, Gradients& to) {
           if (!NoGrad::active()) {
             check_unchanged(*a);
             for (int k = 0; k < int(wanted.size()); ++k)
               if (wanted[k] && to.wants(k)) to[k] = recorded_gradient(a, k, wanted, g);
             return;
           }
           if (fused.factor_there.defined()) {
             const Tensor factor = mul(g, fused.factor_there);
             for (int k = 0; k < int(wanted.size()); ++k)
               if (fused.grads[k].defined()) to[k] = mul(fused.grads[k], converted(factor, fused.grads[k].dtype()));
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

constexpr int64_t few_elements = 1024;  // scaling so many gradients costs less than asking how an element counts

// The count of every element of a Map whose count depends on plain numbers only; nullopt where it may vary, or where it
// does not pay to ask.
std::optional<double> constant_count(const Application& a, const void* primary_formula) {
  if (a.entry->fold || a.entry->block) return std::nullopt;
  if (a.device() != cpu && a.entry->weighed) return std::nullopt;  // to ask would be a launch and a wait
  if (!a.entry->weighed) return 1.0;
  if (a.space.numel() <= few_elements) return std::nullopt;
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

// How many rows of a Fold have no label that says to ignore them: most often what a mean over them divides by.
double labelled_rows(const Application& a) {
  if (!a.entry->fold || a.space.rank() == 0 || a.device() != cpu) return 0;
  int64_t rows = a.space.numel() / a.space[a.axis];
  for (int k = 0; k < a.entry->inputs; ++k) {
    if (!a.facts(k).label || !a.operands[k].is_contiguous()) continue;
    const int64_t ignored = a.entry->ignored_label(a.formula->get(), k);
    const int64_t* y = a.operands[k].data<int64_t>();
    rows -= std::count(y, y + a.operands[k].numel(), ignored);
  }
  return double(rows);
}

void check_given(const char* name, const FormulaEntry& entry, const void* formula, const Tensor* const* inputs,
                 int count) {
  for (int k = 0, given = 0; k < entry.inputs && given < count; ++k)
    if (!entry.param(const_cast<void*>(formula), k) && !inputs[given++]->defined())
      throw ParamError(fmt::format("{}: {} is an undefined tensor; pass a tensor", name, entry.input(k)->name));
}

AverageCall average_of(const Application& a, double likely) {
  using Over = AverageCall::Over;
  AverageCall call;
  call.report = a.pending->report();
  call.dtype = a.dtype();
  switch (a.reduction) {
    case Reduction::mean: call.over = Over::count; break;
    case Reduction::mean_active: call.over = Over::active; break;
    case Reduction::sum_over_pos: call.over = Over::count_or_one; break;
    default: call.given = divisor(a, {});
  }
  call.of_nothing = a.empty == Empty::nan ? std::nan("") : 0.0;
  call.likely = likely;
  return call;
}

// The result of a run on a device that is not waited for: everything that its report decides is decided there, and a
// value outside its range is told when the next number is read.
Tensor reduced_there(const std::shared_ptr<Application>& a, Outcome o, const std::vector<bool>& wanted, double likely) {
  a->pending = o.pending;
  Tensor out({}, a->dtype(), a->device());
  Fused fused = {std::move(o.grads), 1, Tensor({}, a->dtype(), a->device())};
  AverageCall call = average_of(*a, likely);
  call.value = out.state()->data, call.correction = fused.factor_there.state()->data;
  device_average(a->name(), a->device(), call);
  defer_check(a->device(), [a] {
    if (const Problem& problem = a->pending->problem(); problem.input >= 0) report(*a, problem);
  });
  record_application(a, out, wanted, std::move(fused));
  return out;
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
  double likely = 1;  // divisor: where it is right, the gradients need no second pass
  if (fuse) {
    w.grads = wanted;
    if (reduction == Reduction::batchmean) likely = divisor(*a, {});
    else if (reduction == Reduction::mean && a->space.numel()) {
      const std::optional<double> each = constant_count(*a, a->formula->get());
      likely = each ? *each * double(a->space.numel()) : labelled_rows(*a);
    }
    if (!(likely > 0)) likely = 1;
    w.scale = 1 / likely;
    w.wait = a->device() == cpu || a->empty == Empty::error || a->about->logical;
  }
  Outcome o = run(*a, w);
  if (o.pending) return reduced_there(a, std::move(o), wanted, likely);
  if (o.problem.input >= 0) report(*a, o.problem);
  a->known = o.totals;
  Tensor out = reduction == Reduction::none ? o.values : scalar_tensor(reduced_value(*a), a->dtype(), a->device());
  if (a->about->logical) return converted(out, Dtype::boolean);
  if (!recorded) return out;
  if (fuse && !nothing_to_average(*a)) {
    fused.grads = std::move(o.grads);
    if (const double n = divisor(*a, a->totals()); n != likely) fused.factor = likely / n;
  }
  record_application(a, out, wanted, std::move(fused));
  return out;
}

}  // namespace

std::unique_ptr<Formula> chosen_formula(const LossEntry& loss, const void* primary, bool integer_target,
                                        Reduction reduction) {
  const int which = loss.choose(primary, integer_target, reduction);
  const FormulaEntry& entry = *loss.formula(which);
  return std::make_unique<Formula>(entry, [&](void* to) {
    if (which == 0) entry.copy(primary, to);
    else loss.convert(which, primary, to);
  });
}

Tensor derivative_along(const About& about, const Formula& formula, const Tensor* const* inputs, int count,
                        Reduction reduction, const std::vector<Tensor>& direction) {
  check_given(about.name, formula.entry(), formula.get(), inputs, count);
  const std::shared_ptr<Application> a = prepare(about, formula.clone(), inputs);
  a->reduction = reduction;
  if (reduction != Reduction::none) a->known = run(*a, {}).totals;
  Wanted w;
  w.direction = &direction;
  w.values = reduction == Reduction::none;
  for (size_t k = 0; k < a->tensors.size(); ++k) w.grads.push_back(a->facts(int(k)).differentiable);
  Outcome o = run(*a, w);
  if (reduction == Reduction::none) return o.values;
  const double along = nothing_to_average(*a) ? 0 : reduced_tangent(*a, o.totals);
  return scalar_tensor(along, a->dtype(), a->device());
}

Tensor apply(const About& about, const Formula& formula, const Tensor* const* inputs, int count, Reduction reduction,
             Empty empty) {
  const FormulaEntry& entry = formula.entry();
  if (entry.compose) {
    std::vector<std::vector<Tensor>> lists(static_cast<size_t>(entry.inputs));
    for (int k = 0, given = 0; k < entry.inputs; ++k) {
      const Param* p = entry.param(formula.get(), k);
      if (p && p->is_tensor()) lists[size_t(k)].push_back(p->tensor());
      if (p || given == count) continue;
      const Tensor& input = *inputs[given++];
      if (input.defined() || !entry.input(k)->optional) lists[size_t(k)].push_back(input);
    }
    return apply_composed(about, formula, lists, reduction, empty);
  }
  check_given(about.name, formula.entry(), formula.get(), inputs, count);
  std::shared_ptr<Application> a = prepare(about, formula.clone(), inputs);
  a->reduction = reduction;
  a->empty = empty;
  return compute(a);
}

namespace {

// A label to ignore says something about labels; with probabilities it would silently say nothing.
void check_ignored(const LossEntry& loss, const void* primary, const FormulaEntry& chosen) {
  const FormulaEntry& first = *loss.formula(0);
  for (int k = 0; k < first.inputs && &first != &chosen; ++k) {
    if (!first.input(k)->label || (k < chosen.inputs && chosen.input(k)->label)) continue;
    const int64_t ignored = first.ignored_label(primary, k);
    if (ignored >= 0)
      throw ParamError(
          fmt::format("{}: ignore_index is {} but {} holds probabilities, wanted labels; leave ignore_index",
                      loss.about->name, ignored, first.input(k)->name));
  }
}

}  // namespace

Tensor apply(const LossEntry& loss, const void* primary, const Tensor* const* inputs, int count, Reduction reduction,
             Empty empty) {
  check_given(loss.about->name, *loss.formula(0), primary, inputs, count);
  const FormulaEntry& first = *loss.formula(0);
  bool integer_target = false;
  for (int k = 0, given = 0; k < first.inputs; ++k) {
    const bool required = !first.param(const_cast<void*>(primary), k);
    if (required && first.input(k)->label && given < count) integer_target = !is_floating(inputs[given]->dtype());
    given += required;
  }
  check_options(*loss.about, first, primary);  // the chosen formula need not declare all of them
  std::unique_ptr<Formula> formula = chosen_formula(loss, primary, integer_target, reduction);
  check_ignored(loss, primary, formula->entry());
  std::shared_ptr<Application> a = prepare(*loss.about, std::move(formula), inputs);
  a->reduction = loss.reduced(primary, reduction);
  const bool special =
      a->reduction == Reduction::mean_per_row || (a->reduction == Reduction::sum_over_pos && reduction == a->reduction);
  if (special && a->reduction != loss.about->reduction)
    throw ParamError(fmt::format(
        "{}: reduction is '{}', which this op does not offer, wanted none, sum, mean, batchmean or mean_active",
        a->name(), reduction == Reduction::mean_per_row ? "mean_per_row" : "sum_over_pos"));
  a->empty = empty;
  return compute(a);
}

}  // namespace gradus
