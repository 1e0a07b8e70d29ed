// NumPy's files: one array in .npy, arrays by name in .npz.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gradus/core/named_tensors.h"

namespace gradus {

/// The array of a .npy file of version 1 to 3, in C or Fortran order, of float16, float32, float64, int32, int64, uint8
/// or bool, little-endian. Throws FileError naming the file when it is missing, cut off, damaged, too long, or of
/// another dtype.
Tensor read_npy(const std::string& path);
/// The same from memory; `name` stands for the bytes in errors.
Tensor read_npy(const std::string& name, const uint8_t* bytes, size_t size);
/// Writes what numpy.load reads, as write_file does. Throws DtypeError for bfloat16, which NumPy lacks.
void write_npy(const std::string& path, const Tensor& tensor);

/// The arrays of a .npz file by name, stored or compressed, in time and memory bounded by what they unpack to, which
/// may be `most` bytes. Throws FileError as read_npy, and for a damaged archive, arrays of one name, or a member that
/// is no array.
NamedTensors read_npz(const std::string& path, size_t most = size_t{1} << 32);
NamedTensors read_npz(const std::string& name, const uint8_t* bytes, size_t size, size_t most = size_t{1} << 32);
/// Writes what numpy.load reads, as write_file does. Throws DtypeError for bfloat16, ParamError when a name comes twice
/// or the archive would pass 4 GiB.
void write_npz(const std::string& path, const NamedTensors& tensors, bool compressed = false);

}  // namespace gradus
