#include "gradus/core/recorded_step.h"

#include <fmt/core.h>

#include <cstring>
#include <utility>

#include "gradus/core/backend.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"

namespace gradus {
namespace {

constexpr int64_t room = int64_t{1} << 18;  // bytes for the values that vary: some thousands of parameters
constexpr size_t grain = 16;                // where a value may begin

thread_local RecordedStep* active_recording = nullptr;

// Makes a recording the active one while this lives.
class Activity {
 public:
  explicit Activity(RecordedStep* r) : before_(std::exchange(active_recording, r)) {}
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;
  ~Activity() { active_recording = before_; }

 private:
  RecordedStep* before_;
};

}  // namespace

RecordedStep* RecordedStep::active() { return active_recording; }

void RecordedStep::refuse(const char* op, const char* does) {
  if (active_recording)
    throw StateError(fmt::format(
        "{}: {}, which a recorded step cannot; do it before or after the step, or call the step without capture", op,
        does));
}

RecordedStep::RecordedStep(Device device) : device_(device), there_({room}, Dtype::uint8, device) {}

RecordedStep::~RecordedStep() {
  if (graph_ && !is_lost(device_)) backend("capture", device_).forget(device_.index, graph_);
}

void RecordedStep::record(const std::function<void()>& step) {
  const Backend& b = backend("capture", device_);
  settle_checks(device_);
  check_device("capture", device_, b.begin_recording(device_.index));
  try {
    const Activity activity(this);
    step();
  } catch (...) {
    void* unfinished = nullptr;
    if (b.end_recording(device_.index, &unfinished)) b.forget(device_.index, unfinished);
    for (const auto& undo : undoings_) undo();
    throw;
  }
  check_device("capture", device_, b.end_recording(device_.index, &graph_));
  fresh_ = true;
  for (const auto& start : starts_) start();
}

const RecordedStep::Condition* RecordedStep::condition_of(const Tensor& parameter) const {
  const auto found = conditions_.find(parameter.state().get());
  return found == conditions_.end() ? nullptr : &found->second;
}

Tensor RecordedStep::lasting(const Shape& shape, Dtype dtype, double value) {
  const LastingMemory memory;
  Tensor t(shape, dtype, device_);
  before_first([t, value]() mutable { fill_elements(t, value); });
  return t;
}

const void* RecordedStep::varying(const void* value, size_t bytes) {
  const size_t begin = refreshing_ ? at_ : values_.size(), end = begin + (bytes + grain - 1) / grain * grain;
  if (!refreshing_) {
    if (end > size_t(room))
      throw StateError(
          fmt::format("capture: the step has more than {} bytes of values that vary, such as an "
                      "optimiser's for each parameter; call it without capture",
                      room));
    values_.resize(end);
  } else if (end > values_.size()) {
    throw StateError("capture: the step changes more values than when it was recorded; capture it anew");
  }
  memcpy(values_.data() + begin, value, bytes);
  at_ = end;
  return static_cast<const std::byte*>(there_.state()->data) + begin;
}

void RecordedStep::refresh() {
  const Activity activity(this);
  refreshing_ = true, at_ = 0;
  try {
    for (const auto& f : refreshes_) f();
  } catch (...) {
    refreshing_ = false;
    throw;
  }
  refreshing_ = false;
  if (at_ != values_.size())
    throw StateError("capture: the step changes fewer values than when it was recorded; capture it anew");
}

void RecordedStep::replay() {
  if (!conditions_.empty()) settle_checks(device_);
  if (!std::exchange(fresh_, false)) refresh();
  const Backend& b = backend("capture", device_);
  check_device("capture", device_,
               b.send(device_.index, there_.state()->data, values_.data(), int64_t(values_.size())) &&
                   b.replay(device_.index, graph_));
  if (!checks_.empty())
    defer_check(device_, [checks = checks_] {
      for (const auto& check : checks) check();
    });
}

}  // namespace gradus
