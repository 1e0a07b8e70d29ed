#include "gradus/nn/transformer.h"

#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"

namespace gradus {

TransformerBlock::TransformerBlock(int64_t width, int64_t heads, const TransformerOptions& options,
                                   Generator& generator)
    : options_(options),
      self_attn_(width, heads, {.dropout = options.dropout, .batch_first = options.batch_first}, generator),
      linear1_(width, options.feedforward, true, generator),
      linear2_(options.feedforward, width, true, generator),
      norm1_({width}),
      norm2_({width}),
      dropout_(options.dropout, generator) {}

Tensor TransformerBlock::run(const Tensor& x, AttentionMasks masks) {
  masks.causal |= options_.causal;
  const Tensor calm = norm1_(x), mixed = x + dropout_(self_attn_.attend(calm, calm, calm, masks).output);
  const Tensor hidden = linear1_(norm2_(mixed));
  return mixed + dropout_(linear2_(dropout_(options_.gelu ? gelu(hidden) : relu(hidden))));
}

void TransformerBlock::parts(Parts& p) {
  p.module("self_attn", self_attn_).module("linear1", linear1_).module("linear2", linear2_);
  p.module("norm1", norm1_).module("norm2", norm2_).module("dropout", dropout_);
}

}  // namespace gradus
