// The memory pool: blocks of every size, threads that come, go and release each other's blocks, limits, forks.
#include "gradus/core/pool.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "gradus/core/backend.h"
#include "gradus/core/error.h"
#include "gradus/core/memory.h"
#include "gradus/core/tensor.h"

namespace gradus {
namespace {

using pool::Kind;

constexpr size_t mib = size_t{1} << 20;

// What the pool holds now more than when this object was made; other tests may have left tensors of their own.
class Change {
 public:
  pool::Figures operator()() const {
    const pool::Figures now = pool::figures();
    return {now.live_tensors - start_.live_tensors, now.live_nodes - start_.live_nodes,
            now.live_bytes - start_.live_bytes, now.held_bytes - start_.held_bytes, now.misses - start_.misses};
  }

 private:
  pool::Figures start_ = pool::figures();
};

class WithMemoryLimit {
 public:
  explicit WithMemoryLimit(const std::string& bytes) { setenv("GRADUS_MEMORY_LIMIT", bytes.c_str(), 1); }
  explicit WithMemoryLimit(int64_t bytes) : WithMemoryLimit(std::to_string(bytes)) {}
  ~WithMemoryLimit() { unsetenv("GRADUS_MEMORY_LIMIT"); }
};

// The exit status of a child process that runs f().
template <class F> int status_of_child(F&& f) {
  const pid_t child = fork();
  if (child == 0) _exit(f());
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string error_text(size_t bytes) {
  try {
    pool::release(pool::allocate(bytes, Kind::data), bytes, Kind::data);
  } catch (const Error& error) { return fmt::format("{}: {}", error.kind(), error.what()); }
  return "no error";
}

TEST(Pool, BlocksOfEverySizeAreAlignedAndWritableToTheirLastByte) {
  for (size_t size = 0; size <= 200 * mib; size = size < 200 ? size + 1 : size + size / 3) {
    void* block = pool::allocate(size, Kind::data);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u) << size;
    if (size > 0) {
      auto* bytes = static_cast<volatile char*>(block);
      bytes[0] = 1;
      bytes[size - 1] = 2;
    }
    pool::release(block, size, Kind::data);
  }
  pool::empty_cache();
}

TEST(Pool, LiveBlocksNeverOverlap) {
  std::mt19937 random(7);
  std::unordered_map<unsigned char*, std::pair<size_t, unsigned char>> live;
  for (int step = 0; step < 20000; ++step) {
    if (live.size() < 200 && random() % 3 != 0) {
      const size_t size = random() % (size_t{1} << random() % 18) + 1;
      auto* block = static_cast<unsigned char*>(pool::allocate(size, Kind::data));
      const auto mark = static_cast<unsigned char>(step);
      std::memset(block, mark, size);
      ASSERT_TRUE(live.emplace(block, std::pair(size, mark)).second);
    } else if (!live.empty()) {
      const auto entry = live.begin();
      const auto [size, mark] = entry->second;
      for (size_t i = 0; i < size; ++i) ASSERT_EQ(entry->first[i], mark) << "byte " << i << " of " << size;
      pool::release(entry->first, size, Kind::data);
      live.erase(entry);
    }
  }
  for (const auto& [block, entry] : live) pool::release(block, entry.first, Kind::data);
}

TEST(Pool, AReleasedBlockIsTheNextOneOfItsSize) {
  for (const size_t size : {size_t{1}, size_t{100}, size_t{32768}, size_t{32769}, 3 * mib, 64 * mib}) {
    void* first = pool::allocate(size, Kind::data);
    pool::release(first, size, Kind::data);
    const Change change;
    void* second = pool::allocate(size, Kind::data);
    EXPECT_EQ(second, first) << size;
    EXPECT_EQ(change().misses, 0) << size;
    pool::release(second, size, Kind::data);
  }
  pool::empty_cache();
}

TEST(Pool, CountsLiveBlocksPerKindAndBytesAsAsked) {
  const Change change;
  void* tensor = pool::allocate(100, Kind::tensor);
  void* node = pool::allocate(200, Kind::node);
  void* nothing = pool::allocate(0, Kind::data);
  void* data = pool::allocate(5 * mib + 1, Kind::data);
  EXPECT_EQ(change().live_tensors, 1);
  EXPECT_EQ(change().live_nodes, 1);
  EXPECT_EQ(change().live_bytes, static_cast<int64_t>(300 + 5 * mib + 1));
  pool::release(tensor, 100, Kind::tensor);
  pool::release(data, 5 * mib + 1, Kind::data);
  EXPECT_EQ(change().live_tensors, 0);
  EXPECT_EQ(change().live_nodes, 1);
  EXPECT_EQ(change().live_bytes, 200);
  pool::release(node, 200, Kind::node);
  pool::release(nothing, 0, Kind::data);
  EXPECT_EQ(change().live_nodes, 0);
  EXPECT_EQ(change().live_bytes, 0);
}

TEST(Pool, LargeBlocksWasteAtMostAQuarter) {
  pool::empty_cache();
  for (const size_t size : {mib + 1, 5 * mib / 2 + 1, 9 * mib, 100 * mib}) {
    const Change change;
    void* block = pool::allocate(size, Kind::data);
    EXPECT_GE(change().held_bytes, static_cast<int64_t>(size));
    EXPECT_LE(change().held_bytes, static_cast<int64_t>(size + size / 4));
    pool::release(block, size, Kind::data);
    pool::empty_cache();
    EXPECT_EQ(change().held_bytes, 0);
  }
}

TEST(Pool, MemoryUseFollowsTensorsAndEmptyCacheReturnsWhatIsHeld) {
  empty_cache();
  const MemoryUse before = memory_use();
  {
    const Tensor x({1024, 1024});
    const MemoryUse with = memory_use();
    EXPECT_EQ(with.tensors, before.tensors + 1);
    EXPECT_GE(with.used_bytes, before.used_bytes + int64_t(4 * mib));
    EXPECT_LE(with.used_bytes, before.used_bytes + int64_t(4 * mib) + 4096);
    EXPECT_GE(with.held_bytes, before.held_bytes + int64_t(4 * mib));
  }
  const MemoryUse after = memory_use();
  EXPECT_EQ(after.tensors, before.tensors);
  EXPECT_EQ(after.used_bytes, before.used_bytes);
  EXPECT_GE(after.held_bytes, before.held_bytes + int64_t(4 * mib)) << "the next tensor of that size is not kept for";
  empty_cache();
  EXPECT_LT(memory_use().held_bytes, before.held_bytes + int64_t(4 * mib));
}

TEST(Pool, HugeBlocksBeginOnAHugePage) {
  for (const size_t size : {2 * mib, 2 * mib + 1, 3 * mib - 100, 5 * mib, 7 * mib}) {
    void* block = pool::allocate(size, Kind::data);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % (2 * mib), 0u) << size;
    pool::release(block, size, Kind::data);
  }
}

TEST(Pool, EmptyCacheGivesBackWhatNoLiveBlockNeeds) {
  pool::empty_cache();
  const Change change;
  std::vector<void*> small;
  for (int i = 0; i < 100000; ++i) small.push_back(pool::allocate(200, Kind::tensor));
  const int64_t held_at_most = change().held_bytes;
  EXPECT_GE(held_at_most, 100000 * 200);

  // One block in the middle stays alive, and with it its surroundings alone.
  void* survivor = small[50000];
  std::memset(survivor, 42, 200);
  for (void* block : small) {
    if (block != survivor) pool::release(block, 200, Kind::tensor);
  }
  EXPECT_EQ(change().held_bytes, held_at_most);
  pool::empty_cache();
  EXPECT_LE(change().held_bytes, static_cast<int64_t>(mib));
  for (int i = 0; i < 200; ++i) ASSERT_EQ(static_cast<char*>(survivor)[i], 42);

  // The pool goes on as if nothing had been.
  void* other = pool::allocate(200, Kind::tensor);
  EXPECT_NE(other, survivor);
  pool::release(other, 200, Kind::tensor);
  pool::release(survivor, 200, Kind::tensor);
  pool::empty_cache();
  EXPECT_LE(change().held_bytes, 0);
  EXPECT_EQ(change().live_tensors, 0);
}

TEST(Pool, EmptyCacheReachesTheHeapsOfEndedThreads) {
  pool::empty_cache();
  const Change change;
  std::thread([] {
    std::vector<void*> blocks;
    for (int i = 0; i < 10000; ++i) blocks.push_back(pool::allocate(4096, Kind::data));
    for (void* block : blocks) pool::release(block, 4096, Kind::data);
  }).join();
  EXPECT_GE(change().held_bytes, 10000 * 4096);
  pool::empty_cache();
  EXPECT_LE(change().held_bytes, 0);
}

TEST(Pool, ShortLivedThreadsInheritTheHeapsOfTheirPredecessors) {
  const auto one_thread = [] {
    std::thread([] {
      void* blocks[50];
      for (void*& block : blocks) block = pool::allocate(1000, Kind::tensor);
      for (void* block : blocks) pool::release(block, 1000, Kind::tensor);
    }).join();
  };
  one_thread();
  const Change change;
  for (int i = 0; i < 1000; ++i) one_thread();
  EXPECT_EQ(change().held_bytes, 0);
  EXPECT_EQ(change().misses, 0);
  EXPECT_EQ(change().live_tensors, 0);
}

TEST(Pool, BlocksOutliveTheirThreadAndReturnToItsHeap) {
  const auto blocks_of_a_thread = [] {
    std::vector<void*> blocks(1000);
    std::thread([&] {
      for (void*& block : blocks) block = pool::allocate(500, Kind::tensor);
    }).join();
    return blocks;
  };
  const Change change;
  int64_t held_after_first = 0;
  for (int round = 0; round < 20; ++round) {
    const std::vector<void*> blocks = blocks_of_a_thread();
    EXPECT_EQ(change().live_tensors, 1000);
    EXPECT_EQ(change().live_bytes, 500 * 1000);
    for (void* block : blocks) pool::release(block, 500, Kind::tensor);
    if (round == 0) held_after_first = change().held_bytes;
  }
  EXPECT_EQ(change().held_bytes, held_after_first);
  EXPECT_EQ(change().live_tensors, 0);
  EXPECT_EQ(change().live_bytes, 0);
}

TEST(Pool, ProducerAndConsumerThreadsHoldNoMoreThanWhatIsUnderWay) {
  constexpr int blocks = 1000000;
  constexpr int under_way = 1024;
  std::vector<std::atomic<void*>> ring(under_way);
  const Change change;
  std::thread producer([&] {
    for (int i = 0; i < blocks; ++i) {
      void* block = pool::allocate(256, Kind::tensor);
      *static_cast<int*>(block) = i;
      while (ring[i % under_way].load(std::memory_order_relaxed)) std::this_thread::yield();
      ring[i % under_way].store(block, std::memory_order_release);
    }
  });
  int wrong = 0;
  std::thread consumer([&] {
    for (int i = 0; i < blocks; ++i) {
      void* block = nullptr;
      while (!(block = ring[i % under_way].exchange(nullptr, std::memory_order_acquire))) std::this_thread::yield();
      wrong += *static_cast<int*>(block) != i;
      pool::release(block, 256, Kind::tensor);
    }
  });
  producer.join();
  consumer.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(change().live_tensors, 0);
  EXPECT_EQ(change().live_bytes, 0);
  EXPECT_LE(change().held_bytes, static_cast<int64_t>(4 * mib));
}

TEST(Pool, ThreadsThatSwapBlocksAllTheTimeKeepTheSumsRight) {
  constexpr int places = 64;
  std::vector<std::atomic<void*>> shelf(places);
  const Change change;
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937 random(id);
      for (int step = 0; step < 50000; ++step) {
        const unsigned place = random() % places;
        const size_t size = size_t{16} << place % 13;  // up to 64 KiB: small and large
        void* fresh = random() % 2 ? pool::allocate(size, Kind::node) : nullptr;
        if (fresh) std::memset(fresh, static_cast<int>(place), 16);
        void* old = shelf[place].exchange(fresh, std::memory_order_acq_rel);
        if (old) pool::release(old, size, Kind::node);
        if (step % 10000 == 0) pool::empty_cache();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int64_t left = 0, left_bytes = 0;
  for (int place = 0; place < places; ++place) {
    const size_t size = size_t{16} << place % 13;
    void* block = shelf[place].load();
    if (!block) continue;
    ++left;
    left_bytes += static_cast<int64_t>(size);
    EXPECT_EQ(static_cast<char*>(block)[15], place);
  }
  EXPECT_EQ(change().live_nodes, left);
  EXPECT_EQ(change().live_bytes, left_bytes);
  for (int place = 0; place < places; ++place) {
    if (void* block = shelf[place].load()) pool::release(block, size_t{16} << place % 13, Kind::node);
  }
  EXPECT_EQ(change().live_nodes, 0);
  EXPECT_EQ(change().live_bytes, 0);
}

// A thread_local object may release a block after the thread's last line.
struct HoldsABlock {
  void* block = nullptr;
  ~HoldsABlock() {
    if (block) pool::release(block, 64, Kind::tensor);
  }
};

TEST(Pool, ThreadLocalObjectsMayReleaseWhenTheirThreadEnds) {
  const Change change;
  for (int i = 0; i < 3; ++i) {
    std::thread([] {
      static thread_local HoldsABlock holder;
      holder.block = pool::allocate(64, Kind::tensor);
    }).join();
  }
  EXPECT_EQ(change().live_tensors, 0);
}

TEST(Pool, PassingTheLimitThrowsAndWorkGoesOn) {
  pool::empty_cache();
  const pool::Figures now = pool::figures();
  const WithMemoryLimit limit(now.held_bytes + static_cast<int64_t>(8 * mib));
  EXPECT_EQ(
      error_text(16 * mib),
      fmt::format("MemoryError: allocate: 16777216 bytes cannot be had; tensors alive: {} ({} bytes "
                  "live, {} bytes held, GRADUS_MEMORY_LIMIT is {}), release tensors or work on smaller batches",
                  now.live_tensors, now.live_bytes, now.held_bytes, now.held_bytes + static_cast<int64_t>(8 * mib)));
  EXPECT_EQ(pool::figures().live_bytes, now.live_bytes);
  EXPECT_EQ(error_text(4 * mib), "no error");
}

TEST(Pool, SmallBlocksRunIntoTheLimitToo) {
  pool::empty_cache();
  const WithMemoryLimit limit(pool::figures().held_bytes + static_cast<int64_t>(8 * mib));
  const Change change;
  std::vector<void*> blocks;
  EXPECT_THROW(
      {
        for (int i = 0; i < 10000; ++i) blocks.push_back(pool::allocate(4000, Kind::data));
      },
      MemoryError);
  EXPECT_GT(blocks.size(), 1000u);
  EXPECT_LE(change().held_bytes, static_cast<int64_t>(8 * mib));
  for (void* block : blocks) pool::release(block, 4000, Kind::data);
  EXPECT_EQ(error_text(6 * mib), "no error");  // what the small blocks had serves a large one
}

TEST(Pool, TheCacheIsEmptiedBeforeMemoryIsRefused) {
  pool::empty_cache();
  const WithMemoryLimit limit(pool::figures().held_bytes + static_cast<int64_t>(8 * mib));
  EXPECT_EQ(error_text(6 * mib), "no error");
  EXPECT_EQ(error_text(7 * mib), "no error");  // not beside the cached 6 MiB
}

TEST(Pool, WhatNoSystemHasIsRefused) {
  const pool::Figures now = pool::figures();
  for (const size_t size : {SIZE_MAX, SIZE_MAX / 2, size_t{1} << 47}) {
    EXPECT_EQ(error_text(size),
              fmt::format("MemoryError: allocate: {} bytes cannot be had; tensors alive: {} ({} bytes live, "
                          "{} bytes held), release tensors or work on smaller batches",
                          size, now.live_tensors, now.live_bytes, now.held_bytes));
  }
}

TEST(Pool, ALimitThatIsNoNumberIsAnError) {
  pool::empty_cache();
  const WithMemoryLimit limit("4GB");
  EXPECT_EQ(error_text(64 * mib),
            "ParamError: GRADUS_MEMORY_LIMIT: got '4GB', wanted a number of bytes, set one or unset it");
}

TEST(Pool, WorksInTheChildOfAFork) {
  void* from_parent = pool::allocate(100, Kind::data);
  std::atomic<bool> ended = false;
  std::thread other([&] {
    while (!ended) pool::release(pool::allocate(3 * mib, Kind::data), 3 * mib, Kind::data);
  });
  for (int i = 0; i < 20; ++i) {
    const int status = status_of_child([&] {
      const Change change;
      pool::release(from_parent, 100, Kind::data);
      for (int size = 1; size < 10000000; size *= 3) pool::release(pool::allocate(size, Kind::node), size, Kind::node);
      pool::empty_cache();
      return change().live_bytes == -100 && change().live_nodes == 0 ? 0 : 1;
    });
    EXPECT_EQ(status, 0);
  }
  ended = true;
  other.join();
  pool::release(from_parent, 100, Kind::data);
}

#ifdef __SANITIZE_ADDRESS__
TEST(Pool, TheSanitizerSeesUseAfterReleaseAndPastTheEnd) {
  for (const size_t size : {size_t{3}, size_t{8}, size_t{64}, size_t{100}, size_t{32768}, size_t{65536}, 3 * mib}) {
    auto* block = static_cast<char*>(pool::allocate(size, Kind::data));
    EXPECT_EQ(__asan_region_is_poisoned(block, size), nullptr);
    EXPECT_TRUE(__asan_address_is_poisoned(block + std::max<size_t>(size, 8))) << size;
    pool::release(block, size, Kind::data);
    EXPECT_TRUE(__asan_address_is_poisoned(block)) << size;
    EXPECT_TRUE(__asan_address_is_poisoned(block + size - 1)) << size;
  }
}
#endif

}  // namespace
}  // namespace gradus
