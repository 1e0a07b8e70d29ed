// CUDA on a host: every thread of a block is a fiber, and every access to device and shared memory is checked.
//
// A kernel that reads or writes outside an allocation, reads what nobody wrote, lacks a barrier, splits one, or races
// with another block ends with a Fault, whose text names the kernel, the thread, the line and the remedy.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <tuple>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}  // NOLINT: implicit in CUDA
};

namespace gradus::simt {

// What a kernel did wrong.
class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The line of a kernel that calls.
struct Line {
  const char* file;
  int number;
  static constexpr Line current(const char* file = __builtin_FILE(), int number = __builtin_LINE()) {
    return {file, number};
  }
};

// Where the running thread stands.
struct Position {
  uint3 thread, block;
  dim3 block_dim, grid_dim;
};
const Position& position();

// ---- memory -------------------------------------------------------------------------------------

enum class Access : uint8_t { read, write, atomic, ticket };
// The bytes behind a device or shared address, once the access has passed all checks.
void* access(const void* address, size_t bytes, size_t alignment, Access, Line);

template <class T> __forceinline__ T read(const T* p, int64_t i = 0, Line line = Line::current()) {
  T x;
  memcpy(static_cast<void*>(&x), access(p + i, sizeof(T), alignof(T), Access::read, line), sizeof(T));
  return x;
}
template <class T> __forceinline__ void write(T* p, int64_t i, T x, Line line = Line::current()) {
  memcpy(access(p + i, sizeof(T), alignof(T), Access::write, line), static_cast<const void*>(&x), sizeof(T));
}
template <class T> __forceinline__ T& atomically(T* p, Access kind, Line line) {
  return *static_cast<T*>(access(p, sizeof(T), alignof(T), kind, line));
}
inline unsigned take_ticket(unsigned* p, Line line = Line::current()) { return atomically(p, Access::ticket, line)++; }
inline void atomic_min(unsigned long long* p, unsigned long long x, Line line = Line::current()) {
  unsigned long long& least = atomically(p, Access::atomic, line);
  if (x < least) least = x;
}
inline unsigned atomic_add(unsigned* p, unsigned x, Line line = Line::current()) {
  unsigned& sum = atomically(p, Access::atomic, line);
  return (sum += x) - x;
}

// The bytes behind an allocation's [p, p + bytes), which are then read and written without further checks: those of
// problems that a team of threads solves.
void* open(const void* p, int64_t bytes, Line);
template <class T> T* opened(T* p, int64_t bytes, Line line = Line::current()) {
  return bytes == 0 ? p : static_cast<T*>(open(p, bytes, line));
}
[[noreturn]] void fail(const char* what, Line line = Line::current());

// The block's array of that identity; made, with nothing written, by the first thread that asks.
void* shared_array(const void* identity, size_t bytes, const char* name);

// ---- meeting other threads ----------------------------------------------------------------------

void barrier(Line);
// Lays `bytes` (at most 8) of this lane open and takes those of lane `from`; every lane of `mask` must come.
void exchange(unsigned mask, const void* mine, void* theirs, size_t bytes, unsigned from, Line);
// A bit for every lane of `mask` whose vote is true.
unsigned ballot(unsigned mask, bool vote, Line);
unsigned lane();

template <class T> T exchanged(unsigned mask, T x, unsigned from, Line line) {
  static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
  T y;
  exchange(mask, &x, &y, sizeof(T), from, line);
  return y;
}

// ---- launching ----------------------------------------------------------------------------------

void run(const char* name, dim3 grid, dim3 block, void (*body)(void*), void* closure);

// Launches that are kept, to be run later and again.
using Launches = std::vector<std::function<void()>>;
// Where this thread's launches go instead of being run; null: they are run.
Launches*& recorded_launches();

// Runs a kernel to its end; throws Fault.
template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, A... arguments) {
  auto call = std::tuple<void (*)(P...), P...>(kernel, P(arguments)...);
  auto start = [=]() mutable {
    run(
        name, grid, block,
        [](void* closure) {
          std::apply([](auto f, const auto&... x) { f(x...); }, *static_cast<decltype(call)*>(closure));
        },
        &call);
  };
  if (recorded_launches()) recorded_launches()->push_back(std::move(start));
  else start();
}

// ---- device memory, from the host's side --------------------------------------------------------

constexpr int64_t device_bytes = int64_t{128} << 20;

// An address that only kernels and copy() can use: the host's own read or write of it is a segmentation fault.
// Null when there is no room.
void* allocate(int64_t bytes);
void release(void* address);  // Fault when it is no allocation
// Between host and device, either way; Fault when the device's end is no allocation of that length.
void copy(void* to, const void* from, int64_t bytes);
int64_t allocated_bytes();

}  // namespace gradus::simt

#define GRADUS_UNROLLED

// An array of n T's that the threads of a block share.
#define GRADUS_SHARED(T, name, n)        \
  static const char name##_identity = 0; \
  T* const name = static_cast<T*>(::gradus::simt::shared_array(&name##_identity, sizeof(T) * (n), #name))

#define threadIdx (::gradus::simt::position().thread)
#define blockIdx (::gradus::simt::position().block)
#define blockDim (::gradus::simt::position().block_dim)
#define gridDim (::gradus::simt::position().grid_dim)

inline void __syncthreads(gradus::simt::Line line = gradus::simt::Line::current()) { gradus::simt::barrier(line); }
inline void __syncwarp(unsigned mask = ~0u, gradus::simt::Line line = gradus::simt::Line::current()) {
  gradus::simt::ballot(mask, true, line);
}
inline unsigned __ballot_sync(unsigned mask, bool vote, gradus::simt::Line line = gradus::simt::Line::current()) {
  return gradus::simt::ballot(mask, vote, line);
}
template <class T>
T __shfl_sync(unsigned mask, T x, unsigned from, gradus::simt::Line line = gradus::simt::Line::current()) {
  return gradus::simt::exchanged(mask, x, from % 32, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T x, unsigned by, gradus::simt::Line line = gradus::simt::Line::current()) {
  return gradus::simt::exchanged(mask, x, gradus::simt::lane() ^ by, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T x, unsigned by, gradus::simt::Line line = gradus::simt::Line::current()) {
  const unsigned from = gradus::simt::lane() + by;
  return gradus::simt::exchanged(mask, x, from < 32 ? from : gradus::simt::lane(), line);
}
