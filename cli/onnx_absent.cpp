// Compiled in the place of the other onnx_*.cpp where protobuf is not at hand.
#include "gradus/cli/onnx_model.h"
#include "gradus/core/error.h"

namespace gradus {

void check_onnx() {
  throw ParamError("onnx: this build lacks protobuf; install libprotobuf-dev and protobuf-compiler and build again");
}

OnnxModel onnx_model(Module&, const OnnxPort&, const std::vector<OnnxPort>&,
                     const std::map<std::string, std::string>&) {
  check_onnx();
  return {};
}

}  // namespace gradus
