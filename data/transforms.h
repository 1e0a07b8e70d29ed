// Transforms: features brought to one scale, and images moved at random so that a model sees more than there are.
#pragma once
#include <cstdint>
#include <vector>

#include "gradus/core/random.h"
#include "gradus/core/tensor.h"
#include "gradus/ops/columns.h"

namespace gradus {

// Features are (N, ...), images (N, channels, H, W), float32 or float64; DtypeError otherwise, ShapeError for another
// rank.  What is returned is new; nothing is recorded.

/// x * scale + shift, feature by feature: learnt on the training half, applied to both.
struct Rescaling {
  Tensor scale, shift;
  Tensor operator()(const Tensor& features) const;
};
/// To mean 0 and deviation 1; a feature that never changes becomes 0.
Rescaling standardisation(const Tensor& features);
/// To [low, high]; a feature that never changes becomes low. ParamError unless low < high.
Rescaling min_max_scaling(const Tensor& features, double low = 0, double high = 1);

/// (x - mean) / deviation, channel by channel. ParamError unless there is a number for each and deviations are
/// positive.
Tensor normalise(const Tensor& images, const std::vector<double>& means, const std::vector<double>& deviations);

// Each image by its own random numbers, which depend on the generator's next stream and its place alone.

/// Moved by whole pixels, up to `most` in each direction; what comes in is 0. ParamError unless most >= 0.
Tensor random_shift(const Tensor& images, int64_t most, Generator& generator = default_generator());
/// Turned by up to `most` degrees to either side. ParamError unless most >= 0.
Tensor random_rotation(const Tensor& images, double most, Generator& generator = default_generator());
/// A window of this size, from anywhere on the image with `padding` zeros on each side. ParamError where it does not
/// fit.
Tensor random_crop(const Tensor& images, Size2 size, int64_t padding = 0, Generator& generator = default_generator());
/// Mirrored left to right with probability p.
Tensor random_flip(const Tensor& images, double p = 0.5, Generator& generator = default_generator());

/// Each image turned counter-clockwise around its middle by its angle, interpolated linearly; what comes in is 0.
Tensor rotated(const Tensor& images, const std::vector<double>& degrees);

}  // namespace gradus
