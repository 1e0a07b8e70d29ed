// The modified Bessel functions I0 and I1, as the von Mises distribution needs them.
#pragma once
#include "gradus/core/functions.h"

namespace gradus {

// Of k >= 0: up to 20 by their power series, whose terms are all positive, then by the asymptotic one.
template <class T> struct BesselI0 {
  T log_scaled;  // log I0(k) - k
  T lack;        // 1 - I1(k)/I0(k)

  GRADUS_FN explicit BesselI0(T k) {
    auto large = k > 20.0;
    const Series power = near(select(large, 1.0, k)), asymptotic = far(select(large, k, 20.0));
    log_scaled = select(large, asymptotic.log_scaled, power.log_scaled);
    lack = select(large, asymptotic.lack, power.lack);
  }

 private:
  struct Series {
    T log_scaled, lack;
  };
  GRADUS_FN static Series near(T k) {
    constexpr int terms = 45;
    T u = 0.25 * k * k, term = 1.0, above_one = 0.0, slope = 1.0;  // Σ uⁿ/n!² - 1, Σ uⁿ/(n! (n + 1)!)
    for (int n = 1; n <= terms; ++n) {
      term = term * (u * (1.0 / (double(n) * n)));
      above_one = above_one + term;
      slope = slope + term * (1.0 / (n + 1));
    }
    return {log1p(above_one) - k, 1.0 - 0.5 * k * slope / (1.0 + above_one)};
  }
  GRADUS_FN static Series far(T k) {
    constexpr int terms = 30;
    T r = 0.125 / k, zeroth = 1.0, first = 1.0, above_one = 0.0, lack = 0.0;
    for (int n = 1; n <= terms; ++n) {
      const double odd = double(2 * n - 1) * (2 * n - 1);
      zeroth = zeroth * (r * (odd / n));
      first = first * (r * ((odd - 4) / n));
      above_one = above_one + zeroth;
      lack = lack + (zeroth - first);
    }
    return {log1p(above_one) - 0.5 * log(k) - 0.91893853320467274, lack / (1.0 + above_one)};
  }
};

}  // namespace gradus
