#include "gradus/cli/samples_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "gradus/core/error.h"
#include "gradus/data/csv.h"
#include "gradus/data/idx.h"
#include "gradus/data/npy.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

constexpr int64_t most_classes = 10'000;  // what a slip in a label may cost at most

Tensor labels_of(const std::string& path, const Tensor& given) {
  if (given.rank() != 1 || is_floating(given.dtype()) || given.dtype() == Dtype::boolean)
    throw FileError(
        fmt::format("{}: its labels are {}, wanted whole numbers of shape (N); convert them", path, describe(given)));
  const Tensor labels = to(given, Dtype::int64);
  for (int64_t i = 0; i < labels.numel(); ++i)
    if (const int64_t label = labels.data<int64_t>()[i]; label < 0 || label >= most_classes)
      throw FileError(fmt::format("{}: label {} at {} is outside [0, {}); number the classes from 0", path, label, i,
                                  most_classes));
  return labels;
}

Dataset arrays(const std::string& path, const NamedTensors& all, Dtype dtype) {
  const auto find = [&](const char* name) {
    return std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == name; });
  };
  const auto features = find("features"), labels = find("labels");
  if (features == all.end())
    throw FileError(
        fmt::format("{}: has no array 'features'; save it with numpy.savez(path, features=x, labels=y)", path));
  const Tensor& x = features->second;
  if (x.rank() < 2 || x.shape()[0] == 0)
    throw FileError(
        fmt::format("{}: its features have shape {}, wanted (N, features) or (N, channels, height, width) "
                    "and a sample; reshape them",
                    path, text(x.shape())));
  const bool bytes = x.dtype() == Dtype::uint8;  // pixels, as in IDX files
  NamedTensors fields = {{"features", bytes ? to(x, dtype) / 255.0 : to(dense(x), dtype)}};
  if (labels != all.end()) {
    fields.emplace_back("labels", labels_of(path, labels->second));
    if (labels->second.numel() != x.shape()[0])
      throw FileError(fmt::format("{}: has {} labels for {} samples; save one a sample", path, labels->second.numel(),
                                  x.shape()[0]));
  }
  return Dataset(fields);
}

Dataset table(const std::string& path, Dtype dtype, int64_t width) {
  const Table numbers = read_csv(path);
  if (numbers.columns != width) return classification_table(path, numbers, most_classes, -1, dtype);
  return Dataset({{"features", to(from_data(numbers.values.data(), {numbers.rows, numbers.columns}), dtype)}});
}

Dataset images(const std::string& path, Dtype dtype) {
  const Tensor bytes = read_idx(path);
  if (bytes.rank() != 3)
    throw FileError(fmt::format("{}: has shape {}, wanted (images, rows, columns); is this a file of labels?", path,
                                text(bytes.shape())));
  if (bytes.shape()[0] == 0) throw FileError(fmt::format("{}: has no image, wanted one at least; name another", path));
  const Tensor pixels = to(unsqueeze(bytes, 1), Dtype::float32) / 255.0;
  return Dataset({{"features", to(pixels, dtype)}});
}

}  // namespace

Dataset read_samples(const std::string& path, Dtype dtype, int64_t width) {
  const std::string name = std::filesystem::path(path).filename().string();
  const auto is = [&](const char* end) { return name.ends_with(end) || name.ends_with(std::string(end) + ".gz"); };
  if (name.ends_with(".npz")) return arrays(path, read_npz(path), dtype);
  if (name.ends_with(".npy")) return arrays(path, {{"features", read_npy(path)}}, dtype);
  if (is(".csv")) return table(path, dtype, width);
  if (is("-ubyte") || is(".idx")) return images(path, dtype);
  throw FileError(
      fmt::format("{}: its name ends like no format that is known, wanted .npz, .npy, .csv, .csv.gz or an "
                  "IDX file …-ubyte; convert or rename it",
                  path));
}

bool has_labels(const Dataset& samples) {
  return std::any_of(samples.fields().begin(), samples.fields().end(),
                     [](const auto& field) { return field.first == "labels"; });
}

}  // namespace gradus
