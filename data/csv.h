// Tables of numbers from comma-separated text, plain or gzip.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gradus/data/dataset.h"

namespace gradus {

struct Table {
  std::vector<std::string> header;  // empty when the first line is numbers
  int64_t rows = 0, columns = 0;
  std::vector<double> values;  // row-major
};

/// Reads a table; a first line that is not all numbers names the columns, empty lines are skipped. Throws FileError
/// naming file, line and value when a line has another number of values than the first, or a value is no finite number.
Table read_csv(const std::string& path);
Table read_csv(const std::string& name, const uint8_t* bytes, size_t size);

/// A table as a data set: the column `label_column` (may count from the end) becomes labels int64 (N), the others
/// features float32 (N, columns - 1). Throws FileError when there is no such column or a label is no whole number in
/// [0, classes).
Dataset classification_table(const std::string& name, const Table& table, int64_t classes, int64_t label_column = -1,
                             Dtype dtype = Dtype::float32);

}  // namespace gradus
