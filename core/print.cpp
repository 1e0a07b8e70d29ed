#include "gradus/core/print.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>
#include <vector>

#include "gradus/core/convert.h"

namespace gradus {
namespace {

constexpr int64_t most_elements = 1000;  // beyond these, only `edge` at each end of a dimension are shown
constexpr int64_t edge = 3;
constexpr size_t line_width = 75;
constexpr int most_fraction = 8;  // digits after the point
const std::string opening = "tensor(", separator = ", ";

using Texts = std::vector<std::string>;

// ---- numbers ------------------------------------------------------------------------------------

// A finite number: ±d.ddd × 10^exponent, without zeros at the end.
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;

  int fraction() const { return std::max(0, int(digits.size()) - 1 - exponent); }  // digits after the point
};

// From scientific notation, as to_chars and fmt write it.
Decimal decimal_of(std::string_view scientific) {
  Decimal d;
  const size_t e = scientific.find('e');
  for (char c : scientific.substr(0, e))
    if (c >= '0' && c <= '9') d.digits += c;
  d.negative = scientific[0] == '-';
  d.exponent = std::stoi(std::string(scientific.substr(e + 1)));
  d.digits.erase(std::max<size_t>(1, d.digits.find_last_not_of('0') + 1));
  return d;
}

// The same with one more in the last digit.
std::string next_above(const std::string& scientific) {
  std::string text = scientific;
  for (size_t i = text.find('e'); i-- > 0;) {
    if (text[i] < '0' || text[i] > '9') continue;
    if (text[i] != '9') {
      ++text[i];
      return text;
    }
    text[i] = '0';
  }
  return text;  // only nines, which is never asked for: fewer digits would have done
}

// The fewest digits that are read back as x.
template <class E> Decimal shortest(E x) {
  char text[40];
  if constexpr (sizeof(E) >= sizeof(float)) {
    return decimal_of({text, std::to_chars(text, text + sizeof text, x, std::chars_format::scientific).ptr});
  } else {
    for (int places = 0;; ++places) {
      const std::string nearest = fmt::format("{:.{}e}", convert<double>(x), places);
      for (const std::string& s : {nearest, next_above(nearest)})  // above a power of two there is more room than below
        if (convert<E>(std::stod(s)).bits == x.bits) return decimal_of(s);
    }
  }
}

// x to so many significant digits, as its exact value has them.
template <class E> Decimal rounded(E x, int digits) {
  return decimal_of(fmt::format("{:.{}e}", convert<double>(x), digits - 1));
}
template <class E> Decimal scientific(E x) {
  const Decimal d = shortest(x);
  return int(d.digits.size()) > 1 + most_fraction ? rounded(x, 1 + most_fraction) : d;
}
template <class E> Decimal positional(E x) {
  const Decimal d = shortest(x);
  if (d.fraction() > most_fraction) return rounded(x, 1 + d.exponent + most_fraction);
  return d.fraction() == 0 ? rounded(x, 1 + d.exponent) : d;  // whole numbers to the last digit
}

// What stands before the point, and after it.
std::string whole_part(const Decimal& d) {
  std::string text = d.exponent < 0 ? "0" : d.digits.substr(0, size_t(d.exponent) + 1);
  if (d.exponent > 0) text.resize(size_t(d.exponent) + 1, '0');
  return d.negative ? "-" + text : text;
}
std::string fraction_part(const Decimal& d) {
  if (d.exponent < 0) return std::string(size_t(-d.exponent - 1), '0') + d.digits;
  return int(d.digits.size()) > d.exponent + 1 ? d.digits.substr(size_t(d.exponent) + 1) : "";
}

// Do the finite numbers differ so much in size, or are they so large or small, that only powers of ten are readable?
template <class E> bool needs_powers(const std::vector<E>& values) {
  double least = INFINITY, most = 0;
  for (E v : values) {
    const double size = std::abs(convert<double>(v));
    if (!std::isfinite(size) || size == 0) continue;
    least = std::min(least, size), most = std::max(most, size);
  }
  if (most == 0) return false;
  return most >= 1e8 || least < 1e-4 || convert<double>(convert<E>(most / least)) > 1000;
}

std::string padded(const std::string& text, size_t width) { return fmt::format("{:>{}}", text, width); }

// Numbers cut at the point and lined up there.
struct Columns {
  size_t before = 0, after = 0;  // characters on both sides of the point
  void widen(size_t whole, size_t rest) { before = std::max(before, whole), after = std::max(after, rest); }
};

// Non-finite values stand at the right end of their column, which they may widen.
template <class E> std::string name_of_special(E x) {
  const double v = convert<double>(x);
  return std::isnan(v) ? "nan" : v < 0 ? "-inf" : "inf";
}
template <class E, class Write> Texts with_specials(const std::vector<E>& values, Columns columns, const Write& write) {
  for (E v : values)
    if (!std::isfinite(convert<double>(v))) {
      const size_t width = name_of_special(v).size(), covered = columns.after + 1;
      columns.before = std::max(columns.before, width > covered ? width - covered : 0);
    }
  Texts texts;
  for (E v : values)
    texts.push_back(
        padded(std::isfinite(convert<double>(v)) ? write(v) : name_of_special(v), columns.before + 1 + columns.after));
  return texts;
}

template <class E> Texts texts_in_powers(const std::vector<E>& values) {
  size_t fraction = 0, exponent = 2;  // digits of the longest
  Columns columns;
  for (E v : values) {
    if (!std::isfinite(convert<double>(v))) continue;
    const Decimal d = scientific(v);
    fraction = std::max(fraction, d.digits.size() - 1);
    exponent = std::max(exponent, fmt::format("{}", std::abs(d.exponent)).size());
    columns.widen(d.negative ? 2 : 1, 0);
  }
  columns.after = fraction + 2 + exponent;
  return with_specials(values, columns, [&](E v) {
    Decimal d = scientific(v);
    if (d.digits.size() <= fraction) d = rounded(v, 1 + int(fraction));
    d.digits.resize(1 + fraction, '0');
    return fmt::format("{}{}.{}e{}{:0{}}", d.negative ? "-" : "", d.digits[0], d.digits.substr(1),
                       d.exponent < 0 ? '-' : '+', std::abs(d.exponent), exponent);
  });
}

template <class E> Texts texts_of_floats(const std::vector<E>& values) {
  if (needs_powers(values)) return texts_in_powers(values);
  Columns columns;
  for (E v : values)
    if (std::isfinite(convert<double>(v))) {
      const Decimal d = positional(v);
      columns.widen(whole_part(d).size(), fraction_part(d).size());
    }
  return with_specials(values, columns, [&](E v) {
    const Decimal d = positional(v);
    return fmt::format("{}.{:<{}}", whole_part(d), fraction_part(d), columns.after);
  });
}

// Every element as text, all equally wide.
template <class E> Texts texts_of(const std::vector<E>& values, bool alone) {
  if constexpr (std::is_same_v<E, bool>) {
    Texts texts;
    for (bool v : values) texts.push_back(v ? (alone ? "True" : " True") : "False");
    return texts;
  } else if constexpr (std::is_integral_v<E>) {
    Texts texts;
    size_t width = 0;
    for (E v : values) width = std::max(width, texts.emplace_back(fmt::format("{}", v)).size());
    for (std::string& t : texts) t = padded(t, width);
    return texts;
  } else {
    return texts_of_floats(values);
  }
}

// ---- layout -------------------------------------------------------------------------------------

// The indices of a dimension that are shown: all, or some at both ends.
std::vector<int64_t> shown_indices(int64_t extent, bool summarised) {
  std::vector<int64_t> shown;
  const bool gap = summarised && extent > 2 * edge;
  for (int64_t i = 0; i < (gap ? edge : extent); ++i) shown.push_back(i);
  for (int64_t i = extent - edge; gap && i < extent; ++i) shown.push_back(i);
  return shown;
}

// visit(offset) for each shown element, in row-major order.
template <class Visit> void each_shown(const Tensor& t, bool summarised, int dim, int64_t offset, const Visit& visit) {
  if (dim == t.rank()) return visit(offset);
  for (int64_t i : shown_indices(t.shape()[dim], summarised))
    each_shown(t, summarised, dim + 1, offset + i * t.strides()[dim], visit);
}

// Puts the texts of elements between brackets, in lines.
class Layout {
 public:
  Layout(const Tensor& t, bool summarised, Texts texts, size_t width)
      : shape_(t.shape()), summarised_(summarised), texts_(std::move(texts)), width_(width) {}

