#include "gradus/autograd/diagnosis.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace gradus {
namespace {

using Numbers = std::vector<double>;

double largest(const Numbers& x) {
  double m = 0;
  for (double v : x)
    if (std::isfinite(v)) m = std::max(m, std::abs(v));
  return m;
}

// Do a and b agree wherever both are known?
bool agree(const Numbers& a, const Numbers& b, double tolerance = 1e-5) {
  if (a.size() != b.size() || a.empty()) return false;
  const double room = tolerance * std::max(largest(a), largest(b));
  bool any = false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i])) continue;
    if (!(std::abs(a[i] - b[i]) <= room)) return false;
    any = true;
  }
  return any;
}

Numbers times(const Numbers& x, double factor) {
  Numbers y = x;
  for (double& v : y) v *= factor;
  return y;
}

Numbers shifted(const Numbers& x, int64_t by) {
  Numbers y(x.size());
  const int64_t n = int64_t(x.size());
  for (int64_t i = 0; i < n; ++i) y[size_t(i)] = x[size_t(((i + by) % n + n) % n)];
  return y;
}

Numbers transposed(const Numbers& x, int64_t rows, int64_t columns) {
  Numbers y(x.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) y[size_t(c * rows + r)] = x[size_t(r * columns + c)];
  return y;
}

// The factor between hand and expected where one explains all elements; 0 where none does.
double common_factor(const Numbers& hand, const Numbers& expected) {
  double along = 0, square = 0;
  for (size_t i = 0; i < hand.size(); ++i)
    if (!std::isnan(expected[i])) along += hand[i] * expected[i], square += expected[i] * expected[i];
  if (!(square > 0)) return 0;
  const double factor = along / square;
  return agree(hand, times(expected, factor), std::min(1e-5, std::abs(factor - 1) / 10)) ? factor : 0;
}

std::string name_factor(double factor, const Evidence& e) {
  const auto is = [&](double n) { return n > 1 && std::abs(factor / n - 1) < 1e-5; };
  const auto inverse = [&](double n) { return n > 1 && std::abs(factor * n - 1) < 1e-5; };
  const auto try_number = [&](double n, const char* what) -> std::string {
    if (is(n)) return fmt::format("too large by a factor N = {:g}, {}", n, what);
    if (inverse(n)) return fmt::format("too small by a factor 1/N, N = {:g}, {}", n, what);
    return {};
  };
  const Shape& shape = e.shapes[size_t(e.input)];
  if (auto text = try_number(double(shape.numel()), "the number of elements"); !text.empty()) return text;
  if (auto text = try_number(double(e.outputs), "the number of outputs"); !text.empty()) return text;
  for (int64_t extent : shape)
    if (auto text = try_number(double(extent), "an extent"); !text.empty()) return text;
  return fmt::format("off by a factor {:.9g}", factor);
}

std::string where_wrong(const Evidence& e, const Numbers& hand, const Numbers& expected) {
  const double room = 1e-7 * largest(expected);
  size_t wrong = 0, wrong_ties = 0, ties = 0, first = hand.size(), known = 0;
  for (size_t i = 0; i < hand.size(); ++i) {
    const bool tie = i < e.tie.size() && e.tie[i];
    ties += tie;
    if (std::isnan(expected[i])) continue;
    ++known;
    if (std::abs(hand[i] - expected[i]) <= room) continue;
    ++wrong, wrong_ties += tie;
    first = std::min(first, i);
  }
  if (wrong == 0) return "a small error";
  if (wrong == wrong_ties && ties < known) return "wrong only at ties";
  if (wrong == hand.size() - first && first > 0 && wrong < 16)
    return fmt::format("wrong only in the tail, the last {} elements", wrong);
  if (wrong == 1) return "one element is wrong";
  return wrong == known ? "no simple error explains it" : fmt::format("{} of {} elements are wrong", wrong, known);
}

}  // namespace

std::string likely_bug(const Evidence& e) {
  const Numbers &hand = e.hand[size_t(e.input)], &expected = e.expected[size_t(e.input)];
  const Shape& shape = e.shapes[size_t(e.input)];
  if (std::any_of(hand.begin(), hand.end(), [](double v) { return std::isnan(v); })) return "the gradient is NaN";
  if (largest(hand) == 0) return "no gradient arrives at all";
  if (agree(hand, times(expected, -1))) return "the sign is wrong";
  if (!agree(expected, e.without_upstream) && agree(hand, e.without_upstream))
    return "the upstream gradient is dropped (grad_output is not multiplied in)";
  if (const double factor = common_factor(hand, expected); factor != 0) return name_factor(factor, e);
  for (size_t k = 0; k < e.hand.size(); ++k)
    if (int(k) != e.input && e.shapes[k] == shape && agree(hand, e.expected[k]))
      return fmt::format("swapped with the gradient of input {}", k);
  if (shape.rank() == 2 && shape[0] == shape[1] && agree(hand, transposed(expected, shape[0], shape[1])))
    return "transposed";
  if (shape.rank() == 2 && agree(hand, transposed(expected, shape[0], shape[1]))) return "written in transposed order";
  for (int64_t by : {1, -1})
    if (agree(hand, shifted(expected, by)))
      return fmt::format("shifted by one index (element i holds that of i {} 1)", by > 0 ? '+' : '-');
  return where_wrong(e, hand, expected);
}

}  // namespace gradus
