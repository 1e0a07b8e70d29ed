#include "gradus/cuda/emulated_memory.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>

namespace gradus::simt {
namespace {

char* reserve(size_t bytes, int protection) {
  void* p = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(p);
}

constexpr size_t rounded_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

constexpr size_t most_released_bytes = 16 << 20, most_released_blocks = 256;

}  // namespace

EmulatedMemory& EmulatedMemory::instance() {
  static EmulatedMemory memory;
  return memory;
}

EmulatedMemory::EmulatedMemory()
    : window_(reserve(window_bytes, PROT_NONE)),
      bytes_(reserve(window_bytes, PROT_READ | PROT_WRITE)),
      cells_(reinterpret_cast<Cell*>(reserve(window_bytes / 4 * sizeof(Cell), PROT_READ | PROT_WRITE))),
      histories_(reinterpret_cast<History*>(reserve(window_bytes / 4 * sizeof(History), PROT_READ | PROT_WRITE))) {}

// The histories of device memory may stay: what an earlier launch did is in order with all that comes.
void EmulatedMemory::open(size_t offset, size_t bytes) {
  std::fill_n(cells_ + offset / 4, bytes / 4, Cell{4, 0});
  if (bytes % 4) cells_[(offset + bytes) / 4] = {uint8_t(bytes % 4), 0};
  memset(bytes_ + offset, 0xff, bytes);  // not a number, whoever reads it unchecked
}

void EmulatedMemory::close(size_t offset, size_t bytes) {
  std::fill_n(cells_ + offset / 4, (bytes + 3) / 4, Cell{0, 0});
}

void* EmulatedMemory::allocate(int64_t bytes) {
  const size_t room = rounded_up(size_t(std::max<int64_t>(bytes, 1)) + red_zone, alignment);
  if (bytes > device_bytes) return nullptr;
  size_t offset = shared_bytes;  // the first gap that is wide enough
  for (const auto& [begin, block] : blocks_) {
    if (begin - offset >= room) break;
    offset = begin + rounded_up(std::max<size_t>(block.bytes, 1) + red_zone, alignment);
  }
  if (offset + room > window_bytes) {
    if (released_.empty()) return nullptr;
    for (const size_t old : released_) blocks_.erase(old);
    released_.clear();
    released_bytes_ = 0;
    return allocate(bytes);
  }
  blocks_[offset] = {size_t(bytes), true};
  allocated_ += bytes;
  open(offset, size_t(bytes));
  return window_ + offset;
}

void EmulatedMemory::release(void* address) {
  const auto block = blocks_.find(offset_of(address));
  if (block == blocks_.end() || !block->second.live)
    throw Fault(
        fmt::format("release: got {}, wanted the start of a live allocation; release each one once", place(address)));
  block->second.live = false;
  close(block->first, block->second.bytes);
  allocated_ -= int64_t(block->second.bytes);
  released_.push_back(block->first);
  released_bytes_ += block->second.bytes;
  while (released_bytes_ > most_released_bytes || released_.size() > most_released_blocks) {
    const auto oldest = blocks_.find(released_.front());
    released_bytes_ -= oldest->second.bytes;
    blocks_.erase(oldest);
    released_.pop_front();
  }
}

char* EmulatedMemory::bytes_of(const char* op, const void* address, int64_t bytes) {
  const size_t offset = offset_of(address);
  auto block = blocks_.upper_bound(offset);
  if (!holds(address) || block == blocks_.begin() || !(--block)->second.live ||
      offset + size_t(bytes) > block->first + block->second.bytes)
    throw Fault(fmt::format("{}: got {} bytes at {}, wanted a part of one live allocation; stay inside it", op, bytes,
                            place(address)));
  return bytes_ + offset;
}

void EmulatedMemory::mark_written(const void* address, int64_t bytes) {
  const size_t offset = offset_of(address);
  for (size_t at = offset / 4; at < (offset + size_t(bytes) + 3) / 4; ++at) cells_[at].written = 1;
}

void* EmulatedMemory::shared_array(const void* identity, size_t bytes, const char* name) {
  for (const SharedArray& a : shared_)
    if (a.identity == identity) return window_ + a.offset;
  const size_t offset = rounded_up(shared_used_ + red_zone, 16);
  size_t all = bytes;
  for (const SharedArray& a : shared_) all += a.bytes;
  if (all > shared_limit)
    throw Fault(fmt::format("shared memory: '{}' makes it {} bytes, wanted at most {}; use fewer", name, all,
                            size_t{shared_limit}));
  shared_.push_back({identity, name, offset, bytes});
  shared_used_ = offset + bytes;
  open(offset, bytes);
  return window_ + offset;
}

void EmulatedMemory::free_shared() {
  for (const SharedArray& a : shared_) {
    close(a.offset, a.bytes);
    std::fill_n(histories_ + a.offset / 4, (a.bytes + 3) / 4, History{});  // another block's arrays come here
  }
  shared_.clear();
  shared_used_ = 0;
}

std::string EmulatedMemory::place(const void* address) const {
  const size_t offset = offset_of(address);
  if (!holds(address)) return "an address of the host";
  if (is_shared(address)) {
    const SharedArray* nearest = nullptr;
    for (const SharedArray& a : shared_)
      if (a.offset <= offset || !nearest) nearest = &a;
    if (!nearest) return "no shared array";
    return fmt::format("byte {} of the shared array '{}' of {} bytes", int64_t(offset) - int64_t(nearest->offset),
                       nearest->name, nearest->bytes);
  }
  auto block = blocks_.upper_bound(offset);
  if (block == blocks_.end() && blocks_.empty()) return "no allocation";
  // The allocation before it, or the one after it where that is nearer.
  if (block != blocks_.begin()) {
    const auto before = std::prev(block);
    const size_t gap = offset - before->first;
    if (block == blocks_.end() || gap < before->second.bytes + red_zone / 2 || before->second.bytes + red_zone > gap)
      block = before;
  }
  return fmt::format("byte {} of {} allocation of {} bytes", int64_t(offset) - int64_t(block->first),
                     block->second.live ? "an" : "a released", block->second.bytes);
}

}  // namespace gradus::simt
