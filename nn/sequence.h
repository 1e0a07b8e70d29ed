// Sequences of tokens of one length, the short ones filled up with padding.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

/// The token that fills up.
constexpr int64_t padding_token = 0;

/// 1 where a token of (N,length) is no padding, else 0; in `dtype`.
Tensor presence(const Tensor& tokens, Dtype dtype);
/// What stands at the places that are present (N,length), averaged: (N,length,width) -> (N,width), zeros where none is.
Tensor mean_of_present(const Tensor& x, const Tensor& presence);

}  // namespace gradus
