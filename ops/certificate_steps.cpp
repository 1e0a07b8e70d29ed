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
  for (double v : x) m = std::max(m, std::abs(v));
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

// Evenly spread over [0, n), the first and the last among them.
std::vector<int64_t> spread(int64_t n, int64_t most) {
  std::vector<int64_t> elements;
  const int64_t m = most > 1 ? std::min(n, most) : n;
  for (int64_t j = 0; j < m; ++j) elements.push_back(m == n ? j : j * (n - 1) / (m - 1));
  return elements;
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

PointCheck::PointCheck(const LossPoint& point, Reduction reduction, bool alone, Mutation mutation, uint64_t seed, Visits& visits, bool* changed)
    : point_(point), reduction_(reduction), seed_(seed), visits_(visits), inputs_(point.inputs) {
  for (int k = 0; k < point.entry().inputs; ++k) {
    if (!inputs_[size_t(k)].defined() || !point.facts(k).differentiable || (alone && !checked_.empty())) continue;
    inputs_[size_t(k)] = inputs_[size_t(k)].detach().requires_grad(true);
    checked_.push_back(k);
  }
  loss_ = [&point, reduction](const std::vector<Tensor>& inputs) { return point.value(inputs, reduction); };
  if (mutation != Mutation::none)
    loss_ = mutant(loss_, mutation, mutation == Mutation::at_ties ? find_ties() : std::vector<std::vector<bool>>(), changed);
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
  Reach reach{recorder.nearest, recorder.nearest, recorder.ties > 0};
  for (size_t k = 0; k < direction.size(); ++k) {
    if (!direction[k].defined() || !bounded(point_.facts(int(k)).range)) continue;
    const std::vector<double> x = point_.inputs[k].to_vector(), v = direction[k].to_vector();
    for (size_t i = 0; i < x.size(); ++i) stay_inside(point_.facts(int(k)).range, x[i], v[i], reach);
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

Report PointCheck::differences(bool second_order, int64_t most) const {
  return gradcheck(loss_, inputs_, {.seed = seed_, .second_order = second_order, .most_elements = most, .reach = [this](const std::vector<Tensor>& d) {
                     return reach(d);
                   }});
}

StepResult PointCheck::duals(const Report& differences, int64_t most) const {
  std::set<std::pair<int, int64_t>> left_out;
  for (const auto* points : {&differences.kinks, &differences.poles})
    for (const Kink& p : *points) left_out.insert({p.input, p.element});
  StepResult result;
  if (!point_.has_duals()) return result;
  const Tensor out = loss_(inputs_);
  std::vector<double> upstream(size_t(out.numel()));
  Generator generator(seed_ + 1);
  fill_uniform(upstream.data(), int64_t(upstream.size()), 0.5, 1.5, generator);
  for (size_t i = 0; i < upstream.size(); i += 2) upstream[i] = -upstream[i];
  std::vector<Tensor> leaves;
  for (int k : checked_) leaves.push_back(inputs_[size_t(k)]);
  const std::vector<Tensor> gradients = grad({out}, leaves, {tensor(upstream, out.shape(), Dtype::float64)});
  for (size_t j = 0; j < checked_.size(); ++j) {
    const int k = checked_[j];
    const std::vector<double> hand = gradients[j].to_vector();
    const double scale = std::max(1.0, largest(hand));
    Agreement agreement{k};
    for (int64_t i : spread(int64_t(hand.size()), most)) {
      if (left_out.count({k, i})) continue;
      std::vector<Tensor> direction(inputs_.size());
      direction[size_t(k)] = unit(k, i);
      const std::vector<double> rates = point_.derivative(point_.inputs, reduction_, direction).to_vector();
      double exact = 0;
      for (size_t o = 0; o < rates.size(); ++o) exact += upstream[o] * rates[o];
      const double error = std::abs(hand[size_t(i)] - exact) / scale;
      ++agreement.cases;
      agreement.worst = std::max(agreement.worst, error);
      if (!(error <= dual_tolerance) && !result.failure)
        result.failure = fmt::format("{} element {}: backward gives {:.17g}, dual numbers {:.17g}", point_.facts(k).name, i, hand[size_t(i)], exact);
    }
    result.inputs.push_back(agreement);
  }
  return result;
}

}  // namespace gradus
