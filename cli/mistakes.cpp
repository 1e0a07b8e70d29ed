#include "gradus/cli/mistakes.h"

#include <algorithm>

#include "gradus/data/neighbours.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/softmax.h"

namespace gradus {

Confusion confusion_of(const Tensor& guesses, const Tensor& labels, int64_t classes) {
  Confusion confusion{classes, std::vector<int64_t>(size_t(classes * classes))};
  const Tensor guess = dense(guesses), label = dense(labels);
  for (int64_t i = 0; i < label.numel(); ++i)
    ++confusion.counts[size_t(label.data<int64_t>()[i] * classes + guess.data<int64_t>()[i])];
  return confusion;
}

std::vector<HardSample> hardest_samples(const Tensor& scores, const Tensor& labels, size_t most) {
  const int64_t n = scores.shape()[0], classes = scores.shape()[1];
  const std::vector<double> p = softmax(to(scores, Dtype::float64), 1).to_vector(), label = labels.to_vector();
  std::vector<HardSample> all;
  for (int64_t i = 0; i < n; ++i) {
    const double* row = p.data() + i * classes;
    const int64_t truth = int64_t(label[size_t(i)]), guess = std::max_element(row, row + classes) - row;
    all.push_back({i, truth, guess, row[truth], row[guess]});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const HardSample& a, const HardSample& b) { return a.probability < b.probability; });
  all.resize(std::min(all.size(), most));
  return all;
}

std::vector<FalseNeighbour> false_neighbours(const Tensor& embedded, const Tensor& labels, size_t most) {
  std::vector<int64_t> nearest(size_t(embedded.shape()[0]), -1);
  if (nearest.size() < 2) return {};
  for_each_neighbours(
      embedded, embedded, Self::left_out, [](int64_t) { return 1; },
      [&](int64_t i, const Neighbours& neighbours) { nearest[size_t(i)] = neighbours.front(); });
  const std::vector<double> label = labels.to_vector();
  std::vector<FalseNeighbour> all;
  for (size_t i = 0; i < nearest.size() && all.size() < most; ++i)
    if (label[i] != label[size_t(nearest[i])]) all.push_back({int64_t(i), nearest[i]});
  return all;
}

}  // namespace gradus
