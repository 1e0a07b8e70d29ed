// A small classifier of texts that answers two questions at once.
#pragma once
#include "gradus/core/random.h"
#include "gradus/nn/embedding.h"
#include "gradus/nn/linear.h"

namespace gradus {

/// Tokens int64 (N, length) -> the mean of their embeddings, padding left out, -> two linear heads: such as topic and
/// tone. Parameters: embedding, head1, head2.
struct TextClassifier : Module {
  Embedding embedding;
  Linear head1, head2;

  struct Scores {
    Tensor first, second;  // logits (N, outputs1), (N, outputs2)
  };

  /// Token 0 is padding. Throws ParamError as Embedding and Linear do.
  TextClassifier(int64_t vocabulary, int64_t width, int64_t outputs1, int64_t outputs2,
                 Generator& generator = default_generator());
  /// (N, width); a text without a token is zeros. Throws ShapeError unless tokens are (N, length).
  Tensor pooled(const Tensor& tokens);
  Scores scores(const Tensor& tokens);
  /// Both heads' logits side by side.
  Tensor forward(const Tensor& tokens) override;
  void parts(Parts& p) override;
};

/// A TextClassifier whose two answers are one class: class i answers2 + j has the score first_i + second_j. So softmax
/// gives the product of both heads' probabilities, and cross_entropy the sum of what both heads lose. With a single
/// second answer there is nothing to ask, and just one head.
struct AnswerClassifier : Module {
  TextClassifier text;
  bool asks_twice;

  /// Throws as TextClassifier.
  AnswerClassifier(int64_t vocabulary, int64_t width, int64_t answers1, int64_t answers2,
                   Generator& generator = default_generator());
  Tensor forward(const Tensor& tokens) override;
  void parts(Parts& p) override;
};

}  // namespace gradus
