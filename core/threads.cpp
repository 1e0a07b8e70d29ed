// The workers behind parallel_for: they wait a moment awake and then asleep, and take tasks from a common counter.
#include "gradus/core/threads.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "gradus/core/error.h"

namespace gradus {

constinit std::atomic<int> detail::thread_count{0};

namespace {

constexpr int most_threads = 1024;
constexpr std::chrono::microseconds awake_for{50};  // longer than a pause between two loops, shorter than a time slice

constinit thread_local bool inside_task = false;

// The processors this process may run on.
std::vector<int> usable_processors() {
  std::vector<int> processors;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &allowed)) processors.push_back(cpu);
    }
  } else {  // more processors than the set has room for
    processors.resize(std::max(1u, std::thread::hardware_concurrency()));
    std::iota(processors.begin(), processors.end(), 0);
  }
  return processors;
}

// Hyper-threads share the arithmetic units that tensor work is bound by, so each core counts once.
int usable_cores() {
  std::set<std::string> cores;
  for (const int cpu : usable_processors()) {
    std::ifstream file(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    std::string siblings;
    if (!std::getline(file, siblings)) siblings = std::to_string(cpu);
    cores.insert(siblings);
  }
  return static_cast<int>(cores.size());
}

// A container may see all processors of its host and yet be stopped when it uses more than a few at a time.
int cores_granted() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");  // microseconds of work, per microseconds; or "max"
  double work = 0, period = 0;
  if (!(file >> work >> period) || work <= 0 || period <= 0) return most_threads;
  return static_cast<int>(std::clamp(std::ceil(work / period), 1.0, double{most_threads}));
}

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until `done()`, up to the time one stays awake; whether it came true.
template <class Done> bool spin_until(Done&& done) {
  const auto end = std::chrono::steady_clock::now() + awake_for;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

// A loop being run. Tasks are taken in rising order; so when one throws, all before it have been taken and will end,
// and the lowest failing task is the same one as in a plain loop.
struct Loop {
  int64_t tasks = 0;
  void (*body)(void*, int64_t) = nullptr;
  void* context = nullptr;
  std::atomic<int64_t> next{0};
  std::mutex failure_mutex;
  int64_t failed_task = 0;
  std::exception_ptr failure;

  void begin(int64_t count, void (*call)(void*, int64_t), void* argument) {
    tasks = count;
    body = call;
    context = argument;
    failed_task = count;
    failure = nullptr;
    next.store(0, std::memory_order_relaxed);
  }

  void work() {
    inside_task = true;
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
      try {
        body(context, task);
      } catch (...) {
        next.store(tasks, std::memory_order_relaxed);
        std::lock_guard lock(failure_mutex);
        if (task < failed_task) {
          failed_task = task;
          failure = std::current_exception();
        }
      }
    }
    inside_task = false;
  }
};

class WorkerPool {
 public:
  explicit WorkerPool(int workers) : spinning_pays_(workers < static_cast<int>(usable_processors().size())) {
    workers_.reserve(workers);
    try {
      for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      // The system gives no more threads; those that are there, and the caller, do the work.
    }
  }

  ~WorkerPool() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_came_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  void run(int64_t tasks, void (*body)(void*, int64_t), void* context) {
    loop_.begin(tasks, body, context);
    open_ = true;
    wake(tasks - 1);
    loop_.work();
    open_ = false;
    wait_for_workers();
    if (loop_.failure) std::rethrow_exception(std::exchange(loop_.failure, nullptr));
  }

 private:
  // All operations on open_, busy_, asleep_ and caller_asleep_ are sequentially consistent: each side first writes its
  // own flag and then reads the other's, so that one of the two always sees the other.

  void serve() {
    while (wait_for_work()) {
      ++busy_;  // from here on the caller waits for this worker; but the loop may have ended just before
      if (open_) {
        loop_.work();
        open_ = false;  // no task is left to come for
      }
      leave();
    }
  }

  // False when the pool ends.
  bool wait_for_work() {
    if (spinning_pays_ && spin_until([this] { return open_.load(); })) return true;
    std::unique_lock lock(mutex_);
    ++asleep_;
    work_came_.wait(lock, [this] { return open_ || stopping_; });
    --asleep_;
    return !stopping_;
  }

