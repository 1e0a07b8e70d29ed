// Compiled where protobuf is at hand; onnx_absent.cpp stands in elsewhere.
#include "gradus/cli/onnx_model.h"

#include <fmt/core.h>

#include <limits>

#include "gradus/cli/onnx_graph.h"
#include "gradus/cli/onnx_layers.h"
#include "gradus/core/error.h"
#include "gradus/version.h"

namespace gradus {
namespace {

constexpr int64_t ir_version = 8;  // the format of ONNX 1.10 to 1.12, which opset 17 came with

}  // namespace

void check_onnx() {}

OnnxModel onnx_model(Module& model, const OnnxPort& input, const std::vector<OnnxPort>& outputs,
                     const std::map<std::string, std::string>& metadata) {
  OnnxGraph graph;
  const std::vector<OnnxValue> values = add_to_graph(graph, model, graph.input(input));
  if (values.size() != outputs.size())
    throw ParamError(fmt::format("onnx: the model has {} output{}, but {} were named; name each of them", values.size(),
                                 values.size() == 1 ? "" : "s", outputs.size()));
  for (size_t i = 0; i < values.size(); ++i) graph.output(outputs[i], values[i]);
  onnx::ModelProto proto;
  proto.set_ir_version(ir_version);
  proto.set_producer_name("gradus");
  proto.set_producer_version(version);
  auto* opset = proto.add_opset_import();
  opset->set_domain("");
  opset->set_version(onnx_opset);
  for (const auto& [key, value] : metadata) {
    auto* entry = proto.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  *proto.mutable_graph() = graph.proto();
  proto.mutable_graph()->set_name("gradus");
  if (proto.ByteSizeLong() > size_t(std::numeric_limits<int>::max()))
    throw ParamError(
        "onnx: the model takes more than 2 GiB, the most that a protobuf message can; export a smaller one");
  return {proto.SerializeAsString(), proto.graph().node_size(), proto.graph().initializer_size()};
}

}  // namespace gradus
