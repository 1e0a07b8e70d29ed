// The CUDA emulator: right kernels run, and every planted bug is found and said in one sentence.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "gradus/cuda/simt.h"

namespace {

using namespace gradus;

// An array on the emulated device for the duration of a test.
template <class T> class OnDevice {
 public:
  explicit OnDevice(const std::vector<T>& values) : OnDevice(values.size()) {
    simt::copy(data_, values.data(), bytes());
  }
  explicit OnDevice(size_t n) : n_(n), data_(static_cast<T*>(simt::allocate(bytes()))) {}
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() { simt::release(data_); }
  T* get() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> out(n_);
    simt::copy(out.data(), data_, bytes());
    return out;
  }

 private:
  int64_t bytes() const { return int64_t(n_ * sizeof(T)); }
  size_t n_;
  T* data_;
};

template <class... P, class... A> std::string fault_of(void (*kernel)(P...), unsigned grid, unsigned block, A... a) {
  try {
    simt::launch("planted", kernel, grid, block, a...);
  } catch (const simt::Fault& fault) { return fault.what(); }
  return "";
}

void expect_fault(const std::string& fault, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(fault.find(part), std::string::npos) << "no '" << part << "' in: " << fault;
  EXPECT_EQ(fault.find('\n'), std::string::npos) << fault;
}

std::vector<float> ramp(size_t n) {
  std::vector<float> x(n);
  std::iota(x.begin(), x.end(), 1.0f);
  return x;
}

// ---- right kernels ------------------------------------------------------------------------------

__global__ void add_one(float* x, int64_t n) {
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x)
    simt::write(x, i, simt::read(x, i) + 1);
}

// Every block sums its part; the one that takes the last ticket sums the parts.
__global__ void sum_with_ticket(const float* x, int64_t n, double* parts, unsigned* ticket, double* sum, bool ordered) {
  GRADUS_SHARED(double, warps, 32);
  GRADUS_SHARED(bool, last, 1);
  double mine = 0;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x)
    mine += double(simt::read(x, i));
  for (unsigned by = 16; by; by /= 2) mine += __shfl_xor_sync(~0u, mine, by);
  if (threadIdx.x % 32 == 0) simt::write(warps, threadIdx.x / 32, mine);
  __syncthreads();
  if (threadIdx.x == 0) {
    double block = 0;
    for (unsigned w = 0; w < blockDim.x / 32; ++w) block += simt::read(warps, w);
    simt::write(parts, blockIdx.x, block);
    const unsigned mine_is = ordered ? simt::take_ticket(ticket) : simt::atomic_add(ticket, 1);
    simt::write(last, 0, mine_is == gridDim.x - 1);
  }
  __syncthreads();
  if (!simt::read(last) || threadIdx.x != 1) return;
  double all = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) all += simt::read(parts, b);
  simt::write(sum, 0, all);
}

__global__ void reverse_in_warp(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  const int x = simt::read(in, i);
  const unsigned odd = __ballot_sync(~0u, x % 2);
  int y = __shfl_sync(~0u, x, 31 - i % 32);
  if (i % 32 < 16) y += __shfl_xor_sync(0xffffu, 0, 1);    // half a warp on its own
  if (i % 32 > 29) y += __shfl_down_sync(3u << 30, 0, 1);  // past the last lane stands its own
  __syncwarp();
  simt::write(out, i, odd == 0xaaaaaaaau ? y : -1);
}

__global__ void where_am_i(unsigned* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  simt::write(out, block * blockDim.x * blockDim.y * blockDim.z + thread, 100 * block + thread);
}

TEST(Emulator, RunsEveryThreadOfTheGrid) {
  const OnDevice<float> x(ramp(1000));
  EXPECT_EQ(fault_of(add_one, 3, 96, x.get(), int64_t{1000}), "");
  const std::vector<float> got = x.values();
  for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], float(i + 2));
}

TEST(Emulator, IndexesInThreeDimensions) {
  const OnDevice<unsigned> out(12 * 8);
  simt::launch("where_am_i", where_am_i, dim3(3, 2, 2), dim3(2, 2, 2), out.get());
  const std::vector<unsigned> got = out.values();
  for (unsigned i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], i / 8 * 100 + i % 8);
}

TEST(Emulator, OrdersBlocksByTickets) {
  const OnDevice<float> x(ramp(5000));
  const OnDevice<double> parts(7), sum(1);
  const OnDevice<unsigned> ticket(std::vector<unsigned>{0});
  EXPECT_EQ(fault_of(sum_with_ticket, 7, 128, x.get(), int64_t{5000}, parts.get(), ticket.get(), sum.get(), true), "");
  EXPECT_EQ(sum.values()[0], 5000.0 * 5001 / 2);
  EXPECT_EQ(ticket.values()[0], 7u);
}

TEST(Emulator, ShufflesAndVotes) {
  std::vector<int> values(64);
  std::iota(values.begin(), values.end(), 0);
  const OnDevice<int> in(values), out(64);
  EXPECT_EQ(fault_of(reverse_in_warp, 1, 64, in.get(), out.get()), "");
  const std::vector<int> got = out.values();
  for (int i = 0; i < 64; ++i) ASSERT_EQ(got[size_t(i)], i / 32 * 32 + 31 - i % 32);
}

