// The slow half of the memory pool: memory of the system, the blocks all threads share, and heaps that change threads.
#include "gradus/core/pool.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <type_traits>
#include <utility>

#include "gradus/core/error.h"

// There in programs built with a leak sanitizer: blocks may hold the only pointer to memory of malloc, so it must look
// into them.
extern "C" {
[[gnu::weak]] void __lsan_register_root_region(const void* begin, size_t bytes);
[[gnu::weak]] void __lsan_unregister_root_region(const void* begin, size_t bytes);
}

namespace gradus::pool {
namespace {

using detail::Block;
using detail::Heap;
using detail::Span;

constexpr size_t page = 4096;
constexpr size_t huge_page = size_t{2} << 20;
constexpr size_t fine_steps_from = size_t{1} << 20;  // above, sizes go in quarters of a power of two
constexpr size_t largest_request = size_t{1} << 46;  // as much as an address space may hold
constexpr int large_classes = 4 * (47 - 15) + 1;

constexpr size_t large_class_bytes(size_t bytes) {
  const size_t room = bytes + detail::red_zone;
  if (room <= fine_steps_from) return std::bit_ceil(room);
  const size_t step = std::bit_floor(room - 1) / 4;
  return (room + step - 1) / step * step;
}

// The place of a size that large_class_bytes() returned in the list of all such sizes.
constexpr int large_class(size_t class_bytes) {
  const int exponent = std::bit_width(class_bytes) - 1;
  return 4 * (exponent - 15) + static_cast<int>(class_bytes >> (exponent - 2) & 3);
}

// Everything the threads share. Never destroyed: static objects may release tensors until the very end.
struct Shared {
  std::mutex mutex;  // guards what follows, up to `released`
  Heap* heaps = nullptr;
  Heap* idle_heaps = nullptr;
  Span* spare_spans = nullptr;
  Block* large[large_classes] = {};
  int64_t held_bytes = 0;
  int64_t misses = 0;
  bool spans_mapped = false;
  bool hooks_set = false;
  pthread_key_t thread_end{};

