// Tensors of random numbers.  The same generator state gives the same numbers, for any number of threads.
#pragma once
#include "gradus/core/random.h"
#include "gradus/core/tensor.h"

namespace gradus {

// Uniform in [0, 1), and standard normal.  DtypeError unless float32 or float64.
Tensor rand(const Shape& shape, Dtype dtype = Dtype::float32, Generator& generator = default_generator());
Tensor randn(const Shape& shape, Dtype dtype = Dtype::float32, Generator& generator = default_generator());
// Whole numbers in [low, high), int64.  ParamError unless low < high.
Tensor randint(int64_t low, int64_t high, const Shape& shape, Generator& generator = default_generator());
// 0 to n - 1 in random order, int64.  ParamError for a negative n.
Tensor randperm(int64_t n, Generator& generator = default_generator());
// True with probability p.  ParamError unless 0 <= p <= 1.
Tensor bernoulli(double p, const Shape& shape, Generator& generator = default_generator());

}  // namespace gradus
