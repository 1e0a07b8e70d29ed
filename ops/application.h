// One call of a loss between its checks and its result: what apply.cpp, and what runs the formula, share.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "gradus/ops/apply.h"
#include "gradus/ops/device_losses.h"

namespace gradus {

// How the tensors of a Block become problems: see block_layout.cpp.
struct BlockLayout {
  Shape batch;  // the axes along which problems follow one another
  Extents extents;
  std::vector<Shape> dims;    // of each input of one problem
  std::vector<bool> batched;  // does it differ from problem to problem?
  Shape value;                // of the values of one problem
  std::vector<Tensor> inner;  // the operands as the kernel reads them: batch axes first, dense
};

// One application: the formula with its options, and a tensor for every input.
struct Application {
  const About* about = nullptr;
  const FormulaEntry* entry = nullptr;
  std::unique_ptr<Formula> formula;
  std::vector<Tensor> tensors;     // as they came, for the tape
  std::vector<Tensor> operands;    // the same numbers in the dtype and shape that is computed on; a Block's lie on the
                                   // CPU where its device has no kernel
  std::vector<uint32_t> versions;  // of tensors, when the application was recorded
  Shape space;                     // over which the formula runs
  Shape given;                     // the same, before a Fold takes several axes as one
  int axis = 0;                    // of a Fold
  Shape result;                    // of the values, unreduced
  Reduction reduction = Reduction::mean;
  Empty empty = Empty::zero;
  BlockLayout layout;  // of a Block

  // Of the whole run; on a device this waits for it.
  const Totals& totals() const { return pending ? pending->totals() : known; }
  Totals known;
  std::shared_ptr<DeviceRun> pending;  // the run, where nobody waited for it

  const char* name() const { return about->name; }
  const InputFacts& facts(int k) const { return *entry->input(k); }
  int widest() const {  // the input whose shape is the space: the first that varies everywhere
    for (int k = 0; k < entry->inputs; ++k)
      if (facts(k).role == Role::element) return k;
    return 0;
  }
  Dtype dtype() const { return operands[0].dtype(); }
  Device device() const { return tensors[0].device(); }
};

// What one run is asked for beside the totals.
struct Wanted {
  bool wait = true;  // for a device: then the outcome has totals and problem, else it is pending
  bool values = false;
  std::vector<bool> grads;  // per input
  Tensor upstream;          // per value; undefined: one
  double scale = 1, count_scale = 0, scale_tangent = 0, count_scale_tangent = 0;
  const std::vector<Tensor>* direction = nullptr;  // tangent, per input; undefined is zero
};
struct Outcome {
  Tensor values;
  std::vector<Tensor> grads;  // per input, of the input's own shape
  Totals totals;
  Problem problem;
  std::shared_ptr<DeviceRun> pending;
};

// Do the numbers of a Block lie on a device that has its kernel?
inline bool runs_on_device(const Application& a) { return a.operands[0].device() != cpu; }

std::string number(double x);        // as errors write it
std::string wanted(const Range& r);  // "a value in [0, 1]"

// Checks everything that can be checked before a number is read; `inputs` are the required ones.
std::shared_ptr<Application> prepare(const About&, std::unique_ptr<Formula>, const Tensor* const* inputs);
// ParamError for the first option outside its range.
void check_options(const About&, const FormulaEntry&, const void* formula);
// Throws the error for the first value outside its range.
[[noreturn]] void report(const Application&, const Problem&);

Tensor scalar_tensor(double x, Dtype dtype, Device device = cpu);
Tensor converted(const Tensor& t, Dtype dtype);  // below the graph
// The axis of a tensor of this rank that the formula calls its classes; IndexError names the option that asked for it.
int class_dimension(const Application&, int rank);
// What operand k must be shaped like.
Shape wanted_shape(const Application&, int k);
// A gradient of operand k in the shape of the tensor that was given.
Tensor as_given(const Application&, int k, const Tensor& gradient);

Outcome run(const Application&, const Wanted&);
void lay_out_block(Application&);  // settles the layout of a Block and checks its shapes and values
Outcome run_block(const Application&, const Wanted&);
// The same laid out on the CPU; throws as lay_out_block does.
std::shared_ptr<Application> block_on_cpu(const Application&);
[[noreturn]] void report_block(const Application&);  // the error that the CPU finds where a device refused a problem

}  // namespace gradus
