#include "gradus/data/safetensors.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "gradus/core/error.h"
#include "gradus/data/atomic_file.h"
#include "gradus/data/bytes.h"
#include "gradus/data/elements.h"
#include "gradus/ops/cast.h"

namespace gradus {
namespace {

constexpr const char *metadata_key = "__metadata__", *checksum_key = "checksum";
constexpr size_t most_header = 100'000'000;  // the reference implementation's
constexpr size_t most_bytes = size_t{1} << 40;

struct Kind {
  const char* name;
  Dtype dtype;
};
constexpr std::array kinds = {Kind{"F32", Dtype::float32}, Kind{"F64", Dtype::float64},  Kind{"I64", Dtype::int64},
                              Kind{"I32", Dtype::int32},   Kind{"U8", Dtype::uint8},     Kind{"BOOL", Dtype::boolean},
                              Kind{"F16", Dtype::float16}, Kind{"BF16", Dtype::bfloat16}};
const char* kind_of(Dtype dtype) {
  return std::find_if(kinds.begin(), kinds.end(), [=](const Kind& k) { return k.dtype == dtype; })->name;
}

// What the header says of one tensor.
struct Entry {
  std::string name;
  std::optional<std::string> kind;
  std::optional<std::vector<uint64_t>> shape, offsets;
};

// Takes the header as it is parsed, so that nothing is built that is not wanted, however deep or long.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Entry> entries;
  Metadata metadata;
  std::string problem;  // why it stopped

  bool key(string_t& word) override {
    if (depth_ == 1) {
      if (!names_.insert(word).second) return refuse(fmt::format("names '{}' twice", word));
      in_metadata_ = word == metadata_key;
      if (!in_metadata_) entries.push_back({word, {}, {}, {}});
      return true;
    }
    if (in_metadata_ && metadata.contains(word)) return refuse(fmt::format("names the metadata '{}' twice", word));
    if (!in_metadata_ && word != "dtype" && word != "shape" && word != "data_offsets")
      return refuse(fmt::format("says '{}' of '{}', wanted dtype, shape and data_offsets", word, entries.back().name));
    field_ = word;
    return true;
  }
  bool string(string_t& word) override {
    if (depth_ != 2 || list_) return unexpected();
    if (in_metadata_) return metadata.emplace(field_, word), true;
    if (field_ != "dtype" || entries.back().kind) return unexpected();
    entries.back().kind = word;
    return true;
  }
  bool number_unsigned(number_unsigned_t number) override {
    if (!list_) return unexpected();
    list_->push_back(number);
    return true;
  }
  bool start_object(size_t) override {
    if (depth_ >= 2) return unexpected();
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && !in_metadata_) {
      const Entry& e = entries.back();
      if (!e.kind || !e.shape || !e.offsets || e.offsets->size() != 2)
        return refuse(fmt::format("does not say dtype, shape and two data_offsets of '{}'", e.name));
    }
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ != 2 || in_metadata_ || list_) return unexpected();
    auto& list = field_ == "shape" ? entries.back().shape : entries.back().offsets;
    if (field_ == "dtype" || list) return unexpected();
    list_ = &list.emplace();
    return true;
  }
  bool end_array() override {
    list_ = nullptr;
    return true;
  }
  bool null() override { return unexpected(); }
  bool boolean(bool) override { return unexpected(); }
  bool number_integer(number_integer_t) override { return unexpected(); }
  bool number_float(number_float_t, const string_t&) override { return unexpected(); }
  bool binary(binary_t&) override { return unexpected(); }
  bool parse_error(size_t at, const std::string&, const nlohmann::detail::exception&) override {
    return refuse(fmt::format("is no JSON from its byte {} on", at));
  }

 private:
  bool refuse(std::string why) {
    problem = std::move(why);
    return false;
  }
  bool unexpected() {
    return refuse(names_.empty() ? "is no object of tensors"
                                 : fmt::format("has a value of the wrong kind at '{}'",
                                               in_metadata_ ? metadata_key : entries.back().name));
  }
  std::set<std::string> names_;
  std::string field_;
  bool in_metadata_ = false;
  int depth_ = 0;
  std::vector<uint64_t>* list_ = nullptr;
};

