#include "gradus/data/prefetch.h"

#include <fmt/core.h>

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"

namespace gradus {

// Everything but `make` and `end` is guarded by `mutex`.
struct Prefetch::Shared {
  struct Made {
    std::optional<Dataset> data;
    std::exception_ptr error;
  };

  std::function<Dataset(size_t)> make;
  size_t end, window;
  std::mutex mutex;
  std::condition_variable room, news;
  size_t next, taken;  // the first that nobody makes, and the one that is asked for
  bool stopped = false;
  std::map<size_t, Made> made;
  std::vector<std::thread> workers;

  // Makes one after the other until there are no more, or nobody wants them.
  void work() {
    const NoGrad quiet;
    std::unique_lock lock(mutex);
    for (;;) {
      room.wait(lock, [&] { return stopped || next >= end || next <= taken + window; });
      if (stopped || next >= end) return;
      const size_t i = next++;
      lock.unlock();
      Made result;
      try {
        result.data = make(i);
      } catch (...) { result.error = std::current_exception(); }
      lock.lock();
      made[i] = std::move(result);
      news.notify_all();
    }
  }
  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopped = true;
    }
    room.notify_all();
    for (std::thread& worker : workers) worker.join();
  }
};

Prefetch::Prefetch(std::function<Dataset(size_t)> make, size_t first, size_t end, int workers, size_t ahead)
    : shared_(std::make_unique<Shared>()) {
  Shared& s = *shared_;
  s.make = std::move(make);
  s.end = end;
  s.window = size_t(workers) * ahead;
  s.next = s.taken = first;
  try {
    for (int i = 0; i < workers; ++i) s.workers.emplace_back([&s] { s.work(); });
  } catch (...) {  // the system has no more threads
    s.stop();
    throw;
  }
}

Prefetch::~Prefetch() { shared_->stop(); }

const Dataset& Prefetch::take(size_t i) {
  Shared& s = *shared_;
  std::unique_lock lock(s.mutex);
  if (i < s.taken)
    throw StateError(
        fmt::format("Prefetch: got {}, wanted at least {}, for what was before is gone; begin anew", i, s.taken));
  s.made.erase(s.made.begin(), s.made.lower_bound(i));
  s.taken = i;
  s.room.notify_all();
  s.news.wait(lock, [&] { return s.made.contains(i); });
  const Shared::Made& found = s.made[i];
  if (found.error) std::rethrow_exception(found.error);
  return *found.data;
}

}  // namespace gradus
