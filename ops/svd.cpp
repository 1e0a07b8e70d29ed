#include "gradus/ops/svd.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/gemm.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/shape.h"

extern "C" {
void sgesdd_(const char* job, const int* m, const int* n, float* a, const int* lda, float* s, float* u, const int* ldu,
             float* vt, const int* ldvt, float* work, const int* lwork, int* iwork, int* info);
void dgesdd_(const char* job, const int* m, const int* n, double* a, const int* lda, double* s, double* u,
             const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork, int* iwork, int* info);
}

namespace gradus {
namespace {

void gesdd(int m, int n, float* a, float* s, float* u, float* vt, int k, float* work, int lwork, int* iwork,
           int* info) {
  sgesdd_("S", &m, &n, a, &m, s, u, &m, vt, &k, work, &lwork, iwork, info);
}
void gesdd(int m, int n, double* a, double* s, double* u, double* vt, int k, double* work, int lwork, int* iwork,
           int* info) {
  dgesdd_("S", &m, &n, a, &m, s, u, &m, vt, &k, work, &lwork, iwork, info);
}

// One row-major matrix; a is overwritten, u is (rows, k), vt is (k, columns).  False when LAPACK does not converge.
// LAPACK reads columns first, so that it sees aᵀ = v s uᵀ and u and v change places.
template <class F> bool decompose(int rows, int columns, F* a, F* u, F* s, F* vt) {
  const int k = std::min(rows, columns);
  if (k == 0) return true;
  std::vector<int> whole(size_t(8 * k));
  F wanted = 0;
  int info = 0;
  gesdd(columns, rows, a, s, vt, u, k, &wanted, -1, whole.data(), &info);
  std::vector<F> work(size_t(wanted) + 1);
  gesdd(columns, rows, a, s, vt, u, k, work.data(), int(wanted), whole.data(), &info);
  return info == 0;
}

void check(const Tensor& x) {
  check_alike("svd", {{"input", &x}});
  if (x.rank() < 2)
    throw ShapeError(fmt::format("svd: input has shape {}, wanted a matrix (M,N) or a batch of them", text(x.shape())));
  const Tensor values = dense(on_the_cpu("svd", x.detach()));
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    const F* v = values.data<F>();
    for (int64_t i = 0; i < x.numel(); ++i)
      if (!std::isfinite(v[i]))
        throw DomainError(fmt::format("svd: input is {} at element {}, wanted finite numbers", v[i], i));
  });
}

// Below the graph; v as its transpose.  LAPACK's, wherever x lies.
Svd decomposed(const Tensor& x) {
  if (x.device() != cpu) {
    const Svd f = decomposed(to(x.detach(), cpu));
    const auto there = [&](const Tensor& t) { return to(t, x.device()); };
    return {there(f.u), there(f.s), there(f.v)};
  }
  const Shape batch(x.shape().begin(), x.shape().end() - 2);
  const int64_t m = x.shape()[x.rank() - 2], n = x.shape().back(), k = std::min(m, n), count = batch.numel();
  const auto sized = [&](std::initializer_list<int64_t> last) {
    Shape shape = batch;
    for (int64_t extent : last) shape.push_back(extent);
    return Tensor(shape, x.dtype());
  };
  Tensor u = sized({m, k}), s = sized({k}), vt = sized({k, n}), work(x.shape(), x.dtype());
  copy_elements(x, work);
  single_threaded_blas();
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    F *a = work.mutable_data<F>(), *up = u.mutable_data<F>(), *sp = s.mutable_data<F>(), *vp = vt.mutable_data<F>();
    parallel_for(count, [&](int64_t i) {
      if (!decompose(int(m), int(n), a + i * m * n, up + i * m * k, sp + i * k, vp + i * k * n))
        throw DomainError(fmt::format(
            "svd: matrix {} of {} did not converge, wanted finite numbers of ordinary size; scale it", i, describe(x)));
    });
  });
  return {u, s, transpose(vt, -2, -1)};
}

Tensor transposed(const Tensor& t) { return transpose(t, -2, -1); }
Tensor as_row(const Tensor& s) { return unsqueeze(s, -2); }
Tensor as_column(const Tensor& s) { return unsqueeze(s, -1); }

Tensor identity(int64_t k, const Tensor& like) {
  Tensor one = zeros({k, k}, like.dtype());
  for (int64_t i = 0; i < k; ++i) one.set({i, i}, 1);
  return to(one, like.device());
}

// wᵀg - gᵀw over s_j² - s_i²: how the vectors w turn into each other.
Tensor rotation(const Tensor& w, const Tensor& s, const Tensor& g) {
  const Tensor along = matmul(transposed(w), g), si = as_column(s), sj = as_row(s);
  return div(sub(along, transposed(along)), add(mul(sub(sj, si), add(sj, si)), identity(s.shape().back(), s)));
}

// (g - w wᵀg) s⁻¹: how the vectors w turn out of the space that they span.
Tensor escape(const Tensor& w, const Tensor& s, const Tensor& g) {
  return div(sub(g, matmul(w, matmul(transposed(w), g))), as_row(s));
}

// The three terms of dL/dx = u [(F ∘ (uᵀū - ūᵀu)) s + s̄ + s (F ∘ (vᵀv̄ - v̄ᵀv))] vᵀ + (1 - uuᵀ) ū s⁻¹ vᵀ + u s⁻¹ v̄ᵀ (1 -
// vvᵀ) (Townsend 2016), one for each of the results.
Tensor gradient_through_u(const Svd& f, const Tensor& g) {
  Tensor left = matmul(f.u, mul(rotation(f.u, f.s, g), as_row(f.s)));
  if (f.u.size(-2) > f.u.size(-1)) left = add(left, escape(f.u, f.s, g));
  return matmul(left, transposed(f.v));
}
Tensor gradient_through_s(const Svd& f, const Tensor& g) { return matmul(mul(f.u, as_row(g)), transposed(f.v)); }
Tensor gradient_through_v(const Svd& f, const Tensor& g) {
  Tensor right = matmul(mul(as_column(f.s), rotation(f.v, f.s, g)), transposed(f.v));
  if (f.v.size(-2) > f.v.size(-1)) right = add(right, transposed(escape(f.v, f.s, g)));
  return matmul(f.u, right);
}

}  // namespace

Svd svd(const Tensor& x) {
  check(x);
  Svd out;
  {
    NoGrad quiet;
    out = decomposed(x);
  }
  if (recording(x)) {
    const auto through = [&](Tensor& result, Tensor (*gradient)(const Svd&, const Tensor&)) {
      record("svd", result, {&x},
             [x = Saved(x), u = Saved(out.u.detach()), s = Saved(out.s.detach()), v = Saved(out.v.detach()), gradient](
                 const Tensor& g, Gradients& to) {
               // A gradient that is to be differentiated needs factors that depend on x.
               to[0] = gradient(NoGrad::active() ? Svd{u(), s(), v()} : svd(x()), g);
             });
    };
    through(out.u, gradient_through_u);
    through(out.s, gradient_through_s);
    through(out.v, gradient_through_v);
  }
  return out;
}

}  // namespace gradus
