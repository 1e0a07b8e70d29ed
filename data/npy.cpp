#include "gradus/data/npy.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string_view>

#include "gradus/core/error.h"
#include "gradus/data/atomic_file.h"
#include "gradus/data/bytes.h"
#include "gradus/data/elements.h"
#include "gradus/data/zip.h"
#include "gradus/ops/cast.h"

namespace gradus {
namespace {

struct Kind {
  const char* name;
  Dtype dtype;
};
constexpr std::array kinds = {Kind{"<f4", Dtype::float32}, Kind{"<f8", Dtype::float64}, Kind{"<i8", Dtype::int64},
                              Kind{"<i4", Dtype::int32},   Kind{"|u1", Dtype::uint8},   Kind{"|b1", Dtype::boolean},
                              Kind{"<f2", Dtype::float16}};
constexpr std::string_view magic = "\x93NUMPY";
constexpr const char* suffix = ".npy";

// What the header says.
struct Description {
  std::string kind;
  bool fortran_order = false;
  Shape shape;
};

// Reads the header, which is a dictionary in Python's spelling with the three keys in any order.
class HeaderParser {
 public:
  HeaderParser(const std::string& name, std::string_view text) : name_(name), rest_(text) {}

  Description parse() {
    Description d;
    std::set<std::string> keys;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (!keys.insert(key).second) refuse(fmt::format("names '{}' twice", key));
      if (key == "descr") d.kind = quoted();
      else if (key == "fortran_order") d.fortran_order = truth();
      else if (key == "shape") d.shape = shape();
      else refuse(fmt::format("names '{}', wanted descr, fortran_order and shape", key));
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (!rest_.empty()) refuse("goes on after its dictionary");
    if (keys.size() != 3) refuse("does not name descr, fortran_order and shape");
    return d;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw FileError(fmt::format("{}: its header {}; the file is damaged or no plain NumPy array", name_, why));
  }
  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }
  bool accept(char wanted) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) refuse(fmt::format("has no '{}' where one was expected", wanted));
  }
  std::string quoted() {
    skip_spaces();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    const size_t end = quote == '\'' || quote == '"' ? rest_.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos) refuse("has no word in quotes where one was expected");
    std::string word(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return word;
  }
  bool truth() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"})
      if (rest_.starts_with(word)) {
        rest_.remove_prefix(word.size());
        return word == "True";
      }
    refuse("says neither True nor False of fortran_order");
  }
  int64_t extent() {
    skip_spaces();
    int64_t value = 0;
    size_t digits = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits)
      if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, rest_[digits] - '0', &value))
        refuse("has an extent that no memory can hold");
    if (digits == 0) refuse("has no number where an extent was expected");
    rest_.remove_prefix(digits);
    return value;
  }
  Shape shape() {
    Shape all;
    expect('(');
    while (!accept(')')) {
      if (all.rank() == Shape::max_rank) refuse(fmt::format("has a rank above {}", Shape::max_rank));
      all.push_back(extent());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return all;
  }
  const std::string& name_;
  std::string_view rest_;
};

struct Header {
  Description description;
  size_t end = 0;  // where the elements begin
};

Header read_header(const std::string& name, const uint8_t* bytes, size_t size) {
  const auto damaged = [&](const std::string& why) {
    throw FileError(fmt::format("{}: {}; the file is damaged or no NumPy array", name, why));
  };
  if (size < 10 || std::memcmp(bytes, magic.data(), magic.size()) != 0) damaged("does not begin like a .npy file");
  const int version = bytes[6];
  if (version < 1 || version > 3 || bytes[7] != 0)
    throw FileError(
        fmt::format("{}: is a .npy file of version {}.{}, wanted 1.0 to 3.0; save it again", name, version, bytes[7]));
  const size_t begin = version == 1 ? 10 : 12;
  size_t length = size_t(bytes[8]) | size_t(bytes[9]) << 8;
  if (version > 1 && size >= begin) length |= size_t(bytes[10]) << 16 | size_t(bytes[11]) << 24;
  if (size < begin || length > size - begin) damaged("ends within its header");
  const std::string_view text(reinterpret_cast<const char*>(bytes + begin), length);
  return {HeaderParser(name, text).parse(), begin + length};
}

// Elements that lie first index fastest, as a dense tensor.
Tensor from_fortran_order(const Tensor& stored) {
  Shape reversed, strides;
  for (int d = stored.rank() - 1; d >= 0; --d) reversed.push_back(stored.shape()[d]);
  const Shape dense = dense_strides(reversed);
  for (int d = stored.rank() - 1; d >= 0; --d) strides.push_back(dense[d]);
  Tensor t(stored.shape(), stored.dtype());
  copy_elements(stored.alias(stored.shape(), strides), t);
  return t;
}

