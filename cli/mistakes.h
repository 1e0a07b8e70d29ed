// Where a model errs: which classes it takes for which, and which samples are hardest for it.
#pragma once
#include <cstdint>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

struct Confusion {
  int64_t classes = 0;
  std::vector<int64_t> counts;  // [true class * classes + predicted class]
  int64_t operator()(int64_t truth, int64_t guess) const { return counts[size_t(truth * classes + guess)]; }
};
/// Of guesses and labels, int64 (N), all in [0, classes).
Confusion confusion_of(const Tensor& guesses, const Tensor& labels, int64_t classes);

struct HardSample {
  int64_t sample = 0, label = 0, guess = 0;
  double probability = 0;        // of the label
  double guess_probability = 0;  // of the guess
};
/// The `most` samples whose own label has the smallest probability. Scores (N, classes) are logits.
std::vector<HardSample> hardest_samples(const Tensor& scores, const Tensor& labels, size_t most);

struct FalseNeighbour {
  int64_t sample = 0, neighbour = 0;
};
/// The first `most` samples of an embedding (N, width) whose nearest neighbour has another label, and that neighbour.
std::vector<FalseNeighbour> false_neighbours(const Tensor& embedded, const Tensor& labels, size_t most);

}  // namespace gradus
