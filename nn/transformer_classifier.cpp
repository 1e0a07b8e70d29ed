#include "gradus/nn/transformer_classifier.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/nn/init.h"
#include "gradus/nn/sequence.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"

namespace gradus {

TransformerClassifier::TransformerClassifier(std::optional<Embedding> tokens, std::optional<Linear> vectors,
                                             int64_t length, int64_t outputs, const Options& options,
                                             Generator& generator)
    : embedding(std::move(tokens)),
      projection(std::move(vectors)),
      positions({length, options.width}),
      norm({options.width}),
      head(options.width, outputs, true, generator) {
  if (length < 1)
    throw ParamError(
        fmt::format("TransformerClassifier: got a length of {}, wanted at least 1; give the places of a "
                    "sequence",
                    length));
  init::normal(positions, 0, 0.1, generator);
  positions.requires_grad(true);
  const TransformerOptions block = {
      .feedforward = options.feedforward, .dropout = 0, .batch_first = true, .gelu = true};
  for (int64_t i = 0; i < options.layers; ++i) blocks.emplace_back(options.width, options.heads, block, generator);
}

TransformerClassifier TransformerClassifier::of_tokens(int64_t vocabulary, int64_t length, int64_t outputs,
                                                       const Options& options, Generator& generator) {
  return {Embedding(vocabulary, options.width, padding_token, generator), {}, length, outputs, options, generator};
}

TransformerClassifier TransformerClassifier::of_vectors(int64_t features, int64_t length, int64_t outputs,
                                                        const Options& options, Generator& generator) {
  return {{}, Linear(features, options.width, true, generator), length, outputs, options, generator};
}

Tensor TransformerClassifier::sequence_of(const Tensor& x) const {
  const Tensor sequence = !takes_tokens() && x.rank() == 4 ? flatten(permute(x, {0, 2, 1, 3}), 2) : x;
  const int rank = takes_tokens() ? 2 : 3;
  if (sequence.rank() != rank || sequence.shape()[1] != positions.shape()[0])
    throw ShapeError(fmt::format("TransformerClassifier: input has shape {}, wanted (N,{}{}); reshape it",
                                 text(x.shape()), positions.shape()[0], takes_tokens() ? "" : ",features"));
  return sequence;
}

Tensor TransformerClassifier::forward(const Tensor& x) {
  const Tensor sequence = sequence_of(x);
  AttentionMasks masks;
  if (takes_tokens()) masks.key_padding_mask = eq(x, double(padding_token));
  Tensor h = (takes_tokens() ? (*embedding)(sequence) : (*projection)(sequence)) + positions;
  for (TransformerBlock& block : blocks) h = block.run(h, masks);
  h = norm(h);
  return head(takes_tokens() ? mean_of_present(h, presence(x, h.dtype())) : mean(h, {1}));
}

void TransformerClassifier::parts(Parts& p) {
  if (embedding) p.module("embedding", *embedding);
  if (projection) p.module("projection", *projection);
  p.parameter("positions", positions);
  for (size_t i = 0; i < blocks.size(); ++i) p.module(fmt::format("blocks.{}", i), blocks[i]);
  p.module("norm", norm).module("head", head);
}

}  // namespace gradus
