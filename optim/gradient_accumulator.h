// GradientAccumulator: one step from several micro-batches, as exact as one from the whole batch.
//
//   GradientAccumulator accumulator(model.named_parameters());
//   for (const Dataset& part : parts)
//     accumulator.add(cross_entropy(model(part["features"]), part["labels"], {}, Reduction::sum), double(part.size()));
//   accumulator.finish();
//   optimizer.step();
#pragma once
#include "gradus/core/named_tensors.h"

namespace gradus {

/// The mean over a batch is Σ sum / Σ count over its parts; the mean of the parts' means is not, where parts differ in
/// size, ignore labels or weigh them. So a part hands in its loss's sum and what its mean would have divided by: the
/// number of samples, of labels not ignored, or the sum of their weights.
class GradientAccumulator {
 public:
  explicit GradientAccumulator(const NamedTensors& parameters);

  /// Runs backward through the sum of a part's loss; forgets the parameters' old gradients before the first part.
  /// Throws ShapeError unless sum is one number, ParamError unless count is finite and at least 0; then nothing has
  /// changed.
  void add(const Tensor& sum, double count);
  /// Divides the gradients by Σ count, which makes them the mean's, and returns the mean loss; 0 and zeros where the
  /// count is 0. The next add() begins anew. Throws StateError without a part.
  double finish();

 private:
  std::vector<Tensor> parameters_;
  int64_t parts_ = 0;
  double sum_ = 0, count_ = 0;
};

}  // namespace gradus
