// Around the kernels of a loss: the memory they share, and what their report says.
#pragma once
#include <algorithm>

#include "gradus/core/backend.h"
#include "gradus/cuda/meeting.h"

namespace gradus::cuda_kernels {

// Enough blocks for n things, `each` a block; fixed by n, so that sums are the same on every GPU.
inline unsigned blocks_for(int64_t n, int64_t each) {
  return unsigned(std::clamp<int64_t>((n + each - 1) / each, 1, most_blocks));
}
// How many threads share a row: one where neighbouring rows are neighbours in memory or short, else a warp or a block;
// never more than the row has columns.
inline unsigned group_for(const int64_t (&extent)[3]) {
  if (extent[2] >= 32 || extent[1] < 32) return 1;
  return extent[1] <= 1024 ? 32 : threads;
}

// Into how many parts a row is cut, so that few long rows keep a GPU busy as well.
inline int64_t parts_of_a_row(const int64_t (&extent)[3]) {
  constexpr int64_t shortest_part = 8192;
  const int64_t rows = extent[0] * extent[2];
  return std::clamp<int64_t>(std::min(extent[1] / shortest_part, most_blocks / rows), 1, most_blocks);
}

// A value outside its range: what the key said, where it lies, and whether it is a label.
struct Found {
  Problem problem;
  Place place;
  bool label;
};

// The start of a loss's kernels, which share memory with those of others: no other thread starts any between them.
class LossRun {
 public:
  explicit LossRun(int device);
  LossRun(const LossRun&) = delete;
  LossRun& operator=(const LossRun&) = delete;
  ~LossRun();
  Meeting* meeting() const { return meeting_; }
  // Memory on the device for the kernels that are started now; `which` is 0 or 1.
  void* scratch(int which, int64_t bytes) const;

 private:
  int device_;
  Meeting* meeting_;
};

// Waits; brings the totals, and the first problem that `decode` reads from its key, to the call.
void settle(const DeviceCall& call, Found (*decode)(const DeviceCall& call, unsigned long long key));

}  // namespace gradus::cuda_kernels
