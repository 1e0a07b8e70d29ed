// The memory of the emulated device: addresses that mean nothing to the host, the bytes behind them, and for every four
// bytes what is known of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "gradus/cuda/emulator.h"
#include "gradus/cuda/races.h"

namespace gradus::simt {

// What is known of four bytes.
struct Cell {
  uint8_t usable : 3;  // how many of them belong to an allocation
  uint8_t written : 1;
};

class EmulatedMemory {
 public:
  static EmulatedMemory& instance();

  // ---- for the host ----
  void* allocate(int64_t bytes);  // null when full
  void release(void* address);
  bool holds(const void* address) const { return offset_of(address) < window_bytes; }
  // The bytes behind [address, address + bytes); Fault naming `op` unless they lie in one allocation.
  char* bytes_of(const char* op, const void* address, int64_t bytes);
  void mark_written(const void* address, int64_t bytes);
  int64_t allocated_bytes() const { return allocated_; }

  // ---- for the running block ----
  void* shared_array(const void* identity, size_t bytes, const char* name);  // Fault when shared memory is full
  void free_shared();
  bool is_shared(const void* address) const { return offset_of(address) < shared_bytes; }
  Cell& cell_of(const void* address) const { return cells_[offset_of(address) / 4]; }
  History& history_of(const void* address) const { return histories_[offset_of(address) / 4]; }
  char* real(const void* address) const { return bytes_ + offset_of(address); }
  // "byte 12 of the shared array 'sums' of 8 bytes": where an address lies, for messages.
  std::string place(const void* address) const;

 private:
  static constexpr size_t shared_bytes = size_t{1} << 20, shared_limit = 48 << 10;  // a static array may not take more
  static constexpr size_t window_bytes = shared_bytes + size_t(device_bytes);
  static constexpr size_t red_zone = 256, alignment = 256;

  EmulatedMemory();
  size_t offset_of(const void* address) const { return size_t(static_cast<const char*>(address) - window_); }
  void open(size_t offset, size_t bytes);
  void close(size_t offset, size_t bytes);

  struct Block {
    size_t bytes;
    bool live;
  };
  struct SharedArray {
    const void* identity;
    const char* name;
    size_t offset, bytes;
  };
  char *window_, *bytes_;  // the addresses, and what stands behind them
  Cell* cells_;
  History* histories_;
  std::map<size_t, Block> blocks_;  // by offset; released ones stay for a while, so that their use is found
  std::deque<size_t> released_;
  size_t released_bytes_ = 0, shared_used_ = 0;
  int64_t allocated_ = 0;
  std::vector<SharedArray> shared_;
};

}  // namespace gradus::simt
