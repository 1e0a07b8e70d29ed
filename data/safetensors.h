// The safetensors format: named tensors and text metadata in one file that other frameworks open.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "gradus/core/named_tensors.h"

namespace gradus {

using Metadata = std::map<std::string, std::string>;

struct TensorFile {
  NamedTensors tensors;  // in the order in which they lie in the file
  Metadata metadata;
  bool checked = false;  // the file carried a checksum of its contents, and it fits
};

/// Writes tensors and metadata, and among the metadata "checksum": "crc32:" and the CRC-32 of names, dtypes, shapes,
/// elements and metadata (docs/training.md says of which bytes). The path holds the old file or the new one at any
/// time. Throws ParamError for an undefined tensor, a name that comes twice or is "__metadata__", a key "checksum", or
/// text that is not UTF-8; FileError as write_file.
void write_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata = {});

/// Reads such a file, of this or of another framework. Throws FileError naming the file, in time and memory bounded by
/// its size, when it is missing, cut off, damaged, does not fit its checksum, or has a dtype or rank that gradus lacks.
TensorFile read_safetensors(const std::string& path);
/// The same from memory; `name` stands for the bytes in errors.
TensorFile read_safetensors(const std::string& name, const uint8_t* bytes, size_t size);

}  // namespace gradus
