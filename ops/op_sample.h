// Inputs for the ops of the table: drawn clear of kinks, or laid upon them.
#pragma once
#include <cstdint>
#include <vector>

#include "gradus/ops/op_table.h"

namespace gradus {

// How the elements of a tensor lie in memory: row-major; column-major; every second place, after a gap.
enum class Layout : uint8_t { dense, reversed, spaced };

/// A tensor of these values, row-major, that lies in memory as asked.
Tensor in_memory_as(Layout layout, const std::vector<double>& values, const Shape& shape, Dtype dtype);

class OpSample {
 public:
  /// The case's own values, or ones spread evenly over its ranges in random order, away from kinks and poles.
  static OpSample drawn(const OpCase& c, uint64_t seed);
  /// The same with elements on the kinks; and where elements are compared, with equal ones side by side, and at the
  /// same place of two inputs.
  static OpSample with_ties(const OpCase& c, uint64_t seed);

  const std::vector<std::vector<double>>& values() const { return values_; }
  /// Which elements lie on a tie, per input.
  const std::vector<std::vector<bool>>& ties() const { return ties_; }
  /// The inputs as leaves that require a gradient.
  std::vector<Tensor> leaves(Dtype dtype = Dtype::float64, Layout layout = Layout::dense) const;

  /// How far the inputs may move along a direction before they meet a kink, a pole, or each other.
  Reach reach(const std::vector<Tensor>& direction) const;
  /// The same for any one element, the smallest of all.
  double clearance() const;

 private:
  explicit OpSample(const OpCase& c) : case_(c) {}
  void draw(uint64_t seed);
  void find_ties();

  const OpCase& case_;
  std::vector<std::vector<double>> values_;
  std::vector<std::vector<bool>> ties_;
};

}  // namespace gradus
