// Prefetching: threads make what will be asked for next, and who asks gets it in order, as if nobody had.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>

#include "gradus/data/dataset.h"

namespace gradus {

class Prefetch {
 public:
  /// `make(i)` for first <= i < end on `workers` threads, up to `workers * ahead` of them beyond what was taken last.
  /// It must depend on i alone and be ready for several threads.
  Prefetch(std::function<Dataset(size_t)> make, size_t first, size_t end, int workers, size_t ahead);
  /// Makes no more; waits for what is being made.
  ~Prefetch();
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  /// What make(i) returned, or throws what it threw. For the same i as often as wanted; StateError for a smaller one.
  const Dataset& take(size_t i);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace gradus
