#include "gradus/data/digits.h"

#include "gradus/data/csv.h"
#include "gradus/data/embedded.h"

namespace gradus {

Dataset digits() {
  const char* name = "digits.csv.gz";
  const Table table = read_csv(name, embedded::digits_csv_gz, embedded::digits_csv_gz_size);
  const Dataset flat = classification_table(name, table, 10);
  Tensor features = flat["features"].alias({flat.size(), 1, 8, 8}, {64, 64, 8, 1});
  float* pixel = features.mutable_data<float>();
  for (int64_t i = 0; i < features.numel(); ++i) pixel[i] /= 16;
  return Dataset({{"features", features}, {"labels", flat["labels"]}});
}

}  // namespace gradus
