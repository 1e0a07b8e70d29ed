#include "gradus/data/zip.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <set>

#include "gradus/core/error.h"

namespace gradus {
namespace {

constexpr uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50;
constexpr size_t local_size = 30, central_size = 46, end_size = 22;
constexpr uint16_t stored = 0, deflated = 8;
constexpr uint16_t encrypted = 1;    // a flag
constexpr uint32_t elsewhere = ~0u;  // zip64: the number stands in another record
constexpr size_t piece = size_t{1} << 20;
constexpr size_t most_packing = 1100;  // deflate packs a byte into at least 1/1032

// Numbers of an archive, little-endian.
class Bytes {
 public:
  Bytes(const std::string& name, const uint8_t* data, size_t size) : name_(name), data_(data), size_(size) {}
  const uint8_t* at(size_t from, size_t count) const {
    if (from > size_ || count > size_ - from) damaged("ends within a record");
    return data_ + from;
  }
  uint16_t two(size_t from) const {
    const uint8_t* b = at(from, 2);
    return uint16_t(b[0] | b[1] << 8);
  }
  uint32_t four(size_t from) const { return two(from) | uint32_t(two(from + 2)) << 16; }
  std::string text(size_t from, size_t count) const { return {reinterpret_cast<const char*>(at(from, count)), count}; }
  size_t size() const { return size_; }
  [[noreturn]] void damaged(const std::string& why) const {
    throw FileError(fmt::format("{}: {}; the file is damaged or no zip archive", name_, why));
  }
  const std::string& name() const { return name_; }

