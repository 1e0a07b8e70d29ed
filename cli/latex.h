// A formula in the plain notation of the descriptions, as LaTeX.
#pragma once
#include <string>

namespace gradus {

// "e²/2 where |e| <= delta" becomes "e^{2}/2\text{ where }|e| \le \delta".
std::string latex(const std::string& formula);

}  // namespace gradus
