// Diagnosis: which class of bug explains a wrong gradient.
#pragma once
#include <string>
#include <vector>

#include "gradus/core/shape.h"

namespace gradus {

struct Evidence {
  int input = 0;                              // whose gradient is wrong
  std::vector<Shape> shapes;                  // of every input
  std::vector<std::vector<double>> hand;      // what backward returned, per input; empty where unknown
  std::vector<std::vector<double>> expected;  // what the differences say; NaN where unknown
  std::vector<double> without_upstream;       // what they say about `input` for an upstream gradient of ones
  std::vector<bool> tie;                      // the elements of `input` that lie on a change of branch
  int64_t outputs = 1;
};

// "the sign is wrong", "too large by N = 12, the number of elements" …; tries hypotheses on the numbers, the simplest
// first.
std::string likely_bug(const Evidence&);

}  // namespace gradus