// ---- planted bugs -------------------------------------------------------------------------------

__global__ void neighbour(const float* in, float* out, int64_t n, bool barrier) {
  GRADUS_SHARED(float, tile, 64);
  const unsigned i = threadIdx.x;
  simt::write(tile, i, simt::read(in, i));
  if (barrier) __syncthreads();
  if (i < n) simt::write(out, i, simt::read(tile, (i + 1) % 64));
}
TEST(Emulator, FindsAMissingBarrier) {
  const OnDevice<float> in(ramp(64)), out(64);
  EXPECT_EQ(fault_of(neighbour, 1, 64, in.get(), out.get(), int64_t{64}, true), "");
  const std::string early = fault_of(neighbour, 1, 64, in.get(), out.get(), int64_t{64}, false);
  expect_fault(early, {"planted: thread (0,0,0) of block (0,0,0) reads before anybody wrote it byte 4 of the shared "
                       "array 'tile' of 256 bytes (emulator_test.cpp:",
                       "; write it, then __syncthreads()"});
}

__global__ void reuse(const float* in, float* out, bool barrier) {
  GRADUS_SHARED(float, tile, 64);
  const unsigned i = threadIdx.x;
  float sum = 0;
  for (int64_t round = 0; round < 2; ++round) {
    simt::write(tile, i, simt::read(in, round * 64 + i));
    __syncthreads();
    sum += simt::read(tile, 63 - i);
    if (barrier) __syncthreads();
  }
  simt::write(out, i, sum);
}
TEST(Emulator, FindsAMissingBarrierBeforeReuse) {
  const OnDevice<float> in(ramp(128)), out(64);
  EXPECT_EQ(fault_of(reuse, 1, 64, in.get(), out.get(), true), "");
  expect_fault(fault_of(reuse, 1, 64, in.get(), out.get(), false),
               {"of the shared array 'tile'", "accessed with no barrier between", "; put a __syncthreads() there"});
}

__global__ void warp_neighbour(float* out, bool barrier) {
  GRADUS_SHARED(float, tile, 64);
  const unsigned i = threadIdx.x;
  simt::write(tile, i, 1.0f);
  __syncthreads();
  simt::write(tile, i, 2.0f);
  if (barrier) __syncwarp();
  simt::write(out, i, simt::read(tile, i / 32 * 32 + (i + 31) % 32));
}
TEST(Emulator, KnowsWhatAWarpOrders) {
  const OnDevice<float> out(64);
  EXPECT_EQ(fault_of(warp_neighbour, 1, 64, out.get(), true), "");
  expect_fault(fault_of(warp_neighbour, 1, 64, out.get(), false), {"accessed with no barrier between"});
}

__global__ void divergent(float* x) {
  if (threadIdx.x >= 24) return;
  __syncthreads();
  simt::write(x, threadIdx.x, 0.0f);
}
TEST(Emulator, FindsADivergentBarrier) {
  const OnDevice<float> x(64);
  expect_fault(fault_of(divergent, 2, 64, x.get()),
               {"planted: block (0,0,0) is stuck: 24 threads wait at __syncthreads (emulator_test.cpp:",
                "), 40 have left; let all threads that must meet come"});
}

__global__ void two_barriers() {
  if (threadIdx.x < 32) __syncthreads();
  else __syncthreads();  // another one
}
TEST(Emulator, FindsThreadsAtDifferentBarriers) {
  expect_fault(fault_of(two_barriers, 1, 64), {"meets the others at different barriers, emulator_test.cpp:"});
}

__global__ void half_a_warp(int* out) {
  if (threadIdx.x < 16) simt::write(out, threadIdx.x, __shfl_xor_sync(~0u, 1, 1));
}
__global__ void wrong_mask(int* out) {
  if (threadIdx.x < 16) simt::write(out, threadIdx.x, __shfl_xor_sync(0xff00u, 1, 1));
}
TEST(Emulator, FindsADivergentWarpOperation) {
  const OnDevice<int> out(32);
  expect_fault(fault_of(half_a_warp, 1, 32, out.get()), {"is stuck: 16 in a warp operation", "16 have left"});
  expect_fault(fault_of(wrong_mask, 1, 32, out.get()), {"leaves it out"});
}

