// What each layer is in ONNX.
#pragma once
#include "gradus/cli/onnx_graph.h"

namespace gradus {

/// Adds a model to the graph, and says which values it gives for `input`; a model with two heads gives two. Throws
/// ParamError naming the layer that has no ONNX form.
std::vector<OnnxValue> add_to_graph(OnnxGraph& graph, Module& model, const OnnxValue& input);

}  // namespace gradus
