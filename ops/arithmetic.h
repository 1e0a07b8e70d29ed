// Arithmetic between tensors, with NumPy broadcasting.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// Elementwise, over the broadcast shape, on float32, float64 or int64; ShapeError or DtypeError name the op and what it
// got.  Integers wrap around, and meet whole numbers only.
Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);  // float only
Tensor neg(const Tensor& x);
Tensor scaled(const Tensor& x, double factor);    // factor x
Tensor shifted(const Tensor& x, double term);     // x + term
Tensor divided(const Tensor& x, double divisor);  // x / divisor, correctly rounded; float only

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return neg(x); }
inline Tensor operator+(const Tensor& x, double c) { return shifted(x, c); }
inline Tensor operator+(double c, const Tensor& x) { return shifted(x, c); }
inline Tensor operator-(const Tensor& x, double c) { return shifted(x, -c); }
inline Tensor operator-(double c, const Tensor& x) { return shifted(neg(x), c); }
inline Tensor operator*(const Tensor& x, double c) { return scaled(x, c); }
inline Tensor operator*(double c, const Tensor& x) { return scaled(x, c); }
inline Tensor operator/(const Tensor& x, double c) { return divided(x, c); }
Tensor operator/(double c, const Tensor& x);

}  // namespace gradus
