// The cache of device memory over host memory: blocks never overlap, nothing is lost, and what is kept is used again.
#include "gradus/cuda/caching_allocator.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

namespace gradus::cuda_kernels {
namespace {

// A device of 64 MiB whose memory is the host's.
struct Device {
  static inline std::map<void*, int64_t> blocks;
  static inline int64_t used = 0;
  static inline int allocations = 0;
  static constexpr int64_t bytes = int64_t{64} << 20;

  static void* allocate(int64_t size) {
    if (used + size > bytes) return nullptr;
    void* data = std::malloc(size_t(size));
    blocks[data] = size, used += size, ++allocations;
    return data;
  }
  static void release(void* data) {
    used -= blocks.at(data);
    blocks.erase(data);
    std::free(data);
  }
  static constexpr CachingAllocator::Source source = {allocate, release};
};

class Cache : public testing::Test {
 protected:
  void SetUp() override { Device::allocations = 0; }
  void TearDown() override {
    cache.empty();
    EXPECT_EQ(Device::used, 0) << "blocks were lost";
  }
  CachingAllocator cache{Device::source};
};

TEST_F(Cache, GivesAReleasedBlockOutAgain) {
  void* first = cache.allocate(3000);
  cache.release(first);
  EXPECT_EQ(cache.allocate(2900), first);
  EXPECT_EQ(Device::allocations, 1);
  EXPECT_EQ(cache.figures().live, 3072);
  cache.release(first);
  EXPECT_EQ(cache.figures().live, 0);
  EXPECT_EQ(cache.figures().held, 3072);
}

TEST_F(Cache, WastesNoMoreThanAQuarter) {
  void* wide = cache.allocate(int64_t{8} << 20);
  cache.release(wide);
  void* narrow = cache.allocate(int64_t{4} << 20);
  EXPECT_NE(narrow, wide);
  EXPECT_EQ(cache.allocate(int64_t{6} << 20), wide);
  cache.release(narrow), cache.release(wide);
}

TEST_F(Cache, GivesBackWhatItKeepsBeforeItSaysNo) {
  for (int i = 0; i < 6; ++i) cache.release(cache.allocate(int64_t{2 * i + 2} << 20));
  void* most = cache.allocate(int64_t{60} << 20);
  EXPECT_NE(most, nullptr);
  EXPECT_EQ(cache.figures().held, int64_t{60} << 20);
  EXPECT_EQ(cache.allocate(int64_t{8} << 20), nullptr);
  cache.release(most);
  void* fits = cache.allocate(int64_t{8} << 20);
  EXPECT_NE(fits, nullptr);
  cache.release(fits);
}

TEST_F(Cache, HoldsUnderAnyOrderOfCalls) {
  EXPECT_TRUE(rc::check([] {
    CachingAllocator cache(Device::source);
    struct Block {
      char* data;
      int64_t size;
      char mark;
    };
    std::vector<Block> live;
    char mark = 0;
    const auto calls = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 10), rc::gen::inRange(0, 3'000'000)));
    for (const auto& [what, number] : calls) {
      if (what < 6) {
        auto* data = static_cast<char*>(cache.allocate(number));
        if (!data) continue;  // 64 MiB are in use
        live.push_back({data, number, ++mark});
        std::memset(data, mark, size_t(number));
      } else if (what < 9 && !live.empty()) {
        const size_t i = size_t(number) % live.size();
        const Block block = live[i];
        for (int64_t k = 0; k < block.size; k += 997)
          RC_ASSERT(block.data[k] == block.mark);  // nobody else wrote there
        cache.release(block.data);
        live.erase(live.begin() + int64_t(i));
      } else {
        cache.empty();
        RC_ASSERT(cache.figures().held == cache.figures().live);
      }
      RC_ASSERT(cache.figures().held == Device::used);
      int64_t asked = 0;
      for (const Block& b : live) asked += b.size;
      RC_ASSERT(cache.figures().live >= asked);
    }
    for (const Block& b : live) cache.release(b.data);
    RC_ASSERT(cache.figures().live == 0);
    cache.empty();
    RC_ASSERT(Device::used == 0);
  }));
}

}  // namespace
}  // namespace gradus::cuda_kernels
