// Steps 5 and 6 of a certificate: float32 against float64, and inputs at the edge of what there is.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/ops/certificate_steps.h"
#include "gradus/ops/factories.h"

namespace gradus {
namespace {

using Numbers = std::vector<double>;
constexpr double unit_of_float32 = 1.0 / (1 << 23);

double largest(const Numbers& x) {
  double m = 0;
  for (double v : x) m = std::max(m, std::abs(v));
  return m;
}
double largest_difference(const Numbers& a, const Numbers& b) {
  double m = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;  // infinities
    const double d = std::abs(a[i] - b[i]);
    if (!(d <= m)) m = d;
  }
  return m;
}

// The values first, then the gradient of every differentiable tensor; empty for the others.
std::vector<Numbers> results(const LossPoint& point, const std::vector<Tensor>& at, Reduction reduction, Empty empty,
                             const Numbers& upstream) {
  std::vector<Tensor> inputs = at, leaves;
  std::vector<size_t> places;
  for (size_t k = 0; k < inputs.size(); ++k)
    if (inputs[k].defined() && point.facts(int(k)).differentiable) {
      inputs[k] = inputs[k].detach().requires_grad(true);
      leaves.push_back(inputs[k]);
      places.push_back(k);
    }
  const Tensor out = point.value(inputs, reduction, empty);
  std::vector<Numbers> all(inputs.size() + 1);
  all[0] = out.to_vector();
  if (leaves.empty()) return all;
  Numbers used(upstream.begin(), upstream.begin() + int64_t(all[0].size()));
  const std::vector<Tensor> gradients = grad({out}, leaves, {tensor(used, out.shape(), out.dtype())});
  for (size_t j = 0; j < places.size(); ++j) all[places[j] + 1] = gradients[j].to_vector();
  return all;
}

Tensor widened(const Tensor& t) {
  if (!t.defined() || t.dtype() != Dtype::float32) return t;
  return tensor(t.to_vector(), t.shape(), Dtype::float64);
}

// Every number moved by at most one rounding of float32, within its range; `together`: all by the same, as rounding a
// sum over them may do, where single roundings cancel out.
Tensor jittered(const Tensor& t, const InputFacts& facts, const Range& range, bool together, Generator& generator) {
  if (!t.defined() || t.dtype() != Dtype::float64 || range.only_ends) return t;
  Numbers x = t.to_vector(), r(x.size());
  fill_uniform(r.data(), int64_t(r.size()), -1.0, 1.0, generator);
  if (together) std::fill(r.begin(), r.end(), r.empty() || r[0] < 0 ? -1.0 : 1.0);
  for (size_t i = 0; i < x.size(); ++i) {
    const double moved = x[i] + r[i] * unit_of_float32 * x[i];
    x[i] = std::isfinite(moved) ? std::clamp(moved, range.low, range.high) : x[i];
  }
  if (facts.boxes) order_boxes(x);
  return tensor(x, t.shape(), Dtype::float64);
}

Numbers random_upstream(size_t n, Generator& generator) {
  Numbers u(n);
  fill_uniform(u.data(), int64_t(n), 0.5, 1.5, generator);
  for (size_t i = 0; i < n; ++i) u[i] = double(float(i % 2 ? u[i] : -u[i]));
  return u;
}

size_t outputs_of(const LossPoint& point, Reduction reduction) {
  return size_t(point.value(point.inputs, reduction).numel());
}

// The size of the two terms of d (S / n) = dS / n - S dn / n² for inputs of the count: where they cancel, their
// rounding remains.
Numbers quotient_terms(const LossPoint& point, const std::vector<Tensor>& at, Reduction reduction,
                       const std::vector<Numbers>& mean, const Numbers& upstream) {
  Numbers terms(mean.size(), 0.0);
  if (reduction != Reduction::mean) return terms;
  const std::vector<Numbers> sum = results(point, at, Reduction::sum, Empty::zero, upstream);
  if (sum[0][0] == 0) return terms;
  for (size_t k = 1; k < mean.size(); ++k)
    if (point.facts(int(k) - 1).in_count) terms[k] = largest(sum[k]) * std::abs(mean[0][0] / sum[0][0]);
  return terms;
}

bool all_zero(const Numbers& x) {
  return largest(x) == 0 && std::none_of(x.begin(), x.end(), [](double v) { return std::isnan(v); });
}

// What Empty::zero, nan and error promise where the count is 0.  `what` names the case.
std::optional<std::string> keeps_promises(const LossPoint& point, const char* what) {
  for (Empty empty : {Empty::zero, Empty::nan}) {
    const std::vector<Numbers> r = results(point, point.inputs, Reduction::mean, empty, {1.5});
    if (empty == Empty::zero ? r[0][0] != 0 : !std::isnan(r[0][0]))
      return fmt::format("{}: the mean is {}", what, r[0][0]);
    for (size_t k = 1; k < r.size(); ++k)
      if (!all_zero(r[k]))
        return fmt::format("{}: the gradient of {} is not exactly 0", what, point.facts(int(k) - 1).name);
  }
  try {
    point.value(point.inputs, Reduction::mean, Empty::error);
  } catch (const DomainError&) { return std::nullopt; }
  return fmt::format("{}: Empty::error threw nothing", what);
}

}  // namespace

