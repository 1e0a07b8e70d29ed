// Arithmetic between tensors, with NumPy broadcasting.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// Elementwise, over the broadcast shape; ShapeError or DtypeError name the op and what it got.
Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);  // float only
Tensor neg(const Tensor& x);
Tensor scaled(const Tensor& x, double factor);  // factor x
Tensor shifted(const Tensor& x, double term);   // x + term

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
inline Tensor operator/(const Tensor& x, double c) { return scaled(x, 1 / c); }

}  // namespace gradus
