// Comparing, and choosing by the result: masks are bool tensors.
#pragma once
#include <optional>

#include "gradus/core/tensor.h"

namespace gradus {

// Elementwise over the broadcast shape, for tensors of one dtype; a number is first rounded to a float tensor's dtype,
// and compared as float64 with integers.  NaN compares false, but not-equal to everything.
Tensor eq(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& a, double b);
Tensor ne(const Tensor& a, double b);
Tensor lt(const Tensor& a, double b);
Tensor le(const Tensor& a, double b);
Tensor gt(const Tensor& a, double b);
Tensor ge(const Tensor& a, double b);

// There is no == between two tensors: whether it compares handles or elements would be a guess.
inline Tensor operator==(const Tensor& a, double b) { return eq(a, b); }
inline Tensor operator!=(const Tensor& a, double b) { return ne(a, b); }
inline Tensor operator<(const Tensor& a, const Tensor& b) { return lt(a, b); }
inline Tensor operator<=(const Tensor& a, const Tensor& b) { return le(a, b); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return gt(a, b); }
inline Tensor operator>=(const Tensor& a, const Tensor& b) { return ge(a, b); }
inline Tensor operator<(const Tensor& a, double b) { return lt(a, b); }
inline Tensor operator<=(const Tensor& a, double b) { return le(a, b); }
inline Tensor operator>(const Tensor& a, double b) { return gt(a, b); }
inline Tensor operator>=(const Tensor& a, double b) { return ge(a, b); }

Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);  // of either sign
Tensor isfinite(const Tensor& x);

// On tensors of any dtype, where what is not 0 counts as true.
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);
inline Tensor operator&(const Tensor& a, const Tensor& b) { return logical_and(a, b); }
inline Tensor operator|(const Tensor& a, const Tensor& b) { return logical_or(a, b); }
inline Tensor operator!(const Tensor& x) { return logical_not(x); }

// a where the mask is true, b where it is false.  The side that is not chosen gets gradient 0, even where its value is
// NaN.
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& mask, const Tensor& a, double b);
Tensor where(const Tensor& mask, double a, const Tensor& b);

// The larger or smaller of both.  NaN wins; where both are equal each gets half the gradient.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
// x limited to [low, high], either of which may be left out: clamp(x, {}, 1).  NaN stays.  The slope is 1 inside and at
// the limits.  ParamError unless low <= high.
Tensor clamp(const Tensor& x, std::optional<double> low, std::optional<double> high = {});

}  // namespace gradus
