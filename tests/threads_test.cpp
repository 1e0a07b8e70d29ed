// Parallel loops: every task once, failures, nesting, callers beside each other, forks and the end of the process.
#include "gradus/core/threads.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "gradus/core/error.h"

namespace gradus {
namespace {

using namespace std::chrono_literals;

// Uses so many threads until the end of the scope.
class WithThreads {
 public:
  explicit WithThreads(int count) { set_threads(count); }
  ~WithThreads() { set_threads(before_); }

 private:
  const int before_ = threads();
};

// Waits, but not for ever, until everybody has come.
bool all_arrive(std::atomic<int>& arrived, int expected) {
  ++arrived;
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (arrived < expected && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return arrived >= expected;
}

int64_t sum_below(int64_t n) {
  std::atomic<int64_t> sum{0};
  parallel_for(n, [&](int64_t i) { sum += i; });
  return sum;
}

TEST(ParallelFor, RunsEveryTaskOnce) {
  for (const int count : {1, 2, 3, 8}) {
    const WithThreads with(count);
    EXPECT_EQ(threads(), count);
    for (const int64_t tasks : {0, 1, 2, 3, 7, 100, 10000}) {
      std::vector<int> runs(tasks, 0);
      parallel_for(tasks, [&](int64_t i) { ++runs[i]; });  // no atomics: what tasks wrote is there afterwards
      EXPECT_EQ(runs, std::vector<int>(tasks, 1)) << count << " threads";
    }
  }
}

TEST(ParallelFor, NoTasksAreNoWork) {
  bool called = false;
  parallel_for(0, [&](int64_t) { called = true; });
  parallel_for(-5, [&](int64_t) { called = true; });
  EXPECT_FALSE(called);
}

TEST(ParallelFor, TasksRunAtTheSameTime) {
  for (const int count : {2, 4}) {
    const WithThreads with(count);
    std::atomic<int> arrived{0}, in_time{0};
    parallel_for(count, [&](int64_t) { in_time += all_arrive(arrived, count); });
    EXPECT_EQ(in_time, count);
  }
}

TEST(ParallelFor, OneThreadWorksInOrderInTheCaller) {
  const WithThreads with(1);
  std::vector<int64_t> order;
  const auto caller = std::this_thread::get_id();
  parallel_for(5, [&](int64_t i) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(i);
  });
  EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

TEST(ParallelFor, TakesAnyCallable) {
  const WithThreads with(2);
  struct Counts {
    std::atomic<int>* sum;
    void operator()(int64_t i) const { *sum += static_cast<int>(i); }
  };
  std::atomic<int> sum{0};
  const Counts counts{&sum};
  parallel_for(4, counts);
  parallel_for(4, Counts{&sum});
  EXPECT_EQ(sum, 12);
}

TEST(ParallelFor, WorkersAwakeAndAsleepTakePart) {
  const WithThreads with(3);
  for (int round = 0; round < 300; ++round) {
    if (round % 100 == 0) std::this_thread::sleep_for(5ms);  // long enough for them to go to sleep
    ASSERT_EQ(sum_below(50), 1225);
  }
  std::this_thread::sleep_for(5ms);
  std::atomic<int> arrived{0}, in_time{0};
  parallel_for(3, [&](int64_t) { in_time += all_arrive(arrived, 3); });
  EXPECT_EQ(in_time, 3);
}

TEST(ParallelFor, InsideATaskRunsInline) {
  const WithThreads with(4);
  std::atomic<int> inner{0}, elsewhere{0};
  parallel_for(8, [&](int64_t) {
    const auto outer_thread = std::this_thread::get_id();
    parallel_for(8, [&](int64_t) {
      ++inner;
      elsewhere += std::this_thread::get_id() != outer_thread;
    });
  });
  EXPECT_EQ(inner, 64);
  EXPECT_EQ(elsewhere, 0);
}

TEST(ParallelFor, CallersBesideEachOtherAllGetTheirWorkDone) {
  const WithThreads with(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int id = 0; id < 4; ++id) {
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) wrong += sum_below(100) != 4950;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ParallelFor, ThrowsTheFailureOfTheLowestTaskAndGoesOn) {
  for (const int count : {1, 2, 4}) {
    const WithThreads with(count);
    for (int round = 0; round < 100; ++round) {
      std::string text;
      try {
        parallel_for(100, [&](int64_t i) {
          if (i % 30 == 17) throw IndexError("task " + std::to_string(i));
        });
      } catch (const IndexError& error) { text = error.what(); }
      ASSERT_EQ(text, "task 17") << count << " threads";
      ASSERT_EQ(sum_below(100), 4950);
    }
  }
}

TEST(ParallelFor, TheFailureOfTheLowestTaskWinsWhicheverComesFirst) {
  const WithThreads with(2);
  for (const int64_t earlier : {0, 1}) {
    std::atomic<int> arrived{0};
    std::atomic<bool> threw{false};
    std::string text;
    try {
      parallel_for(2, [&](int64_t i) {
        all_arrive(arrived, 2);
        if (i == earlier) {
          threw = true;
        } else {
          for (int wait = 0; wait < 10000 && !threw; ++wait) std::this_thread::sleep_for(1ms);
          std::this_thread::sleep_for(5ms);
        }
        throw IndexError("task " + std::to_string(i));
      });
    } catch (const IndexError& error) { text = error.what(); }
    EXPECT_EQ(text, "task 0");
  }
}

TEST(ParallelFor, AfterAFailureNoFurtherTasksBegin) {
  const WithThreads with(2);
  std::atomic<int> begun{0};
  EXPECT_THROW(parallel_for(10000,
                            [&](int64_t i) {
                              ++begun;
                              if (i == 1) throw StateError("enough");
                              std::this_thread::sleep_for(1ms);
                            }),
               StateError);
  EXPECT_LT(begun, 10000);
}

TEST(ParallelFor, ResultsDoNotDependOnTheNumberOfThreads) {
  const auto partial_sums = [] {
    std::vector<float> sums(64);
    parallel_for(64, [&](int64_t task) {
      for (int i = 0; i < 1000; ++i) sums[task] += 1.0f / static_cast<float>(task * 1000 + i + 1);
    });
    return sums;
  };
  const WithThreads with(1);
  const std::vector<float> expected = partial_sums();
  for (const int count : {2, 5}) {
    const WithThreads more(count);
    EXPECT_EQ(partial_sums(), expected);
  }
}

TEST(SetThreads, RefusesWhatIsNoNumberOfThreads) {
  const int before = threads();
  for (const auto& [count, text] :
       {std::pair(0, "set_threads: got 0, wanted 1 to 1024; choose a number in that range"),
        std::pair(-3, "set_threads: got -3, wanted 1 to 1024; choose a number in that range"),
        std::pair(1025, "set_threads: got 1025, wanted 1 to 1024; choose a number in that range")}) {
    try {
      set_threads(count);
      ADD_FAILURE() << count << " was taken";
    } catch (const ParamError& error) { EXPECT_STREQ(error.what(), text); }
  }
  EXPECT_EQ(threads(), before);
}

TEST(SetThreads, RefusesToChangeThePoolUnderALoop) {
  const WithThreads with(2);
  try {
    parallel_for(2, [](int64_t) { set_threads(3); });
    ADD_FAILURE() << "taken";
  } catch (const StateError& error) {
    EXPECT_STREQ(error.what(),
                 "set_threads: called inside parallel work, wanted outside, call it before the work begins");
  }
  EXPECT_EQ(threads(), 2);
}

TEST(SetThreads, MayBeCalledAgainAndAgain) {
  const WithThreads with(1);
  for (int round = 0; round < 30; ++round) {
    set_threads(round % 4 + 1);
    EXPECT_EQ(threads(), round % 4 + 1);
    EXPECT_EQ(sum_below(100), 4950);
  }
}

TEST(Threads, DefaultIsAtLeastOneAndAtMostWhatTheMachineHas) {
  const char* chosen = std::getenv("GRADUS_NUM_THREADS");
  if (chosen && *chosen) GTEST_SKIP() << "GRADUS_NUM_THREADS is set";
  EXPECT_GE(threads(), 1);
  EXPECT_LE(threads(), static_cast<int>(std::thread::hardware_concurrency()));
}

// What follows runs in processes of its own: the environment is read once, and a process can end only once.
class ThreadsDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  void TearDown() override { unsetenv("GRADUS_NUM_THREADS"); }
};

TEST_F(ThreadsDeathTest, TheEnvironmentChoosesTheNumber) {
  setenv("GRADUS_NUM_THREADS", "5", 1);
  EXPECT_EXIT(std::_Exit(threads() == 5 && sum_below(100) == 4950 ? 0 : 1), testing::ExitedWithCode(0), "");
}

TEST_F(ThreadsDeathTest, TheEnvironmentMustHoldANumber) {
  for (const char* text : {"many", "0", "2 ", "-1", "99999999999"}) {
    setenv("GRADUS_NUM_THREADS", text, 1);
    EXPECT_EXIT(
        {
          try {
            threads();
          } catch (const ParamError& error) {
            std::fputs(error.what(), stderr);
            std::_Exit(3);
          }
        },
        testing::ExitedWithCode(3),
        "^GRADUS_NUM_THREADS: got '" + std::string(text) + "', wanted a number from 1 to 1024, set one or unset it$");
  }
}

// A static object that outlives the workers: its loops run inline.
struct WorksAtTheEnd {
  ~WorksAtTheEnd() {
    const auto caller = std::this_thread::get_id();
    std::atomic<int> here{0};
    parallel_for(20, [&](int64_t) {
      std::this_thread::sleep_for(1ms);
      here += std::this_thread::get_id() == caller;
    });
    if (here != 20) std::_Exit(7);
    std::fputs("worked at the end", stderr);
  }
};

TEST_F(ThreadsDeathTest, TheProcessEndsCleanlyWithWorkersAwakeOrAsleep) {
  for (const auto pause : {0ms, 5ms}) {
    EXPECT_EXIT(
        {
          static WorksAtTheEnd first;
          set_threads(4);
          sum_below(100);
          std::this_thread::sleep_for(pause);
          std::exit(0);
        },
        testing::ExitedWithCode(0), "worked at the end");
  }
}

TEST_F(ThreadsDeathTest, ATaskMayEndTheProcess) {
  EXPECT_EXIT(
      {
        set_threads(3);
        parallel_for(100, [](int64_t i) {
          if (i == 5) std::exit(4);
          std::this_thread::sleep_for(1ms);
        });
      },
      testing::ExitedWithCode(4), "");
}

#ifndef __SANITIZE_THREAD__  // which cannot follow threads begun after a fork
TEST(ParallelFor, WorksInTheChildOfAFork) {
  const WithThreads with(3);
  std::atomic<bool> ended{false};
  std::thread other([&] {
    while (!ended) sum_below(100);
  });
  for (int round = 0; round < 20; ++round) {
    sum_below(100);
    const pid_t child = fork();
    if (child == 0) {
      std::atomic<int> arrived{0}, in_time{0};
      parallel_for(3, [&](int64_t) { in_time += all_arrive(arrived, 3); });
      _exit(in_time == 3 && sum_below(1000) == 499500 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(sum_below(100), 4950);
  }
  ended = true;
  other.join();
}
#endif

}  // namespace
}  // namespace gradus
