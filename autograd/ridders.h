// Derivatives by differences, extrapolated to step zero (C. J. F. Ridders, 1982).  The extrapolation knows how far its
// own result can be trusted, which a difference with one fixed step never does.
#pragma once
#include <functional>
#include <vector>

namespace gradus {

struct Extrapolated {
  double value = 0;
  double error = 0;  // an estimate of |value - limit|; infinite where no estimate was finite
};

// The limit at step 0 of every component of estimate(step), called with steps first_step, first_step / 1.4 …  `power`
// is 2 where the error of an estimate is a series in step² (central differences), 1 where it is one in step.  Rounding
// puts an error of noise / step on every estimate.
std::vector<Extrapolated> extrapolate(const std::function<std::vector<double>(double step)>& estimate,
                                      double first_step, int power, double noise = 0);

// f'(x) by central differences.
Extrapolated derivative(const std::function<double(double)>& f, double x, double first_step);
// The derivative of f at x from above (first_step > 0) or from below (first_step < 0).
Extrapolated one_sided_derivative(const std::function<double(double)>& f, double x, double first_step);

}  // namespace gradus
