// The certificate of a loss: proof, point by point, that its hand-written gradient is the derivative of its value.
//
//   Certificate c = certify(my_loss.entry());
//   std::cout << to_string(c);            // c.complete says whether every step passed everywhere
//
// Step 0  every branch of the formula was seen true, false and mixed within one pack
// Step 1  the gradient against differences (Ridders), for a random upstream gradient
// Step 2  the gradient against dual numbers, exactly
// Step 3  the gradient of the gradient against differences of the gradient
// Step 4  at ties, the gradient between one-sided differences; where these differ, the loss declares kinks
// Step 5  float32 against float64
// Step 6  empty, ignored, tiny and extreme inputs
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gradus/core/formula.h"
#include "gradus/ops/mutants.h"

namespace gradus {

struct CertifyOptions {
  uint64_t seed = 0;
  Mutation mutation = Mutation::none;  // a deliberate mistake in the gradients, to test the steps themselves
  bool stop_at_failure = false;
  bool brief = false;  // only the defaults, at few points, and not asking that every branch was seen
};

// What one step found for one variant, reduction and input.
struct CertificateRow {
  std::string variant, reduction, input;
  int step = 0;
  int64_t cases = 0;
  double worst = 0;  // |hand - reference| / largest derivative
};

struct Certificate {
  std::string loss;
  bool complete = false;  // no failure, nothing unvisited, nothing inconclusive
  std::vector<CertificateRow> rows;
  std::vector<std::string> failures;   // where, and what was wrong
  std::vector<std::string> unvisited;  // "huber_loss.h:34:21 clamp low: never mixed"
  std::vector<std::string> uniform;    // branches of a Fold that the column alone decides, for all rows alike
  std::vector<std::string> skipped;    // variants that the loss refuses, with its reason
  int64_t sites = 0;                   // branches in the formulas
  int64_t kinks = 0;                   // points where the derivative jumps
  int64_t excluded = 0;                // points at the end of the domain where the slope is not finite
  int64_t redrawn = 0;                 // samples drawn again because differences could not tell
  int64_t inconclusive = 0;            // derivatives about which differences could not tell even then
  bool mutated = false;                // the mutation changed at least one gradient
};

Certificate certify(const LossEntry&, const CertifyOptions& = {});

// "differences", "dual numbers", …: what a step is called wherever its figures stand.
inline constexpr const char* certificate_steps[] = {"branches visited",      "differences",    "dual numbers",
                                                    "second order",          "ties and kinks", "float32",
                                                    "degenerate and extreme"};

// One compact block; `verbose` adds every row.
std::string to_string(const Certificate&, bool verbose = false);

}  // namespace gradus
