#include "gradus/nn/text_classifier.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/nn/sequence.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/shape.h"

namespace gradus {
TextClassifier::TextClassifier(int64_t vocabulary, int64_t width, int64_t outputs1, int64_t outputs2,
                               Generator& generator)
    : embedding(vocabulary, width, padding_token, generator),
      head1(width, outputs1, true, generator),
      head2(width, outputs2, true, generator) {}

Tensor TextClassifier::pooled(const Tensor& tokens) {
  if (tokens.rank() != 2)
    throw ShapeError(fmt::format("TextClassifier: tokens have shape {}, wanted (N,length); pad texts to one length",
                                 text(tokens.shape())));
  return mean_of_present(embedding(tokens), presence(tokens, embedding.weight.dtype()));
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

AnswerClassifier::AnswerClassifier(int64_t vocabulary, int64_t width, int64_t answers1, int64_t answers2,
                                   Generator& generator)
    : text(vocabulary, width, answers1, answers2, generator), asks_twice(answers2 > 1) {}

Tensor AnswerClassifier::forward(const Tensor& tokens) {
  if (!asks_twice) return text.head1(text.pooled(tokens));
  const TextClassifier::Scores s = text.scores(tokens);
  return flatten(unsqueeze(s.first, 2) + unsqueeze(s.second, 1), 1);
}

void AnswerClassifier::parts(Parts& p) {
  p.module("embedding", text.embedding).module("head1", text.head1);
  if (asks_twice) p.module("head2", text.head2);
}

}  // namespace gradus
