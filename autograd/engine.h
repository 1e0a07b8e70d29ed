// The engine: walks recorded nodes from an output to the leaves, newest first.
#pragma once
#include <string>
#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/named_tensors.h"

namespace gradus {

struct BackwardOptions {
  bool retain_graph = false;  // keep what the nodes saved, so that backward may run again
  bool create_graph =
      false;  // record the backward itself, so that its results can be differentiated; implies retain_graph
};

// Accumulates d output / d leaf into every leaf's grad().  `gradient` has output's shape; it may be undefined for a
// single number.  StateError when output requires no gradient or its graph was already used; ShapeError otherwise.
void backward(const Tensor& output, const Tensor& gradient = Tensor(), BackwardOptions options = {});

// d (sum over outputs of <gradient, output>) / d input for each input; leaves' grad() stay as they are.  An input that
// the outputs do not depend on gets an undefined tensor.  `gradients` may be empty when all outputs are single numbers.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& gradients = {}, BackwardOptions options = {});

// The names of those that require a gradient and have none: no backward reached them since their gradients were cleared.
std::vector<std::string> without_gradient(const NamedTensors& parameters);

// While on (process-wide), an op whose forward or backward makes a NaN throws a DomainError with its name: anomaly.h.
void set_anomaly_mode(bool on);
bool anomaly_mode();

}  // namespace gradus
