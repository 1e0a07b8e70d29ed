// Clipping: keeps gradients from growing without bound, between backward() and step().
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "gradus/core/named_tensors.h"

namespace gradus {

/// What clip_grad_norm does where the norm is NaN or infinite: scales by it, as PyTorch; throws a DomainError and
/// changes nothing; or sets every gradient to zero, so that the step is skipped.
enum class NonFinite : uint8_t { scale, error, skip };

/// Scales all gradients by min(1, max_norm / (norm + eps)) and returns the norm they had, taken over all elements of
/// all gradients as one vector; norm_type is its p, infinity for the largest magnitude. A NaN makes the norm and every
/// gradient NaN. Parameters without a gradient count nothing. Throws ParamError unless max_norm >= 0, norm_type > 0 and
/// eps >= 0.
double clip_grad_norm(const NamedTensors& parameters, double max_norm, double norm_type = 2, double eps = 1e-6,
                      NonFinite nonfinite = NonFinite::scale);

/// Clamps every element of every gradient to [-clip_value, clip_value]; NaN stays. Throws ParamError unless clip_value
/// >= 0.
void clip_grad_value(const NamedTensors& parameters, double clip_value);

}  // namespace gradus
