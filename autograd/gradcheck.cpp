#include "gradus/autograd/gradcheck.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "gradus/autograd/diagnosis.h"
#include "gradus/autograd/engine.h"
#include "gradus/autograd/node.h"
#include "gradus/autograd/ridders.h"
#include "gradus/core/error.h"
#include "gradus/core/random.h"

namespace gradus {
namespace {

using Numbers = std::vector<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

constexpr int attempts = 5;  // with ever smaller first steps
constexpr double attempt_ratio = 8;
constexpr double conclusive_ratio = 100;  // an error beyond this many tolerances tells nothing
constexpr double side_tolerance = 1e-7;   // one-sided differences are less exact
constexpr double second_tolerance = 1e-6;

double largest(const Numbers& x) {
  double m = 0;
  for (double v : x)
    if (std::isfinite(v)) m = std::max(m, std::abs(v));
  return m;
}
Tensor tensor_of(const Numbers& values, const Shape& shape) {
  Tensor t(shape, Dtype::float64);
  std::copy(values.begin(), values.end(), t.mutable_data<double>());
  return t;
}
Shape index_of(int64_t element, const Shape& shape) {
  Shape index = shape;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    index[d] = element % shape[d];
    element /= shape[d];
  }
  return index;
}
// Away from zero, so that no element of the output is left unheard.
Numbers random_upstream(size_t n, Generator& generator) {
  Numbers u(n);
  fill_uniform(u.data(), int64_t(n), 0.5, 1.5, generator);
  for (size_t i = 0; i < n; ++i)
    if (i % 3 == 1) u[i] = -u[i];
  return u;
}

// One input whose gradient is checked.
struct Checked {
  size_t at;  // among all inputs
  Shape shape;
  Numbers values, hand, expected;  // expected: NaN until it is known
  std::vector<bool> tie, smooth;   // smooth: compared with a central difference, and right
  Tally& tally;
};

class Check {
 public:
  Check(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options)
      : f_(f), inputs_(inputs), options_(options), generator_(options.seed), moved_(inputs) {
    report_.inputs.resize(inputs.size());
    for (size_t k = 0; k < inputs.size(); ++k) {
      const Tensor& t = inputs[k];
      if (!t.defined() || !t.requires_grad() || t.dtype() != Dtype::float64) continue;
      const size_t n = size_t(t.numel());
      checked_.push_back({k, t.shape(), t.to_vector(), Numbers(n, 0.0), Numbers(n, unknown), std::vector<bool>(n),
                          std::vector<bool>(n), report_.inputs[k]});
      moved_[k] = tensor_of(checked_.back().values, t.shape());
    }
    if (checked_.empty())
      throw StateError(
          "gradcheck: no input is float64 and requires a gradient; call requires_grad(true) on a float64 tensor");
  }

  Report run() {
    if (!differentiate()) return report_;
    for (Checked& in : checked_) {
      std::vector<std::pair<int64_t, Reach>> places;
      double size = 0;  // of the derivatives that differences can tell
      for (int64_t i : chosen(in)) {
        const Reach reach = reach_of(in, i);
        if (reach.convention) {
          ++in.tally.excluded;
          continue;
        }
        places.emplace_back(i, reach);
        if (const double hand = std::abs(in.hand[size_t(i)]); std::isfinite(hand) && hand > size) size = hand;
      }
      const bool all = places.size() == in.values.size() || int64_t(places.size()) == options_.most_elements;
      scale_ = std::max(all ? largest(in.hand) : size, 1e-5 * value_scale_);
      for (const auto& [i, reach] : places)
        if (!options_.stop_at_failure || report_.failures == 0) check_element(in, i, reach);
    }
    if (options_.second_order && report_.failures == 0)
      for (int trial = 0; trial < 2 && report_.failures == 0; ++trial) check_second_order();
    if (report_.failure && !report_.failure->second_order) report_.failure->likely = diagnose(*report_.failure);
    add_up();
    report_.ok = report_.failures == 0 && report_.inconclusive == 0 && report_.trouble.empty() &&
                 report_.points + report_.one_sided + report_.second_order > 0;
    return report_;
  }

