#include "gradus/data/collapse.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

constexpr int64_t most_samples = 256;
constexpr double close_to_margin = 0.02;  // relative
constexpr double hardly_any = 0.001;

std::vector<double> distances_of(const Tensor& embeddings) {
  const int64_t n = embeddings.shape()[0], width = embeddings.shape()[1];
  const std::vector<double> x = embeddings.to_vector();
  std::vector<double> d(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double squares = 0;
      for (int64_t k = 0; k < width; ++k) {
        const double e = x[size_t(i * width + k)] - x[size_t(j * width + k)];
        squares += e * e;
      }
      d[size_t(i * n + j)] = std::sqrt(squares);
    }
  return d;
}

std::string advice_for(const EmbeddingSpread& s, double margin) {
  if (s.collapsed)
    return fmt::format(
        "all samples lie at almost one point: the loss is {:.3g}, the margin itself, at a mean distance of {:.2g}; try "
        "another --lr, or semi-hard triplets",
        s.mean_loss, s.mean_distance);
  if (s.active_fraction < hardly_any)
    return fmt::format(
        "only {:.2g} % of the triplets still pull; mine harder ones, raise the margin of {:g}, or stop here",
        100 * s.active_fraction, margin);
  return "";
}

}  // namespace

EmbeddingSpread embedding_spread(const Tensor& embeddings, const Tensor& labels, double margin) {
  if (embeddings.rank() != 2 || labels.rank() != 1 || labels.shape()[0] != embeddings.shape()[0])
    throw ShapeError(fmt::format(
        "embedding_spread: embeddings have shape {} and labels {}, wanted (N,D) and (N); pass one label a sample",
        text(embeddings.shape()), text(labels.shape())));
  if (!(margin > 0))
    throw ParamError(fmt::format("embedding_spread: got margin = {}, wanted it positive; try 1", margin));
  const NoGrad quiet;
  const int64_t n = std::min(most_samples, labels.numel());
  const std::vector<double> d = distances_of(slice(embeddings, 0, 0, n)), label = slice(labels, 0, 0, n).to_vector();
  const auto at = [&](int64_t i, int64_t j) { return d[size_t(i * n + j)]; };

  EmbeddingSpread s;
  double triplets = 0;
  for (int64_t a = 0; a < n; ++a)
    for (int64_t p = 0; p < n; ++p) {
      s.mean_distance += at(a, p);
      if (a == p || label[size_t(a)] != label[size_t(p)]) continue;
      for (int64_t other = 0; other < n; ++other) {
        if (label[size_t(other)] == label[size_t(a)]) continue;
        const double loss = at(a, p) - at(a, other) + margin;
        ++triplets;
        s.active_fraction += loss > 0;
        s.mean_loss += std::max(loss, 0.0);
      }
    }
  if (n > 1) s.mean_distance /= double(n * (n - 1));
  if (triplets == 0) return s;
  s.active_fraction /= triplets, s.mean_loss /= triplets;
  s.collapsed = std::abs(s.mean_loss - margin) < close_to_margin * margin && s.mean_distance < margin;
  s.advice = advice_for(s, margin);
  return s;
}

}  // namespace gradus
