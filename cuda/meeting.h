// Where the blocks of a launch meet: the words on the device that all of them share.
#pragma once
#include <cstdint>

#include "gradus/core/formula.h"

namespace gradus::cuda_kernels {

constexpr unsigned threads = 256;  // of every block
constexpr int64_t most_blocks = 512;

// Where the blocks of a launch leave their sums; the last to come adds them up.
struct Meeting {
  Totals parts[most_blocks];
  unsigned tickets;  // 0 between launches
};

// An element of the space.
struct Place {
  int64_t outer, column, inner;
};
GRADUS_FN int64_t offset(const View& v, const Place& p) {
  return p.outer * v.stride[0] + p.column * v.stride[1] + p.inner * v.stride[2];
}

}  // namespace gradus::cuda_kernels
