// ONNX: a model as a file that other runtimes compute with.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gradus/core/dtype.h"
#include "gradus/nn/module.h"

namespace gradus {

/// An axis of an input or output: its extent, or a name where any extent will do.
struct OnnxAxis {
  int64_t extent = 0;
  std::string name;

  OnnxAxis(int64_t extent) : extent(extent) {}
  OnnxAxis(const char* name) : name(name) {}
};

/// An input or output of the model.
struct OnnxPort {
  std::string name;
  Dtype dtype = Dtype::float32;
  std::vector<OnnxAxis> axes = {};
};

struct OnnxModel {
  std::string bytes;  // of the file
  int64_t nodes = 0, initializers = 0;
};

constexpr int64_t onnx_opset = 17;

/// Throws ParamError where this build cannot write ONNX, and says what it lacks.
void check_onnx();

/// A model that takes `input` and gives `outputs`, as in evaluation: dropout passes everything on, batch normalisation
/// takes the running statistics. Parameters and buffers become initializers of the names of state_dict(). Throws
/// ParamError naming the first layer that has no ONNX form, and as check_onnx.
OnnxModel onnx_model(Module& model, const OnnxPort& input, const std::vector<OnnxPort>& outputs,
                     const std::map<std::string, std::string>& metadata = {});

}  // namespace gradus
