#include "gradus/ops/reduce.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/fold.h"
#include "gradus/ops/math.h"
#include "gradus/ops/scan.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

using folds::as;
using folds::wide;

// ---- folds about a number per result ------------------------------------------------------------

struct SquaresAbout : folds::Sum {
  template <class T, class W> GRADUS_FN W lift(T x, W centre) const {
    W d = wide(x) - centre;
    return d * d;
  }
};
struct ExpsAbout : folds::Sum {
  template <class T, class W> GRADUS_FN W lift(T x, W largest) const { return wide(exp(x - as<T>(largest))); }
};
struct LargestMagnitude : folds::Max {
  template <class T, class W> GRADUS_FN W lift(T x, W) const { return wide(abs(x)); }
};
struct Magnitudes : folds::Sum {
  template <class T, class W> GRADUS_FN W lift(T x, W) const { return wide(abs(x)); }
};
struct Nonzeros : folds::Sum {
  template <class T, class W> GRADUS_FN W lift(T x, W) const { return wide(select(x == 0.0, T(0.0), T(1.0))); }
};
struct ScaledSquares : folds::Sum {
  template <class T, class W> GRADUS_FN W lift(T x, W scale) const {
    W d = wide(x) / scale;
    return d * d;
  }
};
struct ScaledPowers : folds::Sum {
  double p;
  template <class T, class W> GRADUS_FN W lift(T x, W scale) const { return wide(pow(abs(x) / as<T>(scale), p)); }
};

// ---- around the folds ---------------------------------------------------------------------------

void check_floating(const char* op, const Tensor& x) {
  if (!computes(x.dtype()))
    throw DtypeError(
        fmt::format("{}: got {}, wanted float32 or float64; convert it with to()", op, name_of(x.dtype())));
}

// f applied to the float64 results of folds, as a tensor of the shape that is left.
template <class F, class... Folded> Tensor finished(const Folding& r, Dtype dtype, F f, const Folded&... folded) {
  Tensor out(r.shape, dtype);
  visit_floating(dtype, [&]<class E>(Type<E>) {
    E* to = out.mutable_data<E>();
    for (int64_t i = 0, n = out.numel(); i < n; ++i) to[i] = E(f(folded.template data<double>()[i]...));
  });
  return out;
}
template <class F> void replace_each(Tensor& folded, F f) {
  double* v = folded.mutable_data<double>();
  for (int64_t i = 0, n = folded.numel(); i < n; ++i) v[i] = f(v[i]);
}
double itself(double v) { return v; }

// The fold of a tensor on a device, which has no room for one struct per fold: what is folded is made by other ops.
Tensor fold_there(Monoid monoid, const Tensor& x, const Folding& r) { return device_reduce("fold", monoid, x, r.wide); }
Tensor in_shape(const Tensor& wide, const Folding& r) { return wide.alias(r.shape, dense_strides(r.shape)); }
// m where it may serve as a reference, else `other`.
Tensor if_finite(const Tensor& m, double other) { return where(isfinite(m), m, other); }

// A gradient of the shape that is left, at every element of x.
Tensor spread(const Tensor& g, const Folding& r, const Shape& shape) { return expand(reshape(g, r.wide), shape); }

// What a backward needs of the own result: as kept, or made again where the backward is recorded.
template <class Again> Tensor result(const Saved& kept, Again again) { return NoGrad::active() ? kept() : again(); }

template <class Fold> Tensor integer_result(const Tensor& x, const Folding& r) {
  return reshape(fold_integers<Fold>(x, r), r.shape);
}

Tensor sum_of(const Tensor& x, const Folding& r) {
  if (!is_floating(x.dtype())) return integer_result<folds::Sum>(x, r);
  check_floating("sum", x);
  Tensor out =
      on_cpu(x) ? finished(r, x.dtype(), itself, fold(folds::Sum{}, x, r)) : in_shape(fold_there(Monoid::sum, x, r), r);
  if (recording(x))
    record("sum", out, {&x}, [r, from = x.shape()](const Tensor& g, Gradients& to) { to[0] = spread(g, r, from); });
  return out;
}

Tensor mean_of(const Tensor& x, const Folding& r) {
  check_floating("mean", x);
  if (!on_cpu(x)) return divided(sum_of(x, r), double(r.count));
  const double n = double(r.count);
  Tensor out = finished(r, x.dtype(), [n](double s) { return s / n; }, fold(folds::Sum{}, x, r));
  if (recording(x))
    record("mean", out, {&x},
           [r, from = x.shape(), n](const Tensor& g, Gradients& to) { to[0] = spread(divided(g, n), r, from); });
  return out;
}

