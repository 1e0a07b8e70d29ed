#include "gradus/data/csv.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "gradus/core/error.h"
#include "gradus/data/bytes.h"
#include "gradus/ops/cast.h"

namespace gradus {
namespace {

constexpr size_t most_bytes = size_t{1} << 30;

std::string_view trimmed(std::string_view s) {
  const size_t first = s.find_first_not_of(" \t\r"), last = s.find_last_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view() : s.substr(first, last - first + 1);
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (size_t from = 0;;) {
    const size_t comma = line.find(',', from);
    cells.push_back(trimmed(line.substr(from, comma - from)));
    if (comma == std::string_view::npos) return cells;
    from = comma + 1;
  }
}

std::optional<double> number(std::string_view s) {
  double value;
  if (!s.empty() && s[0] == '+') s.remove_prefix(1);
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error != std::errc() || end != s.data() + s.size() || !std::isfinite(value)) return {};
  return value;
}

// What a damaged file holds may be long and unprintable; an error shows its beginning.
std::string excerpt(std::string_view s) {
  std::string shown;
  for (char c : s.substr(0, 20)) shown += c >= ' ' && c <= '~' ? c : '?';
  return s.size() > 20 ? shown + "..." : shown;
}

void append(const std::string& name, int64_t line, const std::vector<std::string_view>& cells, Table& table) {
  if (int64_t(cells.size()) != table.columns)
    throw FileError(fmt::format("{}: line {} has {} values, wanted {} as in the lines before; mend that line", name,
                                line, cells.size(), table.columns));
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto value = number(cells[i]);
    if (!value)
      throw FileError(fmt::format("{}: line {}, value {} is '{}', wanted a finite number; mend that line", name, line,
                                  i + 1, excerpt(cells[i])));
    table.values.push_back(*value);
  }
  ++table.rows;
}

}  // namespace

Table read_csv(const std::string& name, const uint8_t* bytes, size_t size) {
  ByteReader reader(name, bytes, size);
  const std::vector<uint8_t> all = reader.read_bytes(most_bytes);
  if (!reader.at_end()) throw FileError(fmt::format("{}: has more than {} bytes; split it", name, most_bytes));
  const std::string_view text(reinterpret_cast<const char*>(all.data()), all.size());
  Table table;
  int64_t line_number = 0;
  const std::string_view byte_order_mark = "\xEF\xBB\xBF";  // which spreadsheets write
  for (size_t from = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0; from < text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view line = trimmed(text.substr(from, end - from));
    from = end + 1;
    ++line_number;
    if (line.empty()) continue;
    const auto cells = cells_of(line);
    if (table.columns == 0) {
      table.columns = int64_t(cells.size());
      const bool names = std::none_of(cells.begin(), cells.end(), [](auto cell) { return number(cell).has_value(); });
      if (names) {
        table.header.assign(cells.begin(), cells.end());
        continue;
      }
    }
    append(name, line_number, cells, table);
  }
  if (table.rows == 0) throw FileError(fmt::format("{}: has no line of numbers; wanted comma-separated values", name));
  return table;
}

Table read_csv(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path, most_bytes);
  return read_csv(path, bytes.data(), bytes.size());
}

Dataset classification_table(const std::string& name, const Table& table, int64_t classes, int64_t label_column,
                             Dtype dtype) {
  const int64_t columns = table.columns, at = label_column < 0 ? label_column + columns : label_column;
  if (at < 0 || at >= columns || columns < 2)
    throw FileError(fmt::format("{}: has {} columns, wanted at least 2 and a label in column {}; choose another column",
                                name, columns, label_column));
  Tensor features({table.rows, columns - 1}, Dtype::float64), labels(Shape{table.rows}, Dtype::int64);
  double* feature = features.mutable_data<double>();
  int64_t* label = labels.mutable_data<int64_t>();
  for (int64_t row = 0; row < table.rows; ++row) {
    const double* values = table.values.data() + row * columns;
    const double l = values[at];
    if (!(l >= 0 && l < double(classes) && l == std::floor(l)))
      throw FileError(fmt::format("{}: label {} of sample {} is no whole number in [0, {}); number the classes from 0",
                                  name, l, row + 1, classes));
    label[row] = int64_t(l);
    for (int64_t c = 0; c < columns; ++c)
      if (c != at) *feature++ = values[c];
  }
  return Dataset({{"features", to(features, dtype)}, {"labels", labels}});
}

}  // namespace gradus
