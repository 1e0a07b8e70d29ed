// What the tests of file formats share: a folder that goes with the test, files as bytes, and every way to spoil them.
#pragma once
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "gradus/core/error.h"
#include "gradus/core/tensor.h"

namespace gradus::files {

using Bytes = std::vector<uint8_t>;

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "gradus_files_XXXXXX").string();
    path = mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(path)) all.push_back(entry.path().filename().string());
    return all;
  }
};

inline Bytes contents(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(stream), {});
}
inline void put(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
}

// As gzip packs it.
inline Bytes gzipped(const Bytes& plain, int level = 9) {
  z_stream z = {};
  EXPECT_EQ(deflateInit2(&z, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(deflateBound(&z, plain.size()) + 32);
  z.next_in = const_cast<uint8_t*>(plain.data());
  z.avail_in = uInt(plain.size());
  z.next_out = out.data();
  z.avail_out = uInt(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

// Is it one sentence that names the file?
inline bool is_sentence(const std::string& text, const std::string& name) {
  return text.starts_with(name) && text.find('\n') == std::string::npos && text.find("; ") != std::string::npos;
}

// read(bytes) throws a FileError in one sentence, or returns what `accept` agrees to.
template <class Read, class Accept> void expect_refused_or(const Bytes& bytes, Read read, Accept accept) {
  try {
    EXPECT_TRUE(accept(read(bytes)));
  } catch (const FileError& error) { EXPECT_TRUE(is_sentence(error.what(), "x")) << error.what(); }
}

// Every file that is cut off is refused; a file with one bit flipped is refused, or is what `accept` agrees to.
template <class Read, class Accept> void spoil(const Bytes& good, Read read, Accept accept) {
  for (size_t n = 0; n < good.size(); ++n) {
    const Bytes cut(good.begin(), good.begin() + std::ptrdiff_t(n));
    EXPECT_THROW(read(cut), FileError) << "cut off after " << n;
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = good;
      flipped[n] ^= uint8_t(1 << bit);
      SCOPED_TRACE(testing::Message() << "bit " << bit << " of byte " << n);
      expect_refused_or(flipped, read, accept);
    }
  }
}

inline bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && a.to_vector() == b.to_vector();
}

// 0, 1, 2 … as tests/data/make_files.py counts; bools alternate.
inline Tensor counting(const Shape& shape, Dtype dtype) {
  Tensor numbers(Shape{shape.numel()}, Dtype::float64), t(Shape{shape.numel()}, dtype);
  for (int64_t i = 0; i < shape.numel(); ++i) numbers.set({i}, double(dtype == Dtype::boolean ? i % 2 : i));
  copy_elements(numbers, t);
  return t.alias(shape, dense_strides(shape));
}

// The standard output of a shell command, or "failed: " and it.
inline std::string output_of(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string text;
  for (int c; (c = std::fgetc(pipe)) != EOF;) text += char(c);
  return ::pclose(pipe) == 0 ? text : "failed: " + text;
}

// The Python that is asked what other programs make of our files; Debian's own has Debian's NumPy.
inline std::string python() {
  const char* chosen = std::getenv("GRADUS_PYTHON");
  const std::string debians = "/usr/bin/python3";
  return chosen ? chosen : std::filesystem::exists(debians) ? debians : "python3";
}
inline bool python_has(const std::string& module) {
  return !output_of(python() + " -c 'import " + module + "'").starts_with("failed");
}

}  // namespace gradus::files