  std::string text() { return brackets(0); }

 private:
  bool gap(int dim) const { return summarised_ && shape_[dim] > 2 * edge; }
  // Where the contents of the brackets of a dimension begin.
  static std::string indent(int dim) { return std::string(opening.size() + size_t(dim) + 1, ' '); }

  std::string brackets(int dim) {
    if (dim == shape_.rank()) return texts_[next_++];
    return "[" + (dim + 1 == shape_.rank() ? row(dim) : rows(dim)) + "]";
  }

  // Slices one below the other, with more empty lines the more dimensions they have.
  std::string rows(int dim) {
    const std::string between = "," + std::string(size_t(shape_.rank() - dim - 1), '\n') + indent(dim);
    const int64_t shown = int64_t(shown_indices(shape_[dim], summarised_).size());
    std::string text;
    for (int64_t i = 0; i < shown; ++i) {
      if (i) text += between;
      if (i == edge && gap(dim)) text += "..." + between;
      text += brackets(dim + 1);
    }
    return text;
  }

  // Elements side by side, in as many lines as they need; each line leaves room for the brackets that may follow.
  std::string row(int dim) {
    const size_t room = width_ - size_t(dim) - 1;
    const int64_t shown = int64_t(shown_indices(shape_[dim], summarised_).size());
    std::string text, line = indent(dim);
    const auto put = [&](const std::string& word) {
      if (line.size() + word.size() > room && line.size() > indent(dim).size()) {
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        line = indent(dim);
      }
      line += word;
    };
    for (int64_t i = 0; i < shown; ++i) {
      if (i) line += separator;
      if (i == edge && gap(dim)) {
        put("...");
        line += separator;
      }
      put(brackets(dim + 1));
    }
    return (text + line).substr(indent(dim).size());
  }

