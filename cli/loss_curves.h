// The value and the gradient of one sample of a loss while its first input moves.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "gradus/core/formula.h"

namespace gradus {

struct LossCurves {
  double low = 0, high = 0;             // of the input
  std::vector<double> value, gradient;  // at equal steps
  std::string input;                    // the one that moves
  std::string others;                   // ", target 0", …: where the others stay

  double x(size_t i) const { return low + (high - low) * double(i) / double(value.size() - 1); }
};

// Nothing for a loss over pairs or sequences, which has no picture over one number.
std::optional<LossCurves> curves_of(const LossEntry& entry);
// The gradient without what is more than twice as large as the loss ever gets: near a pole one point would press
// everything else of a picture flat.
std::vector<double> without_spikes(const LossCurves&);
std::string as_csv(const LossCurves&);                            // input,value,gradient
std::string as_svg(const LossCurves&, const std::string& title);  // a picture on white

}  // namespace gradus
