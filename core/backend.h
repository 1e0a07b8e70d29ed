// The seam between the tensors and the devices other than the CPU: a table of plain functions that a module,
// libgradus_cuda.so or libgradus_emulate.so, hands over when it is opened.  No CUDA type is named here.
#pragma once
#include <cstdint>
#include <functional>
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

// An optimiser's step of one parameter; everything is dense.
struct UpdateCall {
  static constexpr int most_buffers = 3;
  Dtype dtype = Dtype::float32;
  int64_t count = 0;
  void* parameter = nullptr;
  const void* gradient = nullptr;
  void* buffer[most_buffers] = {};
  const void* rule_there = nullptr;  // where the rule lies on the device, of a recorded step; otherwise it is given
  const bool* only_if = nullptr;     // on the device: nothing changes where it is false; null where nothing is asked
};

// A random mask: the seed and the stream of its words, and the probability of being kept.
struct MaskCall {
  uint64_t seed = 0, stream = 0;
  double keep = 1;
  const void* words_there = nullptr;  // where seed and stream lie on the device, of a recorded step
};

// A convolution of dense images (images, groups · channels, …) with weights (groups · filters, channels, …), or one of
// its two adjoints.
struct ConvolutionCall {
  enum class Wanted { output, input, weight };  // which of the three follows from the two others
  Wanted wanted = Wanted::output;
  Dtype dtype = Dtype::float32;
  int64_t images = 0, groups = 0, channels = 0, filters = 0;
  int64_t image[2] = {}, kernel[2] = {}, output[2] = {}, stride[2] = {}, padding[2] = {}, dilation[2] = {};
  void *x = nullptr, *w = nullptr, *y = nullptr;
};

// What the kernel of a loss leaves on its device.
struct LossReport {
  Totals totals;
  unsigned long long problem;  // where the first value outside its range lies; all ones when there is none
};

// Of a whole number: what it may be, and which stands for no label.
struct BlockBounds {
  bool checked = false, label = false;
  int64_t low = 0, end = 0, ignored = 0;
};
// A call of a Block, all of whose addresses are the device's.
struct BlockOnDevice {
  BlockCall call;
  BlockBounds bounds[max_inputs];
  int teams = 1, team = 1;  // how many problems are solved at a time, and by how many threads each: 1, 32 or 256
  void* memory = nullptr;   // `room` bytes for each of the teams
  int64_t room = 0;
};

// A call of a loss: the views hold device addresses, the totals and the problem lie on the host.
struct DeviceCall : Call {
  const char* name = "";         // of the loss
  LossReport* report = nullptr;  // on the device; every byte is 255 before
  int device = 0;
  double constant[max_inputs] = {};  // of an input without data: its one number
  BlockOnDevice block;               // of a Block, and nothing else is
};

// The formulas of one name, in the order of its LossEntry; null where a formula has no kernel.
struct DeviceLoss {
  const char* name;
  int formulas;
  void (*const* run)(const DeviceCall&);
  void (*const* settle)(const DeviceCall&);
};

// The reduced value of a loss from its report: Σ value / n, by what n is.
struct AverageCall {
  const LossReport* report = nullptr;
  Dtype dtype = Dtype::float32;
  enum class Over { count, active, count_or_one, given } over = Over::given;
  double given = 1;
  double of_nothing = 0;       // the value where n is 0
  double likely = 1;           // what the gradients were divided by
  void* value = nullptr;       // of the dtype
  void* correction = nullptr;  // likely / n, which makes them right; 0 where n is 0
};

// What a module exports.  A function gives false where it failed and leaves the reason in error().
struct Backend {
  static constexpr int current_version = 8;
  static constexpr const char* symbol = "gradus_backend";
  static constexpr const char* out_of_memory = "out of device memory";  // the error of an allocation for which no room is
  using Open = const Backend* (*)();

