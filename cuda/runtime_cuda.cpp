// The runtime of CUDA: a thin cover that turns error codes into exceptions.
#include <cuda_runtime_api.h>
#include <fmt/core.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "gradus/cuda/caching_allocator.h"
#include "gradus/cuda/lasting_errors.h"
#include "gradus/cuda/runtime.h"
#include "gradus/cuda/stream.h"

namespace gradus::runtime {
namespace {

constexpr int most_devices = 64;

void check(const char* call, cudaError_t error) {
  if (error == cudaSuccess) return;
  throw std::runtime_error(fmt::format("{} says {} ({})", call, cudaGetErrorString(error), cudaGetErrorName(error)));
}

void* new_block(int64_t bytes) {
  void* data = nullptr;
  const cudaError_t error = cudaMalloc(&data, size_t(bytes));
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check("cudaMalloc", error);
  return data;
}
void free_block(void* data) { check("cudaFree", cudaFree(data)); }

int selected() {
  int device = 0;
  check("cudaGetDevice", cudaGetDevice(&device));
  return device;
}

// Of the selected device.  It outlives every tensor: what is left at the end goes with the process.
cuda_kernels::CachingAllocator& memory() {
  static auto* const all = [] {
    auto* made = new std::unique_ptr<cuda_kernels::CachingAllocator>[most_devices];
    for (int i = 0; i < most_devices; ++i)
      made[i] = std::make_unique<cuda_kernels::CachingAllocator>(
          cuda_kernels::CachingAllocator::Source{new_block, free_block});
    return made;
  }();
  return *all[selected()];
}

std::string version(int v) { return fmt::format("{}.{}", v / 1000, v % 1000 / 10); }

}  // namespace

const char* const name = "CUDA";

int device_count(std::string& why) {
  int count = 0, driver = 0;  // cudaGetDeviceCount leaves its argument alone where it fails
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return count;
  cudaDriverGetVersion(&driver);
  if (driver == 0) why = "no NVIDIA driver is installed; install one, or compute on cpu";
  else if (error == cudaErrorInsufficientDriver)
    why = fmt::format("the NVIDIA driver speaks CUDA {} and this gradus wants {}; install a newer one", version(driver),
                      version(CUDART_VERSION));
  else why = fmt::format("the NVIDIA driver finds no GPU ({})", cudaGetErrorString(error));
  return 0;
}

DeviceProperties properties(int device) {
  cudaDeviceProp found;
  check("cudaGetDeviceProperties", cudaGetDeviceProperties(&found, device));
  DeviceProperties p = {};
  snprintf(p.name, sizeof p.name, "%s", found.name);
  p.bytes = int64_t(found.totalGlobalMem);
  p.multiprocessors = found.multiProcessorCount;
  p.major = found.major, p.minor = found.minor;
  return p;
}

void select(int device) { check("cudaSetDevice", cudaSetDevice(device)); }

cudaStream_t stream() {
  static std::mutex mutex;
  static cudaStream_t all[most_devices] = {};
  const std::lock_guard lock(mutex);
  cudaStream_t& own = all[selected()];
  if (!own) check("cudaStreamCreateWithFlags", cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking));
  return own;
}

void* allocate(int64_t bytes) { return memory().allocate(bytes); }
void release(void* data) { memory().release(data); }
void empty_cache() { memory().empty(); }
void copy(void* to, const void* from, int64_t bytes) {
  send(to, from, bytes);
  synchronise();
}
void send(void* to, const void* from, int64_t bytes) {
  check("cudaMemcpyAsync", cudaMemcpyAsync(to, from, size_t(bytes), cudaMemcpyDefault, stream()));
}
void synchronise() { check("cudaStreamSynchronize", cudaStreamSynchronize(stream())); }
bool error_lasts(const std::exception&) {
  static_assert(cudaErrorInsufficientDriver == 35 && cudaErrorIllegalAddress == 700 && cudaErrorLaunchFailure == 719,
                "lasting_errors.cpp knows the codes by their numbers");
  return cuda_kernels::error_lasts(
      {.take = [] { return int(cudaGetLastError()); }, .probe = [] { return int(cudaFree(nullptr)); }});
}

// Relaxed: memory may be allocated on the way, which is no launch.
void begin_recording() {
  check("cudaStreamBeginCapture", cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed));
}
void* end_recording() {
  cudaGraph_t graph = nullptr;
  check("cudaStreamEndCapture", cudaStreamEndCapture(stream(), &graph));
  cudaGraphExec_t ready = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&ready, graph, 0);
  cudaGraphDestroy(graph);
  check("cudaGraphInstantiate", error);
  return ready;
}
void replay(void* graph) { check("cudaGraphLaunch", cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream())); }
void destroy(void* graph) { check("cudaGraphExecDestroy", cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph))); }

}  // namespace gradus::runtime
