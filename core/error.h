// The errors of gradus.  Every text reads `op: what I got, what I wanted, what to do`.
#pragma once
#include <stdexcept>
#include <string>

namespace gradus {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  virtual const char* kind() const noexcept { return "Error"; }  // the class's name, for programs
};

// One class per kind of mistake, so that a caller may catch just the one it can mend.
class ShapeError : public Error {  // extents that do not fit together
 public:
  using Error::Error;
  const char* kind() const noexcept override { return "ShapeError"; }
};
class DtypeError : public Error {  // the wrong element type
 public:
  using Error::Error;
  const char* kind() const noexcept override { return "DtypeError"; }
};
class DeviceError : public Error {  // tensors on different devices, or a device that cannot be used
 public:
  using Error::Error;
  const char* kind() const noexcept override { return "DeviceError"; }
};
class IndexError : public Error {  // an index or a class label outside its range
 public:
  using Error::Error;
  const char* kind() const noexcept override { return "IndexError"; }
};
class DomainError : public Error {  // a value outside the function's domain, such as a probability of 1.2
 public:
  using Error::Error;
  const char* kind() const noexcept override { return "DomainError"; }
};
class ParamError : public Error {  // a parameter or option outside its range, or an unknown name
 public:
  using Error::Error;
  const char* kind() const noexcept override { return "ParamError"; }
};
class StateError : public Error {  // a call that comes at the wrong time, such as a second backward
 public:
  using Error::Error;
  const char* kind() const noexcept override { return "StateError"; }
};
class FileError : public Error {  // a file that is missing, damaged or not what it claims to be
 public:
  using Error::Error;
  const char* kind() const noexcept override { return "FileError"; }
};
class MemoryError : public Error {  // an allocation that could not be had
 public:
  using Error::Error;
  const char* kind() const noexcept override { return "MemoryError"; }
};

}  // namespace gradus
