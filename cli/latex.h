// A formula in the plain notation of the descriptions, as LaTeX.
#pragma once
#include <string>
#include <vector>

namespace gradus {

// The parts of a formula that stand on lines of their own: those that two spaces behind "." or ";" set apart.
std::vector<std::string> statements(const std::string& formula);

// "e²/2 where |e| <= delta" becomes "e^{2}/2\text{ where }|e| \le \delta".
std::string latex(const std::string& formula);

}  // namespace gradus