  // What threads that have no heap released: they count here.
  std::atomic<int64_t> released[3] = {};
  std::atomic<int64_t> released_bytes{0};
};
static_assert(std::is_trivially_destructible_v<Shared>);
constinit Shared shared;
constinit Heap no_heap;

using Lock = std::lock_guard<std::mutex>;

// ---- memory of the system (under the lock) ------------------------------------------------------

constexpr int64_t no_limit = std::numeric_limits<int64_t>::max();

// Read at every request, which is rare, so that a program may change it while it runs.
int64_t memory_limit() {
  const char* text = std::getenv("GRADUS_MEMORY_LIMIT");
  if (!text || !*text) return no_limit;
  int64_t limit = 0;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, limit);
  if (error != std::errc() || rest != end || limit < 0) {
    throw ParamError(fmt::format("GRADUS_MEMORY_LIMIT: got '{}', wanted a number of bytes, set one or unset it", text));
  }
  return limit;
}

void* mapped(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// `bytes` (whole pages) of zeroed memory aligned to `align` (at least a page), or null.
void* take_from_system(size_t bytes, size_t align) {
  if (static_cast<int64_t>(bytes) > memory_limit() - shared.held_bytes) return nullptr;
  const size_t slack = align - page;
  auto* memory = static_cast<std::byte*>(mapped(bytes + slack));
  if (!memory) return nullptr;
  const size_t before = -reinterpret_cast<uintptr_t>(memory) & (align - 1);
  if (before) munmap(memory, before);
  if (before < slack) munmap(memory + before + bytes, slack - before);
  shared.held_bytes += static_cast<int64_t>(bytes);
  ++shared.misses;
  return memory + before;
}

void give_to_system(void* memory, size_t bytes) {
  detail::unpoison(memory, bytes);
  munmap(memory, bytes);
  shared.held_bytes -= static_cast<int64_t>(bytes);
}

// ---- large blocks (under the lock) --------------------------------------------------------------

void* take_large(size_t bytes) {
  const size_t class_bytes = large_class_bytes(bytes);
  Block*& list = shared.large[large_class(class_bytes)];
  if (!list) {
    const bool huge = class_bytes >= huge_page;
    void* memory = take_from_system(class_bytes, huge ? huge_page : page);
    if (!memory) return nullptr;
    if (huge) madvise(memory, class_bytes, MADV_HUGEPAGE);
    detail::push(list, memory, class_bytes);
  }
  return detail::pop(list, bytes);
}

void keep_large(void* block, size_t bytes) {
  const size_t class_bytes = large_class_bytes(bytes);
  detail::push(shared.large[large_class(class_bytes)], block, class_bytes);
}

void give_back_large_blocks() {
  for (Block*& list : shared.large) {
    // The place in the array tells the size: exponent and quarter, as in large_class().
    const auto place = static_cast<size_t>(&list - shared.large);
    while (void* block = detail::pop(list, 0)) give_to_system(block, (4 + place % 4) << (place / 4 + 13));
  }
}

// ---- spans (under the lock) ---------------------------------------------------------------------

// Spans come by the huge page. The first ones stay on small pages: a small program should stay small.
bool map_spare_spans() {
  auto* memory = static_cast<std::byte*>(take_from_system(huge_page, huge_page));
  if (!memory) return false;
  if (std::exchange(shared.spans_mapped, true)) madvise(memory, huge_page, MADV_HUGEPAGE);
  for (size_t offset = huge_page; offset > 0; offset -= Span::bytes) {
    shared.spare_spans = new (memory + offset - Span::bytes) Span{nullptr, shared.spare_spans, 0};
  }
  return true;
}

bool add_span(Heap& heap, int size_class) {
  if (!shared.spare_spans && !map_spare_spans()) return false;
  Span* span = shared.spare_spans;
  shared.spare_spans = span->next;
  heap.spans = new (span) Span{&heap, heap.spans, size_class};
  auto* memory = reinterpret_cast<std::byte*>(span);
  const size_t block_bytes = detail::small_class_bytes(size_class);
  const size_t blocks = (Span::bytes - sizeof(Span)) / block_bytes;
  heap.uncut[size_class] = {memory + sizeof(Span), memory + sizeof(Span) + blocks * block_bytes};
  if (__lsan_register_root_region) __lsan_register_root_region(span, Span::bytes);
  return true;
}

void give_back_spare_spans() {
  while (Span* span = shared.spare_spans) {
    shared.spare_spans = span->next;
    give_to_system(span, Span::bytes);
  }
}

// ---- heaps (by their thread, or for idle ones under the lock) -----------------------------------

void collect_returned(Heap& heap) {
  Block* list = heap.returned.exchange(nullptr, std::memory_order_acquire);
  while (void* block = detail::pop(list, 0)) {
    const int size_class = Span::of(block)->size_class;
    detail::push(heap.free[size_class], block, detail::small_class_bytes(size_class));
  }
}

// Cuts about a page of blocks at a time, so that memory is touched only as it is needed.
void cut_blocks(Heap& heap, int size_class) {
  const size_t block_bytes = detail::small_class_bytes(size_class);
  auto& [begin, end] = heap.uncut[size_class];
  const size_t blocks = std::clamp<size_t>(page / block_bytes, 1, static_cast<size_t>(end - begin) / block_bytes);
  for (size_t i = blocks; i-- > 0;) detail::push(heap.free[size_class], begin + i * block_bytes, block_bytes);
  Span::of(begin)->cut += static_cast<int64_t>(blocks);
  begin += blocks * block_bytes;
}

// Drops from the free lists the blocks for which keep(block) is false.
template <class F> void filter_cached(Heap& heap, F&& keep) {
  for (int size_class = 0; size_class < detail::small_classes; ++size_class) {
    Block* rest = std::exchange(heap.free[size_class], nullptr);
    while (void* block = detail::pop(rest, 0)) {
      if (keep(block)) detail::push(heap.free[size_class], block, detail::small_class_bytes(size_class));
    }
  }
}

// Gives back the spans none of whose blocks is in use (under the lock).
void give_back_spans(Heap& heap) {
  collect_returned(heap);
  for (Span* span = heap.spans; span; span = span->next) span->cached = 0;
  filter_cached(heap, [](void* block) {
    ++Span::of(block)->cached;
    return true;
  });
  filter_cached(heap, [](void* block) { return Span::of(block)->cached < Span::of(block)->cut; });
  for (Span** link = &heap.spans; Span* span = *link;) {
    if (span->cached < span->cut) {
      link = &span->next;
      continue;
    }
    *link = span->next;
    auto& uncut = heap.uncut[span->size_class];
    if (uncut.begin < uncut.end && Span::of(uncut.begin) == span) uncut = {};
    if (__lsan_unregister_root_region) __lsan_unregister_root_region(span, Span::bytes);
    give_to_system(span, Span::bytes);
  }
}

// ---- threads that come and go -------------------------------------------------------------------

void hand_over_heap(void* ended) {
  Lock lock(shared.mutex);
  auto* heap = static_cast<Heap*>(ended);
  heap->next_idle = shared.idle_heaps;
  shared.idle_heaps = heap;
  detail::heap = &no_heap;
}

// A key's destructor, because it runs after those of thread_local objects, which may still release tensors.
// In the child of a fork the heaps of the other threads are left alone: nobody knows what they were doing.
void set_hooks() {
  if (std::exchange(shared.hooks_set, true)) return;
  pthread_key_create(&shared.thread_end, hand_over_heap);
  pthread_atfork([] { shared.mutex.lock(); }, [] { shared.mutex.unlock(); }, [] { shared.mutex.unlock(); });
}

// Makes sure that this thread has a heap; false when memory is short.
bool adopt_heap() {
  if (detail::heap != &no_heap) return true;
  Lock lock(shared.mutex);
  set_hooks();
  Heap* heap = shared.idle_heaps;
  if (heap) {
    shared.idle_heaps = heap->next_idle;
  } else {
    heap = new (std::nothrow) Heap;
    if (!heap) return false;
    heap->next = shared.heaps;
    shared.heaps = heap;
  }
  detail::heap = heap;
  pthread_setspecific(shared.thread_end, heap);
  return true;
}

// ---- allocate and release -----------------------------------------------------------------------

void* take_small(Heap& heap, size_t bytes) {
  const int size_class = detail::small_class(bytes);
  Block*& list = heap.free[size_class];
  if (!list) collect_returned(heap);
  if (!list) {
    if (heap.uncut[size_class].begin == heap.uncut[size_class].end) {
      Lock lock(shared.mutex);
      if (!add_span(heap, size_class)) return nullptr;
    }
    cut_blocks(heap, size_class);
  }
  return detail::pop(list, bytes);
}

void* take(size_t bytes) {
  if (!adopt_heap()) return nullptr;
  if (detail::is_small(bytes)) return take_small(*detail::heap, bytes);
  Lock lock(shared.mutex);
  return take_large(bytes);
}

[[noreturn]] void throw_out_of_memory(size_t bytes) {
  const Figures now = figures();
  const int64_t limit = memory_limit();
  throw MemoryError(
      fmt::format("allocate: {} bytes cannot be had; tensors alive: {} ({} bytes live, {} bytes held{}), "
                  "release tensors or work on smaller batches",
                  bytes, now.live_tensors, now.live_bytes, now.held_bytes,
                  limit == no_limit ? "" : fmt::format(", GRADUS_MEMORY_LIMIT is {}", limit)));
}

void return_to_owner(void* memory) {
  Heap* owner = Span::of(memory)->owner;
  const int size_class = Span::of(memory)->size_class;
  Block* block = new (memory) Block{owner->returned.load(std::memory_order_relaxed)};
  // All but the link, which stays readable until the owner collects the block.
  detail::poison(block + 1, detail::small_class_bytes(size_class) - sizeof(Block));
  while (!owner->returned.compare_exchange_weak(block->next, block, std::memory_order_release,
                                                std::memory_order_relaxed)) {}
}

}  // namespace

namespace detail {

[[gnu::tls_model("initial-exec")]] constinit thread_local Heap* heap = &no_heap;

void* allocate_slowly(size_t bytes, Kind kind) {
  if (bytes > largest_request) throw_out_of_memory(bytes);
  const size_t wanted = std::max<size_t>(bytes, 1);
  void* block = take(wanted);
  if (!block) {
    empty_cache();
    block = take(wanted);
  }
  if (!block) throw_out_of_memory(bytes);
  heap->count(kind, 1, static_cast<int64_t>(bytes));
  return block;
}

void release_slowly(void* block, size_t bytes, Kind kind) noexcept {
  if (heap != &no_heap) {
    heap->count(kind, -1, -static_cast<int64_t>(bytes));
  } else {
    shared.released[static_cast<int>(kind)].fetch_add(1, std::memory_order_relaxed);
    shared.released_bytes.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  }
  const size_t wanted = std::max<size_t>(bytes, 1);
  if (is_small(wanted)) {
    return_to_owner(block);
  } else {
    Lock lock(shared.mutex);
    keep_large(block, wanted);
  }
}

}  // namespace detail

Figures figures() {
  Lock lock(shared.mutex);
  const auto live = [](Kind kind) {
    const int place = static_cast<int>(kind);
    int64_t sum = -shared.released[place].load(std::memory_order_relaxed);
    for (Heap* heap = shared.heaps; heap; heap = heap->next) sum += heap->live[place].load(std::memory_order_relaxed);
    return sum;
  };
  int64_t live_bytes = -shared.released_bytes.load(std::memory_order_relaxed);
  for (Heap* heap = shared.heaps; heap; heap = heap->next)
    live_bytes += heap->live_bytes.load(std::memory_order_relaxed);
  return {live(Kind::tensor), live(Kind::node), live_bytes, shared.held_bytes, shared.misses};
}

void empty_cache() {
  Lock lock(shared.mutex);
  give_back_large_blocks();
  if (detail::heap != &no_heap) give_back_spans(*detail::heap);
  for (Heap* heap = shared.idle_heaps; heap; heap = heap->next_idle) give_back_spans(*heap);
  give_back_spare_spans();
}

}  // namespace gradus::pool
