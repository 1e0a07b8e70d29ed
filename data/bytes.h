// Bytes from files and memory, plain or gzip, read in bounded time and memory whatever they are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gradus {

/// The bytes of a regular file of at most `most` bytes. Throws FileError naming the file: missing, not readable, a
/// folder, a device, or larger than that.
std::vector<uint8_t> read_file(const std::string& path, size_t most = size_t{1} << 30);

/// Reads bytes from the front; where they begin like gzip, what they unpack to. Takes memory only for what it hands
/// out.
class ByteReader {
 public:
  /// `name` stands for the bytes in errors; they must outlive the reader.
  ByteReader(std::string name, const uint8_t* bytes, size_t size);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  /// Writes the next n bytes to out, fewer only at the end, and returns how many. Throws FileError when the gzip data
  /// are damaged or cut off.
  size_t read(uint8_t* out, size_t n);
  /// The next n bytes, fewer only at the end; grows as they arrive, so that a header's lie about n costs nothing.
  std::vector<uint8_t> read_bytes(size_t n);
  /// Takes one more byte, if there is one: true when there was none.
  bool at_end();
  const std::string& name() const { return name_; }

 private:
  struct Inflater;
  size_t inflate_into(uint8_t* out, size_t n);
  std::string name_;
  const uint8_t* next_;
  size_t left_;
  std::unique_ptr<Inflater> inflater_;  // null for plain bytes
};

}  // namespace gradus