 private:
  const std::string& name_;
  const uint8_t* data_;
  size_t size_;
};

// A member as the archive's directory describes it.
struct Entry {
  std::string name;
  uint16_t flags, method;
  uint32_t crc, packed, unpacked, offset;
  size_t begin = 0;  // of its packed bytes
};

// Where the archive's last record begins; a comment may follow it.
size_t find_end(const Bytes& b) {
  if (b.size() < end_size) b.damaged(fmt::format("has {} bytes, wanted at least {}", b.size(), end_size));
  constexpr size_t longest_comment = 0xffff;
  const size_t last = b.size() - end_size, first = last - std::min(last, longest_comment);
  for (size_t at = last + 1; at-- > first;)
    if (b.four(at) == end_mark && b.two(at + 20) == last - at) return at;
  b.damaged("has no directory of its members");
}

std::vector<Entry> read_directory(const Bytes& b) {
  const size_t end = find_end(b);
  const uint16_t count = b.two(end + 10);
  const uint32_t size = b.four(end + 12), begin = b.four(end + 16);
  if (b.two(end + 4) != 0 || b.two(end + 6) != 0 || b.two(end + 8) != count) b.damaged("is one of several parts");
  if (begin == elsewhere || count == 0xffff)
    throw FileError(fmt::format("{}: is a zip64 archive, wanted one below 4 GiB; save fewer arrays", b.name()));
  if (size_t(begin) + size != end) b.damaged("has a directory that does not end where its last record begins");
  std::vector<Entry> entries;
  size_t at = begin;
  for (uint16_t i = 0; i < count; ++i) {
    if (b.four(at) != central_mark) b.damaged(fmt::format("has no member {} in its directory", i));
    Entry e{b.text(at + central_size, b.two(at + 28)),
            b.two(at + 8),
            b.two(at + 10),
            b.four(at + 16),
            b.four(at + 20),
            b.four(at + 24),
            b.four(at + 42)};
    at += central_size + b.two(at + 28) + b.two(at + 30) + b.two(at + 32);
    entries.push_back(std::move(e));
  }
  if (at != end) b.damaged("has a directory of another size than it says");
  return entries;
}

// Finds the packed bytes of the members and checks that each lies by itself, in front of the directory.
void locate(const Bytes& b, std::vector<Entry>& entries) {
  for (Entry& e : entries) {
    if (b.four(e.offset) != local_mark || b.two(e.offset + 8) != e.method ||
        b.text(e.offset + local_size, b.two(e.offset + 26)) != e.name)
      b.damaged(fmt::format("has no member '{}' where its directory says", e.name));
    e.begin = size_t(e.offset) + local_size + b.two(e.offset + 26) + b.two(e.offset + 28);
    b.at(e.begin, e.packed);
  }
  std::vector<const Entry*> order;
  for (const Entry& e : entries) order.push_back(&e);
  std::sort(order.begin(), order.end(), [](const Entry* x, const Entry* y) { return x->offset < y->offset; });
  size_t free = 0;
  for (const Entry* e : order) {
    if (e->offset < free) b.damaged(fmt::format("has a member '{}' that overlaps another", e->name));
    free = e->begin + e->packed;
  }
  if (free > b.size() - end_size) b.damaged("has a member that overlaps its directory");
}

void check(const Bytes& b, const std::vector<Entry>& entries, size_t most) {
  std::set<std::string> names;
  uint64_t total = 0;
  for (const Entry& e : entries) {
    if (!names.insert(e.name).second) b.damaged(fmt::format("has two members '{}'", e.name));
    if (e.flags & encrypted)
      throw FileError(fmt::format("{}: '{}' is encrypted, wanted plain members; save it again", b.name(), e.name));
    if (e.method != stored && e.method != deflated)
      throw FileError(fmt::format("{}: '{}' is packed by method {}, wanted stored or deflated; save it again", b.name(),
                                  e.name, e.method));
    if (e.packed == elsewhere || e.unpacked == elsewhere)
      throw FileError(
          fmt::format("{}: '{}' is a zip64 member, wanted one below 4 GiB; save it as .npy", b.name(), e.name));
    if (e.method == stored ? e.packed != e.unpacked : e.unpacked > uint64_t(e.packed) * most_packing)
      b.damaged(fmt::format("says that '{}' unpacks from {} to {} bytes", e.name, e.packed, e.unpacked));
    total += e.unpacked;
  }
  if (total > most)
    throw FileError(fmt::format("{}: unpacks to {} bytes, wanted at most {}; raise the limit if that is meant",
                                b.name(), total, most));
}

// A stream of zlib that ends itself.
struct Stream {
  z_stream z = {};
  int (*end)(z_streamp);
  explicit Stream(int (*end)(z_streamp)) : end(end) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { end(&z); }
};

constexpr int no_header = -15;  // plain deflate data, as zip holds them

std::vector<uint8_t> inflated(const Bytes& b, const Entry& e) {
  Stream stream(::inflateEnd);
  if (::inflateInit2(&stream.z, no_header) != Z_OK) throw MemoryError("inflate: zlib got no memory; free some");
  stream.z.next_in = const_cast<uint8_t*>(b.at(e.begin, e.packed));
  stream.z.avail_in = e.packed;
  std::vector<uint8_t> out;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    const size_t have = out.size(), room = std::min(piece, size_t(e.unpacked) + 1 - have);
    out.resize(have + room);
    stream.z.next_out = out.data() + have;
    stream.z.avail_out = uInt(room);
    status = ::inflate(&stream.z, Z_NO_FLUSH);
    out.resize(have + room - stream.z.avail_out);
    if ((status != Z_OK && status != Z_STREAM_END) || out.size() > e.unpacked)
      b.damaged(fmt::format("has a member '{}' that does not unpack", e.name));
  }
  return out;
}

// ---- writing ------------------------------------------------------------------------------------

std::vector<uint8_t> deflate_all(const std::vector<uint8_t>& plain) {
  Stream stream(::deflateEnd);
  constexpr int memory_level = 8;
  if (::deflateInit2(&stream.z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, no_header, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
    throw MemoryError("deflate: zlib got no memory; free some");
  std::vector<uint8_t> out(::deflateBound(&stream.z, uLong(plain.size())));
  stream.z.next_in = const_cast<uint8_t*>(plain.data());
  stream.z.avail_in = uInt(plain.size());
  stream.z.next_out = out.data();
  stream.z.avail_out = uInt(out.size());
  ::deflate(&stream.z, Z_FINISH);  // the bound leaves room for all
  out.resize(stream.z.total_out);
  return out;
}

struct Writer {
  std::vector<uint8_t> bytes;
  Writer& two(size_t n) {
    bytes.push_back(uint8_t(n));
    bytes.push_back(uint8_t(n >> 8));
    return *this;
  }
  Writer& four(size_t n) { return two(n).two(n >> 16); }
  template <class Range> Writer& all(const Range& range) {
    bytes.insert(bytes.end(), range.begin(), range.end());
    return *this;
  }
};

// What the two records of a member share: from the version that is needed to the lengths of name and extra field.
void describe_member(Writer& to, const ZipMember& member, uint16_t method, size_t packed) {
  constexpr size_t version = 20, utf8_names = 0x0800, midnight = 0, first_of_1980 = 0x21;
  const uLong crc = ::crc32_z(::crc32(0, nullptr, 0), member.bytes.data(), member.bytes.size());
  to.two(version).two(utf8_names).two(method).two(midnight).two(first_of_1980);
  to.four(crc).four(packed).four(member.bytes.size()).two(member.name.size()).two(0);
}

}  // namespace

std::vector<ZipMember> read_zip(const std::string& name, const uint8_t* bytes, size_t size, size_t most) {
  const Bytes b(name, bytes, size);
  std::vector<Entry> entries = read_directory(b);
  check(b, entries, most);
  locate(b, entries);
  std::vector<ZipMember> members;
  for (const Entry& e : entries) {
    const uint8_t* packed = b.at(e.begin, e.packed);
    ZipMember member{e.name, e.method == stored ? std::vector<uint8_t>(packed, packed + e.packed) : inflated(b, e)};
    const uLong crc = ::crc32_z(::crc32(0, nullptr, 0), member.bytes.data(), member.bytes.size());
    if (member.bytes.size() != e.unpacked || crc != e.crc)
      b.damaged(fmt::format("has a member '{}' that does not fit its checksum", e.name));
    members.push_back(std::move(member));
  }
  return members;
}

std::vector<uint8_t> zipped(const char* op, const std::vector<ZipMember>& members, bool compressed) {
  constexpr uint64_t most = 0xfffffffe, most_members = 0xfffe, longest_name = 0xffff;
  uint64_t total = 0;
  for (const ZipMember& m : members) {
    if (m.name.size() > longest_name)
      throw ParamError(
          fmt::format("{}: a name has {} bytes, wanted at most {}; shorten it", op, m.name.size(), longest_name));
    total += m.bytes.size() + m.bytes.size() / 1000 + 2 * m.name.size() + 1000;  // records, and what does not deflate
  }
  if (total > most || members.size() > most_members)
    throw ParamError(
        fmt::format("{}: got {} arrays of {} bytes in all, wanted at most {} below 4 GiB; write safetensors", op,
                    members.size(), total, most_members));
  Writer archive, directory;
  for (const ZipMember& member : members) {
    const std::vector<uint8_t> packed = compressed ? deflate_all(member.bytes) : std::vector<uint8_t>();
    const std::vector<uint8_t>& data = compressed ? packed : member.bytes;
    const uint16_t method = compressed ? deflated : stored;
    const size_t offset = archive.bytes.size();
    archive.four(local_mark);
    describe_member(archive, member, method, data.size());
    archive.all(member.name).all(data);
    constexpr size_t made_by = 20;
    directory.four(central_mark).two(made_by);
    describe_member(directory, member, method, data.size());
    directory.two(0).two(0).two(0).four(0).four(offset).all(member.name);  // comment, disk, attributes
  }
  const size_t begin = archive.bytes.size(), size = directory.bytes.size();
  archive.all(directory.bytes);
  archive.four(end_mark).two(0).two(0).two(members.size()).two(members.size()).four(size).four(begin).two(0);
  return archive.bytes;
}

}  // namespace gradus