// For each element of x, the product of the others that are folded with it.
Tensor other_factors(const Tensor& x, const Folding& r) {
  std::vector<int64_t> order, back(size_t(x.rank()));
  for (const bool folded : {false, true})
    for (int d = 0; d < x.rank(); ++d)
      if (r.folded[d] == folded) back[size_t(d)] = int64_t(order.size()), order.push_back(d);
  const Tensor last = permute(x, order);
  const Tensor flat = reshape(last, {last.numel() / std::max<int64_t>(r.count, 1), r.count});
  return permute(reshape(product_of_others(flat, 1), last.shape()), back);
}

Tensor prod_of(const Tensor& x, const Folding& r) {
  if (!is_floating(x.dtype())) return integer_result<folds::Prod>(x, r);
  check_floating("prod", x);
  Tensor out = on_cpu(x) ? finished(r, x.dtype(), itself, fold(folds::Prod{}, x, r))
                         : in_shape(fold_there(Monoid::prod, x, r), r);
  if (recording(x))
    record("prod", out, {&x}, [r, x = Saved(x)](const Tensor& g, Gradients& to) {
      to[0] = mul(spread(g, r, x().shape()), other_factors(x(), r));
    });
  return out;
}

// ---- variance -----------------------------------------------------------------------------------

// x less its mean over the folded dimensions.
Tensor centred(const Tensor& x, const Folding& r) {
  Folding wide = r;
  wide.shape = r.wide;
  return sub(x, mean_of(x, wide));
}

// Σ (x - mean)² is divided by this much.
double divisor_of(const Folding& r, double correction) { return std::max(0.0, double(r.count) - correction); }

// The variance, or its root; below the graph.
Tensor spread_value(const Tensor& x, const Folding& r, double divisor, bool root) {
  if (!on_cpu(x)) {
    NoGrad quiet;
    const Tensor v = divided(in_shape(fold_there(Monoid::sum, square(centred(x, r)), r), r), divisor);
    return root ? sqrt(v) : v;
  }
  Tensor mean = fold(folds::Sum{}, x, r);
  replace_each(mean, [n = double(r.count)](double s) { return s / n; });
  const Tensor squares = fold(SquaresAbout{}, x, r, mean);
  return finished(r, x.dtype(), [=](double s) { return root ? std::sqrt(s / divisor) : s / divisor; }, squares);
}

Tensor var_of(const Tensor& x, const Folding& r, double correction) {
  check_floating("var", x);
  const double divisor = divisor_of(r, correction);
  Tensor out = spread_value(x, r, divisor, false);
  if (recording(x))
    record("var", out, {&x}, [r, x = Saved(x), factor = 2 / divisor](const Tensor& g, Gradients& to) {
      to[0] = mul(spread(scaled(g, factor), r, x().shape()), centred(x(), r));
    });
  return out;
}

Tensor std_of(const Tensor& x, const Folding& r, double correction) {
  check_floating("std", x);
  const double divisor = divisor_of(r, correction);
  Tensor out = spread_value(x, r, divisor, true);
  if (recording(x))
    record("std", out, {&x},
           [r, x = Saved(x), y = Saved(out.detach()), correction, d = divisor](const Tensor& g, Gradients& to) {
             const Tensor s = result(y, [&] { return std_of(x(), r, correction); });
             const Tensor slope = div(g, scaled(where(s == 0, 1, s), d));  // where s is 0, so is x less its mean
             to[0] = mul(spread(slope, r, x().shape()), centred(x(), r));
           });
  return out;
}

// ---- logsumexp ----------------------------------------------------------------------------------

Tensor logsumexp_value(const Tensor& x, const Folding& r) {  // below the graph
  if (!on_cpu(x)) {
    NoGrad quiet;
    const Tensor top = if_finite(fold_there(Monoid::max, x, r), 0);
    return in_shape(add(log(fold_there(Monoid::sum, exp(sub(x, top)), r)), top), r);
  }
  Tensor largest = fold(folds::Max{}, x, r);
  replace_each(largest, [](double m) { return std::isfinite(m) ? m : 0; });
  return finished(
      r, x.dtype(), [](double s, double m) { return std::log(s) + m; }, fold(ExpsAbout{}, x, r, largest), largest);
}

Tensor logsumexp_of(const Tensor& x, const Folding& r) {
  check_floating("logsumexp", x);
  Tensor out = logsumexp_value(x, r);
  if (recording(x))
    record("logsumexp", out, {&x}, [r, x = Saved(x), y = Saved(out.detach())](const Tensor& g, Gradients& to) {
      const Tensor total = result(y, [&] { return logsumexp_of(x(), r); });
      to[0] = mul(spread(g, r, x().shape()), exp(sub(x(), reshape(total, r.wide))));
    });
  return out;
}

// ---- norms --------------------------------------------------------------------------------------