 private:
  // ---- the hand-written gradient ----------------------------------------------------------------

  // Fills in the outputs, the upstream gradient and what backward returns for it; false when there is trouble.
  bool differentiate() {
    const Tensor out = f_(inputs_);
    if (out.dtype() != Dtype::float64)
      return trouble(fmt::format("the output is {}, wanted float64", name_of(out.dtype())));
    out_shape_ = out.shape();
    const Numbers values = out.to_vector();
    for (size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i])) return trouble(fmt::format("element {} of the output is {}", i, values[i]));
    upstream_ = random_upstream(values.size(), generator_);
    const Numbers of_copies = outputs();
    for (size_t i = 0; i < values.size(); ++i)
      if (!(std::abs(values[i] - of_copies[i]) <= 1e-12 * std::max(1.0, std::abs(values[i]))))
        return trouble(fmt::format("element {} of the output is {:.17g}, but {:.17g} for dense copies of the inputs", i,
                                   values[i], of_copies[i]));
    value_scale_ = options_.usual_output;
    for (size_t i = 0; i < values.size(); ++i)
      value_scale_ = std::max(value_scale_, std::abs(values[i] * upstream_[i]));
    if (out.requires_grad()) {
      std::vector<Tensor> leaves;
      for (const Checked& in : checked_) leaves.push_back(inputs_[in.at]);
      const std::vector<Tensor> gradients = grad({out}, leaves, {tensor_of(upstream_, out_shape_)});
      for (size_t j = 0; j < checked_.size(); ++j) {
        if (!gradients[j].defined()) continue;
        if (!(gradients[j].shape() == checked_[j].shape))
          return trouble(fmt::format("the gradient of input {} has shape {}, wanted {}", checked_[j].at,
                                     text(gradients[j].shape()), text(checked_[j].shape)));
        checked_[j].hand = gradients[j].to_vector();
      }
    }
    for (const Checked& in : checked_)
      if (inputs_[in.at].to_vector() != in.values)
        return trouble(fmt::format("the function changed input {} in place", in.at));
    return true;
  }

  void add_up() {
    for (const Tally& t : report_.inputs) {
      report_.points += t.points, report_.one_sided += t.one_sided, report_.second_order += t.second_order;
      report_.excluded += t.excluded, report_.inconclusive += t.inconclusive;
      report_.worst = std::max(report_.worst, t.worst);
      report_.worst_one_sided = std::max(report_.worst_one_sided, t.worst_one_sided);
      report_.worst_second_order = std::max(report_.worst_second_order, t.worst_second_order);
    }
  }

  bool trouble(std::string what) {
    report_.trouble = std::move(what);
    return false;
  }

  // ---- differences ------------------------------------------------------------------------------

  // A point that f refuses lies outside its domain: no number, so that steps become smaller.
  Numbers outputs() const {
    NoGrad quiet;
    try {
      return f_(moved_).to_vector();
    } catch (const DomainError&) { return Numbers(upstream_.size(), unknown); }
  }
  Numbers outputs_at(const Checked& in, int64_t i, double step) {
    double& x = moved_[in.at].mutable_data<double>()[i];
    x = in.values[size_t(i)] + step;
    const Numbers out = outputs();
    moved_[in.at].mutable_data<double>()[i] = in.values[size_t(i)];
    return out;
  }

  // What rounding does to a difference of the contracted outputs: relative to their size and to that of the inputs.
  // Of a result while element i moves: its own rounding, and that of the element (one that moves from 0 has none).
  double noise(const Checked& in, int64_t i) const {
    return 4e-16 * (value_scale_ + scale_ * std::min(std::abs(in.values[size_t(i)]), 1e3));
  }

  Extrapolated central(const Checked& in, int64_t i, double step, const Numbers& upstream) {
    const auto estimate = [&](double h) {
      const Numbers up = outputs_at(in, i, h), down = outputs_at(in, i, -h);
      double s = 0;
      for (size_t o = 0; o < up.size(); ++o) s += upstream[o] * (up[o] - down[o]);
      return Numbers{s / (2 * h)};
    };
    return extrapolate(estimate, step, 2, noise(in, i))[0];
  }
  Extrapolated from_one_side(const Checked& in, int64_t i, double step) {  // step < 0: from below
    const Numbers here = outputs_at(in, i, 0);
    const auto estimate = [&](double h) {
      const Numbers there = outputs_at(in, i, h);
      double s = 0;
      for (size_t o = 0; o < there.size(); ++o) s += upstream_[o] * (there[o] - here[o]);
      return Numbers{s / h};
    };
    return extrapolate(estimate, step, 1, noise(in, i))[0];
  }

  Reach reach_of(const Checked& in, int64_t i) const {
    if (!options_.reach) return {};
    std::vector<Tensor> direction(inputs_.size());
    Numbers unit(in.values.size(), 0.0);
    unit[size_t(i)] = 1;
    direction[in.at] = tensor_of(unit, in.shape);
    return options_.reach(direction);
  }
  static double first_step(double x, double room) {
    return std::min(0.25 * std::max(1.0, std::min(std::abs(x), 4.0)), room / 8);
  }

  std::vector<int64_t> chosen(const Checked& in) const {
    const int64_t n = int64_t(in.values.size()), most = options_.most_elements;
    std::vector<int64_t> elements;
    if (most <= 0 || n <= most)
      for (int64_t i = 0; i < n; ++i) elements.push_back(i);
    else
      for (int64_t j = 0; j < most; ++j) elements.push_back(most == 1 ? n - 1 : j * (n - 1) / (most - 1));
    return elements;
  }

  // ---- first order ------------------------------------------------------------------------------

  bool conclusive(const Extrapolated& d, double tolerance) const {
    return d.error <= conclusive_ratio * tolerance * std::max(scale_, std::abs(d.value));
  }
  bool agrees(double hand, const Extrapolated& d, double tolerance) const {
    return std::abs(hand - d.value) <= tolerance * std::max(scale_, std::abs(d.value)) + 4 * d.error;
  }

  void check_element(Checked& in, int64_t i, const Reach& reach) {
    const double hand = in.hand[size_t(i)];
    const double room = std::min(reach.down, reach.up);
    if (reach.tie || room == 0) {
      in.tie[size_t(i)] = true;
      return check_sides(in, i, reach, {unknown, infinity});
    }
    Extrapolated best{unknown, infinity};
    double step = first_step(in.values[size_t(i)], room);
    for (int attempt = 0; attempt < attempts; ++attempt, step /= attempt_ratio) {
      const Extrapolated d = central(in, i, step, upstream_);
      if (d.error < best.error) best = d;
      if (!conclusive(d, options_.tolerance) || !agrees(hand, d, options_.tolerance)) continue;
      ++in.tally.points;
      in.expected[size_t(i)] = d.value;
      in.smooth[size_t(i)] = true;
      note(in.tally.worst, hand, d);
      return;
    }
    check_sides(in, i, reach, best);
  }

  void note(double& worst, double hand, const Extrapolated& d) const {
    const double scale = std::max(scale_, std::abs(d.value));
    if (scale > 0) worst = std::max(worst, std::abs(hand - d.value) / scale);
  }

  Extrapolated best_side(const Checked& in, int64_t i, double room, double sign) {
    Extrapolated best{unknown, infinity};
    if (room == 0) return best;
    double step = first_step(in.values[size_t(i)], room);
    for (int attempt = 0; attempt < attempts && !(best.error <= 1e-3 * side_tolerance * scale_);
         ++attempt, step /= attempt_ratio) {
      const Extrapolated d = from_one_side(in, i, sign * step);
      if (d.error < best.error) best = d;
    }
    return best;
  }

  // Does the slope grow without bound towards this element, or is there no way to move it at all?
  bool diverges(const Checked& in, int64_t i, const Reach& reach) {
    constexpr double closer = 1e-6, growth = 2;
    bool moves = false, grows = false;
    for (double sign : {-1.0, 1.0}) {
      const double room = sign < 0 ? reach.down : reach.up;
      if (room == 0) continue;
      moves = true;
      const double step = sign * first_step(in.values[size_t(i)], room);
      const Numbers here = outputs_at(in, i, 0), far = outputs_at(in, i, step), near = outputs_at(in, i, closer * step);
      for (size_t o = 0; o < here.size(); ++o)
        grows |= !std::isfinite(near[o]) ||
                 std::abs(near[o] - here[o]) > growth * closer * std::abs(far[o] - here[o]) + noise(in, i);
    }
    return grows || !moves;
  }

  // Where central differences cannot tell: at a tie, at the end of the domain, or (`central` known) at a disagreement.
  void check_sides(Checked& in, int64_t i, const Reach& reach, const Extrapolated& central) {
    const double hand = in.hand[size_t(i)];
    const Extrapolated below = best_side(in, i, reach.down, -1), above = best_side(in, i, reach.up, +1);
    const bool sure_below = conclusive(below, side_tolerance), sure_above = conclusive(above, side_tolerance);
    const bool sure_central = conclusive(central, options_.tolerance);
    const bool at_end = reach.down == 0 || reach.up == 0;
    if (at_end ? !sure_below && !sure_above : !sure_below || !sure_above) {
      if (sure_central || std::isnan(hand)) return fail(in, i, central);
      if (!diverges(in, i, reach)) {  // so near a kink, or where x^1.3 ends, no difference can tell
        const bool beside_a_kink = std::max(reach.down, reach.up) < 1e-5;
        return void(++(beside_a_kink || at_end ? in.tally.excluded : in.tally.inconclusive));
      }
      ++in.tally.excluded;
      report_.poles.push_back({int(in.at), i, unknown, unknown, hand});
      return;
    }
    const Extrapolated& better = below.error < above.error ? below : above;
    if (sure_below && sure_above) {
      const double scale = std::max({scale_, std::abs(below.value), std::abs(above.value)});
      const double room = side_tolerance * scale + 4 * (below.error + above.error);
      const double apart = std::abs(above.value - below.value),
                   larger = std::max(std::abs(above.value), std::abs(below.value));
      if (apart > 10 * room || apart > 1e-3 * larger + 40 * (below.error + above.error)) {  // a kink
        const bool between =
            hand >= std::min(below.value, above.value) - room && hand <= std::max(below.value, above.value) + room;
        if (!between) return fail(in, i, std::abs(hand - below.value) < std::abs(hand - above.value) ? below : above);
        ++in.tally.one_sided;
        report_.kinks.push_back({int(in.at), i, below.value, above.value, hand});
        return;
      }
    }
    if (sure_central || !agrees(hand, better, side_tolerance)) return fail(in, i, sure_central ? central : better);
    ++in.tally.one_sided;
    in.expected[size_t(i)] = better.value;
    note(in.tally.worst_one_sided, hand, better);
  }

  void fail(Checked& in, int64_t i, const Extrapolated& d) {
    in.expected[size_t(i)] = d.value;
    mismatch(in, i, in.hand[size_t(i)], d, false);
  }
  void mismatch(const Checked& in, int64_t i, double hand, const Extrapolated& d, bool second_order) {
    const auto distance = [](double a, double b) { return std::isnan(a - b) ? infinity : std::abs(a - b); };
    ++report_.failures;
    ++(second_order ? in.tally.second_order : in.tally.points);
    double& worst = second_order ? in.tally.worst_second_order : in.tally.worst;
    worst = std::max(
        worst, distance(hand, d.value) / std::max({scale_, std::abs(d.value), std::numeric_limits<double>::min()}));
    if (report_.failure && distance(hand, d.value) <= distance(report_.failure->hand, report_.failure->expected))
      return;
    report_.failure = {int(in.at), index_of(i, in.shape), hand, d.value, d.error, second_order, {}};
  }

  std::string diagnose(const Mismatch& m) {
    Evidence e;
    e.input = m.input;
    e.outputs = int64_t(upstream_.size());
    e.hand.resize(inputs_.size()), e.expected.resize(inputs_.size()), e.shapes.resize(inputs_.size());
    for (const Checked& in : checked_) {
      e.hand[in.at] = in.hand;
      e.expected[in.at] = in.expected;
      e.shapes[in.at] = in.shape;
      if (int(in.at) != m.input) continue;
      e.tie = in.tie;
      e.without_upstream.assign(in.values.size(), unknown);
      const Numbers ones(upstream_.size(), 1.0);
      for (int64_t i : chosen(in)) {
        const Reach reach = reach_of(in, i);
        if (const double room = std::min(reach.down, reach.up); room > 0 && !reach.tie)
          e.without_upstream[size_t(i)] =
              central(in, i, first_step(in.values[size_t(i)], room) / attempt_ratio, ones).value;
      }
    }
    return likely_bug(e);
  }

  // ---- second order -----------------------------------------------------------------------------

  // The gradient at moved_, of all checked inputs one after the other, then the outputs.
  Numbers gradient_and_outputs() const {
    std::vector<Tensor> in = moved_, leaves;
    for (const Checked& c : checked_) {
      in[c.at] = moved_[c.at].detach().requires_grad(true);
      leaves.push_back(in[c.at]);
    }
    const Tensor out = f_(in);
    std::vector<Tensor> gradients(leaves.size());
    if (out.requires_grad()) gradients = grad({out}, leaves, {tensor_of(upstream_, out_shape_)});
    Numbers all;
    for (size_t j = 0; j < checked_.size(); ++j) append(all, gradients[j], checked_[j].values.size());
    append(all, out, upstream_.size());
    return all;
  }
  static void append(Numbers& to, const Tensor& t, size_t n) {
    const Numbers values = t.defined() ? t.to_vector() : Numbers(n, 0.0);
    to.insert(to.end(), values.begin(), values.end());
  }

  // The derivative of the gradient along v, and of the outputs, as double backward has them.
  Numbers double_backward(const std::vector<Numbers>& v) const {
    std::vector<Tensor> leaves;
    for (const Checked& in : checked_) leaves.push_back(inputs_[in.at]);
    Tensor upstream = tensor_of(upstream_, out_shape_);
    upstream.requires_grad(true);
    const Tensor out = f_(inputs_);
    std::vector<Tensor> first, seeds, second(leaves.size() + 1);
    if (out.requires_grad()) {
      const std::vector<Tensor> gradients = grad({out}, leaves, {upstream}, {.create_graph = true});
      for (size_t j = 0; j < gradients.size(); ++j)
        if (gradients[j].defined() && gradients[j].requires_grad()) {
          first.push_back(gradients[j]);
          seeds.push_back(tensor_of(v[j], checked_[j].shape));
        }
    }
    leaves.push_back(upstream);
    if (!first.empty()) second = grad(first, leaves, seeds);
    Numbers all;
    for (size_t j = 0; j < checked_.size(); ++j) append(all, second[j], checked_[j].values.size());
    append(all, second.back(), upstream_.size());
    return all;
  }

  void move_along(const std::vector<Numbers>& v, double step) {
    for (size_t j = 0; j < checked_.size(); ++j) {
      double* x = moved_[checked_[j].at].mutable_data<double>();
      for (size_t i = 0; i < v[j].size(); ++i) x[i] = checked_[j].values[i] + step * v[j][i];
    }
  }

  void check_second_order() {
    std::vector<Numbers> v;
    std::vector<Tensor> direction(inputs_.size());
    bool moves = false;
    for (const Checked& in : checked_) {
      Numbers d(in.values.size());
      fill_normal(d.data(), int64_t(d.size()), 0.0, 1.0, generator_);
      for (size_t i = 0; i < d.size(); ++i) {
        if (!in.smooth[i]) d[i] = 0;
        moves |= d[i] != 0;
      }
      direction[in.at] = tensor_of(d, in.shape);
      v.push_back(std::move(d));
    }
    if (!moves) return;
    const Reach reach = options_.reach ? options_.reach(direction) : Reach{};
    if (reach.tie) return;
    const Numbers hand = double_backward(v);
    double scale = std::max(largest(hand), 1e-5 * value_scale_);
    for (const Checked& in : checked_) scale = std::max(scale, 1e-3 * largest(in.hand));

    const auto estimate = [&](double h) {
      Numbers up(hand.size(), unknown), down = up;
      try {
        move_along(v, h);
        up = gradient_and_outputs();
        move_along(v, -h);
        down = gradient_and_outputs();
      } catch (const DomainError&) {}  // outside the domain
      for (size_t i = 0; i < up.size(); ++i) up[i] = (up[i] - down[i]) / (2 * h);
      return up;
    };
    std::vector<Extrapolated> best(hand.size(), {unknown, infinity});
    double step = std::min(0.1, std::min(reach.down, reach.up) / 8);
    const auto settles = [&](size_t i, const Extrapolated& d) {
      return d.error <= second_tolerance * scale &&
             std::abs(hand[i] - d.value) <= second_tolerance * scale + 4 * d.error;
    };
    const auto settled = [&](size_t i) { return settles(i, best[i]); };
    const auto all_settled = [&] {
      for (size_t i = 0; i < hand.size(); ++i)
        if (!settled(i)) return false;
      return true;
    };
    for (int attempt = 0; attempt < attempts && !all_settled(); ++attempt, step /= attempt_ratio) {
      const std::vector<Extrapolated> d = extrapolate(estimate, step, 2, 4e-16 * scale);
      for (size_t i = 0; i < d.size(); ++i)
        if (!settled(i) && (settles(i, d[i]) || d[i].error < best[i].error)) best[i] = d[i];
    }
    move_along(v, 0);
    compare_second_order(hand, best, scale, settled);
  }

  void compare_second_order(const Numbers& hand, const std::vector<Extrapolated>& best, double scale, auto settled) {
    size_t at = 0;
    for (const Checked& in : checked_)
      for (size_t i = 0; i < in.values.size(); ++i, ++at) {
        if (!in.smooth[i]) continue;
        if (settled(at)) {
          ++in.tally.second_order;
          if (scale > 0)
            in.tally.worst_second_order =
                std::max(in.tally.worst_second_order, std::abs(hand[at] - best[at].value) / scale);
        } else if (best[at].error <= second_tolerance * scale || std::isnan(hand[at])) {
          mismatch(in, int64_t(i), hand[at], best[at], true);
          report_.failure->likely = "the backward of the backward is wrong";
        } else {
          ++in.tally.inconclusive;
        }
      }
    for (; at < hand.size(); ++at) {
      if (settled(at) || best[at].error > second_tolerance * scale) continue;
      mismatch(checked_[0], 0, hand[at], best[at], true);
      report_.failure->likely = "the backward of the backward is wrong with respect to the upstream gradient";
    }
  }

  const TensorFunction& f_;
  const std::vector<Tensor>& inputs_;
  const GradcheckOptions& options_;
  Generator generator_;
  std::vector<Tensor> moved_;  // the inputs, dense, outside the graph: what the differences move
  std::vector<Checked> checked_;
  Shape out_shape_;
  Numbers upstream_;
  double value_scale_ = 0;  // the largest term of <upstream, output>, or what it usually is
  double scale_ = 0;        // the largest derivative with respect to the input under check
  Report report_;
};

}  // namespace

Report gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  return Check(f, inputs, options).run();
}

std::string to_string(const Report& r) {
  if (!r.trouble.empty()) return fmt::format("gradcheck failed: {}", r.trouble);
  std::string text = fmt::format(
      "gradcheck {}: {} derivatives by central differences (worst {:.1e}), {} one-sided (worst {:.1e}, {} kinks), {} "
      "second (worst {:.1e})",
      r.ok ? "passed" : "failed", r.points, r.worst, r.one_sided, r.worst_one_sided, r.kinks.size(), r.second_order,
      r.worst_second_order);
  if (r.excluded) text += fmt::format(", {} excluded at the end of the domain", r.excluded);
  if (r.inconclusive) text += fmt::format(", {} inconclusive", r.inconclusive);
  if (r.failure)
    text += fmt::format(
        "; {} wrong, the worst is {}input {} at {}: backward gives {:.17g}, differences {:.17g} ± {:.1g}: {}",
        r.failures, r.failure->second_order ? "the second derivative of " : "", r.failure->input,
        gradus::text(r.failure->index), r.failure->hand, r.failure->expected, r.failure->error, r.failure->likely);
  return text;
}

}  // namespace gradus
