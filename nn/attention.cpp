#include "gradus/nn/attention.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradus/core/error.h"
#include "gradus/nn/init.h"
#include "gradus/nn/precision.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/dropout.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/softmax.h"

namespace gradus {
namespace {

bool is_bool(const Tensor& t) { return t.dtype() == Dtype::boolean; }

// True above the diagonal: what lies in the future.
Tensor future(int64_t queries, int64_t keys, Device device) {
  Tensor mask({queries, keys}, Dtype::boolean);
  bool* m = mask.mutable_data<bool>();
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t j = 0; j < keys; ++j) m[i * keys + j] = j > i;
  return to(mask, device);
}

// What must not be looked at, by the mask and by causality; undefined where all may be.
Tensor forbidden(const AttentionOptions& options, int64_t queries, int64_t keys, Device device) {
  Tensor no = options.mask.defined() && is_bool(options.mask) ? !options.mask : Tensor();
  if (!options.causal) return no;
  const Tensor later = future(queries, keys, device);
  return no.defined() ? no | later : later;
}

}  // namespace

Tensor attention_weights(const Tensor& query, const Tensor& key, const AttentionOptions& options) {
  if (query.rank() < 2 || key.rank() < 2 || query.size(-1) != key.size(-1))
    throw ShapeError(
        fmt::format("attention: query has shape {}, key {}, wanted (…,L,E) and (…,S,E); project both alike",
                    text(query.shape()), text(key.shape())));
  const double scale = options.scale.value_or(1 / std::sqrt(double(query.size(-1))));
  Tensor scores = matmul(scaled(query, scale), transpose(key, -2, -1));
  if (options.mask.defined() && !is_bool(options.mask)) scores = scores + options.mask;
  const Tensor no = forbidden(options, query.size(-2), key.size(-2), query.device());
  if (!no.defined()) return softmax(scores, -1);
  // The second fill is for queries that may look nowhere, whose softmax is 0 / 0.
  return masked_fill(softmax(masked_fill(scores, no, -std::numeric_limits<double>::infinity()), -1), no, 0);
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options, Generator& generator) {
  return matmul(dropout(attention_weights(query, key, options), options.dropout, true, generator), value);
}

MultiheadAttention::MultiheadAttention(int64_t width, int64_t heads, const MultiheadAttentionOptions& options,
                                       Generator& generator)
    : width_(width),
      heads_(heads),
      options_(options),
      generator_(&generator),
      out_proj_(std::max<int64_t>(width, 1), std::max<int64_t>(width, 1), options.bias, generator) {
  if (width < 1 || heads < 1 || width % heads)
    throw ParamError(fmt::format(
        "MultiheadAttention: got a width of {} and {} heads, wanted heads that divide the width; choose other numbers",
        width, heads));
  if (!(options.dropout >= 0 && options.dropout <= 1))
    throw ParamError(fmt::format("MultiheadAttention: got dropout = {}, wanted a probability; choose it in [0, 1]",
                                 options.dropout));
  in_proj_weight_ = Tensor({3 * width, width});
  init::xavier_uniform(in_proj_weight_, 1, generator);
  in_proj_weight_.requires_grad(true);
  if (!options.bias) return;
  in_proj_bias_ = zeros({3 * width}).requires_grad(true);
  init::uniform(out_proj_.bias, 0, 0, generator);
}

void MultiheadAttention::parts(Parts& p) {
  p.parameter("in_proj_weight", in_proj_weight_).parameter("in_proj_bias", in_proj_bias_).module("out_proj", out_proj_);
}

