#include "gradus/autograd/ridders.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gradus {
namespace {

constexpr int levels = 12;
constexpr double shrink = 1.4;  // from step to step
constexpr double safe = 2;      // stop where a further level is worse than the best by this factor

// Neville's scheme of one component: column j has the first j terms of the error series removed.
class Tableau {
 public:
  explicit Tableau(int power) : ratio_(std::pow(shrink, power)) {}

  void add(double estimate, double noise) {
    std::vector<Entry> row{{estimate, noise}};
    double factor = ratio_;
    for (size_t j = 1; j <= last_.size(); ++j, factor *= ratio_) {
      const Entry left = row[j - 1], before = last_[j - 1];  // copies: row grows
      row.push_back(
          {(left.value * factor - before.value) / (factor - 1), (left.noise * factor + before.noise) / (factor - 1)});
      const double error =
          std::max(std::abs(row[j].value - left.value), std::abs(row[j].value - before.value)) + row[j].noise;
      if (error < best_.error) best_ = {row[j].value, error};
    }
    if (!last_.empty() && std::abs(row.back().value - last_.back().value) >= safe * best_.error) done_ = true;
    last_ = std::move(row);
  }
  bool done() const { return done_ || best_.error == 0; }
  Extrapolated best() const { return best_; }

 private:
  struct Entry { double value, noise; };
  double ratio_;
  std::vector<Entry> last_;
  Extrapolated best_{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()};
  bool done_ = false;
};

}  // namespace

std::vector<Extrapolated> extrapolate(const std::function<std::vector<double>(double)>& estimate, double first_step,
                                      int power, double noise) {
  std::vector<Tableau> tableaus;
  double step = first_step;
  for (int level = 0; level < levels; ++level, step /= shrink) {
    const std::vector<double> estimates = estimate(step);
    if (tableaus.empty()) tableaus.assign(estimates.size(), Tableau(power));
    for (size_t i = 0; i < estimates.size(); ++i)
      if (!tableaus[i].done()) tableaus[i].add(estimates[i], noise / std::abs(step));
    if (level >= 2 && std::all_of(tableaus.begin(), tableaus.end(), [](const Tableau& t) { return t.done(); })) break;
  }
  std::vector<Extrapolated> results;
  for (const Tableau& t : tableaus) results.push_back(t.best());
  return results;
}

Extrapolated derivative(const std::function<double(double)>& f, double x, double first_step) {
  return extrapolate([&](double h) { return std::vector<double>{(f(x + h) - f(x - h)) / (2 * h)}; }, first_step, 2)[0];
}

Extrapolated one_sided_derivative(const std::function<double(double)>& f, double x, double first_step) {
  const double here = f(x);
  return extrapolate([&](double h) { return std::vector<double>{(f(x + h) - here) / h}; }, first_step, 1)[0];
}

}  // namespace gradus
