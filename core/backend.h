// The seam between the tensors and the devices other than the CPU: a table of plain functions that a module,
// libgradus_cuda.so or libgradus_emulate.so, hands over when it is opened.  No CUDA type is named here.
#pragma once
#include <cstdint>
#include <string>

#include "gradus/core/device.h"
#include "gradus/core/formula.h"
#include "gradus/core/monoids.h"
#include "gradus/core/shape.h"

namespace gradus {

struct DeviceProperties {
  char name[256];
  int64_t bytes;  // of memory
  int multiprocessors;
  int major, minor;  // compute capability
};

// Strided elements on a device.
struct Elements {
  void* data = nullptr;
  Dtype dtype = Dtype::float32;
  int rank = 0;
  int64_t extent[Shape::max_rank] = {}, stride[Shape::max_rank] = {};  // strides in elements
};

// A call of an elementwise op; all operands are of the result's shape, by strides of 0 where they are broadcast.
struct OperationCall {
  static constexpr int most_inputs = 3, most_constants = 2;
  const char* name = "";
  Elements in[most_inputs], to;
  double constants[most_constants] = {};
};

// A call of a Map or a Fold: the views hold device addresses, the totals and the problem lie on the host.
struct DeviceCall : Call {
  const char* name = "";  // of the loss
  int device = 0;
  double constant[max_inputs] = {};  // of an input without data: its one number
};

// The formulas of one name, in the order of its LossEntry; null where a formula has no kernel.
struct DeviceLoss {
  const char* name;
  int formulas;
  void (*const* run)(const DeviceCall&);
};

// What a module exports.  A function gives false where it failed and leaves the reason in error().
struct Backend {
  static constexpr int current_version = 3;
  static constexpr const char* symbol = "gradus_backend";
  using Open = const Backend* (*)();

  int version;
  const char* name;        // "CUDA 13.0"; "emulator"
  const char* (*error)();  // why this thread's last call failed
  int (*device_count)();   // 0 where there is none, with the reason in error()
  bool (*properties)(int device, DeviceProperties* to);
  void* (*allocate)(int device, int64_t bytes);  // null where memory is out
  void (*release)(int device, void* data);
  bool (*empty_cache)(int device);                                      // of memory that was released and kept
  bool (*copy)(int device, void* to, const void* from, int64_t bytes);  // to, from or both on the device; waits
  bool (*synchronise)(int device);
  bool (*fill)(int device, const Elements& to, double value);
  bool (*convert)(int device, const Elements& from, const Elements& to);  // of one shape
  // an op by its place in operations::All; int64 only where the op has a meaning there
  bool (*operate)(int device, int operation, const OperationCall& call);
  // truths, by a comparison's place in operations::Comparisons
  bool (*compare)(int device, int comparison, const OperationCall& call);
  // to = in[0] == constants[0] ? in[1] : in[2], or constants[1] where in[2] has no data
  bool (*choose)(int device, const OperationCall& call);
  // to = a b over the last two dimensions, the batches before them of to's extents; one float dtype, to dense
  bool (*multiply)(int device, const Elements& a, const Elements& b, const Elements& to);
  // folds the dimensions where to's extent is 1; floats to their own dtype, integers to int64
  bool (*reduce)(int device, Monoid monoid, const Elements& from, const Elements& to);
  // the first place along those dimensions, in row-major order, that holds `wanted` or a NaN; int64
  bool (*find)(int device, const Elements& from, const Elements& wanted, const Elements& to);
  // to[i…] = from[i… with index[i…] for the dim-th]; the adjoint adds from[i…] there
  bool (*gather)(int device, const Elements& from, int dim, const Elements& index, const Elements& to);
  bool (*scatter)(int device, const Elements& from, int dim, const Elements& index, const Elements& to);
  // to[i] = factors[i] to[i - 1] + terms[i] along dim, `start` before the first; without data factors are 1, terms 0
  bool (*scan)(int device, const Elements& factors, const Elements& terms, int dim, bool down, double start,
               const Elements& to);
  // the places of the first elements of every line along dim, in order; to's extent there says how many; int64
  bool (*order)(int device, const Elements& from, int dim, bool descending, const Elements& to);
  // to = from / keep where the element's random word says so, else 0; both dense
  bool (*thin)(int device, const Elements& from, uint64_t seed, uint64_t stream, double keep, const Elements& to);
  bool (*run)(const DeviceLoss& loss, int formula, const DeviceCall& call);
  const DeviceLoss* const* losses;  // in the order of the registry
  int loss_count;
};

// The module's table.  DeviceError, naming `op`, says in one sentence why there is none, or no device of that index.
const Backend& backend(const char* op, Device device);
// How many devices there are; when none, *why (which may be null) says so in one sentence.
int device_count(std::string* why = nullptr);
DeviceProperties properties_of(Device device);
// Gives memory that was released, and is kept for the next tensors, back to the driver.
void empty_cache(Device device);
// Waits until all that was started on the device is done.
void synchronise(Device device);
// Throws the module's error, naming `op`, unless ok.
void check_device(const char* op, Device device, bool ok);

}  // namespace gradus
