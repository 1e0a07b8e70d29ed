#include "gradus/cli/onnx_graph.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "gradus/ops/factories.h"

namespace gradus {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

void fill(onnx::TensorProto& proto, const Tensor& t) {
  const Tensor d = dense(t);
  for (int64_t extent : d.shape()) proto.add_dims(extent);
  proto.set_data_type(element_type(d.dtype()));
  proto.set_raw_data(d.bytes(), size_t(d.numel() * size_of(d.dtype())));
}

void fill(onnx::ValueInfoProto& info, const OnnxPort& port) {
  info.set_name(port.name);
  auto* tensor = info.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(element_type(port.dtype));
  for (const OnnxAxis& axis : port.axes) {
    auto* dim = tensor->mutable_shape()->add_dim();
    if (axis.name.empty()) dim->set_dim_value(axis.extent);
    else dim->set_dim_param(axis.name);
  }
}

onnx::AttributeProto named(const char* name, onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto a;
  a.set_name(name);
  a.set_type(type);
  return a;
}

}  // namespace

onnx::ElementType element_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::float64: return onnx::DOUBLE;
    case Dtype::int64: return onnx::INT64;
    case Dtype::boolean: return onnx::BOOL;
    default: return onnx::FLOAT;
  }
}

onnx::AttributeProto attribute(const char* name, double value) {
  onnx::AttributeProto a = named(name, onnx::AttributeProto::FLOAT);
  a.set_f(float(value));
  return a;
}
onnx::AttributeProto attribute(const char* name, int64_t value) {
  onnx::AttributeProto a = named(name, onnx::AttributeProto::INT);
  a.set_i(value);
  return a;
}
onnx::AttributeProto attribute(const char* name, const std::vector<int64_t>& values) {
  onnx::AttributeProto a = named(name, onnx::AttributeProto::INTS);
  for (const int64_t value : values) a.add_ints(value);
  return a;
}
onnx::AttributeProto attribute(const char* name, const Tensor& value) {
  onnx::AttributeProto a = named(name, onnx::AttributeProto::TENSOR);
  fill(*a.mutable_t(), value);
  return a;
}
onnx::AttributeProto attribute(const char* name, const std::string& value) {
  onnx::AttributeProto a = named(name, onnx::AttributeProto::STRING);
  a.set_s(value);
  return a;
}
onnx::AttributeProto attribute(const char* name, const std::vector<std::string>& values) {
  onnx::AttributeProto a = named(name, onnx::AttributeProto::STRINGS);
  for (const std::string& value : values) a.add_strings(value);
  return a;
}

OnnxValue OnnxGraph::input(const OnnxPort& port) {
  fill(*graph_.add_input(), port);
  return {port.name, int(port.axes.size())};
}

void OnnxGraph::output(const OnnxPort& port, const OnnxValue& value) {
  fill(*graph_.add_output(), port);
  for (auto& node : *graph_.mutable_node()) {
    std::replace(node.mutable_output()->begin(), node.mutable_output()->end(), value.name, port.name);
    std::replace(node.mutable_input()->begin(), node.mutable_input()->end(), value.name, port.name);
  }
}

std::string OnnxGraph::initializer(const std::string& name, const Tensor& t) {
  if (!t.defined()) return "";
  const auto& known = graph_.initializer();
  if (std::none_of(known.begin(), known.end(), [&](const auto& each) { return each.name() == name; })) {
    auto* added = graph_.add_initializer();
    added->set_name(name);
    fill(*added, t);
  }
  return name;
}

std::string OnnxGraph::integers(const std::string& name, const std::vector<int64_t>& values) {
  return initializer(name, from_data(values.data(), {int64_t(values.size())}));
}

std::string OnnxGraph::unused(const std::string& name) const {
  std::string candidate = name;
  const auto taken = [&](const auto& node) { return node.name() == candidate; };
  for (int n = 2; std::any_of(graph_.node().begin(), graph_.node().end(), taken); ++n)
    candidate = fmt::format("{}_{}", name, n);
  return candidate;
}

OnnxValue OnnxGraph::node(const std::string& path, const char* op, const std::vector<std::string>& inputs, int rank,
                          const Attributes& attributes) {
  return nodes(path, op, inputs, rank, 1, attributes)[0];
}

std::vector<OnnxValue> OnnxGraph::nodes(const std::string& path, const char* op, const std::vector<std::string>& inputs,
                                        int rank, int outputs, const Attributes& attributes) {
  const std::string name = unused(path.empty() ? op : fmt::format("{}.{}", path, op));
  auto* node = graph_.add_node();
  node->set_name(name);
  node->set_op_type(op);
  size_t given = inputs.size();
  while (given > 0 && inputs[given - 1].empty()) --given;  // what is absent at the end is not written
  for (size_t i = 0; i < given; ++i) node->add_input(inputs[i]);
  for (const auto& a : attributes) *node->add_attribute() = a;
  std::vector<OnnxValue> values;
  for (int i = 0; i < outputs; ++i) {
    values.push_back({outputs == 1 ? name : fmt::format("{}:{}", name, i), rank});
    node->add_output(values.back().name);
  }
  return values;
}

}  // namespace gradus