  void wake(int64_t wanted) {
    if (asleep_ == 0) return;
    { std::lock_guard lock(mutex_); }  // who is about to sleep has either seen the work or is asleep by now
    const int sleepers = asleep_;
    for (int64_t i = 0; i < std::min<int64_t>(wanted, sleepers); ++i) work_came_.notify_one();
  }

  void leave() {
    if (--busy_ > 0 || !caller_asleep_) return;
    { std::lock_guard lock(mutex_); }
    all_left_.notify_one();
  }

  void wait_for_workers() {
    const auto all_left = [this] { return busy_ == 0; };
    if (all_left() || (spinning_pays_ && spin_until(all_left))) return;
    std::unique_lock lock(mutex_);
    caller_asleep_ = true;
    all_left_.wait(lock, all_left);
    caller_asleep_ = false;
  }

  const bool spinning_pays_;
  Loop loop_;
  alignas(64) std::atomic<bool> open_{false};  // a loop is there that may have tasks left
  std::atomic<int> asleep_{0};
  std::atomic<bool> caller_asleep_{false};
  bool stopping_ = false;
  alignas(64) std::atomic<int> busy_{0};  // workers that may look at loop_
  std::mutex mutex_;
  std::condition_variable work_came_;
  std::condition_variable all_left_;
  std::vector<std::thread> workers_;
};

// The pool and who may use it.
struct Workplace {
  std::mutex in_use;                // held while a loop runs; guards the pool
  WorkerPool* pool = nullptr;       // made when first needed
  std::atomic<bool> closed{false};  // the process is ending: nobody may take the pool any more
  Workplace* parents = nullptr;     // before a fork
};
constinit Workplace first_workplace;
constinit Workplace* workplace = &first_workplace;

// The child has none of the parent's threads and cannot know what they held: it starts anew, and keeps what was there
// only so that nothing counts as leaked.
void start_anew_in_child() {
  auto* fresh = new Workplace;
  fresh->parents = workplace;
  workplace = fresh;
}

// Joins the workers before static objects go; loops run later, by such objects, run inline.
void close_workplace() {
  if (inside_task) return;  // a task called exit(): its own thread cannot be waited for
  workplace->closed = true;
  std::lock_guard lock(workplace->in_use);
  delete std::exchange(workplace->pool, nullptr);
}

// The pool, for whoever holds `in_use`.
WorkerPool& pool_in_use() {
  static bool hooks_set = false;
  if (!std::exchange(hooks_set, true)) {
    pthread_atfork(nullptr, nullptr, start_anew_in_child);
    std::atexit(close_workplace);
  }
  if (!workplace->pool) workplace->pool = new WorkerPool(detail::thread_count - 1);
  return *workplace->pool;
}

int count_from_environment(const char* text) {
  int count = 0;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, count);
  if (error != std::errc() || rest != end || count < 1 || count > most_threads) {
    throw ParamError(fmt::format("GRADUS_NUM_THREADS: got '{}', wanted a number from 1 to {}, set one or unset it",
                                 text, most_threads));
  }
  return count;
}

}  // namespace

int detail::choose_thread_count() {
  const char* text = std::getenv("GRADUS_NUM_THREADS");
  const int count = text && *text ? count_from_environment(text) : std::min(usable_cores(), cores_granted());
  int nobody_chose = 0;
  thread_count.compare_exchange_strong(nobody_chose, count);
  return thread_count;
}

void set_threads(int count) {
  if (count < 1 || count > most_threads) {
    throw ParamError(
        fmt::format("set_threads: got {}, wanted 1 to {}; choose a number in that range", count, most_threads));
  }
  if (inside_task) {
    throw StateError("set_threads: called inside parallel work, wanted outside, call it before the work begins");
  }
  std::lock_guard lock(workplace->in_use);
  if (detail::thread_count.exchange(count) != count) delete std::exchange(workplace->pool, nullptr);
}

void detail::run_tasks(int64_t tasks, void (*body)(void*, int64_t), void* context) {
  if (!inside_task) {
    std::unique_lock lock(workplace->in_use, std::try_to_lock);
    if (lock && !workplace->closed) return pool_in_use().run(tasks, body, context);
  }
  for (int64_t i = 0; i < tasks; ++i) body(context, i);
}

}  // namespace gradus
