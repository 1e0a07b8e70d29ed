// Samples from a file of one of several formats, told by its name.
#pragma once
#include <cstdint>
#include <string>

#include "gradus/data/dataset.h"

namespace gradus {

/// "features" in `dtype` and, where the file has them, "labels", int64: an .npz with arrays of these names, an .npy of
/// features, a .csv with the label last (without one where it has just `width` columns), or IDX images, whose bytes
/// become [0, 1]; .csv and IDX also as .gz. Throws FileError naming the file.
Dataset read_samples(const std::string& path, Dtype dtype, int64_t width = 0);

bool has_labels(const Dataset& samples);

}  // namespace gradus
