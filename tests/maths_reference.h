// The tables of tests/data/maths_*.csv, and every one-argument function of the numbers by its name in them.
#pragma once
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "gradus/core/functions.h"

namespace gradus::test {

struct UnaryRow {
  std::string function;
  double x, value, first, second;
};
struct BinaryRow {
  std::string function;
  double x, y, value, along_x, along_y;
};

// The lines of a table after its heading, split at the commas.
inline std::vector<std::vector<std::string>> read_table(const std::string& name) {
  std::ifstream file(GRADUS_SOURCE_DIR "/tests/data/" + name);
  if (!file) throw std::runtime_error("cannot read tests/data/" + name);
  std::vector<std::vector<std::string>> rows;
  std::string line, cell;
  for (std::getline(file, line); std::getline(file, line);) {
    std::istringstream cells(line);
    for (rows.emplace_back(); std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}
inline std::vector<UnaryRow> unary_reference() {
  std::vector<UnaryRow> rows;
  for (auto& c : read_table("maths_unary.csv"))
    rows.push_back({c.at(0), std::stod(c.at(1)), std::stod(c.at(2)), std::stod(c.at(3)), std::stod(c.at(4))});
  return rows;
}
inline std::vector<BinaryRow> binary_reference() {
  std::vector<BinaryRow> rows;
  for (auto& c : read_table("maths_binary.csv"))
    rows.push_back(
        {c.at(0), std::stod(c.at(1)), std::stod(c.at(2)), std::stod(c.at(3)), std::stod(c.at(4)), std::stod(c.at(5))});
  return rows;
}

template <class T> T call(const std::string& function, T x) {
  if (function == "exp") return exp(x);
  if (function == "exp_negative") return exp_negative(x);
  if (function == "expm1") return expm1(x);
  if (function == "log") return log(x);
  if (function == "log1p") return log1p(x);
  if (function == "log1p_unit") return log1p_unit(x);
  if (function == "sqrt") return sqrt(x);
  if (function == "tanh") return tanh(x);
  if (function == "sin") return sin(x);
  if (function == "cos") return cos(x);
  if (function == "acos") return acos(x);
  if (function == "atan") return atan(x);
  if (function == "erf") return erf(x);
  if (function == "erfc") return erfc(x);
  if (function == "lgamma") return lgamma(x);
  if (function == "digamma") return digamma(x);
  if (function == "sigmoid") return sigmoid(x);
  if (function == "softplus") return softplus(x);
  if (function == "log_sigmoid") return log_sigmoid(x);
  if (function == "log1mexp") return log1mexp(x);
  if (function == "log_cosh") return log_cosh(x).value;
  throw std::invalid_argument("no function " + function);
}
template <class T> T call(const std::string& function, T x, T y) {
  if (function == "pow") return pow(x, y);
  if (function == "atan2") return atan2(x, y);
  if (function == "xlogy") return xlogy(x, y);
  if (function == "log_add_exp") return log_add_exp(x, y);
  throw std::invalid_argument("no function " + function);
}
// The specialised forms share the rows of the function that they specialise, where they apply.
inline bool is_negative_exp(const UnaryRow& row) { return row.function == "exp" && row.x <= 0; }
inline bool is_unit_log1p(const UnaryRow& row) { return row.function == "log1p" && row.x >= 0 && row.x <= 1; }

}  // namespace gradus::test
