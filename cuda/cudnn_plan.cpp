#include "gradus/cuda/cudnn_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

namespace gradus::cudnn {
namespace {

constexpr int64_t most_configurations = 32;
constexpr int64_t most_workspace_bytes = int64_t(256) << 20;

void check(const char* what, cudnnStatus_t status) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char reason[512] = "";
  cudnnGetLastErrorString(reason, sizeof reason);
  throw std::runtime_error(fmt::format("{}: cuDNN says {} ({})", what, cudnnGetErrorString(status), reason));
}

cudnnDataType_t type_of(Dtype dtype) { return dtype == Dtype::float32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_DOUBLE; }

// A dense tensor (n, c, h, w).
Descriptor tensor(int64_t id, Dtype dtype, int64_t n, int64_t c, const int64_t (&size)[2]) {
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const cudnnDataType_t type = type_of(dtype);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {id});
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {dtype == Dtype::float32 ? 4 : 8});  // a view may begin at any element
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, {n, c, size[0], size[1]});
  d.set(CUDNN_ATTR_TENSOR_STRIDES, {c * size[0] * size[1], size[0] * size[1], size[1], 1});
  d.finalise();
  return d;
}

Descriptor window(const ConvolutionCall& call) {
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnDataType_t type = type_of(call.dtype);
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2});
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {call.padding[0], call.padding[1]});
  d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {call.padding[0], call.padding[1]});
  d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {call.dilation[0], call.dilation[1]});
  d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {call.stride[0], call.stride[1]});
  d.finalise();
  return d;
}

// How the three kinds of convolution name their attributes.
struct Names {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t x, w, y, window, alpha, beta;
};
const Names& names_of(ConvolutionCall::Wanted wanted) {
  static constexpr Names all[] = {
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA}};
  return all[int(wanted)];
}

Descriptor graph_of(const ConvolutionCall& call) {
  const Names& names = names_of(call.wanted);
  Descriptor operation(names.operation);
  operation.set(names.x, tensor(input_id, call.dtype, call.images, call.groups * call.channels, call.image));
  operation.set(names.w, tensor(weight_id, call.dtype, call.groups * call.filters, call.channels, call.kernel));
  operation.set(names.y, tensor(output_id, call.dtype, call.images, call.groups * call.filters, call.output));
  operation.set(names.window, window(call));
  const float single[] = {1, 0};
  const double precise[] = {1, 0};
  const bool is_single = call.dtype == Dtype::float32;
  const cudnnBackendAttributeType_t type = is_single ? CUDNN_TYPE_FLOAT : CUDNN_TYPE_DOUBLE;
  operation.set(names.alpha, type, 1, is_single ? static_cast<const void*>(single) : precise);
  operation.set(names.beta, type, 1, is_single ? static_cast<const void*>(single + 1) : precise + 1);
  operation.finalise();
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph.finalise();
  return graph;
}

// Tensor cores would round float32 to TF32; transforms (FFT, Winograd) lose digits; and sums in whatever order threads
// finish are not the same twice.
bool exact(const Descriptor& configuration) {
  std::vector<Descriptor> engine = configuration.list(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
  if (engine.empty()) return false;
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  const int64_t count = engine[0].get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                      CUDNN_NUMERICAL_NOTE_TYPE_COUNT, notes);
  return std::all_of(notes, notes + count, [](auto note) { return note == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP; });
}

// None where this configuration is refused after all, or asks for too much memory.
std::optional<Plan> plan_from(const Descriptor& configuration, const Descriptor& properties) {
  Plan plan = {Descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR), 0};
  plan.execution.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
  plan.execution.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, properties);
  if (cudnnBackendFinalize(plan.execution.handle()) != CUDNN_STATUS_SUCCESS) return {};
  plan.execution.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &plan.workspace_bytes);
  if (plan.workspace_bytes > most_workspace_bytes) return {};
  return plan;
}

std::vector<Descriptor> configurations(const Descriptor& graph, const Descriptor& properties,
                                       cudnnBackendHeurMode_t mode) {
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, properties);
  if (cudnnBackendFinalize(heuristic.handle()) != CUDNN_STATUS_SUCCESS) return {};
  return heuristic.list(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, most_configurations);
}

}  // namespace

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  check("cudnnBackendCreateDescriptor", cudnnBackendCreateDescriptor(type, &handle_));
}
Descriptor::~Descriptor() {
  if (handle_) cudnnBackendDestroyDescriptor(handle_);
}
void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                     const void* values) {
  check("cudnnBackendSetAttribute", cudnnBackendSetAttribute(handle_, name, type, count, values));
}
void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& other) {
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other.handle_);
}
void Descriptor::set(cudnnBackendAttributeName_t name, std::initializer_list<int64_t> values) {
  set(name, CUDNN_TYPE_INT64, int64_t(values.size()), values.begin());
}
void Descriptor::finalise() { check("cudnnBackendFinalize", cudnnBackendFinalize(handle_)); }
int64_t Descriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t most,
                        void* values) const {
  int64_t count = 0;
  check("cudnnBackendGetAttribute", cudnnBackendGetAttribute(handle_, name, type, most, &count, values));
  return std::min(count, most);
}
std::vector<Descriptor> Descriptor::list(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                                         int64_t most) const {
  std::vector<Descriptor> all;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (int64_t i = 0; i < most; ++i) handles.push_back(all.emplace_back(type).handle());
  const int64_t count = get(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, handles.data());
  while (int64_t(all.size()) > count) all.pop_back();
  return all;
}

Descriptor properties_of(int device) {
  Descriptor d(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  const int32_t id = device;
  d.set(CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1, &id);
  d.finalise();
  return d;
}
Descriptor properties_from(const std::string& json) {
  Descriptor d(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  d.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, int64_t(json.size()), json.data());
  d.finalise();
  return d;
}
std::string json_of(const Descriptor& properties) {
  std::string json(1 << 16, '\0');
  json.resize(size_t(
      properties.get(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, int64_t(json.size()), json.data())));
  return json;
}

std::optional<Plan> plan_for(const ConvolutionCall& call, const Descriptor& properties) {
  const Descriptor graph = graph_of(call);
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (const Descriptor& configuration : configurations(graph, properties, mode))
      if (exact(configuration))
        if (std::optional<Plan> plan = plan_from(configuration, properties)) return plan;
  return {};
}

}  // namespace gradus::cudnn
