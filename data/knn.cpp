#include "gradus/data/knn.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

constexpr int64_t chunk = 256;  // test samples whose distances are held at a time

Tensor as_rows(const Tensor& t) {
  return dense(reshape(t, {t.shape()[0], t.shape()[0] ? t.numel() / t.shape()[0] : 0}));
}

template <class F> std::vector<double> squared_norms(const Tensor& rows) {
  const int64_t n = rows.shape()[0], width = rows.shape()[1];
  std::vector<double> norms(static_cast<size_t>(n));
  const F* x = rows.data<F>();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < width; ++j) norms[size_t(i)] += double(x[i * width + j]) * double(x[i * width + j]);
  return norms;
}

// The label that wins among neighbours given as (distance, sample), nearest first.
int64_t vote(const std::vector<std::pair<double, int64_t>>& nearest, const int64_t* labels) {
  std::map<int64_t, int64_t> votes;
  for (const auto& [distance, i] : nearest) ++votes[labels[i]];
  int64_t best = labels[nearest.front().second];
  for (const auto& [distance, i] : nearest)
    if (votes[labels[i]] > votes[best]) best = labels[i];
  return best;
}

// The k nearest training samples, from products with them; the test sample's own norm does not change the order.
template <class F>
std::vector<std::pair<double, int64_t>> nearest(const F* products, const std::vector<double>& norms, int64_t k) {
  std::vector<std::pair<double, int64_t>> all(norms.size());
  for (size_t i = 0; i < norms.size(); ++i) all[i] = {norms[i] - 2 * double(products[i]), int64_t(i)};
  std::partial_sort(all.begin(), all.begin() + k, all.end());
  all.resize(size_t(k));
  return all;
}

template <class F>
int64_t count_hits(const Tensor& train, const int64_t* train_labels, const Tensor& test, const int64_t* test_labels,
                   int64_t k) {
  const int64_t n = test.shape()[0], m = train.shape()[0], width = train.shape()[1];
  const std::vector<double> norms = squared_norms<F>(train);
  const Tensor columns = transpose(train, 0, 1);
  std::vector<char> hit(size_t(n), 0);
  for (int64_t from = 0; from < n; from += chunk) {
    const int64_t rows = std::min(chunk, n - from);
    const Tensor products = matmul(test.alias({rows, width}, {width, 1}, from * width), columns);
    const F* p = products.data<F>();
    parallel_for(rows, [&](int64_t r) {
      hit[size_t(from + r)] = vote(nearest(p + r * m, norms, k), train_labels) == test_labels[from + r];
    });
  }
  return std::count(hit.begin(), hit.end(), 1);
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
  const NoGrad quiet;
  const Tensor train = as_rows(train_features), test = as_rows(test_features), known = dense(train_labels),
               wanted = dense(test_labels);
  if (train.shape()[1] != test.shape()[1])
    throw ShapeError(fmt::format(
        "knn_accuracy: training samples have {} features, test samples {}, wanted equally many; embed both alike",
        train.shape()[1], test.shape()[1]));
  const int64_t n = test.shape()[0];
  const int64_t hits = visit_floating(train.dtype(), [&]<class F>(Type<F>) {
    return count_hits<F>(train, known.data<int64_t>(), test, wanted.data<int64_t>(), k);
  });
  return n ? double(hits) / double(n) : 0;
}

}  // namespace gradus
