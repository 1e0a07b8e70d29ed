// Work spread over threads: one pool of workers per process, and loops whose result does not depend on its size.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace gradus {

namespace detail {
extern constinit std::atomic<int> thread_count;  // 0 until somebody asked
int choose_thread_count();
void run_tasks(int64_t tasks, void (*body)(void* context, int64_t task), void* context);
}  // namespace detail

/// How many threads parallel work uses, the caller included: GRADUS_NUM_THREADS, or else the physical cores that this
/// process may use. Throws ParamError when GRADUS_NUM_THREADS is not a number from 1 to 1024.
inline int threads() {
  const int count = detail::thread_count.load(std::memory_order_relaxed);
  return count > 0 ? count : detail::choose_thread_count();
}

/// Uses `count` threads from now on. Throws ParamError unless 1 <= count <= 1024, StateError inside parallel work.
void set_threads(int count);

/// Calls f(i) once for each 0 <= i < tasks, on any thread and in any order, and returns when all calls have ended.
/// Cut the work by its size alone, never by threads(): then results do not depend on the number of threads.
/// When a call throws, no further ones begin, and the exception of the lowest i is thrown on.
/// Inside a task, or while another thread keeps the workers busy, the calling thread does all the work itself.
template <class F> void parallel_for(int64_t tasks, F&& f) {
  if (tasks <= 1 || threads() == 1) {
    for (int64_t i = 0; i < tasks; ++i) f(i);
    return;
  }
  using Body = std::remove_reference_t<F>;
  const auto call = [](void* context, int64_t task) { (*static_cast<Body*>(context))(task); };
  detail::run_tasks(tasks, call, const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

}  // namespace gradus