__global__ void one_too_far(const float* in, float* out, int64_t n) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i <= n) simt::write(out, i, simt::read(in, i));
}
TEST(Emulator, FindsAnAccessOutsideAnAllocation) {
  const OnDevice<float> in(ramp(100)), out(100);
  expect_fault(fault_of(one_too_far, 4, 32, in.get(), out.get(), int64_t{100}),
               {"thread (4,0,0) of block (3,0,0) reads byte 400 of an allocation of 400 bytes (emulator_test.cpp:",
                "; stay inside what was allocated"});
  expect_fault(fault_of(add_one, 1, 32, out.get() - 1, int64_t{1}), {"reads byte -4 of an allocation of 400 bytes"});
  float on_host = 1;
  expect_fault(fault_of(add_one, 1, 32, &on_host, int64_t{1}),
               {"reads an address of the host", "; pass device memory"});
}
TEST(Emulator, FindsUseAfterRelease) {
  float* gone = nullptr;
  {
    const OnDevice<float> x(ramp(10));
    gone = x.get();
  }
  expect_fault(fault_of(add_one, 1, 32, gone, int64_t{10}), {"reads byte 0 of a released allocation of 40 bytes"});
  EXPECT_THROW(simt::release(gone), simt::Fault);
}
TEST(Emulator, FindsMisalignment) {
  const OnDevice<float> x(ramp(4));
  expect_fault(fault_of(add_one, 1, 32, reinterpret_cast<float*>(reinterpret_cast<char*>(x.get()) + 2), int64_t{1}),
               {"reads misaligned byte 2 of an allocation"});
}
TEST(Emulator, FindsDeviceMemoryThatNobodyWrote) {
  const OnDevice<float> x(10);
  expect_fault(fault_of(add_one, 1, 32, x.get(), int64_t{10}),
               {"reads before anybody wrote it byte 0 of an allocation of 40 bytes", "; write it"});
}

__global__ void past_the_tile(float* out) {
  GRADUS_SHARED(float, tile, 32);
  simt::write(tile, threadIdx.x + 1, 1.0f);
  simt::write(out, threadIdx.x, 0.0f);
}
TEST(Emulator, FindsAnAccessOutsideASharedArray) {
  const OnDevice<float> out(32);
  expect_fault(fault_of(past_the_tile, 1, 32, out.get()),
               {"thread (31,0,0) of block (0,0,0) writes byte 128 of the shared array 'tile' of 128 bytes"});
}

__global__ void all_to_one(float* x) {
  if (threadIdx.x == 0) simt::write(x, 0, float(blockIdx.x));
}
TEST(Emulator, FindsAGridRace) {
  const OnDevice<float> x(1);
  expect_fault(fault_of(all_to_one, 2, 32, x.get()),
               {"thread (0,0,0) of block (1,0,0) writes byte 0 of an allocation of 4 bytes",
                "which block 0 accessed in the same launch", "order them with a ticket"});
  EXPECT_EQ(fault_of(all_to_one, 1, 32, x.get()), "") << "one launch comes after another";
}
TEST(Emulator, FindsARelaxedTicket) {
  const OnDevice<float> x(ramp(5000));
  const OnDevice<double> parts(7), sum(1);
  const OnDevice<unsigned> ticket(std::vector<unsigned>{0});
  expect_fault(fault_of(sum_with_ticket, 7, 128, x.get(), int64_t{5000}, parts.get(), ticket.get(), sum.get(), false),
               {"thread (1,0,0) of block (6,0,0) reads byte 0 of an allocation of 56 bytes", "which block 0 accessed"});
}

__global__ void too_much_shared(float* out) {
  GRADUS_SHARED(double, tile, 7000);
  simt::write(tile, 0, 1.0);
  simt::write(out, 0, float(simt::read(tile)));
}
TEST(Emulator, BoundsSharedMemoryAndTheBlock) {
  const OnDevice<float> out(1);
  expect_fault(fault_of(too_much_shared, 1, 1, out.get()), {"'tile' makes it 56000 bytes, wanted at most 49152"});
  expect_fault(fault_of(two_barriers, 1, 1025), {"planted: got a grid of (1,1,1) blocks of (1025,1,1) threads"});
}

// ---- memory -------------------------------------------------------------------------------------

TEST(Emulator, WorksOnAfterAFault) {
  const OnDevice<float> x(ramp(64));
  ASSERT_NE(fault_of(divergent, 2, 64, x.get()), "");
  EXPECT_EQ(fault_of(add_one, 2, 64, x.get(), int64_t{64}), "");
  EXPECT_EQ(x.values()[63], 65.0f);
}
TEST(Emulator, MemoryEndsAndComesBack) {
  const int64_t before = simt::allocated_bytes();
  EXPECT_EQ(simt::allocate(simt::device_bytes + 1), nullptr);
  for (int round = 0; round < 3; ++round) {  // what was released makes room
    void* most = simt::allocate(simt::device_bytes / 4 * 3);
    ASSERT_NE(most, nullptr);
    EXPECT_EQ(simt::allocate(simt::device_bytes / 4 * 3), nullptr);
    simt::release(most);
  }
  EXPECT_EQ(simt::allocated_bytes(), before);
}
TEST(Emulator, CopiesStayInsideAnAllocation) {
  const OnDevice<float> x(ramp(4));
  float host[5] = {};
  try {
    simt::copy(host, x.get(), 20);
    FAIL();
  } catch (const simt::Fault& fault) {
    expect_fault(fault.what(), {"copy: got 20 bytes at byte 0 of an allocation of 16 bytes"});
  }
}

TEST(EmulatorDeathTest, TheHostCannotTouchDeviceMemory) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // other tests have left threads
  const OnDevice<float> x(ramp(4));
  EXPECT_DEATH(
      {
        volatile float y = *x.get();
        (void)y;
      },
      "");
}

}  // namespace
