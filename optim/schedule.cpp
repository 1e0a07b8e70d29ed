#include "gradus/optim/schedule.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "gradus/core/error.h"
#include "gradus/ops/factories.h"
#include "gradus/optim/option_checks.h"
#include "gradus/optim/state_reader.h"

namespace gradus {
namespace {

// From `from` to `to` as `share` goes from 0 to 1, along half a cosine.
double along_cosine(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}
double along_line(double from, double to, double share) { return from + (to - from) * share; }

void check_gamma(const char* op, double gamma) { check_positive(op, "gamma", gamma, "try 0.1"); }
void check_steps(const char* op, const char* name, int64_t steps) {
  check_at_least_one(op, name, steps, "pass the number of steps");
}

}  // namespace

Schedule step_decay(int64_t every, double gamma) {
  check_steps("step_decay", "every", every);
  check_gamma("step_decay", gamma);
  return [=](double base, int64_t step) { return base * std::pow(gamma, double(step / every)); };
}

Schedule multi_step_decay(std::vector<int64_t> milestones, double gamma) {
  check_gamma("multi_step_decay", gamma);
  std::sort(milestones.begin(), milestones.end());
  return [=, milestones = std::move(milestones)](double base, int64_t step) {
    const auto reached = std::upper_bound(milestones.begin(), milestones.end(), step) - milestones.begin();
    return base * std::pow(gamma, double(reached));
  };
}

Schedule exponential_decay(double gamma) {
  check_gamma("exponential_decay", gamma);
  return [=](double base, int64_t step) { return base * std::pow(gamma, double(step)); };
}

Schedule cosine_annealing(int64_t steps, double lowest) {
  check_steps("cosine_annealing", "steps", steps);
  check_not_negative("cosine_annealing", "lowest", lowest);
  return [=](double base, int64_t step) { return along_cosine(base, lowest, double(step) / double(steps)); };
}

Schedule cosine_restarts(int64_t steps, int64_t growth, double lowest) {
  check_steps("cosine_restarts", "steps", steps);
  check_at_least_one("cosine_restarts", "growth", growth, "try 2");
  check_not_negative("cosine_restarts", "lowest", lowest);
  return [=](double base, int64_t step) {
    double length = double(steps), into = double(step);  // a cycle may grow past what int64 holds
    if (growth == 1) into = double(step % steps);
    while (into >= length) into -= length, length *= double(growth);
    return along_cosine(base, lowest, into / length);
  };
}

Schedule linear_warm_up(int64_t steps, double start) {
  check_steps("linear_warm_up", "steps", steps);
  if (!(start >= 0 && start <= 1))
    throw ParamError(fmt::format("linear_warm_up: got start = {}, wanted a share in [0, 1]; try 0.1", start));
  return [=](double base, int64_t step) {
    return base * along_line(start, 1, double(std::min(step, steps)) / double(steps));
  };
}

Schedule sequence(Schedule first, int64_t steps, Schedule then) {
  check_steps("sequence", "steps", steps);
  if (!first || !then) throw ParamError("sequence: got an empty schedule, wanted two; pass cosine_annealing(100)");
  return [=, first = std::move(first), then = std::move(then)](double base, int64_t step) {
    return step < steps ? first(base, step) : then(base, step - steps);
  };
}

// ---- one cycle ----------------------------------------------------------------------------------

namespace {

void check(const char* op, const OneCycleOptions& o) {
  check_steps(op, "steps", o.steps);
  if (!(o.rise >= 0 && o.rise <= 1))
    throw ParamError(fmt::format("{}: got rise = {}, wanted a share in [0, 1]; try 0.3", op, o.rise));
  check_positive(op, "div_factor", o.div_factor);
  check_positive(op, "final_div_factor", o.final_div_factor);
  check_decay(op, "base_momentum", o.base_momentum);
  check_decay(op, "max_momentum", o.max_momentum);
}

// Values at the corners of the cycle: at its begin, at the top, after the way down, at its end.
struct Corners {
  double begin, top, down, end;
};

double on_cycle(const OneCycleOptions& o, const Corners& c, int64_t step) {
  const double up = o.rise * double(o.steps) - 1, last = double(o.steps - 1), down = 2 * up;
  const double at = std::min(double(step), last);
  const auto phase = [&](double from, double to, double begin, double end) {
    const double share = end > begin ? (at - begin) / (end - begin) : 1;
    return o.cosine ? along_cosine(from, to, share) : along_line(from, to, share);
  };
  if (at <= up) return phase(c.begin, c.top, 0, up);
  if (!o.three_phase) return phase(c.top, c.end, up, last);
  return at <= down ? phase(c.top, c.down, up, down) : phase(c.down, c.end, down, last);
}

}  // namespace

Schedule one_cycle(const OneCycleOptions& options) {
  check("one_cycle", options);
  return [o = options](double base, int64_t step) {
    const double begin = base / o.div_factor;
    return on_cycle(o, {begin, base, begin, begin / o.final_div_factor}, step);
  };
}

Schedule one_cycle_momentum(const OneCycleOptions& options) {
  check("one_cycle_momentum", options);
  return [o = options](double, int64_t step) {
    return on_cycle(o, {o.max_momentum, o.base_momentum, o.max_momentum, o.max_momentum}, step);
  };
}

// ---- following a schedule -----------------------------------------------------------------------

Scheduler::Scheduler(Optimizer& optimizer, Schedule lr, Schedule momentum)
    : optimizer_(&optimizer), lr_(std::move(lr)), momentum_(std::move(momentum)) {
  if (!lr_) throw ParamError("Scheduler: got an empty schedule, wanted one; pass cosine_annealing(100)");
  for (size_t g = 0; g < optimizer.groups(); ++g) {
    base_lr_.push_back(optimizer.lr(g));
    if (momentum_) base_momentum_.push_back(optimizer.momentum(g));
  }
  apply();
}

void Scheduler::apply() {
  for (size_t g = 0; g < base_lr_.size(); ++g) {
    optimizer_->set_lr(lr_(base_lr_[g], step_), g);
    if (momentum_) optimizer_->set_momentum(momentum_(base_momentum_[g], step_), g);
  }
}

void Scheduler::step() {
  ++step_;
  apply();
}

NamedTensors Scheduler::state() const {
  const Shape groups{int64_t(base_lr_.size())};
  NamedTensors all = {{"step", from_data(&step_, {})}, {"base_lr", from_data(base_lr_.data(), groups)}};
  if (momentum_) all.emplace_back("base_momentum", from_data(base_momentum_.data(), groups));
  return all;
}

void Scheduler::load_state(const NamedTensors& state) {
  StateReader reader("Scheduler", "schedule", state);
  const Shape groups{int64_t(base_lr_.size())};
  const int64_t step = reader.take("step", {}, Dtype::int64).item_integer();
  if (step < 0)
    throw ParamError(
        fmt::format("Scheduler: load_state got 'step' = {}, wanted at least 0; restore another state", step));
  std::vector<double> base_lr = reader.take("base_lr", groups, Dtype::float64).to_vector(), base_momentum;
  if (momentum_) base_momentum = reader.take("base_momentum", groups, Dtype::float64).to_vector();
  reader.finish();
  step_ = step;
  base_lr_ = std::move(base_lr);
  base_momentum_ = std::move(base_momentum);
  apply();
}

// ---- on a plateau -------------------------------------------------------------------------------

ReduceOnPlateau::ReduceOnPlateau(Optimizer& optimizer, const ReduceOnPlateauOptions& options)
    : optimizer_(&optimizer),
      options_(options),
      best_(options.maximize ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity()) {
  constexpr const char* op = "ReduceOnPlateau";
  if (!(options.factor > 0 && options.factor < 1))
    throw ParamError(fmt::format("{}: got factor = {}, wanted a number in (0, 1); try 0.1", op, options.factor));
  check_not_negative(op, "patience", double(options.patience));
  check_not_negative(op, "threshold", options.threshold);
  check_not_negative(op, "cooldown", double(options.cooldown));
  check_not_negative(op, "lowest", options.lowest);
  check_not_negative(op, "eps", options.eps);
}

bool ReduceOnPlateau::improves(double metric) const {
  const double sign = options_.maximize ? 1 : -1;
  const double bar = options_.relative ? best_ * (1 + sign * options_.threshold) : best_ + sign * options_.threshold;
  return options_.maximize ? metric > bar : metric < bar;
}

void ReduceOnPlateau::reduce() {
  for (size_t g = 0; g < optimizer_->groups(); ++g) {
    const double old = optimizer_->lr(g), lower = std::max(old * options_.factor, options_.lowest);
    if (old - lower > options_.eps) optimizer_->set_lr(lower, g);
  }
}

void ReduceOnPlateau::step(double metric) {
  if (improves(metric)) best_ = metric, bad_steps_ = 0;
  else ++bad_steps_;
  if (cooldown_ > 0) --cooldown_, bad_steps_ = 0;
  if (bad_steps_ <= options_.patience) return;
  reduce();
  cooldown_ = options_.cooldown;
  bad_steps_ = 0;
}

NamedTensors ReduceOnPlateau::state() const {
  return {{"best", scalar(best_, Dtype::float64)},
          {"bad_steps", from_data(&bad_steps_, {})},
          {"cooldown", from_data(&cooldown_, {})}};
}

void ReduceOnPlateau::load_state(const NamedTensors& state) {
  StateReader reader("ReduceOnPlateau", "schedule", state);
  const double best = reader.take("best", {}, Dtype::float64).item();
  const int64_t bad_steps = reader.take("bad_steps", {}, Dtype::int64).item_integer(),
                cooldown = reader.take("cooldown", {}, Dtype::int64).item_integer();
  reader.finish();
  best_ = best;
  bad_steps_ = bad_steps;
  cooldown_ = cooldown;
}

}  // namespace gradus
