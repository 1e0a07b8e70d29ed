// The memory pool: keeps released blocks for the next tensor or node, so that asking for one costs a few instructions.
//
// Blocks up to `small_limit` come from the heap of the calling thread and need no lock; larger ones come from a cache
// that all threads share, where a lock is nothing beside the work done on such a block.
#pragma once
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#endif

namespace gradus::pool {

/// What a block is for; live blocks are counted per kind.
enum class Kind : uint8_t { data, tensor, node };

/// What the pool holds at a moment, summed over all threads.
struct Figures {
  int64_t live_tensors;  // blocks of Kind::tensor allocated and not yet released
  int64_t live_nodes;    // blocks of Kind::node allocated and not yet released
  int64_t live_bytes;    // bytes as asked, of all kinds
  int64_t held_bytes;    // bytes held of the system: live, cached, or not cut into blocks yet
  int64_t misses;        // how often memory was asked of the system
};

/// A block of at least `bytes` bytes (0 is allowed), aligned to 64 bytes, contents undefined.
/// Throws MemoryError when the system has no more, or GRADUS_MEMORY_LIMIT (bytes) would be passed.
void* allocate(size_t bytes, Kind kind);

/// Gives back what allocate(bytes, kind) returned; any thread may do so.
void release(void* block, size_t bytes, Kind kind) noexcept;

Figures figures();

/// Returns cached memory to the system: large blocks, and what the calling thread and ended threads hold unused.
/// The caches of other running threads stay, since only they may touch them.
void empty_cache();

inline constexpr size_t alignment = 64;
inline constexpr size_t small_limit = size_t{32} << 10;

namespace detail {

// Under the address sanitizer every block is longer than asked for, so that a step past its end is reported.
#ifdef __SANITIZE_ADDRESS__
inline constexpr size_t red_zone = 16;
#else
inline constexpr size_t red_zone = 0;
#endif

// Small blocks have the sizes 64, 128, ... small_limit.
inline constexpr int small_classes = std::bit_width(small_limit) - std::bit_width(alignment) + 1;
constexpr bool is_small(size_t bytes) {
  return bytes - 1 < small_limit - red_zone;  // 0 wraps around: the slow path takes it
}
constexpr int small_class(size_t bytes) { return std::bit_width((bytes + red_zone - 1) | (alignment - 1)) - 6; }
constexpr size_t small_class_bytes(int size_class) { return alignment << size_class; }

// Under the address sanitizer a cached block is poisoned, so that its use after release is reported.
inline void poison([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes) {
#ifdef ASAN_POISON_MEMORY_REGION
  ASAN_POISON_MEMORY_REGION(memory, bytes);
#endif
}
inline void unpoison([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes) {
#ifdef ASAN_UNPOISON_MEMORY_REGION
  ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
#endif
}

struct Block {  // a cached block: a link of its free list, written over what the block held
  Block* next;
};

inline void push(Block*& list, void* memory, size_t block_bytes) {
  list = new (memory) Block{list};
  poison(memory, block_bytes);
}

// Takes the first block of a list, or null; `bytes` of it may be used.
inline void* pop(Block*& list, size_t bytes) {
  Block* block = list;
  if (!block) return nullptr;
  unpoison(block, bytes < sizeof(Block) ? sizeof(Block) : bytes);
  list = block->next;
  return block;
}

struct Span;

// What one thread owns. A thread that ends hands its heap to a later one, so a block never loses its owner.
struct alignas(128) Heap {
  Block* free[small_classes] = {};

  // Blocks allocated less blocks released BY this thread, whoever owns them: negative where a thread releases what
  // others allocated; only the sum over all heaps means something. Only the heap's thread writes.
  std::atomic<int64_t> live[3] = {};
  std::atomic<int64_t> live_bytes{0};

  struct Uncut {  // the rest of a span that was not yet cut into blocks
    std::byte* begin = nullptr;
    std::byte* end = nullptr;
  } uncut[small_classes];
  Span* spans = nullptr;
  Heap* next = nullptr;       // in the list of all heaps
  Heap* next_idle = nullptr;  // in the list of heaps whose thread has ended

  alignas(128) std::atomic<Block*> returned{nullptr};  // blocks of this heap that other threads released

  void count(Kind kind, int64_t blocks, int64_t bytes) {
    add(live[static_cast<int>(kind)], blocks);
    add(live_bytes, bytes);
  }

 private:
  static void add(std::atomic<int64_t>& counter, int64_t n) {  // one writer, so no locked instruction
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

// The head of an aligned piece of memory that is cut into blocks of one size.
struct alignas(alignment) Span {
  static constexpr size_t bytes = size_t{256} << 10;

  Heap* owner;
  Span* next;
  int size_class;
  int64_t cut = 0;     // blocks cut from it so far
  int64_t cached = 0;  // scratch of empty_cache(): how many of them lie in the owner's free list

  static Span* of(void* block) { return reinterpret_cast<Span*>(reinterpret_cast<uintptr_t>(block) & ~(bytes - 1)); }
};

// The heap of the calling thread; before its first allocation an empty one that owns nothing.  Its TLS model saves the
// call of a function to find it, and with that the frame of whoever allocates.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local Heap* heap;

void* allocate_slowly(size_t bytes, Kind kind);
void release_slowly(void* block, size_t bytes, Kind kind) noexcept;

}  // namespace detail

/// What allocate() would return, or null where that takes more than a few instructions.
inline void* allocate_cached(size_t bytes, Kind kind) {
  if (!detail::is_small(bytes)) return nullptr;
  detail::Heap* heap = detail::heap;
  void* block = detail::pop(heap->free[detail::small_class(bytes)], bytes);
  if (block) [[likely]]
    heap->count(kind, 1, static_cast<int64_t>(bytes));
  return block;
}

inline void* allocate(size_t bytes, Kind kind) {
  if (void* block = allocate_cached(bytes, kind)) [[likely]]
    return block;
  return detail::allocate_slowly(bytes, kind);
}

inline void release(void* block, size_t bytes, Kind kind) noexcept {
  if (detail::is_small(bytes)) [[likely]] {
    detail::Heap* heap = detail::heap;
    if (detail::Span::of(block)->owner == heap) [[likely]] {
      const int size_class = detail::small_class(bytes);
      heap->count(kind, -1, -static_cast<int64_t>(bytes));
      detail::push(heap->free[size_class], block, detail::small_class_bytes(size_class));
      return;
    }
  }
  detail::release_slowly(block, bytes, kind);
}

}  // namespace gradus::pool
