// A running mean, for losses and accuracies that arrive batch by batch.
#pragma once
#include <cmath>

namespace gradus {

class RunningMean {
 public:
  RunningMean() = default;
  /// Goes on from what sum() and weight() were.
  RunningMean(double sum, double weight) : sum_(sum), weight_(weight) {}
  /// `value` is the mean over `weight` samples.
  void add(double value, double weight = 1) {
    sum_ += value * weight;
    weight_ += weight;
  }
  double mean() const { return weight_ > 0 ? sum_ / weight_ : std::nan(""); }
  double sum() const { return sum_; }
  double weight() const { return weight_; }
  void reset() { *this = {}; }

 private:
  double sum_ = 0, weight_ = 0;
};

}  // namespace gradus
