#include "gradus/ops/certificate_steps.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gradus/autograd/engine.h"
#include "gradus/ops/factories.h"

namespace gradus {
namespace {

constexpr double dual_tolerance = 1e-12;

double largest(const std::vector<double>& x) {
  double m = 0;
  for (double v : x)
    if (std::isfinite(v)) m = std::max(m, std::abs(v));
  return m;
}

void merge(const Visits& from, Visits& into) {
  for (const auto& [site, v] : from) {
    Visit& all = into[site];
    all.seen_true |= v.seen_true, all.seen_false |= v.seen_false, all.seen_mixed |= v.seen_mixed;
  }
}

// How far x may move along v within the range, down and up.
void stay_inside(const Range& r, double x, double v, Reach& reach) {
  if (v == 0) return;
  if (r.only_ends) reach.down = reach.up = 0;
  const double low = (x - r.low) / std::abs(v), high = (r.high - x) / std::abs(v);
  reach.down = std::min(reach.down, v > 0 ? low : high);
  reach.up = std::min(reach.up, v > 0 ? high : low);
}

// How far boxes may move along v until one is turned inside out.
void stay_boxes(const std::vector<double>& x, const std::vector<double>& v, Reach& reach) {
  for (size_t i = 0; i + 3 < x.size(); i += 4)
    for (size_t low : {i, i + 1}) {
      const double room = x[low + 2] - x[low], closing = v[low] - v[low + 2];
      if (closing > 0) reach.up = std::min(reach.up, room / closing);
      if (closing < 0) reach.down = std::min(reach.down, room / -closing);
    }
}

// Evenly spread over [0, n), the first and the last among them.
std::vector<int64_t> spread(int64_t n, int64_t most) {
  std::vector<int64_t> elements;
  const int64_t m = most > 1 ? std::min(n, most) : n;
  for (int64_t j = 0; j < m; ++j) elements.push_back(m == n ? j : j * (n - 1) / (m - 1));
  return elements;
}

bool is_unit(const std::vector<Tensor>& direction, int k, int64_t element) {
  for (size_t j = 0; j < direction.size(); ++j) {
    if (!direction[j].defined()) continue;
    const std::vector<double> v = direction[j].to_vector();
    for (size_t i = 0; i < v.size(); ++i)
      if (v[i] != (int(j) == k && int64_t(i) == element ? 1.0 : 0.0)) return false;
  }
  return true;
}

int64_t offset_of(const Shape& index, const Shape& shape) {
  int64_t offset = 0;
  for (int d = 0; d < shape.rank(); ++d) offset = offset * shape[d] + index[d];
  return offset;
}

}  // namespace

void visit(const LossPoint& point, Visits& visits) {
  if (!point.has_duals()) return;
  Recorder recorder;
  {
    const Recording on(recorder);
    point.derivative(point.inputs, Reduction::none, std::vector<Tensor>(point.inputs.size()));
  }
  merge(recorder.visits, visits);
}

PointCheck::PointCheck(const LossPoint& point, Reduction reduction, bool alone, Mutation mutation, uint64_t seed,
                       double usual, Visits& visits, bool* changed)
    : point_(point), reduction_(reduction), seed_(seed), usual_(usual), visits_(visits), inputs_(point.inputs) {
  for (int k = 0; k < point.entry().inputs; ++k) {
    if (!inputs_[size_t(k)].defined() || !point.facts(k).differentiable || (alone && !checked_.empty())) continue;
    inputs_[size_t(k)] = inputs_[size_t(k)].detach().requires_grad(true);
    checked_.push_back(k);
  }
  loss_ = [&point, reduction](const std::vector<Tensor>& inputs) { return point.value(inputs, reduction); };
  if (mutation != Mutation::none)
    loss_ = mutant(loss_, mutation, mutation == Mutation::at_ties ? find_ties() : std::vector<std::vector<bool>>(),
                   changed);
}

Tensor PointCheck::unit(int k, int64_t element) const {
  Tensor t = zeros(inputs_[size_t(k)].shape(), Dtype::float64);
  t.mutable_data<double>()[element] = 1;
  return t;
}

Reach PointCheck::reach(const std::vector<Tensor>& direction) const {
  if (!point_.has_duals()) return {};
  Recorder recorder;
  {
    const Recording on(recorder);
    point_.derivative(point_.inputs, Reduction::none, direction);
  }
  merge(recorder.visits, visits_);
  Reach reach{recorder.nearest, recorder.nearest, recorder.ties > 0, recorder.convention};
  for (size_t k = 0; k < direction.size(); ++k)
    if (direction[k].defined() && point_.facts(int(k)).boxes)
      stay_boxes(point_.inputs[k].to_vector(), direction[k].to_vector(), reach);
  for (size_t k = 0; k < direction.size(); ++k) {
    if (!direction[k].defined() || !bounded(point_.range(int(k)))) continue;
    const std::vector<double> x = point_.inputs[k].to_vector(), v = direction[k].to_vector();
    for (size_t i = 0; i < x.size(); ++i) stay_inside(point_.range(int(k)), x[i], v[i], reach);
  }
  return reach;
}

std::vector<std::vector<bool>> PointCheck::find_ties() const {
  std::vector<std::vector<bool>> ties(inputs_.size());
  for (int k : checked_)
    for (int64_t i = 0; i < inputs_[size_t(k)].numel(); ++i) {
      std::vector<Tensor> direction(inputs_.size());
      direction[size_t(k)] = unit(k, i);
      ties[size_t(k)].push_back(reach(direction).tie);
    }
  return ties;
}

Report PointCheck::differences(bool second_order, int64_t most, bool stop_at_failure) const {
  std::set<std::pair<int, int64_t>> chosen;
  std::vector<Kink> choices;
  const auto reach_unless_chosen = [&](const std::vector<Tensor>& direction) {
    for (const auto& [k, element] : chosen)
      if (direction[size_t(k)].defined() && is_unit(direction, k, element)) return Reach{0, 0, true};
    return reach(direction);
  };
  // gradcheck looks along one element at a time.  Where it disagrees at a tie, the whole neighbourhood is asked.
  for (;;) {
    Report report = gradcheck(loss_, inputs_,
                              {.seed = seed_,
                               .second_order = second_order,
                               .most_elements = most,
                               .stop_at_failure = stop_at_failure,
                               .usual_output = usual_,
                               .reach = reach_unless_chosen});
    std::optional<Kink> choice;
    if (report.failure && !report.failure->second_order) {
      const int k = report.failure->input;
      choice = choice_at_tie(backward(), k, offset_of(report.failure->index, inputs_[size_t(k)].shape()));
    }
    if (choice) {
      chosen.insert({choice->input, choice->element});
      choices.push_back(*choice);
      continue;
    }
    for (const Kink& c : choices) {  // judged here, not excluded
      std::erase_if(report.poles, [&](const Kink& p) { return p.input == c.input && p.element == c.element; });
      Tally& tally = report.inputs[size_t(c.input)];
      --tally.excluded, --report.excluded;
      ++tally.one_sided, ++report.one_sided;
      report.kinks.push_back(c);
    }
    return report;
  }
}

PointCheck::Backward PointCheck::backward() const {
  const Tensor out = loss_(inputs_);
  Backward b{std::vector<double>(size_t(out.numel())), std::vector<std::vector<double>>(inputs_.size())};
  Generator generator(seed_ + 1);
  fill_uniform(b.upstream.data(), int64_t(b.upstream.size()), 0.5, 1.5, generator);
  for (size_t i = 0; i < b.upstream.size(); i += 2) b.upstream[i] = -b.upstream[i];
  std::vector<Tensor> leaves;
  for (int k : checked_) leaves.push_back(inputs_[size_t(k)]);
  const std::vector<Tensor> gradients = grad({out}, leaves, {tensor(b.upstream, out.shape(), Dtype::float64)});
  for (size_t j = 0; j < checked_.size(); ++j) b.hand[size_t(checked_[j])] = gradients[j].to_vector();
  return b;
}

// Of <upstream, loss> by dual numbers.
double PointCheck::derivative(const Backward& b, const std::vector<Tensor>& at, int k, int64_t element) const {
  std::vector<Tensor> direction(inputs_.size());
  direction[size_t(k)] = unit(k, element);
  const std::vector<double> rates = point_.derivative(at, reduction_, direction).to_vector();
  double sum = 0;
  for (size_t o = 0; o < rates.size(); ++o) sum += b.upstream[o] * rates[o];
  return sum;
}

std::vector<Tensor> PointCheck::moved(const std::vector<std::vector<double>>& by, double radius) const {
  std::vector<Tensor> at = point_.inputs;
  for (int k : checked_) {
    const Range range = point_.range(k);
    std::vector<double> x = inputs_[size_t(k)].to_vector();
    for (size_t i = 0; i < x.size() && !range.only_ends; ++i) {
      const double step = radius * by[size_t(k)][i] * std::max(1.0, std::abs(x[i]));
      x[i] += x[i] + step > range.low && x[i] + step < range.high ? step : -step;
    }
    if (point_.facts(k).boxes) order_boxes(x);
    at[size_t(k)] = tensor(x, inputs_[size_t(k)].shape(), Dtype::float64);
  }
  return at;
}

// Where several branches change at one point, the derivative along one element may exist, and yet the function be not
// differentiable: min(|t|, s - t) at 0 moves as -t along t, but nearby its slope is 1 or -1, as s and t have it.  A
// gradient that mixes the branches, as one half each does, is then right and is not that derivative.  What bounds it is
// the derivatives that the points around have in the limit (Clarke's generalized gradient), here along random rays by
// dual numbers.  nullopt unless the point is a tie, those limits differ by more than their errors, and the gradient
// lies among them.
std::optional<Kink> PointCheck::choice_at_tie(const Backward& b, int k, int64_t element) const {
  constexpr int rays = 64;
  constexpr double radius = 1e-9;
  std::vector<Tensor> direction(inputs_.size());
  direction[size_t(k)] = unit(k, element);
  if (!reach(direction).tie) return std::nullopt;
  const double hand = b.hand[size_t(k)][size_t(element)], scale = std::max(1.0, largest(b.hand[size_t(k)]));
  Generator generator(seed_ + 2);
  double low = HUGE_VAL, high = -HUGE_VAL, worst = dual_tolerance * scale;
  for (int ray = 0; ray < rays; ++ray) {
    std::vector<std::vector<double>> by(inputs_.size());
    for (int c : checked_) {
      by[size_t(c)].resize(size_t(inputs_[size_t(c)].numel()));
      fill_uniform(by[size_t(c)].data(), int64_t(by[size_t(c)].size()), -1.0, 1.0, generator);
    }
    const auto at = [&](double r) { return derivative(b, moved(by, r), k, element); };
    double d[4];  // each next column extrapolates to radius 0 by one order more
    for (int j = 0; j < 4; ++j) d[j] = at(radius / (1 << j));
    for (int j = 0; j < 3; ++j) d[j] = 2 * d[j + 1] - d[j];
    for (int j = 0; j < 2; ++j) d[j] = (4 * d[j + 1] - d[j]) / 3;
    const double limit = d[1];
    if (!std::isfinite(limit)) return std::nullopt;
    worst = std::max(worst, 4 * std::abs(d[1] - d[0]));
    low = std::min(low, limit), high = std::max(high, limit);
  }
  const bool jumps = high - low > 4 * worst, among = hand >= low - worst && hand <= high + worst;
  return jumps && among ? std::optional(Kink{k, element, low, high, hand}) : std::nullopt;
}

StepResult PointCheck::duals(Report& differences, int64_t most) const {
  std::set<std::pair<int, int64_t>> left_out;
  for (const auto* points : {&differences.kinks, &differences.poles})
    for (const Kink& p : *points) left_out.insert({p.input, p.element});
  StepResult result;
  if (!point_.has_duals()) return result;
  const Backward b = backward();
  for (int k : checked_) {
    const std::vector<double>& hand = b.hand[size_t(k)];
    const double scale = std::max(1.0, largest(hand));
    Agreement agreement{k};
    for (int64_t i : spread(int64_t(hand.size()), most)) {
      if (left_out.count({k, i}) && !point_.facts(k).range.only_ends)
        continue;  // what cannot move at all, duals alone can tell
      const double exact = derivative(b, point_.inputs, k, i), error = std::abs(hand[size_t(i)] - exact) / scale;
      if (!(error <= dual_tolerance))
        if (const std::optional<Kink> choice = choice_at_tie(b, k, i)) {
          differences.kinks.push_back(*choice);
          continue;
        }
      ++agreement.cases;
      agreement.worst = std::max(agreement.worst, error);
      if (!(error <= dual_tolerance) && !result.failure)
        result.failure = fmt::format("{} element {}: backward gives {:.17g}, dual numbers {:.17g}",
                                     point_.facts(k).name, i, hand[size_t(i)], exact);
    }
    result.inputs.push_back(agreement);
  }
  return result;
}

}  // namespace gradus
