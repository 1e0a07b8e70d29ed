// A small transformer that classifies sequences: texts, or images read row by row.
#pragma once
#include <optional>
#include <vector>

#include "gradus/core/random.h"
#include "gradus/nn/embedding.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/norm.h"
#include "gradus/nn/transformer.h"

namespace gradus {

struct TransformerClassifierOptions {
  int64_t width = 64, heads = 4, layers = 2, feedforward = 128;
};

/// What stands at each place of a sequence, as a vector, and a learned vector of the place -> blocks of a transformer
/// -> LayerNorm -> the mean over the places -> Linear. Places with padding are neither looked at nor averaged.
class TransformerClassifier : public Module {
 public:
  using Options = TransformerClassifierOptions;

  /// For tokens int64 (N, length). Throws ParamError as its parts do.
  static TransformerClassifier of_tokens(int64_t vocabulary, int64_t length, int64_t outputs,
                                         const Options& options = {}, Generator& generator = default_generator());
  /// For sequences (N, length, features), or images (N, channels, height, width) whose rows are one: length is the
  /// height, features channels times width.
  static TransformerClassifier of_vectors(int64_t features, int64_t length, int64_t outputs,
                                          const Options& options = {}, Generator& generator = default_generator());

  Tensor forward(const Tensor& x) override;
  void parts(Parts& p) override;

  bool takes_tokens() const { return embedding.has_value(); }

  std::optional<Embedding> embedding;  // of tokens
  std::optional<Linear> projection;    // of vectors
  Tensor positions;                    // (length, width)
  std::vector<TransformerBlock> blocks;
  LayerNorm norm;
  Linear head;

 private:
  TransformerClassifier(std::optional<Embedding> embedding, std::optional<Linear> projection, int64_t length,
                        int64_t outputs, const Options& options, Generator& generator);
  Tensor sequence_of(const Tensor& x) const;
};

}  // namespace gradus
