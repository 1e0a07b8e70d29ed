// What lies below calling a loss: a formula by its entry, and the exact derivative of a loss along a direction.
// Gradient checks and forward mode use it; everybody else calls the loss.
#pragma once
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "gradus/core/formula.h"
#include "gradus/core/tensor.h"

namespace gradus {

// A formula struct whose type only its entry knows.
class Formula {
 public:
  Formula(const FormulaEntry& entry, auto construct) : entry_(&entry), storage_(new(alignment) char[entry.size]) {
    construct(storage_);
  }
  Formula(const Formula&) = delete;
  Formula& operator=(const Formula&) = delete;
  ~Formula() {
    entry_->destroy(storage_);
    ::operator delete[](storage_, alignment);
  }
  std::unique_ptr<Formula> clone() const {
    return std::make_unique<Formula>(*entry_, [this](void* to) { entry_->copy(storage_, to); });
  }
  void* get() const { return storage_; }
  const FormulaEntry& entry() const { return *entry_; }

 private:
  static constexpr std::align_val_t alignment{alignof(std::max_align_t)};
  const FormulaEntry* entry_;
  char* storage_;
};

// The formula that a loss chooses for these parameters; `primary` is the struct of its first formula.
std::unique_ptr<Formula> chosen_formula(const LossEntry&, const void* primary, bool integer_target, Reduction);

// Computes one formula of a loss; its parameters come from the formula, its required inputs from `inputs`.
Tensor apply(const About&, const Formula&, const Tensor* const* inputs, int count, Reduction, Empty);

// Computes what is made of tensor ops; lists[k] holds the tensors of input k, which is empty where an optional one is
// absent.
Tensor apply_composed(const About&, const Formula&, const std::vector<std::vector<Tensor>>& lists, Reduction, Empty);

// The derivative of what apply() returns along `direction`, exact (by dual numbers, in float64), of apply()'s shape.
// `direction` holds one tensor per input of the formula, shaped like that input; an undefined one is zero.
// The gradient runs too, so that a current Recorder sees every branch of the formula.
Tensor derivative_along(const About&, const Formula&, const Tensor* const* inputs, int count, Reduction,
                        const std::vector<Tensor>& direction);

}  // namespace gradus