  int version;
  const char* name;        // "CUDA 13.0"; "emulator"
  const char* (*error)();  // why this thread's last call failed
  bool (*lost)();          // did it end the device for good?
  int (*device_count)();   // 0 where there is none, with the reason in error()
  bool (*properties)(int device, DeviceProperties* to);
  // Null where memory is out; `lasts`: from replay to replay of the step that is recorded.
  void* (*allocate)(int device, int64_t bytes, bool lasts);
  void (*release)(int device, void* data);
  bool (*empty_cache)(int device);                                      // of memory that was released and kept
  bool (*copy)(int device, void* to, const void* from, int64_t bytes);  // to, from or both on the device; waits
  bool (*send)(int device, void* to, const void* from, int64_t bytes);  // from the host; does not wait
  bool (*synchronise)(int device);
  // What this thread starts on the device from now on is kept instead, until end_recording, which gives it as a graph.
  bool (*begin_recording)(int device);
  bool (*end_recording)(int device, void** graph);
  bool (*replay)(int device, void* graph);
  void (*forget)(int device, void* graph);
  bool (*fill)(int device, const Elements& to, double value);
  bool (*convert)(int device, const Elements& from, const Elements& to);  // of one shape
  // an op by its place in operations::All; int64 only where the op has a meaning there
  bool (*operate)(int device, int operation, const OperationCall& call);
  // truths, by a comparison's place in operations::Comparisons
  bool (*compare)(int device, int comparison, const OperationCall& call);
  // to = in[0] == constants[0] ? in[1] : in[2], or constants[1] where in[2] has no data
  bool (*choose)(int device, const OperationCall& call);
  // to = a b (+ bias, a number for every column) over the last two dimensions, the batches before them of to's extents;
  // one float dtype, to dense
  bool (*multiply)(int device, const Elements& a, const Elements& b, const Elements& bias, const Elements& to);
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
  bool (*thin)(int device, const Elements& from, const MaskCall& mask, const Elements& to);
  // *taken tells whether a library of the module did it
  bool (*convolve)(int device, const ConvolutionCall& call, bool* taken);
  // a step by the rule at a place of update_rules::All, which lies on the host
  bool (*update)(int device, int place, const void* rule, const UpdateCall& call);
  // starts the kernels of a loss; settle waits for them and brings totals and problem from the report to the host
  bool (*run)(const DeviceLoss& loss, int formula, const DeviceCall& call);
  bool (*settle)(const DeviceLoss& loss, int formula, const DeviceCall& call);
  bool (*average)(int device, const AverageCall& call);
  const DeviceLoss* const* losses;  // in the order of the registry
  int loss_count;
};

// The module's table.  DeviceError, naming `op`, says in one sentence why there is none, or no device of that index.
const Backend& backend(const char* op, Device device);
// How many devices there are; when none, *why (which may be null) says so in one sentence.
int device_count(std::string* why = nullptr);
DeviceProperties properties_of(Device device);
// Gives memory that was released, and is kept for the next tensors, back to the system or the device's driver; on the
// CPU that of the calling thread, of threads that ended, and all large blocks.  memory.h has the figures.
void empty_cache(Device device = cpu);
// Waits until all that was started on the device is done.
void synchronise(Device device);
// Keeps a check of what this thread started there, which would have to wait, until somebody waits anyway: before the
// next number is read from the device, or in synchronise().  There it throws what it has to say.
void defer_check(Device device, std::function<void()> check);
void settle_checks(Device device);
// Which devices this thread computes with while this lives; they may not be nested.
class DevicesUsed {
 public:
  DevicesUsed();
  DevicesUsed(const DevicesUsed&) = delete;
  DevicesUsed& operator=(const DevicesUsed&) = delete;
  ~DevicesUsed();
  Device only(const char* op) const;  // cpu where there was none; StateError, naming `op`, where there were two
};
// Did an error end the device for good? Then nothing more is asked of it: backend() throws, naming the first cause.
bool is_lost(Device device);
// Throws the module's error, naming `op`, unless ok.
void check_device(const char* op, Device device, bool ok);

}  // namespace gradus
