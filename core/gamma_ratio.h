// Ratios of gamma functions, without two large logarithms that cancel.
#pragma once
#include "gradus/core/functions.h"

namespace gradus {

// log Γ(a + s)/Γ(a) for a > 0 and s >= 0, and its slope along a: from 16 on by the differences of Stirling's series.
template <class T> struct GammaRatio {
  T value, along_start;

  GRADUS_FN GammaRatio(T a, T s) {
    auto large = a >= 16.0;
    T b = select(large, a, 16.0), end = b + s, r = 1.0 / b, q = 1.0 / end, bent = log1p(s * r);
    T stirling = (b - 0.5) * bent + (s * log(end) - s) + (rest(q) - rest(r));
    T slope = bent - 0.5 * (q - r) - (rest_of_slope(q) - rest_of_slope(r));
    T c = select(large, 1.0, a);
    value = select(large, stirling, lgamma(c + s) - lgamma(c));
    along_start = select(large, slope, digamma(c + s) - digamma(c));
  }

 private:
  // log Γ(x) - (x - 1/2) log x + x - log(2π)/2, of r = 1/x.
  GRADUS_FN static T rest(T r) {
    T s = r * r;
    return r * (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680 - s * (1.0 / 1188)))));
  }
  // log x - 1/(2x) - ψ(x)
  GRADUS_FN static T rest_of_slope(T r) {
    T s = r * r;
    return s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132)))));
  }
};

}  // namespace gradus
