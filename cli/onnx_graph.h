// A graph of ONNX under construction: nodes, initializers, inputs and outputs by their names.
#pragma once
#include <onnx.pb.h>

#include <string>
#include <utility>
#include <vector>

#include "gradus/cli/onnx_model.h"
#include "gradus/core/tensor.h"

namespace gradus {

/// A tensor that flows through the graph: its name, and how many axes it has.
struct OnnxValue {
  std::string name;
  int rank = 0;
};

class OnnxGraph {
 public:
  using Attributes = std::vector<onnx::AttributeProto>;

  OnnxValue input(const OnnxPort& port);
  /// Calls the value by the output's name from now on.
  void output(const OnnxPort& port, const OnnxValue& value);
  /// A tensor of the model, once per name; an undefined one is "", which ONNX takes for absent.
  std::string initializer(const std::string& name, const Tensor& t);
  /// Whole numbers that a node takes as an input, such as axes.
  std::string integers(const std::string& name, const std::vector<int64_t>& values);

  /// A node at `path`, the place in the model; its value, or values, are called by the path and the op.
  OnnxValue node(const std::string& path, const char* op, const std::vector<std::string>& inputs, int rank,
                 const Attributes& attributes = {});
  std::vector<OnnxValue> nodes(const std::string& path, const char* op, const std::vector<std::string>& inputs,
                               int rank, int outputs, const Attributes& attributes = {});

  const onnx::GraphProto& proto() const { return graph_; }

 private:
  std::string unused(const std::string& name) const;
  onnx::GraphProto graph_;
};

onnx::ElementType element_type(Dtype dtype);
onnx::AttributeProto attribute(const char* name, double value);
onnx::AttributeProto attribute(const char* name, int64_t value);
onnx::AttributeProto attribute(const char* name, const std::vector<int64_t>& values);
onnx::AttributeProto attribute(const char* name, const Tensor& value);
onnx::AttributeProto attribute(const char* name, const std::string& value);
onnx::AttributeProto attribute(const char* name, const std::vector<std::string>& values);

}  // namespace gradus