const char* kind_of(const char* op, const std::string& what, Dtype dtype) {
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [=](const Kind& k) { return k.dtype == dtype; });
  if (kind == kinds.end())
    throw DtypeError(fmt::format("{}: {} is {}, wanted a dtype that NumPy has; convert it with to(float32)", op, what,
                                 name_of(dtype)));
  return kind->name;
}

// The bytes before the elements: their number is a multiple of 64, as numpy.save makes it.
std::string header_of(const char* op, const std::string& what, const Tensor& t) {
  if (!t.defined()) throw ParamError(fmt::format("{}: {} is undefined, wanted a tensor; leave it out", op, what));
  std::string shape = fmt::format("{}", fmt::join(t.shape().begin(), t.shape().end(), ", "));
  if (t.rank() == 1) shape += ",";
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", kind_of(op, what, t.dtype()), shape);
  constexpr size_t before = 10, unit = 64;
  text.append((unit - (before + text.size() + 1) % unit) % unit, ' ');
  text += '\n';
  std::string header(magic);
  for (const size_t byte : {size_t{1}, size_t{0}, text.size() & 0xff, text.size() >> 8}) header += char(byte);
  return header + text;
}

size_t byte_size(const Tensor& t) { return size_t(t.numel() * size_of(t.dtype())); }

}  // namespace

Tensor read_npy(const std::string& name, const uint8_t* bytes, size_t size) {
  const auto [d, begin] = read_header(name, bytes, size);
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&, &d = d](const Kind& k) { return d.kind == k.name; });
  if (kind == kinds.end())
    throw FileError(fmt::format(
        "{}: has dtype '{}', wanted <f2, <f4, <f8, <i4, <i8, |u1 or |b1; convert it with astype", name, d.kind));
  const auto wanted = uint64_t(byte_count(name, d.shape, kind->dtype));
  if (wanted != size - begin)
    throw FileError(fmt::format("{}: has {} bytes of elements, wanted {} for {} {}; the file is damaged", name,
                                size - begin, wanted, name_of(kind->dtype), text(d.shape)));
  const Tensor t = tensor_from_bytes(name, d.shape, kind->dtype, bytes + begin);
  return d.fortran_order && t.rank() > 1 && t.numel() > 0 ? from_fortran_order(t) : t;
}

Tensor read_npy(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path, size_t{1} << 40);
  return read_npy(path, bytes.data(), bytes.size());
}

void write_npy(const std::string& path, const Tensor& tensor) {
  const std::string header = header_of("write_npy", path, tensor);
  const Tensor t = to(dense(tensor.detach()), cpu);
  write_file(path, {{header.data(), header.size()}, {t.bytes(), byte_size(t)}});
}

NamedTensors read_npz(const std::string& name, const uint8_t* bytes, size_t size, size_t most) {
  NamedTensors all;
  for (const auto& [file, contents] : read_zip(name, bytes, size, most)) {
    if (!file.ends_with(suffix))
      throw FileError(
          fmt::format("{}: holds '{}', wanted arrays named *.npy alone; save the arrays again", name, file));
    const std::string what = fmt::format("{}: {}", name, file);
    all.emplace_back(file.substr(0, file.size() - std::strlen(suffix)),
                     read_npy(what, contents.data(), contents.size()));
  }
  return all;
}

NamedTensors read_npz(const std::string& path, size_t most) {
  const std::vector<uint8_t> bytes = read_file(path, most);
  return read_npz(path, bytes.data(), bytes.size(), most);
}

void write_npz(const std::string& path, const NamedTensors& tensors, bool compressed) {
  std::vector<ZipMember> members;
  std::set<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (!names.insert(name).second)
      throw ParamError(
          fmt::format("write_npz: the name '{}' for {} is there twice, wanted another; rename it", name, path));
    const std::string header = header_of("write_npz", fmt::format("'{}'", name), tensor);
    const Tensor t = dense(tensor);
    std::vector<uint8_t> contents(header.begin(), header.end());
    const auto* elements = static_cast<const uint8_t*>(t.bytes());
    contents.insert(contents.end(), elements, elements + byte_size(t));
    members.push_back({name + suffix, std::move(contents)});
  }
  const std::vector<uint8_t> archive = zipped("write_npz", members, compressed);
  write_file(path, {{archive.data(), archive.size()}});
}

}  // namespace gradus
