// The zip container of .npz files, on zlib alone.
//
// Why not libzip: it would be one more library for everybody who links gradus, its CMake package in Debian does not
// load without tools that lie in other packages, and of the format .npz needs the stored and the deflated member.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

struct ZipMember {
  std::string name;
  std::vector<uint8_t> bytes;
};

// The members of an archive, unpacked. Throws FileError naming the archive when it is damaged, encrypted, spread over
// several files or packed in another way, when members overlap or share a name, when a checksum does not fit, or when
// they unpack to more than `most` bytes; takes memory only for what is really there.
std::vector<ZipMember> read_zip(const std::string& name, const uint8_t* bytes, size_t size, size_t most);

// An archive of these members; the same bytes for the same members at any time. Throws ParamError past 4 GiB; `op`
// names the caller.
std::vector<uint8_t> zipped(const char* op, const std::vector<ZipMember>& members, bool compressed);

}  // namespace gradus
