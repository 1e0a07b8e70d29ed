// The steps of a certificate at one point of one loss under one reduction.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gradus/core/trace.h"
#include "gradus/ops/certificate.h"
#include "gradus/ops/certificate_samples.h"

namespace gradus {

using Visits = std::map<BranchSite, Visit>;

// How well one step agreed for one input.
struct Agreement {
  int input = 0;
  int64_t cases = 0;
  double worst = 0;
};
struct StepResult {
  std::vector<Agreement> inputs;
  std::optional<std::string> failure;
};

class PointCheck {
 public:
  // `alone`: only the first input requires a gradient, so that loss and gradient run fused.
  // usual: how large the loss's values are at other points.
  PointCheck(const LossPoint&, Reduction, bool alone, Mutation, uint64_t seed, double usual, Visits&, bool* changed);

  // Steps 1 and 4, and 3 if asked for; `most` elements of each input.
  Report differences(bool second_order, int64_t most, bool stop_at_failure) const;
  // Step 2.  Kinks and poles are left out: there the gradient is the loss's choice.  A kink too slight for differences
  // joins those of step 4.
  StepResult duals(Report& differences, int64_t most) const;
  bool empty() const { return checked_.empty(); }

 private:
  // An upstream gradient, and what backward makes of it for each input.
  struct Backward {
    std::vector<double> upstream;
    std::vector<std::vector<double>> hand;
  };
  Backward backward() const;
  double derivative(const Backward&, const std::vector<Tensor>& at, int k, int64_t element) const;
  std::optional<Kink> choice_at_tie(const Backward&, int k, int64_t element) const;
  std::vector<Tensor> moved(const std::vector<std::vector<double>>& by, double radius) const;
  Reach reach(const std::vector<Tensor>& direction) const;
  Tensor unit(int k, int64_t element) const;
  std::vector<std::vector<bool>> find_ties() const;

  const LossPoint& point_;
  Reduction reduction_;
  uint64_t seed_;
  double usual_;
  Visits& visits_;
  std::vector<Tensor> inputs_;  // those under check require a gradient
  std::vector<int> checked_;
  TensorFunction loss_;  // of inputs_, with the mutation in its gradient
};

// Step 0: runs the formula and its gradient at the point and adds what it saw.
void visit(const LossPoint&, Visits&);

// Step 5: value and gradient of the point, whose tensors are float32, against the same in float64.  What rounding the
// inputs once more could do to the float64 result is the measure: 16 times that, and 64 units in the last place.
StepResult compare_float32(const LossPoint&, Reduction, uint64_t seed);

// Step 6: nothing to average, and inputs as large and small as they come.  Each returns what is wrong, if anything.
std::optional<std::string> check_nothing(LossPoint&, Dtype, Generator&);
std::optional<std::string> check_extremes(LossPoint&, Dtype, Generator&);

}  // namespace gradus
