#include "gradus/cuda/run_loss.h"

#include <map>
#include <mutex>
#include <new>

#include "gradus/cuda/graph.h"
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
  Scratch scratch[2];
};
Shared& shared_on(int device) {
  static std::map<int, Shared> all;
  return all[device];
}

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

LossRun::LossRun(int device) : device_(device) {
  turns().lock();
  try {
    Meeting*& meeting = shared_on(device).meeting;
    if (!meeting) {
      meeting = static_cast<Meeting*>(allocated(sizeof(Meeting)));
      const unsigned none = 0;
      runtime::copy(&meeting->tickets, &none, sizeof none);
    }
    meeting_ = meeting;
  } catch (...) {
    turns().unlock();
    throw;
  }
}

LossRun::~LossRun() { turns().unlock(); }

void* LossRun::scratch(int which, int64_t bytes) const {
  return cuda_kernels::scratch(device_, shared_on(device_).scratch[which], bytes);
}

void settle(const DeviceCall& call, Found (*decode)(const DeviceCall&, unsigned long long)) {
  LossReport report;
  runtime::copy(&report, call.report, sizeof report);
  if (call.totals) *call.totals = report.totals;
  if (!call.problem || report.problem == ~0ull) return;
  const Found found = decode(call, report.problem);
  *call.problem = found.problem;
  if (call.in[found.problem.input].data) call.problem->value = value_at(call, found);  // a Block is looked at again
}

}  // namespace gradus::cuda_kernels