void MultiheadAttention::check(const Tensor& query, const Tensor& key, const Tensor& value,
                               const AttentionMasks& masks) const {
  const int batch = options_.batch_first ? 0 : 1, steps = 1 - batch;
  for (const auto& [what, t] : {std::pair{"query", &query}, std::pair{"key", &key}, std::pair{"value", &value}})
    if (t->rank() != 3 || t->shape()[2] != width_ || t->shape()[batch] != query.shape()[batch])
      throw ShapeError(fmt::format("MultiheadAttention: {} has shape {}, wanted ({},{}) of one batch; reshape it", what,
                                   text(t->shape()), options_.batch_first ? "N,steps" : "steps,N", width_));
  const int64_t n = query.shape()[batch], queries = query.shape()[steps], keys = key.shape()[steps];
  if (value.shape()[steps] != keys)
    throw ShapeError(fmt::format("MultiheadAttention: there are {} keys and {} values, wanted equally many; check them",
                                 keys, value.shape()[steps]));
  const Tensor &padding = masks.key_padding_mask, &mask = masks.attn_mask;
  if (padding.defined() && (!is_bool(padding) || !(padding.shape() == Shape{n, keys})))
    throw ShapeError(
        fmt::format("MultiheadAttention: key_padding_mask is {}, wanted bool ({},{}); true leaves a key out",
                    describe(padding), n, keys));
  if (mask.defined() && !(mask.shape() == Shape{queries, keys}) && !(mask.shape() == Shape{n * heads_, queries, keys}))
    throw ShapeError(fmt::format("MultiheadAttention: attn_mask has shape {}, wanted ({},{}) or ({},{},{}); reshape it",
                                 text(mask.shape()), queries, keys, n * heads_, queries, keys));
}

// Part 0, 1, 2: query, key, value; (N, heads, steps, width / heads).
Tensor MultiheadAttention::projected(const Tensor& x, int64_t part) const {
  const auto rows = [&](const Tensor& t) { return slice(t, 0, part * width_, (part + 1) * width_); };
  const Tensor bias = in_proj_bias_.defined() ? rows(in_proj_bias_) : Tensor();
  const Tensor y = linear_in(computes_in(), x, rows(in_proj_weight_), bias);
  const Tensor heads = reshape(y, {x.shape()[0], x.shape()[1], heads_, width_ / heads_});
  return options_.batch_first ? permute(heads, {0, 2, 1, 3}) : permute(heads, {1, 2, 0, 3});
}

// From masks that forbid to one that allows; numbers and a bool cannot be one, so numbers take up what is forbidden.
AttentionOptions MultiheadAttention::options_for(const AttentionMasks& masks, const Shape& scores) const {
  AttentionOptions options{.causal = masks.causal, .dropout = training() ? options_.dropout : 0};
  Tensor mask = masks.attn_mask;
  if (mask.defined() && mask.rank() == 3) mask = reshape(mask, scores);
  Tensor padding = masks.key_padding_mask;
  if (padding.defined()) padding = reshape(padding, {scores[0], 1, 1, scores[3]});
  if (mask.defined() && !is_bool(mask)) {
    const double never = -std::numeric_limits<double>::infinity();
    options.mask = padding.defined() ? masked_fill(expand(mask, scores), padding, never) : mask;
  } else if (mask.defined() || padding.defined()) {
    options.mask = !(!mask.defined() ? padding : !padding.defined() ? mask : mask | padding);
  }
  return options;
}

MultiheadAttention::Attended MultiheadAttention::attend(const Tensor& query, const Tensor& key, const Tensor& value,
                                                        const AttentionMasks& masks) {
  check(query, key, value, masks);
  const Tensor q = projected(query, 0), k = projected(key, 1), v = projected(value, 2);
  const AttentionOptions options = options_for(masks, {q.size(0), heads_, q.size(2), k.size(2)});
  const Tensor weights = dropout(attention_weights(q, k, options), options.dropout, true, *generator_);
  const Tensor read = matmul(weights, v);
  const Tensor heads = options_.batch_first ? permute(read, {0, 2, 1, 3}) : permute(read, {2, 0, 1, 3});
  return {out_proj_(reshape(heads, {heads.size(0), heads.size(1), width_})), mean(weights, {1})};
}

}  // namespace gradus