[[noreturn]] void damaged(const std::string& name, const std::string& why) {
  throw FileError(fmt::format("{}: {}; the file is damaged or no safetensors file", name, why));
}

HeaderReader read_header(const std::string& name, const uint8_t* bytes, size_t size) {
  uint64_t length = 0;
  if (size < sizeof length) damaged(name, fmt::format("has {} bytes, wanted at least 8", size));
  std::memcpy(&length, bytes, sizeof length);
  if (length > most_header || length > size - sizeof length)
    damaged(name, fmt::format("asks for a header of {} bytes, wanted at most {}", length,
                              std::min(most_header, size - sizeof length)));
  HeaderReader header;
  const uint8_t* begin = bytes + sizeof length;
  if (std::find(begin, begin + length, 0) != begin + length)  // where the parser would stop
    damaged(name, "its header has a zero byte");
  if (!nlohmann::json::sax_parse(begin, begin + length, &header)) damaged(name, "its header " + header.problem);
  return header;
}

Dtype dtype_named(const std::string& name, const Entry& e) {
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return *e.kind == k.name; });
  if (kind == kinds.end())
    throw FileError(
        fmt::format("{}: '{}' has dtype {}, wanted F32, F64, F16, BF16, I64, I32, U8 or BOOL; convert it first", name,
                    e.name, *e.kind));
  return kind->dtype;
}

Shape shape_of(const std::string& name, const Entry& e) {
  if (e.shape->size() > size_t(Shape::max_rank))
    throw FileError(fmt::format("{}: '{}' has rank {}, wanted at most {}; reshape it first", name, e.name,
                                e.shape->size(), Shape::max_rank));
  Shape shape;
  for (uint64_t extent : *e.shape) {
    if (extent > uint64_t(INT64_MAX)) damaged(name, fmt::format("'{}' has an extent of {}", e.name, extent));
    shape.push_back(int64_t(extent));
  }
  return shape;
}

// The CRC-32 of all that a file says, in the order of the names, whatever the order of its bytes.
std::string checksum_of(NamedTensors tensors, const Metadata& metadata) {
  uLong crc = ::crc32(0, nullptr, 0);
  const auto add = [&crc](const void* data, size_t size) {
    if (size > 0) crc = ::crc32_z(crc, static_cast<const Bytef*>(data), size);
  };
  const auto add_text = [&](const std::string& text) { add(text.c_str(), text.size() + 1); };  // with its zero byte
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [name, t] : tensors) {
    add_text(name);
    add_text(kind_of(t.dtype()));
    add_text(text(t.shape()));
    add(t.bytes(), size_t(t.numel() * size_of(t.dtype())));
  }
  for (const auto& [key, value] : metadata)
    if (key != checksum_key) add_text(key), add_text(value);
  return fmt::format("crc32:{:08x}", crc);
}

void check_writable(const std::string& path, const NamedTensors& tensors, const Metadata& metadata) {
  std::set<std::string> names = {metadata_key};
  for (const auto& [name, t] : tensors) {
    if (!t.defined())
      throw ParamError(
          fmt::format("write_safetensors: '{}' for {} is undefined, wanted a tensor; leave it out", name, path));
    if (!names.insert(name).second)
      throw ParamError(fmt::format("write_safetensors: the name '{}' for {} is {}, wanted another; rename it", name,
                                   path, name == metadata_key ? "the format's own" : "there twice"));
  }
  if (metadata.contains(checksum_key))
    throw ParamError(
        fmt::format("write_safetensors: the metadata for {} have a key '{}', which is written here; rename it", path,
                    checksum_key));
}

