// Files that are complete at any time: a path that once held a file always holds one, the old or the new.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace gradus {

/// Bytes that lie somewhere else.
struct Piece {
  const void* data;
  size_t size;
};

/// Writes the pieces, one after the other, to a temporary file beside `path`, brings it to the disk, renames it to
/// `path` and brings the folder's entry to the disk. What writers that died left beside `path` is swept. Throws
/// FileError naming the path: no folder, no permission, no room, no regular file; then `path` is as it was.
void write_file(const std::string& path, const std::vector<Piece>& pieces);

}  // namespace gradus