Tensor norm_there(const Tensor& x, const Folding& r, double p) {
  NoGrad quiet;
  const auto summed = [&](const Tensor& terms) { return fold_there(Monoid::sum, terms, r); };
  if (p == 0) return in_shape(summed(to(ne(x, 0), x.dtype())), r);
  const Tensor size = abs(x);
  if (p == 1) return in_shape(summed(size), r);
  const Tensor top = fold_there(Monoid::max, size, r);
  if (std::isinf(p)) return in_shape(top, r);
  const Tensor scale = where(logical_and(gt(top, 0), isfinite(top)), top, 1), unit = div(size, scale);
  const Tensor total = summed(p == 2 ? square(unit) : pow(unit, p));
  return in_shape(mul(scale, p == 2 ? sqrt(total) : pow(total, 1 / p)), r);
}

Tensor norm_value(const Tensor& x, const Folding& r, double p) {
  if (!on_cpu(x)) return norm_there(x, r, p);
  if (p == 0) return finished(r, x.dtype(), itself, fold(Nonzeros{}, x, r));
  if (p == 1) return finished(r, x.dtype(), itself, fold(Magnitudes{}, x, r));
  Tensor scale = fold(LargestMagnitude{}, x, r);
  if (std::isinf(p)) return finished(r, x.dtype(), itself, scale);
  replace_each(scale, [](double m) { return m > 0 && std::isfinite(m) ? m : 1; });
  const Tensor total = p == 2 ? fold(ScaledSquares{}, x, r, scale) : fold(ScaledPowers{{}, p}, x, r, scale);
  const auto root = [p](double s, double m) { return m * (p == 2 ? std::sqrt(s) : std::pow(s, 1 / p)); };
  return finished(r, x.dtype(), root, total, scale);
}

// d norm / d x, given the norm y of shape r.wide.
Tensor norm_slope(const Tensor& x, const Tensor& y, double p, const Folding& r) {
  if (p == 1) return sign(x);
  if (std::isinf(p)) {
    const Tensor ties = to(eq(abs(x.detach()), y.detach()), x.dtype());
    Folding wide = r;
    wide.shape = r.wide;
    return mul(sign(x), div(ties, sum_of(ties, wide)));
  }
  const Tensor unit = div(x, where(y == 0, 1, y));
  if (p == 2) return unit;
  return mul(sign(x), pow(where(x == 0, 1, abs(unit)), p - 1));
}

Tensor norm_of(const Tensor& x, double p, const Folding& r) {
  check_floating("norm", x);
  if (!(p >= 0)) throw ParamError(fmt::format("norm: p is {}, wanted 0, a positive number or infinity", p));
  Tensor out = norm_value(x, r, p);
  if (recording(x))
    record("norm", out, {&x}, [r, x = Saved(x), y = Saved(out.detach()), p](const Tensor& g, Gradients& to) {
      if (p == 0) {
        to[0] = zeros_like(x());
        return;
      }
      const Tensor total = reshape(result(y, [&] { return norm_of(x(), p, r); }), r.wide);
      to[0] = mul(spread(g, r, x().shape()), norm_slope(x(), total, p, r));
    });
  return out;
}

}  // namespace

Tensor sum(const Tensor& x) { return sum_of(x, folding_of_all(x)); }
Tensor sum(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  return sum_of(x, folding("sum", x, dims, keepdim));
}
Tensor mean(const Tensor& x) { return mean_of(x, folding_of_all(x)); }
Tensor mean(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  return mean_of(x, folding("mean", x, dims, keepdim));
}
Tensor prod(const Tensor& x) { return prod_of(x, folding_of_all(x)); }
Tensor prod(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  return prod_of(x, folding("prod", x, dims, keepdim));
}

Tensor var(const Tensor& x) { return var_of(x, folding_of_all(x), 1); }
Tensor var(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim, double correction) {
  return var_of(x, folding("var", x, dims, keepdim), correction);
}
Tensor std(const Tensor& x) { return std_of(x, folding_of_all(x), 1); }
Tensor std(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim, double correction) {
  return std_of(x, folding("std", x, dims, keepdim), correction);
}

Tensor logsumexp(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  return logsumexp_of(x, folding("logsumexp", x, dims, keepdim));
}

Tensor norm(const Tensor& x, double p) { return norm_of(x, p, folding_of_all(x)); }
Tensor norm(const Tensor& x, double p, const std::vector<int64_t>& dims, bool keepdim) {
  return norm_of(x, p, folding("norm", x, dims, keepdim));
}

Tensor sum_of_repeats(const Tensor& x, const Shape& shape) {
  std::vector<int64_t> repeated;
  const int shift = x.rank() - shape.rank();
  for (int d = 0; d < x.rank(); ++d)
    if (d < shift || (shape[d - shift] == 1 && x.shape()[d] != 1)) repeated.push_back(d);
  return reshape(sum(x, repeated, true), shape);
}

}  // namespace gradus