std::string header_of(const std::string& path, const NamedTensors& tensors, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  header[metadata_key] = metadata;
  int64_t at = 0;
  for (const auto& [name, t] : tensors) {
    const int64_t end = at + t.numel() * size_of(t.dtype());
    header[name] = {{"dtype", kind_of(t.dtype())},
                    {"shape", std::vector<int64_t>(t.shape().begin(), t.shape().end())},
                    {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw ParamError(
        fmt::format("write_safetensors: a name or metadata for {} is no UTF-8 text, wanted text; rename it", path));
  }
  text.append((8 - text.size() % 8) % 8, ' ');  // elements begin at a multiple of 8
  return text;
}

}  // namespace

void write_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata) {
  check_writable(path, tensors, metadata);
  NamedTensors stored;
  for (const auto& [name, t] : tensors) stored.emplace_back(name, to(dense(t.detach()), cpu));
  std::stable_sort(stored.begin(), stored.end(), [](const auto& a, const auto& b) {  // so that all are aligned
    return size_of(a.second.dtype()) > size_of(b.second.dtype());
  });
  Metadata with_checksum = metadata;
  with_checksum[checksum_key] = checksum_of(stored, metadata);
  const std::string header = header_of(path, stored, with_checksum);
  const uint64_t length = header.size();
  std::vector<Piece> pieces = {{&length, sizeof length}, {header.data(), header.size()}};
  for (const auto& [name, t] : stored) pieces.push_back({t.bytes(), size_t(t.numel() * size_of(t.dtype()))});
  write_file(path, pieces);
}

TensorFile read_safetensors(const std::string& name, const uint8_t* bytes, size_t size) {
  HeaderReader header = read_header(name, bytes, size);
  uint64_t header_size = 0;
  std::memcpy(&header_size, bytes, sizeof header_size);
  const uint8_t* data = bytes + sizeof header_size + header_size;
  const uint64_t data_size = size - sizeof header_size - header_size;
  std::vector<Entry>& entries = header.entries;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return *a.offsets < *b.offsets; });
  TensorFile file;
  uint64_t at = 0;  // one tensor begins where the last ended: no overlap, no gap
  for (const Entry& e : entries) {
    const uint64_t begin = (*e.offsets)[0], end = (*e.offsets)[1];
    if (begin != at || end < begin)
      damaged(name, fmt::format("'{}' lies at {} to {}, wanted it to begin at {}", e.name, begin, end, at));
    if (end > data_size)
      damaged(name, fmt::format("'{}' lies at {} to {}, but only {} bytes of elements are there", e.name, begin, end,
                                data_size));
    const std::string what = fmt::format("{}: '{}'", name, e.name);
    const Dtype dtype = dtype_named(name, e);
    const Shape shape = shape_of(name, e);
    if (const int64_t wanted = byte_count(what, shape, dtype); uint64_t(wanted) != end - begin)
      damaged(name, fmt::format("'{}' is {} {} and has {} bytes, wanted {}", e.name, name_of(dtype), text(shape),
                                end - begin, wanted));
    file.tensors.emplace_back(e.name, tensor_from_bytes(what, shape, dtype, data + begin));
    at = end;
  }
  if (at != data_size) damaged(name, fmt::format("has {} bytes of elements, its header names {}", data_size, at));
  file.metadata = std::move(header.metadata);
  if (const auto sum = file.metadata.find(checksum_key); sum != file.metadata.end()) {
    if (const std::string found = checksum_of(file.tensors, file.metadata); sum->second != found)
      throw FileError(
          fmt::format("{}: its contents have the checksum {}, wanted {}; the file is damaged, or was changed by a "
                      "program that kept "
                      "the old checksum",
                      name, found, sum->second));
    file.metadata.erase(sum);
    file.checked = true;
  }
  return file;
}

TensorFile read_safetensors(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path, most_bytes);
  return read_safetensors(path, bytes.data(), bytes.size());
}

}  // namespace gradus
