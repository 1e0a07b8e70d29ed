#include "gradus/data/knn.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <vector>

#include "gradus/core/error.h"
#include "gradus/data/neighbours.h"

namespace gradus {
namespace {

// The label that wins among the neighbours.
int64_t vote(const Neighbours& nearest, const int64_t* labels) {
  std::map<int64_t, int64_t> votes;
  for (int64_t i : nearest) ++votes[labels[i]];
  int64_t best = labels[nearest.front()];
  for (int64_t i : nearest)
    if (votes[labels[i]] > votes[best]) best = labels[i];
  return best;
}

void check_labels(const char* which, const Tensor& features, const Tensor& labels) {
  if (features.rank() < 1 || labels.rank() != 1 || labels.shape()[0] != features.shape()[0])
    throw ShapeError(fmt::format(
        "knn_accuracy: {} features have shape {} and labels {}, wanted (N,...) and (N); pass one label a sample", which,
        text(features.shape()), text(labels.shape())));
}

}  // namespace

double knn_accuracy(const Tensor& train_features, const Tensor& train_labels, const Tensor& test_features,
                    const Tensor& test_labels, int64_t k) {
  check_labels("training", train_features, train_labels);
  check_labels("test", test_features, test_labels);
  if (train_features.dtype() != test_features.dtype() || !computes(train_features.dtype()))
    throw DtypeError(fmt::format("knn_accuracy: got {} and {}, wanted both float32 or both float64; convert one",
                                 describe(train_features), describe(test_features)));
  if (k < 1 || k > train_features.shape()[0])
    throw ParamError(fmt::format("knn_accuracy: got k = {} for {} training samples, wanted 1 to that many; try 5", k,
                                 train_features.shape()[0]));
  const auto width = [](const Tensor& t) { return t.shape()[0] ? t.numel() / t.shape()[0] : 0; };
  if (const int64_t got = width(test_features); test_features.shape()[0] && got != width(train_features))
    throw ShapeError(fmt::format(
        "knn_accuracy: training samples have {} features, test samples {}, wanted equally many; embed both alike",
        width(train_features), got));
  const Tensor known = dense(train_labels), asked = dense(test_labels);
  std::vector<char> hit(static_cast<size_t>(asked.numel()), 0);
  for_each_neighbours(
      test_features, train_features, Self::counts, [&](int64_t) { return k; },
      [&](int64_t i, const Neighbours& nearest) {
        hit[size_t(i)] = vote(nearest, known.data<int64_t>()) == asked.data<int64_t>()[i];
      });
  return hit.empty() ? 0 : double(std::count(hit.begin(), hit.end(), 1)) / double(hit.size());
}

}  // namespace gradus
