// What the losses of generative adversarial networks share: means over what a critic says of samples.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

// Adds `part` times the mean of f over an input, f(x) being {value, slope}, to the value, and its gradient; the mean of
// nothing is 0.
template <class T, class Fn> GRADUS_ANYWHERE void add_mean(Case<T>& c, int input, double part, Fn f) {
  const Array<T>& x = c.in[input];
  const int64_t n = x.size();
  if (n == 0) return;
  const double each = part / double(n);
  c.add(c.value(), each * c.total(n, [&](int64_t i) { return f(x(i)).value; }));
  if (c.grad[input]) c.each(n, [&](int64_t i) { c.grad[input](i) = c.up() * each * f(x(i)).slope; });
}

template <class T> GRADUS_ANYWHERE WithSlope<T> logistic_of(T x) { return {softplus(x), sigmoid(x)}; }  // softplus(x)
template <class T> GRADUS_ANYWHERE WithSlope<T> logistic_against(T x) {
  return {softplus(-x), -sigmoid(-x)};
}  // softplus(-x)
template <class T> GRADUS_ANYWHERE WithSlope<T> itself(T x) { return {x, 1.0}; }
// [1 + sign x]+
template <class T> GRADUS_ANYWHERE WithSlope<T> hinge_of(T x, double sign) {
  const T room = 1.0 + sign * x;
  return {positive(room), select(room > 0.0, T(sign), 0.0)};
}
template <class T> GRADUS_ANYWHERE WithSlope<T> square_about(T x, double centre) {
  return {square(x - centre), 2.0 * (x - centre)};
}

}  // namespace gradus
