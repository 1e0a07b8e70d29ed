// What tensors on the CPU take, and what is kept of the system's memory for the next ones.
#pragma once
#include "gradus/core/pool.h"

namespace gradus {

struct MemoryUse {
  int64_t tensors;     // alive, gradients and what backward saved included
  int64_t used_bytes;  // what they and the graphs that recorded them asked for
  int64_t held_bytes;  // what the library holds of the system: in use, or kept for the next tensors
};

/// The figures of this moment, of all threads together.  empty_cache() gives back what is held and not used.
inline MemoryUse memory_use() {
  const pool::Figures now = pool::figures();
  return {now.live_tensors, now.live_bytes, now.held_bytes};
}

}  // namespace gradus
