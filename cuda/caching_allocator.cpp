#include "gradus/cuda/caching_allocator.h"

#include <algorithm>

namespace gradus::cuda_kernels {
namespace {

constexpr int64_t grain = 512, large = int64_t{1} << 20, large_grain = int64_t{2} << 20;

// Few different sizes, so that blocks find a second use.
int64_t rounded(int64_t bytes) {
  const int64_t step = bytes > large ? large_grain : grain;
  return (std::max<int64_t>(bytes, 1) + step - 1) / step * step;
}
bool wastes_little(int64_t size, int64_t wanted) { return size - wanted <= size / 4; }

}  // namespace

void* CachingAllocator::keep_account_of(void* data, int64_t size) {
  live_[data] = size;
  figures_.live += size;
  return data;
}

void* CachingAllocator::allocate(int64_t bytes) {
  const int64_t size = rounded(bytes);
  const std::lock_guard lock(mutex_);
  if (const auto fit = kept_.lower_bound(size); fit != kept_.end() && wastes_little(fit->first, size)) {
    const auto [kept_size, data] = *fit;
    kept_.erase(fit);
    return keep_account_of(data, kept_size);
  }
  void* data = source_.allocate(size);
  if (!data && !kept_.empty()) {
    give_back();
    data = source_.allocate(size);
  }
  if (!data) return nullptr;
  figures_.held += size;
  return keep_account_of(data, size);
}

void CachingAllocator::release(void* data) {
  const std::lock_guard lock(mutex_);
  const auto block = live_.find(data);
  figures_.live -= block->second;
  kept_.emplace(block->second, data);
  live_.erase(block);
}

void CachingAllocator::empty() {
  const std::lock_guard lock(mutex_);
  give_back();
}

void CachingAllocator::give_back() {
  for (const auto& [size, data] : kept_) {
    source_.release(data);
    figures_.held -= size;
  }
  kept_.clear();
}

CachingAllocator::Figures CachingAllocator::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

}  // namespace gradus::cuda_kernels
