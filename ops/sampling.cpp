#include "gradus/ops/sampling.h"

#include <fmt/core.h>

#include "gradus/core/error.h"

namespace gradus {
namespace {

Tensor floating(const char* op, const Shape& shape, Dtype dtype) {
  if (!computes(dtype)) throw DtypeError(fmt::format("{}: dtype is {}, wanted float32 or float64", op, name_of(dtype)));
  return Tensor(shape, dtype);
}

}  // namespace

Tensor rand(const Shape& shape, Dtype dtype, Generator& generator) {
  Tensor t = floating("rand", shape, dtype);
  visit_floating(dtype, [&]<class F>(Type<F>) { fill_uniform(t.mutable_data<F>(), t.numel(), F(0), F(1), generator); });
  return t;
}

Tensor randn(const Shape& shape, Dtype dtype, Generator& generator) {
  Tensor t = floating("randn", shape, dtype);
  visit_floating(dtype, [&]<class F>(Type<F>) { fill_normal(t.mutable_data<F>(), t.numel(), F(0), F(1), generator); });
  return t;
}

Tensor randint(int64_t low, int64_t high, const Shape& shape, Generator& generator) {
  if (low >= high) throw ParamError(fmt::format("randint: [{}, {}) is empty, wanted low < high", low, high));
  Tensor t(shape, Dtype::int64);
  fill_integers(t.mutable_data<int64_t>(), t.numel(), low, high, generator);
  return t;
}

Tensor randperm(int64_t n, Generator& generator) {
  if (n < 0) throw ParamError(fmt::format("randperm: n is {}, wanted a value >= 0", n));
  Tensor t({n}, Dtype::int64);
  permutation(t.mutable_data<int64_t>(), n, generator);
  return t;
}

Tensor bernoulli(double p, const Shape& shape, Generator& generator) {
  if (!(p >= 0 && p <= 1)) throw ParamError(fmt::format("bernoulli: p is {:g}, wanted a value in [0, 1]", p));
  Tensor t(shape, Dtype::boolean);
  fill_bernoulli(t.mutable_data<bool>(), t.numel(), p, generator);
  return t;
}

}  // namespace gradus
