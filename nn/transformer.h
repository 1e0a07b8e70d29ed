// The block of a transformer.
#pragma once
#include "gradus/core/random.h"
#include "gradus/nn/attention.h"
#include "gradus/nn/dropout.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/norm.h"

namespace gradus {

struct TransformerOptions {
  int64_t feedforward = 2048;
  double dropout = 0.1;
  bool batch_first = false;  // (N,L,width) instead of (L,N,width)
  bool causal = false;       // no position looks at a later one
  bool gelu = false;         // instead of relu
};

/// x + attention(norm1(x)), then x + linear2(relu(linear1(norm2(x)))): the normalisation stands before what it
/// normalises, by which deep stacks train without a warm-up. Computes as nn.TransformerEncoderLayer with norm_first,
/// and has the names of its parts: self_attn, linear1, linear2, norm1, norm2.
class TransformerBlock : public Module {
 public:
  /// Throws ParamError as its parts do: heads must divide width.
  TransformerBlock(int64_t width, int64_t heads, const TransformerOptions& options = {},
                   Generator& generator = default_generator());
  Tensor forward(const Tensor& x) override { return run(x); }
  /// With masks, as MultiheadAttention has them.
  Tensor run(const Tensor& x, AttentionMasks masks = {});
  void parts(Parts& p) override;
  const MultiheadAttention& attention() const { return self_attn_; }
  const LayerNorm& norm1() const { return norm1_; }
  const LayerNorm& norm2() const { return norm2_; }
  const TransformerOptions& options() const { return options_; }

 private:
  TransformerOptions options_;
  MultiheadAttention self_attn_;
  Linear linear1_, linear2_;
  LayerNorm norm1_, norm2_;
  Dropout dropout_;
};

}  // namespace gradus
