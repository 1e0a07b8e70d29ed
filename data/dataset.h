// Dataset: samples as named tensors whose first extents agree, and the ways to cut it into parts.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gradus/core/named_tensors.h"

namespace gradus {

using Indices = std::vector<int64_t>;

class Dataset {
 public:
  /// Throws ShapeError unless all fields have one first extent, ParamError when there is no field or a name comes
  /// twice.
  explicit Dataset(NamedTensors fields);

  int64_t size() const { return fields_.front().second.shape()[0]; }
  /// A field by its name; ParamError says which there are.
  const Tensor& operator[](const std::string& name) const;
  const NamedTensors& fields() const { return fields_; }

  /// A copy of the samples at `indices`, in that order. Throws IndexError outside.
  Dataset rows(const Indices& indices) const;
  /// All floating-point fields in another dtype.
  Dataset to(Dtype dtype) const;

 private:
  NamedTensors fields_;
};

struct Split {
  Dataset train, test;
};

/// Shuffles by the seed and gives round(test_share * size) samples to the test half, at least one to each. With a field
/// of int64 labels in `stratify` each class is split so for itself, and both halves keep its share. Throws ParamError
/// unless 0 < test_share < 1 and there are two samples.
Split split(const Dataset& data, double test_share, uint64_t seed, const std::string& stratify = "");

}  // namespace gradus
