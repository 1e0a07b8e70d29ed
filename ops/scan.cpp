#include "gradus/ops/scan.h"

#include <fmt/core.h>

#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"

namespace gradus {
namespace {

// Every scan here is the recurrence s[i] = a[i] s[i-1] + b[i], upward or downward along a dimension: a running sum has
// a = 1, a running product b = 0.  Its derivative is such a recurrence again, the other way round.
enum class Way { up, down };
Way reversed(Way way) { return way == Way::up ? Way::down : Way::up; }

struct Axis {
  int dim;
  int64_t outer = 1, n = 1, inner = 1;
};
Axis axis_of(const Tensor& x, int dim) {
  Axis axis{dim};
  for (int d = 0; d < x.rank(); ++d) (d < dim ? axis.outer : d == dim ? axis.n : axis.inner) *= x.shape()[d];
  return axis;
}

// step(state, i) is the next state from the state before element i.
template <class State, class E, class Step> void scan(const Axis& axis, Way way, State start, E* out, Step step) {
  const auto row = [&](int64_t o, int64_t k) {
    return (o * axis.n + (way == Way::up ? k : axis.n - 1 - k)) * axis.inner;
  };
  parallel_for(axis.outer, [&](int64_t o) {
    if (axis.inner == 1) {  // the state stays in a register
      State state = start;
      for (int64_t k = 0; k < axis.n; ++k) out[row(o, k)] = E(state = step(state, row(o, k)));
      return;
    }
    std::vector<State> states(size_t(axis.inner), start);
    for (int64_t k = 0; k < axis.n; ++k) {
      E* to = out + row(o, k);
      for (int64_t i = 0; i < axis.inner; ++i) to[i] = E(states[size_t(i)] = step(states[size_t(i)], row(o, k) + i));
    }
  });
}

template <class Visit> void visit_scannable(const char* op, Dtype dtype, Visit visit) {
  if (dtype == Dtype::float32) return visit(Type<float>{}, Type<double>{});
  if (dtype == Dtype::float64) return visit(Type<double>{}, Type<double>{});
  if (dtype == Dtype::int64) return visit(Type<int64_t>{}, Type<uint64_t>{});  // so that overflow wraps around
  throw DtypeError(
      fmt::format("{}: got {}, wanted float32, float64 or int64; convert it with to()", op, name_of(dtype)));
}

// out[i] = x[i - 1] upward, x[i + 1] downward; the first place along the way gets `fill`.
Tensor shifted_along(const Tensor& x, int dim, Way way, double fill) {
  Tensor out = full(x.shape(), fill, x.dtype(), x.device());
  if (x.rank() > 0 && x.numel() > 0) {
    Shape shape = x.shape();
    shape[dim] -= 1;
    const int64_t into = way == Way::up ? out.strides()[dim] : 0, from = way == Way::up ? 0 : x.strides()[dim];
    Tensor window = out.alias(shape, out.strides(), into);
    copy_elements(x.alias(shape, x.strides(), from), window);
  }
  if (recording(x))
    record("shift", out, {&x},
           [dim, way](const Tensor& g, Gradients& to) { to[0] = shifted_along(g, dim, reversed(way), 0); });
  return out;
}

Tensor running_sum(const Tensor& x, int dim, Way way) {
  const Tensor from = dense(x);
  Tensor out = Tensor::empty_like(from);
  visit_scannable("cumsum", x.dtype(), [&]<class E, class State>(Type<E>, Type<State>) {
    if (!on_cpu(x)) return device_scan("cumsum", Tensor(), from, dim, way == Way::down, 0, out);
    const E* p = from.data<E>();
    scan(axis_of(x, dim), way, State(0), out.mutable_data<E>(), [p](State s, int64_t i) { return s + State(p[i]); });
  });
  if (recording(x))
    record("cumsum", out, {&x},
           [dim, way](const Tensor& g, Gradients& to) { to[0] = running_sum(g, dim, reversed(way)); });
  return out;
}

// s[i] = a[i] s[i-1] + b[i] with s = 0 before the first.
Tensor recurrence(const Tensor& a, const Tensor& b, int dim, Way way) {
  const Tensor factors = dense(a), terms = dense(b);
  Tensor out = Tensor::empty_like(factors);
  visit_floating(a.dtype(), [&]<class F>(Type<F>) {
    if (!on_cpu(a)) return device_scan("recurrence", factors, terms, dim, way == Way::down, 0, out);
    const F *p = factors.data<F>(), *q = terms.data<F>();
    scan(axis_of(a, dim), way, 0.0, out.mutable_data<F>(),
         [=](double s, int64_t i) { return double(p[i]) * s + double(q[i]); });
  });
  if (recording(a, b))
    record("recurrence", out, {&a, &b}, [a = Saved(a), b = Saved(b), dim, way](const Tensor& g, Gradients& to) {
      const Tensor later = recurrence(shifted_along(a(), dim, reversed(way), 0), g, dim, reversed(way));
      if (to.wants(0)) to[0] = mul(later, shifted_along(recurrence(a(), b(), dim, way), dim, way, 0));
      if (to.wants(1)) to[1] = later;
    });
  return out;
}

Tensor running_product(const Tensor& x, int dim, Way way) {
  const Tensor from = dense(x);
  Tensor out = Tensor::empty_like(from);
  visit_scannable("cumprod", x.dtype(), [&]<class E, class State>(Type<E>, Type<State>) {
    if (!on_cpu(x)) return device_scan("cumprod", from, Tensor(), dim, way == Way::down, 1, out);
    const E* p = from.data<E>();
    scan(axis_of(x, dim), way, State(1), out.mutable_data<E>(), [p](State s, int64_t i) { return s * State(p[i]); });
  });
  if (recording(x))
    record("cumprod", out, {&x}, [x = Saved(x), dim, way](const Tensor& g, Gradients& to) {
      const Tensor before = shifted_along(running_product(x(), dim, way), dim, way, 1);
      to[0] = mul(before, recurrence(shifted_along(x(), dim, reversed(way), 0), g, dim, reversed(way)));
    });
  return out;
}

}  // namespace

Tensor cumsum(const Tensor& x, int64_t dim) { return running_sum(x, dimension("cumsum", dim, x.rank()), Way::up); }
Tensor cumprod(const Tensor& x, int64_t dim) {
  return running_product(x, dimension("cumprod", dim, x.rank()), Way::up);
}
Tensor product_of_others(const Tensor& x, int64_t dim) {
  const int d = dimension("product_of_others", dim, x.rank());
  return mul(shifted_along(running_product(x, d, Way::up), d, Way::up, 1),
             shifted_along(running_product(x, d, Way::down), d, Way::down, 1));
}

}  // namespace gradus
