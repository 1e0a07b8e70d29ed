// The IDX format of MNIST and its relatives: a magic number, the extents, and unsigned bytes; plain or gzip.
#pragma once
#include <string>

#include "gradus/core/tensor.h"
#include "gradus/data/dataset.h"

namespace gradus {

/// The elements of an IDX file of unsigned bytes, as uint8. Throws FileError naming the file when it is missing,
/// damaged, cut off, too long, or of another type.
Tensor read_idx(const std::string& path);
/// The same from memory; `name` stands for the bytes in errors.
Tensor read_idx(const std::string& name, const uint8_t* bytes, size_t size);

/// A folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte,
/// each plain or with .gz: features float32 (N, 1, rows, columns) in [0, 1], labels int64 (N). Throws FileError as
/// read_idx, and when images and labels differ in number, the halves in image size, or a label is outside [0, classes).
Split read_idx_folder(const std::string& folder, int64_t classes = 10);

}  // namespace gradus
