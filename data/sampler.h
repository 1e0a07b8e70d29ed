// Samplers: which samples stand in which batch of an epoch.  Each is a function of the seed and the epoch alone.
#pragma once
#include <cstdint>
#include <vector>

#include "gradus/core/tensor.h"
#include "gradus/data/dataset.h"

namespace gradus {

/// 0 to n - 1 in order, batch by batch; the last batch may be smaller, and is left out with drop_last.
std::vector<Indices> ordered_batches(int64_t n, int64_t batch_size, bool drop_last = false);
/// The same in a random order.
std::vector<Indices> shuffled_batches(int64_t n, int64_t batch_size, bool drop_last, uint64_t seed, int64_t epoch);

/// The same, but every class comes equally often: a rare one again and again, a frequent one not as a whole. An epoch
/// has as many samples as there are. Labels int64 (N); throws ShapeError for another rank, ParamError unless there is a
/// sample.
std::vector<Indices> class_balanced_batches(const Tensor& labels, int64_t batch_size, uint64_t seed, int64_t epoch);

/// Batches for metric learning: each has `per_class` samples of each of `classes` random classes, all different unless
/// a class has fewer. As many batches as a pass over all samples would take. Throws ParamError when fewer classes have
/// a sample, or a number is not positive.
std::vector<Indices> balanced_batches(const Tensor& labels, int64_t classes, int64_t per_class, uint64_t seed,
                                      int64_t epoch);

}  // namespace gradus
