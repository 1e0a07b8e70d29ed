// Device memory that is kept when it is released and given out again: cudaMalloc and cudaFree wait for the whole
// device, and a training asks for the same sizes at every step.  Everything runs in one stream, so that what is given
// out again is not touched before what used it last has ended.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>

namespace gradus::cuda_kernels {

class CachingAllocator {
 public:
  // Where blocks come from: null where memory is out.
  struct Source {
    void* (*allocate)(int64_t bytes);
    void (*release)(void* data);
  };
  struct Figures {
    int64_t live = 0, held = 0;  // bytes in blocks that are in use; in all blocks, kept ones too
  };

  explicit CachingAllocator(Source source) : source_(source) {}
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  // A block of at least so many bytes, a kept one where one fits without wasting more than a quarter.  Where the source
  // has none left, the kept blocks go back to it first; null when that does not help either.
  void* allocate(int64_t bytes);
  void release(void* data);  // one of allocate's
  void empty();              // gives all kept blocks back
  Figures figures() const;

 private:
  void* keep_account_of(void* data, int64_t size);
  void give_back();

  Source source_;
  mutable std::mutex mutex_;
  std::multimap<int64_t, void*> kept_;       // by size
  std::unordered_map<void*, int64_t> live_;  // their sizes
  Figures figures_;
};

}  // namespace gradus::cuda_kernels
