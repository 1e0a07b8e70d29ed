#include "gradus/cuda/run_loss.h"

#include <cstddef>
#include <map>
#include <mutex>
#include <new>

#include "gradus/cuda/runtime.h"

namespace gradus::cuda_kernels {
namespace {

std::mutex& turns() {
  static std::mutex mutex;
  return mutex;
}

void* allocated(int64_t bytes) {
  void* data = runtime::allocate(bytes);
  if (!data) throw std::bad_alloc();
  return data;
}

// Memory of a device that its runs use one after another; it lives as long as the module.
struct Shared {
  Meeting* meeting = nullptr;
  struct {
    void* data = nullptr;
    int64_t bytes = 0;
  } scratch[2];
};
Shared& shared_on(int device) {
  static std::map<int, Shared> all;
  return all[device];
}

// What the host sets before a launch and reads after it, as it lies in a Meeting.
struct Words {
  Totals totals;
  unsigned long long problem = ~0ull;
  unsigned tickets = 0;
};
static_assert(offsetof(Meeting, problem) - offsetof(Meeting, totals) == offsetof(Words, problem) &&
              offsetof(Meeting, tickets) - offsetof(Meeting, totals) == offsetof(Words, tickets));

double value_at(const DeviceCall& call, const Found& found) {
  const View& v = call.in[found.problem.input];
  const int64_t at = offset(v, found.place);
  if (found.label) {
    int64_t label;
    runtime::copy(&label, static_cast<const int64_t*>(v.data) + at, sizeof label);
    return double(label);
  }
  if (call.dtype == Dtype::float32) {
    float x;
    runtime::copy(&x, static_cast<const float*>(v.data) + at, sizeof x);
    return double(x);
  }
  double x;
  runtime::copy(&x, static_cast<const double*>(v.data) + at, sizeof x);
  return x;
}

}  // namespace

LossRun::LossRun(const DeviceCall& call) : call_(call) {
  turns().lock();
  try {
    Meeting*& meeting = shared_on(call.device).meeting;
    if (!meeting) meeting = static_cast<Meeting*>(allocated(sizeof(Meeting)));
    meeting_ = meeting;
    const Words words;
    runtime::copy(&meeting_->totals, &words, sizeof words);
  } catch (...) {
    turns().unlock();
    throw;
  }
}

LossRun::~LossRun() { turns().unlock(); }

void* LossRun::scratch(int which, int64_t bytes) const {
  auto& scratch = shared_on(call_.device).scratch[which];
  if (scratch.bytes < bytes) {
    if (scratch.data) runtime::release(scratch.data);
    scratch = {};
    scratch.data = allocated(bytes);
    scratch.bytes = bytes;
  }
  return scratch.data;
}

void LossRun::conclude(const std::function<Found(unsigned long long)>& decode) const {
  Words words;
  runtime::copy(&words, &meeting_->totals, sizeof words);
  if (call_.totals) *call_.totals = words.totals;
  if (!call_.problem || words.problem == ~0ull) return;
  const Found found = decode(words.problem);
  *call_.problem = found.problem;
  call_.problem->value = value_at(call_, found);
}

}  // namespace gradus::cuda_kernels
