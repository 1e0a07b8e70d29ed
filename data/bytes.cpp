#include "gradus/data/bytes.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gradus/core/error.h"

namespace gradus {
namespace {

constexpr size_t piece = size_t{1} << 20;  // what is asked of a file or the unpacker at a time

// A file descriptor that closes itself.
struct File {
  int descriptor;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw FileError(fmt::format("{}: {} ({}); check the path and its permissions", path, what, std::strerror(errno)));
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path, size_t most) {
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};  // a pipe without a writer must not hang us
  if (file.descriptor < 0) fail(path, "cannot be opened");
  struct stat facts;
  if (::fstat(file.descriptor, &facts) != 0) fail(path, "cannot be examined");
  if (S_ISDIR(facts.st_mode)) throw FileError(fmt::format("{}: is a folder, wanted a file; name a file in it", path));
  if (!S_ISREG(facts.st_mode)) throw FileError(fmt::format("{}: is no regular file; copy its contents into one", path));
  if (uint64_t(facts.st_size) > most)
    throw FileError(fmt::format("{}: has {} bytes, wanted at most {}; this is not a data set that fits in memory", path,
                                facts.st_size, most));
  std::vector<uint8_t> bytes;
  for (;;) {
    const size_t have = bytes.size(), room = std::min(piece, most + 1 - have);
    bytes.resize(have + room);
    const ssize_t got = ::read(file.descriptor, bytes.data() + have, room);
    bytes.resize(have + size_t(std::max<ssize_t>(got, 0)));
    if (got == 0) return bytes;
    if (got < 0 && errno != EINTR) fail(path, "cannot be read");
    if (bytes.size() > most)
      throw FileError(fmt::format("{}: grew past {} bytes while being read; try again", path, most));
  }
}

struct ByteReader::Inflater {
  z_stream stream = {};
  bool ended = false;  // after the last member
  Inflater() {
    constexpr int gzip_only = 15 + 16;  // the largest window, and the gzip header
    if (::inflateInit2(&stream, gzip_only) != Z_OK) throw MemoryError("inflate: zlib got no memory; free some");
  }
  ~Inflater() { ::inflateEnd(&stream); }
};

ByteReader::ByteReader(std::string name, const uint8_t* bytes, size_t size)
    : name_(std::move(name)), next_(bytes), left_(size) {
  if (size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) inflater_ = std::make_unique<Inflater>();
}
ByteReader::~ByteReader() = default;

size_t ByteReader::inflate_into(uint8_t* out, size_t n) {
  z_stream& z = inflater_->stream;
  size_t done = 0;
  while (done < n && !inflater_->ended) {
    const auto in = uInt(std::min(left_, piece)), room = uInt(std::min(n - done, piece));
    z.next_in = const_cast<uint8_t*>(next_);
    z.avail_in = in;
    z.next_out = out + done;
    z.avail_out = room;
    const int status = ::inflate(&z, Z_NO_FLUSH);
    next_ += in - z.avail_in;
    left_ -= in - z.avail_in;
    done += room - z.avail_out;
    if (status == Z_STREAM_END) {
      if (left_ == 0) inflater_->ended = true;
      else ::inflateReset(&z);  // gzip files may be joined one after the other
    } else if (status == Z_BUF_ERROR && left_ == 0) {
      throw FileError(fmt::format("{}: the gzip data end too early; fetch the file again", name_));
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw FileError(fmt::format("{}: the gzip data are damaged ({}); fetch the file again", name_,
                                  z.msg ? z.msg : "zlib gives no reason"));
    }
  }
  return done;
}

size_t ByteReader::read(uint8_t* out, size_t n) {
  if (inflater_) return inflate_into(out, n);
  const size_t got = std::min(n, left_);
  std::copy_n(next_, got, out);
  next_ += got;
  left_ -= got;
  return got;
}

std::vector<uint8_t> ByteReader::read_bytes(size_t n) {
  std::vector<uint8_t> bytes;
  while (bytes.size() < n) {
    const size_t have = bytes.size(), room = std::min(piece, n - have);
    bytes.resize(have + room);
    const size_t got = read(bytes.data() + have, room);
    bytes.resize(have + got);
    if (got < room) break;
  }
  return bytes;
}

bool ByteReader::at_end() {
  uint8_t byte;
  return read(&byte, 1) == 0;
}

}  // namespace gradus
