// gradcheck: proves the gradients of any function of tensors by differences whose own error is known.
//
//   const auto f = [](const std::vector<Tensor>& in) { return my_loss(in[0], in[1]); };
//   const Report r = gradcheck(f, {x, y}, {.second_order = true});
//   if (!r.ok) std::cerr << to_string(r);
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

using TensorFunction = std::function<Tensor(const std::vector<Tensor>&)>;

// How far the inputs may move along a direction, in units of it, before the function has a kink, a pole or an end of
// its domain.
struct Reach {
  double down = std::numeric_limits<double>::infinity(), up = std::numeric_limits<double>::infinity();
  bool tie = false;         // the point itself lies on a change of branch
  bool convention = false;  // the derivative here is laid down, and not that of the value
};

struct GradcheckOptions {
  uint64_t seed = 0;             // of the upstream gradient and the directions
  bool second_order = false;     // also the gradient of the gradient
  int64_t most_elements = 0;     // at most so many elements of each input, spread evenly; 0: all
  bool stop_at_failure = false;  // look no further than the first wrong derivative
  double usual_output = 0;       // the size of outputs elsewhere, where those at hand may be small by cancellation
  double tolerance = 1e-9;       // hand and difference agree within tolerance · largest derivative + 4 errors
  // Known reaches, where there are any: direction holds one tensor per input, undefined for one that rests.
  std::function<Reach(const std::vector<Tensor>& direction)> reach = {};
};

// An element whose gradient is not what the differences say.
struct Mismatch {
  int input = 0;
  Shape index;          // of the element
  double hand = 0;      // what backward returned
  double expected = 0;  // the difference, or at a kink the nearer one-sided derivative
  double error = 0;     // of `expected`
  bool second_order = false;
  std::string likely;  // the class of bug that explains the numbers
};
// An element at which the derivative jumps.
struct Kink {
  int input = 0;
  int64_t element = 0;
  double below = 0, above = 0, hand = 0;
};

// What was compared, and how well it agreed: |hand - difference| / largest derivative.
struct Tally {
  int64_t points = 0;        // derivatives compared with central differences
  int64_t one_sided = 0;     // compared at ties or at the end of the domain, kinks included
  int64_t second_order = 0;  // second derivatives compared
  int64_t excluded = 0;      // where the slope is not finite, or the input cannot move
  int64_t inconclusive = 0;  // differences too inexact to tell
  double worst = 0, worst_one_sided = 0, worst_second_order = 0;
};
struct Report : Tally {       // of all inputs together
  bool ok = false;            // something was checked, everything agreed, and no point was inconclusive
  std::vector<Tally> inputs;  // one per input
  std::vector<Kink> kinks;    // the gradient there lies between the one-sided derivatives
  std::vector<Kink> poles;    // those excluded
  int64_t failures = 0;
  std::optional<Mismatch> failure;  // the worst
  std::string trouble;              // why nothing could be compared: the function changed its inputs, returned NaN …
};
std::string to_string(const Report&);

// Checks the gradient of f with respect to every input that is float64 and requires a gradient; the others are passed
// along.  The upstream gradient is random, so that a backward that drops it is found.  StateError when no input
// qualifies.  f must be deterministic and is called many times.
Report gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

}  // namespace gradus