  Shape shape_;
  bool summarised_;
  Texts texts_;
  size_t width_, next_ = 0;
};

// What the elements do not show.
Texts remarks(const Tensor& t, bool summarised) {
  Texts all;
  const Dtype d = t.dtype();
  if (summarised || (t.numel() == 0 && !(t.shape() == Shape{0}))) all.push_back("shape=" + text(t.shape()));
  if (t.numel() == 0 || (d != Dtype::float32 && d != Dtype::int64 && d != Dtype::boolean))
    all.push_back(fmt::format("dtype={}", name_of(d)));
  if (t.requires_grad()) all.push_back("requires_grad=True");
  return all;
}

std::string elements(const Tensor& t, bool summarised) {
  if (t.numel() == 0) return "[]";
  return visit(t.dtype(), [&]<class E>(Type<E>) {
    std::vector<E> shown;
    each_shown(t, summarised, 0, 0, [&](int64_t offset) { shown.push_back(t.data<E>()[offset]); });
    return Layout(t, summarised, texts_of(shown, t.rank() == 0), line_width - 1).text();
  });
}

}  // namespace

std::string to_string(const Tensor& t) {
  if (!t.defined()) return "tensor(undefined)";
  const bool summarised = t.numel() > most_elements;
  std::string text = opening + elements(t, summarised);
  const Texts tail = remarks(t, summarised);
  if (tail.empty()) return text + ")";
  const std::string last = fmt::format("{})", fmt::join(tail, separator));
  text += ",";
  const size_t used = text.size() - (text.rfind('\n') + 1);
  return text + (used + 1 + last.size() > line_width ? "\n" + std::string(opening.size(), ' ') : " ") + last;
}

std::ostream& operator<<(std::ostream& stream, const Tensor& t) { return stream << to_string(t); }
std::ostream& operator<<(std::ostream& stream, const Shape& shape) { return stream << text(shape); }

}  // namespace gradus
