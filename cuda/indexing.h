// Elements chosen by indices, sorted lines, running recurrences, and random masks, on a device.
#pragma once
#include "gradus/core/backend.h"

namespace gradus::cuda_kernels {

// to[i…] = from[i… with index[i…] for the dim-th]; all of to's rank, from's other extents no less than to's.
void gather(const Elements& from, int dim, const Elements& index, const Elements& to);
// to[i… with index[i…] for the dim-th] += from[i…], one after another along dim, so that the sums have one order.
void scatter(const Elements& from, int dim, const Elements& index, const Elements& to);
// to[i] = factors[i] to[i - 1] + terms[i] along dim, `start` before the first; without data factors are 1, terms 0.
void scan(const Elements& factors, const Elements& terms, int dim, bool down, double start, const Elements& to);
// The places of the first elements of every line along dim, in order; as many as to has there.
void order(const Elements& from, int dim, bool descending, const Elements& to);
// to = from / keep where the random word of the element says so, else 0; both dense.
void thin(const Elements& from, const MaskCall& mask, const Elements& to);

}  // namespace gradus::cuda_kernels