StepResult compare_float32(const LossPoint& point, Reduction reduction, uint64_t seed) {
  Generator generator(seed);
  const Numbers upstream = random_upstream(outputs_of(point, reduction), generator);
  std::vector<Tensor> wide;
  for (const Tensor& t : point.inputs) wide.push_back(widened(t));
  const std::vector<Numbers> single = results(point, point.inputs, reduction, Empty::zero, upstream);
  const std::vector<Numbers> precise = results(point, wide, reduction, Empty::zero, upstream);
  Numbers change(precise.size(), 0.0);
  const int together = 3;  // from there on one input at a time
  for (int draw = 0; draw < together + int(wide.size()); ++draw) {
    std::vector<Tensor> moved;
    for (size_t k = 0; k < wide.size(); ++k) {
      const bool rests = draw >= together && draw - together != int(k);
      moved.push_back(rests ? wide[k]
                            : jittered(wide[k], point.facts(int(k)), point.range(int(k)), draw >= together, generator));
    }
    const std::vector<Numbers> r = results(point, moved, reduction, Empty::zero, upstream);
    for (size_t k = 0; k < r.size(); ++k) change[k] = std::max(change[k], largest_difference(r[k], precise[k]));
  }
  const Numbers terms = quotient_terms(point, wide, reduction, precise, upstream);
  StepResult result;
  for (size_t k = 0; k < precise.size(); ++k) {
    if (precise[k].empty()) continue;
    const double scale = std::max(largest(precise[k]), terms[k]), error = largest_difference(single[k], precise[k]);
    const int input = k == 0 ? 0 : int(k) - 1;
    result.inputs.push_back({input, int64_t(precise[k].size()), scale > 0 ? error / scale : error});
    if (!(error <= 64 * unit_of_float32 * scale + 16 * change[k] + std::numeric_limits<float>::min()) &&
        !result.failure)
      result.failure = fmt::format(
          "{} differs by {:.3g} from float64, of {:.3g}; rounding the inputs changes it by {:.3g}",
          k == 0 ? "the value" : fmt::format("the gradient of {}", point.facts(input).name), error, scale, change[k]);
  }
  return result;
}

std::optional<std::string> check_nothing(LossPoint& point, Dtype dtype, Generator& generator) {
  if (point.about().fixed) return std::nullopt;  // what it is of nothing is its own affair
  draw(point, {.style = Style::smooth, .space = space_of(point, 2, 0, 3), .dtype = dtype}, generator);
  if (auto wrong = keeps_promises(point, "empty input")) return wrong;
  if (const Numbers sum = point.value(point.inputs, Reduction::sum).to_vector(); sum[0] != 0)
    return fmt::format("empty input: the sum is {}", sum[0]);

  draw_accepted(point, {.style = Style::smooth, .space = space_of(point, 2, 9, 3), .dtype = dtype}, generator);
  for (int k = 0; k < point.entry().inputs; ++k) {
    const int64_t ignored = point.facts(k).label ? point.entry().ignored_label(point.formula(), k) : never_ignored;
    if (ignored == never_ignored) continue;
    int64_t* label = point.inputs[size_t(k)].mutable_data<int64_t>();
    std::fill_n(label, point.inputs[size_t(k)].numel(), ignored);
    return keeps_promises(point, "all rows ignored");
  }
  return std::nullopt;
}

std::optional<std::string> check_extremes(LossPoint& point, Dtype dtype, Generator& generator) {
  constexpr int draws = 20;
  for (int i = 0; i < draws; ++i) {
    if (!draw_accepted(point, {.style = Style::extreme, .space = space_of(point, 2, 9, 3), .dtype = dtype}, generator))
      continue;
    const Numbers each = point.value(point.inputs, Reduction::none).to_vector();
    const bool opposed =
        std::count(each.begin(), each.end(), range::inf) && std::count(each.begin(), each.end(), -range::inf);
    std::vector<Reduction> reductions = {Reduction::none, Reduction::mean};
    if (point.about().fixed) reductions = {point.about().reduction};
    for (Reduction reduction : reductions) {
      const Numbers upstream = random_upstream(outputs_of(point, reduction), generator);
      const std::vector<Numbers> r = results(point, point.inputs, reduction, Empty::zero, upstream);
      for (size_t k = 0; k < r.size(); ++k)
        for (size_t e = 0; e < r[k].size(); ++e)
          if (std::isnan(r[k][e]) && !(opposed && k == 0 && reduction != Reduction::none))  // ∞ - ∞ is no number
            return fmt::format("{} extremes: {} is NaN at element {} for finite inputs", name_of(dtype),
                               k == 0 ? "the value" : fmt::format("the gradient of {}", point.facts(int(k) - 1).name),
                               e);
    }
  }
  return std::nullopt;
}

}  // namespace gradus
