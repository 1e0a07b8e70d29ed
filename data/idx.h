// The IDX format of MNIST and its relatives: a magic number, the extents, and unsigned bytes; plain or gzip.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "gradus/core/tensor.h"
#include "gradus/data/dataset.h"

namespace gradus {

/// The elements of an IDX file of unsigned bytes, as uint8. Throws FileError naming the file when it is missing,
/// damaged, cut off, too long, or of another type.
Tensor read_idx(const std::string& path);
/// The same from memory; `name` stands for the bytes in errors.
Tensor read_idx(const std::string& name, const uint8_t* bytes, size_t size);

/// A folder with the four files of MNIST or Fashion-MNIST, train-images-idx3-ubyte, train-labels-idx1-ubyte and the
/// same of t10k, or with those of one set of EMNIST, emnist-letters-train-images-idx3-ubyte and so on, whose images lie
/// on their side and are put upright; each plain or with .gz. Features float32 (N, 1, rows, columns) in [0, 1], labels
/// int64 (N) below `classes`, otherwise 10, or 62 for EMNIST. Throws FileError as read_idx, and when images and labels
/// differ in number, the halves in image size, or a label is outside.
Split read_idx_folder(const std::string& folder, std::optional<int64_t> classes = {});

}  // namespace gradus
