#include "gradus/nn/text_classifier.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

constexpr int64_t padding = 0;

}  // namespace

TextClassifier::TextClassifier(int64_t vocabulary, int64_t width, int64_t outputs1, int64_t outputs2,
                               Generator& generator)
    : embedding(vocabulary, width, padding, generator),
      head1(width, outputs1, true, generator),
      head2(width, outputs2, true, generator) {}

Tensor TextClassifier::pooled(const Tensor& tokens) {
  if (tokens.rank() != 2)
    throw ShapeError(fmt::format("TextClassifier: tokens have shape {}, wanted (N,length); pad texts to one length",
                                 text(tokens.shape())));
  const Tensor present = gradus::to(ne(tokens, double(padding)), embedding.weight.dtype());
  const Tensor count = clamp(sum(present, {1}, true), 1);
  return sum(embedding(tokens) * unsqueeze(present, 2), {1}) / count;
}

TextClassifier::Scores TextClassifier::scores(const Tensor& tokens) {
  const Tensor mean = pooled(tokens);
  return {head1(mean), head2(mean)};
}

Tensor TextClassifier::forward(const Tensor& tokens) {
  const Scores s = scores(tokens);
  return concat({s.first, s.second}, 1);
}

void TextClassifier::parts(Parts& p) { p.module("embedding", embedding).module("head1", head1).module("head2", head2); }

}  // namespace gradus
