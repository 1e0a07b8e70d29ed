// Convolutions through cuDNN, by plans that are made once for every form.
#include <cuda_runtime_api.h>
#include <fmt/core.h>

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "gradus/cuda/convolution_library.h"
#include "gradus/cuda/cudnn_plan.h"
#include "gradus/cuda/graph.h"
#include "gradus/cuda/stream.h"

namespace gradus::cuda_kernels {
namespace {

void check(const char* call, cudnnStatus_t status) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw std::runtime_error(fmt::format("{}: cuDNN says {}", call, cudnnGetErrorString(status)));
}

using Key = std::array<int64_t, 18>;
Key key_of(const ConvolutionCall& c) {
  return {int64_t(c.wanted), int64_t(c.dtype), c.images,     c.groups,     c.channels,    c.filters,
          c.image[0],        c.image[1],       c.kernel[0],  c.kernel[1],  c.output[0],   c.output[1],
          c.stride[0],       c.stride[1],      c.padding[0], c.padding[1], c.dilation[0], c.dilation[1]};
}

// What the library needs on one device.
struct Library {
  explicit Library(int device) : device(device), properties(cudnn::properties_of(device)) {
    check("cudnnCreate", cudnnCreate(&handle));
    check("cudnnSetStream", cudnnSetStream(handle, runtime::stream()));
  }
  int device;
  cudnnHandle_t handle = nullptr;
  cudnn::Descriptor properties;
  std::map<Key, std::optional<cudnn::Plan>> plans;
  Scratch workspace;
  std::mutex mutex;
};

Library& library() {
  static std::mutex mutex;
  static auto* const all = new std::map<int, Library>;  // outlives every tensor
  int device = 0;
  if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess)
    throw std::runtime_error(fmt::format("cudaGetDevice says {}", cudaGetErrorString(error)));
  const std::lock_guard lock(mutex);
  return all->try_emplace(device, device).first->second;
}

}  // namespace

bool convolve_by_library(const ConvolutionCall& call) {
  constexpr size_t most_plans = 512;
  Library& l = library();
  const std::lock_guard lock(l.mutex);
  if (l.plans.size() >= most_plans) l.plans.clear();
  const Key key = key_of(call);
  auto at = l.plans.find(key);
  if (at == l.plans.end()) at = l.plans.emplace(key, cudnn::plan_for(call, l.properties)).first;
  if (!at->second) return false;
  const cudnn::Plan& plan = *at->second;

  cudnn::Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  void* const tensors[] = {call.x, call.w, call.y};
  void* const workspace = scratch(l.device, l.workspace, plan.workspace_bytes);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {cudnn::input_id, cudnn::weight_id, cudnn::output_id});
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, tensors);
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  pack.finalise();
  check("cudnnBackendExecute", cudnnBackendExecute(l.handle, plan.execution.handle(), pack.handle()));
  return true;
}

}  // namespace gradus::cuda_kernels
