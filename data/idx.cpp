#include "gradus/data/idx.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

#include "gradus/core/error.h"
#include "gradus/data/bytes.h"

namespace gradus {
namespace {

constexpr int64_t most_elements = int64_t{1} << 31;

Shape read_extents(ByteReader& reader, int rank) {
  Shape shape;
  int64_t elements = 1;
  for (int d = 0; d < rank; ++d) {
    uint8_t b[4];
    if (reader.read(b, 4) < 4)
      throw FileError(fmt::format("{}: ends within the IDX header; fetch the file again", reader.name()));
    shape.push_back(int64_t(b[0]) << 24 | int64_t(b[1]) << 16 | int64_t(b[2]) << 8 | int64_t(b[3]));
    const int64_t counted = std::max<int64_t>(shape.back(), 1);  // a zero elsewhere excuses no absurd extent
    if (__builtin_mul_overflow(elements, counted, &elements) || elements > most_elements)
      throw FileError(fmt::format("{}: its header asks for {} elements or more, wanted at most {}; the file is damaged",
                                  reader.name(), text(shape), most_elements));
  }
  return shape;
}

std::string existing(const std::string& folder, const std::string& file) {
  const std::string plain = folder + "/" + file, packed = plain + ".gz";
  if (::access(plain.c_str(), F_OK) == 0) return plain;
  if (::access(packed.c_str(), F_OK) == 0) return packed;
  throw FileError(fmt::format("{}: there is no {} and no {}.gz; name a folder with the four IDX files of MNIST", folder,
                              file, file));
}

// How a data set names its halves, and what else is its own.
struct Naming {
  std::string train, test;
  int64_t classes;
  bool on_side;  // rows and columns are exchanged
};

// The names of EMNIST's sets in a folder: letters, digits ...
std::set<std::string> emnist_sets(const std::string& folder) {
  constexpr std::string_view begin = "emnist-", end = "-train-images-idx3-ubyte";
  std::set<std::string> sets;
  std::error_code ignored;
  for (std::filesystem::directory_iterator entry(folder, ignored), last; !ignored && entry != last;
       entry.increment(ignored)) {
    std::string name = entry->path().filename().string();
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    if (name.starts_with(begin) && name.ends_with(end) && name.size() > begin.size() + end.size())
      sets.insert(name.substr(begin.size(), name.size() - begin.size() - end.size()));
  }
  return sets;
}

Naming naming_in(const std::string& folder) {
  const std::set<std::string> sets = emnist_sets(folder);
  if (sets.size() > 1)
    throw FileError(fmt::format("{}: has the files of EMNIST's {}, wanted one of them; give each a folder", folder,
                                fmt::join(sets, ", ")));
  if (sets.empty()) return {"train", "t10k", 10, false};
  return {fmt::format("emnist-{}-train", *sets.begin()), fmt::format("emnist-{}-test", *sets.begin()), 62, true};
}

Dataset read_half(const std::string& folder, const std::string& half, int64_t classes, bool on_side) {
  const std::string image_path = existing(folder, half + "-images-idx3-ubyte"),
                    label_path = existing(folder, half + "-labels-idx1-ubyte");
  const Tensor images = read_idx(image_path), labels = read_idx(label_path);
  if (images.rank() != 3)
    throw FileError(fmt::format("{}: has shape {}, wanted (images, rows, columns); is this a file of labels?",
                                image_path, text(images.shape())));
  if (labels.rank() != 1)
    throw FileError(
        fmt::format("{}: has shape {}, wanted (labels); is this a file of images?", label_path, text(labels.shape())));
  const int64_t n = images.shape()[0];
  if (labels.numel() != n)
    throw FileError(fmt::format("{}: has {} labels, but {} has {} images; fetch both again", label_path, labels.numel(),
                                image_path, n));
  const int64_t rows = images.shape()[1], columns = images.shape()[2];
  Tensor features(on_side ? Shape{n, 1, columns, rows} : Shape{n, 1, rows, columns}), targets(Shape{n}, Dtype::int64);
  const uint8_t *pixel = images.data<uint8_t>(), *label = labels.data<uint8_t>();
  float* feature = features.mutable_data<float>();
  int64_t* target = targets.mutable_data<int64_t>();
  const auto place = [&](int64_t i) {  // of pixel i, in an image that is put upright
    const int64_t image = i / (rows * columns), row = i / columns % rows, column = i % columns;
    return (image * columns + column) * rows + row;
  };
  for (int64_t i = 0; i < images.numel(); ++i) feature[on_side ? place(i) : i] = float(pixel[i]) / 255.0f;
  for (int64_t i = 0; i < n; ++i) {
    if (label[i] >= classes)
      throw FileError(
          fmt::format("{}: label {} at {} is outside [0, {}); fetch the file again", label_path, label[i], i, classes));
    target[i] = label[i];
  }
  return Dataset({{"features", features}, {"labels", targets}});
}

}  // namespace

Tensor read_idx(const std::string& name, const uint8_t* bytes, size_t size) {
  ByteReader reader(name, bytes, size);
  uint8_t magic[4] = {};
  const size_t got = reader.read(magic, 4);
  if (got < 4 || magic[0] != 0 || magic[1] != 0)
    throw FileError(fmt::format("{}: does not begin like an IDX file; wanted two zero bytes, a type and a rank", name));
  if (magic[2] != 8)
    throw FileError(
        fmt::format("{}: has IDX type {:#04x}, wanted 0x08, unsigned bytes; convert the file", name, magic[2]));
  if (magic[3] < 1 || magic[3] > Shape::max_rank)
    throw FileError(
        fmt::format("{}: has rank {}, wanted 1 to {}; the file is damaged", name, magic[3], Shape::max_rank));
  const Shape shape = read_extents(reader, magic[3]);
  const int64_t wanted = shape.numel();
  const std::vector<uint8_t> elements = reader.read_bytes(size_t(wanted));
  if (int64_t(elements.size()) < wanted)
    throw FileError(fmt::format("{}: ends after {} of the {} elements that its header names; fetch the file again",
                                name, elements.size(), wanted));
  if (!reader.at_end())
    throw FileError(
        fmt::format("{}: goes on after the {} elements that its header names; fetch the file again", name, wanted));
  Tensor t(shape, Dtype::uint8);
  std::copy(elements.begin(), elements.end(), t.mutable_data<uint8_t>());
  return t;
}

Tensor read_idx(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  return read_idx(path, bytes.data(), bytes.size());
}

Split read_idx_folder(const std::string& folder, std::optional<int64_t> classes) {
  const Naming naming = naming_in(folder);
  const auto half = [&](const std::string& name) {
    return read_half(folder, name, classes.value_or(naming.classes), naming.on_side);
  };
  const Split both = {half(naming.train), half(naming.test)};
  Shape train = both.train["features"].shape(), test = both.test["features"].shape();
  train[0] = test[0];
  if (!(train == test))
    throw FileError(
        fmt::format("{}: training images are {}x{}, test images {}x{}, wanted one size; fetch the files again", folder,
                    train[2], train[3], test[2], test[3]));
  return both;
}

}  // namespace gradus
