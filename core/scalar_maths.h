// The C library's functions under one name for float and double, callable on host and device alike.
#pragma once
#include <math.h>

#include "gradus/core/function.h"

namespace gradus::scalar_maths {
GRADUS_FN float abs(float x) { return ::fabsf(x); }
GRADUS_FN double abs(double x) { return ::fabs(x); }
GRADUS_FN float copysign(float x, float sign) { return ::copysignf(x, sign); }
GRADUS_FN double copysign(double x, double sign) { return ::copysign(x, sign); }
GRADUS_FN float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
GRADUS_FN double fma(double a, double b, double c) { return ::fma(a, b, c); }
GRADUS_FN float sqrt(float x) { return ::sqrtf(x); }
GRADUS_FN double sqrt(double x) { return ::sqrt(x); }
GRADUS_FN float floor(float x) { return ::floorf(x); }
GRADUS_FN double floor(double x) { return ::floor(x); }
GRADUS_FN float round(float x) { return ::rintf(x); }  // halves to even: the rounding mode is never changed
GRADUS_FN double round(double x) { return ::rint(x); }

GRADUS_FN float exp(float x) { return ::expf(x); }
GRADUS_FN double exp(double x) { return ::exp(x); }
GRADUS_FN float expm1(float x) { return ::expm1f(x); }
GRADUS_FN double expm1(double x) { return ::expm1(x); }
GRADUS_FN float log(float x) { return ::logf(x); }
GRADUS_FN double log(double x) { return ::log(x); }
GRADUS_FN float log1p(float x) { return ::log1pf(x); }
GRADUS_FN double log1p(double x) { return ::log1p(x); }
GRADUS_FN float pow(float x, float y) { return ::powf(x, y); }
GRADUS_FN double pow(double x, double y) { return ::pow(x, y); }
GRADUS_FN float tanh(float x) { return ::tanhf(x); }
GRADUS_FN double tanh(double x) { return ::tanh(x); }
GRADUS_FN float sin(float x) { return ::sinf(x); }
GRADUS_FN double sin(double x) { return ::sin(x); }
GRADUS_FN float cos(float x) { return ::cosf(x); }
GRADUS_FN double cos(double x) { return ::cos(x); }
GRADUS_FN float acos(float x) { return ::acosf(x); }
GRADUS_FN double acos(double x) { return ::acos(x); }
GRADUS_FN float atan2(float y, float x) { return ::atan2f(y, x); }
GRADUS_FN double atan2(double y, double x) { return ::atan2(y, x); }
GRADUS_FN float erf(float x) { return ::erff(x); }
GRADUS_FN double erf(double x) { return ::erf(x); }
GRADUS_FN float erfc(float x) { return ::erfcf(x); }
GRADUS_FN double erfc(double x) { return ::erfc(x); }

// log |gamma(x)|.  On the host the reentrant form: plain lgamma writes the global signgam, a race between threads.
GRADUS_FN double lgamma(double x) {
#if defined(__CUDA_ARCH__) || !defined(__GLIBC__)
  return ::lgamma(x);
#else
  int sign;
  return ::lgamma_r(x, &sign);
#endif
}
GRADUS_FN float lgamma(float x) {
#if defined(__CUDA_ARCH__) || !defined(__GLIBC__)
  return ::lgammaf(x);
#else
  int sign;
  return ::lgammaf_r(x, &sign);
#endif
}

// The derivative of order n + 1 of lgamma (n = 0: digamma, n = 1: trigamma) at x > 0; NaN elsewhere.
// Upward recurrence until x is large, then the asymptotic series (DLMF 5.11.2 and its derivatives).
GRADUS_FN double polygamma(int n, double x) {
  if (!(x > 0)) return NAN;
  double skipped = 0;  // sum of 1 / (x + k)^(n + 1) over the steps of the recurrence
  for (; x < 16 + n; x += 1) skipped += ::pow(x, -(n + 1.0));
  double factorial = 1;
  for (int k = 2; k <= n; ++k) factorial *= k;
  // B2, B4, ...
  const double bernoulli[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6};
  double rising = factorial * (n + 1) / 2;  // (2k + n - 1)! / (2k)! for k = 1
  double power = ::pow(x, -(n + 2.0));      // x^-(2k + n)
  double sum = factorial * skipped + factorial / 2 * ::pow(x, -(n + 1.0));
  for (int k = 1; k <= 7; ++k, power /= x * x) {
    sum += bernoulli[k - 1] * rising * power;
    rising *= (2.0 * k + n) * (2.0 * k + n + 1) / ((2.0 * k + 1) * (2.0 * k + 2));
  }
  if (n == 0) return ::log(x) - sum;
  sum += factorial / n * ::pow(x, -double(n));
  return n % 2 ? sum : -sum;
}
GRADUS_FN float polygamma(int n, float x) { return float(polygamma(n, double(x))); }
}  // namespace gradus::scalar_maths
