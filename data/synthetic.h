// The classic synthetic sets: labelled points in the plane whose shape says what a model can and cannot separate.
#pragma once
#include <cstdint>

#include "gradus/data/dataset.h"

namespace gradus {

// Each gives features float32 (samples, 2) and labels int64 (samples), in a random order that the seed fixes; `noise`
// is the standard deviation of what is added to every coordinate.  ParamError unless there is a sample for each class
// and no number is negative.  Moons, circles and blobs are defined as scikit-learn's.

/// Two half circles that reach into each other: (cos t, sin t) is class 0, (1 - cos t, 1/2 - sin t) class 1.
Dataset moons(int64_t samples, double noise = 0, uint64_t seed = 0);
/// The unit circle is class 0, one of radius `factor` class 1. ParamError unless 0 <= factor < 1.
Dataset circles(int64_t samples, double noise = 0, double factor = 0.8, uint64_t seed = 0);
/// Arms that wind around the origin, one a class: radius t and angle 2π (turns t + class / classes), t from 0 to 1.
Dataset spirals(int64_t samples, double noise = 0, int64_t classes = 2, double turns = 1, uint64_t seed = 0);
/// A normally distributed cloud of this deviation for each class, around centres uniform in [-10, 10)².
Dataset blobs(int64_t samples, int64_t classes = 3, double deviation = 1, uint64_t seed = 0);

}  // namespace gradus
