// The module's table, as the program finds it when it opens the module.
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "gradus/core/backend.h"
#include "gradus/cuda/average.h"
#include "gradus/cuda/convolution_library.h"
#include "gradus/cuda/elements.h"
#include "gradus/cuda/graph.h"
#include "gradus/cuda/indexing.h"
#include "gradus/cuda/matmul.h"
#include "gradus/cuda/operations.h"
#include "gradus/cuda/reduce.h"
#include "gradus/cuda/runtime.h"
#include "gradus/cuda/update.h"

namespace gradus {

namespace device_registered {  // written by the build from losses/list.txt
extern const DeviceLoss* const all[];
extern const int count;
}  // namespace device_registered

namespace {

thread_local std::string reason;
thread_local bool lost = false;  // for that reason

// Is a switch of the environment on?
bool on(const char* name) {
  const char* value = std::getenv(name);
  return value && std::strcmp(value, "1") == 0;
}

// Runs f for a device; what it throws becomes the reason.  GRADUS_CUDA_SYNC=1 waits for it, so that what a kernel does
// wrong is told of the op that started it.
template <class F> bool tried(int device, F f) {
  static const bool waiting = on("GRADUS_CUDA_SYNC");
  lost = false;
  try {
    runtime::select(device);
    const bool recording = cuda_kernels::is_recording(device);
    f();
    if (waiting && !recording) runtime::synchronise();
    return true;
  } catch (const std::bad_alloc&) { reason = Backend::out_of_memory; } catch (const std::exception& e) {
    reason = e.what();
    lost = runtime::error_lasts(e);
  }
  return false;
}

// Runs what a destructor asks for, which must not throw: a device that has just been lost keeps what it holds.
template <class F> void quietly(int device, F f) noexcept {
  try {
    runtime::select(device);
    f();
  } catch (const std::exception& e) { runtime::error_lasts(e); }  // clears it for the calls to come
}

// GRADUS_CUDA_POISON=1: new memory holds NaN, so that whoever reads what nobody wrote sees it.
void* new_memory(int device, int64_t bytes, bool lasts) {
  static const bool poisoning = on("GRADUS_CUDA_POISON");
  void* data = cuda_kernels::allocate(device, bytes, lasts);
  if (!poisoning || !data || bytes == 0 || (lasts && cuda_kernels::is_recording(device))) return data;
  Elements all;
  all.data = data, all.dtype = Dtype::uint8, all.rank = 1;
  all.extent[0] = bytes, all.stride[0] = 1;
  cuda_kernels::fill(all, 255);
  return data;
}

int device_count() {
  try {
    return runtime::device_count(reason);
  } catch (const std::exception& e) {
    reason = e.what();
    return 0;
  }
}

}  // namespace
}  // namespace gradus

extern "C" __attribute__((visibility("default"))) const gradus::Backend* gradus_backend() {
  using namespace gradus;
  static const Backend table = {
      .version = Backend::current_version,
      .name = runtime::name,
      .error = [] { return reason.c_str(); },
      .lost = [] { return lost; },
      .device_count = device_count,
      .properties = [](int device,
                       DeviceProperties* to) { return tried(device, [&] { *to = runtime::properties(device); }); },
      .allocate =
          [](int device, int64_t bytes, bool lasts) {
            void* data = nullptr;
            reason = Backend::out_of_memory;
            tried(device, [&] { data = new_memory(device, bytes, lasts); });
            return data;
          },
      .release = [](int device, void* data) { quietly(device, [&] { cuda_kernels::release(data); }); },
      .empty_cache = [](int device) { return tried(device, [] { runtime::empty_cache(); }); },
      .copy = [](int device, void* to, const void* from,
                 int64_t bytes) { return tried(device, [&] { runtime::copy(to, from, bytes); }); },
      .send = [](int device, void* to, const void* from,
                 int64_t bytes) { return tried(device, [&] { runtime::send(to, from, bytes); }); },
      .synchronise = [](int device) { return tried(device, [] { runtime::synchronise(); }); },
      .begin_recording = [](int device) { return tried(device, [&] { cuda_kernels::begin_recording(device); }); },
      .end_recording =
          [](int device, void** graph) { return tried(device, [&] { *graph = cuda_kernels::end_recording(device); }); },
      .replay =
          [](int device, void* graph) {
            return tried(device, [&] { cuda_kernels::replay(*static_cast<cuda_kernels::Graph*>(graph)); });
          },
      .forget =
          [](int device, void* graph) {
            quietly(device, [&] { cuda_kernels::forget(static_cast<cuda_kernels::Graph*>(graph)); });
          },
      .fill = [](int device, const Elements& to,
                 double value) { return tried(device, [&] { cuda_kernels::fill(to, value); }); },
      .convert = [](int device, const Elements& from,
                    const Elements& to) { return tried(device, [&] { cuda_kernels::convert_elements(from, to); }); },
      .operate =
          [](int device, int operation, const OperationCall& call) {
            return tried(device, [&] { cuda_kernels::operate(operation, call); });
          },
      .compare =
          [](int device, int comparison, const OperationCall& call) {
            return tried(device, [&] { cuda_kernels::compare(comparison, call); });
          },
      .choose = [](int device,
                   const OperationCall& call) { return tried(device, [&] { cuda_kernels::choose(call); }); },
      .multiply = [](int device, const Elements& a, const Elements& b, const Elements& bias,
                     const Elements& to) { return tried(device, [&] { cuda_kernels::multiply(a, b, bias, to); }); },
      .reduce = [](int device, Monoid monoid, const Elements& from,
                   const Elements& to) { return tried(device, [&] { cuda_kernels::reduce(monoid, from, to); }); },
      .find = [](int device, const Elements& from, const Elements& wanted,
                 const Elements& to) { return tried(device, [&] { cuda_kernels::find(from, wanted, to); }); },
      .gather = [](int device, const Elements& from, int dim, const Elements& index,
                   const Elements& to) { return tried(device, [&] { cuda_kernels::gather(from, dim, index, to); }); },
      .scatter = [](int device, const Elements& from, int dim, const Elements& index,
                    const Elements& to) { return tried(device, [&] { cuda_kernels::scatter(from, dim, index, to); }); },
      .scan =
          [](int device, const Elements& factors, const Elements& terms, int dim, bool down, double start,
             const Elements& to) {
            return tried(device, [&] { cuda_kernels::scan(factors, terms, dim, down, start, to); });
          },
      .order =
          [](int device, const Elements& from, int dim, bool descending, const Elements& to) {
            return tried(device, [&] { cuda_kernels::order(from, dim, descending, to); });
          },
      .thin = [](int device, const Elements& from, const MaskCall& mask,
                 const Elements& to) { return tried(device, [&] { cuda_kernels::thin(from, mask, to); }); },
      .convolve = [](int device, const ConvolutionCall& call,
                     bool* taken) { return tried(device, [&] { *taken = cuda_kernels::convolve_by_library(call); }); },
      .update = [](int device, int place, const void* rule,
                   const UpdateCall& call) { return tried(device, [&] { cuda_kernels::update(place, rule, call); }); },
      .run = [](const DeviceLoss& loss, int formula,
                const DeviceCall& call) { return tried(call.device, [&] { loss.run[formula](call); }); },
      .settle = [](const DeviceLoss& loss, int formula,
                   const DeviceCall& call) { return tried(call.device, [&] { loss.settle[formula](call); }); },
      .average = [](int device,
                    const AverageCall& call) { return tried(device, [&] { cuda_kernels::average(call); }); },
      .losses = device_registered::all,
      .loss_count = device_registered::count,
  };
  return &table;
}
