// Attention: every position reads from all others, weighted by how well they fit.
#pragma once
#include <optional>

#include "gradus/core/random.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/module.h"

namespace gradus {

struct AttentionOptions {
  Tensor mask = Tensor();  // broadcast to (…,L,S): bool, true where a query may look; or numbers added to the scores
  bool causal = false;     // a query may look at its own position and those before it
  std::optional<double> scale = {};  // of the scores; otherwise 1 / sqrt(E)
  double dropout = 0;                // of the weights, always applied: pass 0 in evaluation
};

/// softmax(query keyᵀ scale) over the keys: query (…,L,E), key (…,S,E) -> (…,L,S). A query that may look nowhere has
/// weights of 0.
Tensor attention_weights(const Tensor& query, const Tensor& key, const AttentionOptions& options = {});
/// The values, averaged with these weights: value (…,S,F) -> (…,L,F).
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options = {}, Generator& generator = default_generator());

struct MultiheadAttentionOptions {
  double dropout = 0;  // of the weights, in training
  bool bias = true;
  bool batch_first = false;  // (N,L,width) instead of (L,N,width)
};

/// Masks of nn.MultiheadAttention: true means that a key must NOT be looked at.
struct AttentionMasks {
  Tensor key_padding_mask = Tensor();  // bool (N,S)
  Tensor attn_mask = Tensor();         // bool, or numbers added to the scores: (L,S) or (N heads,L,S)
  bool causal = false;
};

/// A. Vaswani et al., Attention is all you need, 2017. Parameters, names and start are PyTorch's: in_proj_weight (3
/// width, width) holds the projections of query, key and value and is Xavier-uniform, biases are 0; out_proj is a
/// Linear.
class MultiheadAttention : public Module {
 public:
  struct Attended {
    Tensor output, weights;  // (L,N,width), and the mean over the heads (N,L,S)
  };

  /// Throws ParamError unless heads divides width and dropout is a probability. The generator must outlive the layer.
  MultiheadAttention(int64_t width, int64_t heads, const MultiheadAttentionOptions& options = {},
                     Generator& generator = default_generator());
  /// Self-attention.
  Tensor forward(const Tensor& x) override { return attend(x, x, x).output; }
  /// query (L,N,width), key and value (S,N,width). Throws ShapeError where they are not, or a mask does not fit.
  Attended attend(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks = {});
  void parts(Parts& p) override;
  int64_t width() const { return width_; }
  int64_t heads() const { return heads_; }
  const MultiheadAttentionOptions& options() const { return options_; }

 private:
  void check(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks) const;
  Tensor projected(const Tensor& x, int64_t part) const;
  AttentionOptions options_for(const AttentionMasks& masks, const Shape& scores) const;

  int64_t width_, heads_;
  MultiheadAttentionOptions options_;
  Generator* generator_;
  Tensor in_proj_weight_, in_proj_bias_;
  Linear out_proj_;
};

}  // namespace gradus
