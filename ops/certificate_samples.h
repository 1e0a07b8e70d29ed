// Where a loss is certified: every variant of its options, and points drawn from the declarations of its inputs.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gradus/core/random.h"
#include "gradus/ops/apply.h"

namespace gradus {

// One choice of options, and of the formula where the kind of target decides.
struct LossVariant {
  std::string name;                             // "defaults", "label_smoothing=0.1", …
  std::vector<std::pair<int, double>> options;  // by their place among the options of the first formula
  bool integer_target = false;
  Reduction reduction = Reduction::mean;  // asked for when the formula was chosen
  int formula = 0;                        // which one is chosen
};
// The defaults first, then every option at each of its values, then all of them mixed, for every formula that can be
// chosen.
std::vector<LossVariant> variants_of(const LossEntry&, uint64_t seed);

// A variant together with everything it is called with.
class LossPoint {
 public:
  LossPoint(const LossEntry&, const LossVariant&);

  const FormulaEntry& entry() const { return chosen_->entry(); }
  const InputFacts& facts(int k) const { return *entry().input(k); }
  const void* formula() const { return chosen_->get(); }
  bool is_param(int k) const { return entry().param(chosen_->get(), k) != nullptr; }
  double default_number(int k) const;  // of a parameter
  bool checks_range(int k) const;      // must the values of input k lie in its range?
  Range range(int k) const;            // of input k, for the inputs that there are
  const About& about() const { return *loss_.about; }
  bool has_duals() const { return !entry().compose; }  // can it run on dual numbers?
  int class_axis(int rank) const;                      // of a Fold, from the front
  int least_rank() const;                              // that has the class axis

  // The loss at these inputs, one for each of the chosen formula's; an undefined one stands for its number.
  Tensor value(const std::vector<Tensor>& inputs, Reduction, Empty = Empty::zero) const;
  // Its derivative, by dual numbers.
  Tensor derivative(const std::vector<Tensor>& inputs, Reduction, const std::vector<Tensor>& direction) const;

  std::vector<Tensor> inputs;
  std::vector<double> numbers;  // of the parameters that are not tensors

 private:
  std::vector<const Tensor*> bind(const std::vector<Tensor>& inputs) const;

  const LossEntry& loss_;
  std::unique_ptr<Formula> chosen_;
  std::vector<double> defaults_;  // of the parameters
};

// What the values of a point are like.
enum class Style : uint8_t {
  smooth,     // spread continuously
  ties,       // from a coarse grid, so that values meet each other, zero and the ends of their range
  runs,       // the same, in runs of a pack: every branch goes one way in a whole pack
  saturated,  // large beside small
  extreme,    // huge and tiny beside ordinary
  infinite,   // infinities beside them, where the range allows
};
const char* name_of(Style);

struct Plan {
  Style style = Style::smooth;
  Shape space;             // of the first input; see space_of
  bool tensors = true;     // parameters are tensors; else numbers, of their defaults or others
  bool defaults = false;   // the numbers are the defaults
  bool strided = false;    // inputs are views that are not dense
  bool broadcast = false;  // tensor parameters of fewer elements than their role allows
  int alternative = 0;     // which of the shapes that an input may have, counted round
  Dtype dtype = Dtype::float64;
};
std::string to_string(const Plan&);

// Rows x1 y1 x2 y2 with the lower corner first.
void order_boxes(std::vector<double>& values);

// A shape of `rank` dimensions with about `elements` elements (Map), or with `rows` rows of `columns` (Fold).
Shape space_of(const LossPoint&, int rank, int64_t rows, int64_t columns);

// Fills the point's inputs and numbers.
void draw(LossPoint&, const Plan&, Generator&);
// The same, again and again until the loss accepts what was drawn; false when that never happens.
bool draw_accepted(LossPoint&, const Plan&, Generator&);
// The same, again and again until the values are finite; false when that never happens.
bool draw_finite(LossPoint&, const Plan&, Generator&);

}  // namespace gradus
