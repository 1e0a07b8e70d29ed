// The few things that the tape and the losses do with tensors on a device, below the graph.
#pragma once
#include "gradus/core/backend.h"
#include "gradus/core/device_memory.h"
#include "gradus/core/monoids.h"
#include "gradus/core/tensor.h"

namespace gradus {

inline bool on_cpu(const Tensor& t) { return t.device().kind == Device::cpu_kind; }

// Sets every element; on any device.
void fill_elements(Tensor& t, double value);

// ---- of tensors on a device other than the CPU, all on the same one -----------------------------

// to = op(inputs…), the op by its place in operations::All and each input broadcast to to's shape.
void device_operate(const char* op, int operation, const Tensor* const* inputs, int count, Tensor& to,
                    const double* constants, int constant_count);
// The same for truths: the comparison by its place in operations::Comparisons.
void device_compare(const char* op, int comparison, const Tensor* const* inputs, int count, Tensor& to,
                    const double* constants, int constant_count);
// to = inputs[0] == constants[0] ? inputs[1] : inputs[2], or constants[1] where there are only two.
void device_choose(const char* op, const Tensor* const* inputs, int count, Tensor& to, const double* constants);
// into += more
void device_add(Tensor& into, const Tensor& more);
// to = a b + bias, whose batch dimensions broadcast to those of `to`, which is dense.  The bias, a number for every
// column, may be undefined.
void device_multiply(const char* op, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& to);
// The fold over the dimensions that `shape`, of the same rank, has 1 in: in x's dtype, or int64 for integers.
Tensor device_reduce(const char* op, Monoid monoid, const Tensor& x, const Shape& shape);
// The first place along those dimensions, in row-major order, that holds `wanted`, which has that shape, or a NaN.
Tensor device_find(const char* op, const Tensor& x, const Tensor& wanted);
// to[i…] = x[i… with index[i…] for the dim-th]; index broadcasts to the shape of `to`.
void device_gather(const char* op, const Tensor& x, int dim, const Tensor& index, Tensor& to);
// to[i… with index[i…] for the dim-th] += x[i…]; index broadcasts to the shape of x.
void device_scatter(const char* op, const Tensor& x, int dim, const Tensor& index, Tensor& to);
// to[i] = factors[i] to[i - 1] + terms[i] along dim, `start` before the first; undefined factors are 1, terms 0.
void device_scan(const char* op, const Tensor& factors, const Tensor& terms, int dim, bool down, double start,
                 Tensor& to);
// The places of the first elements of every line along dim, in order; the extent of `to` there says how many.
void device_order(const char* op, const Tensor& x, int dim, bool descending, Tensor& to);
// Element i of a dense x, over mask.keep, where random word i of the stream says so, else 0.
Tensor device_thin(const char* op, const Tensor& x, const MaskCall& mask);
// A convolution, whose form is in the call, of dense tensors; one of the three is written.  False where the device
// leaves it to products of matrices.
bool device_convolve(const char* op, ConvolutionCall call, const Tensor& x, const Tensor& w, const Tensor& y);
// The reduced value of a loss and the factor that its gradients want, both numbers on the device.
void device_average(const char* op, Device device, const AverageCall& call);
// The parameter's step by the rule, of so many bytes, at a place of update_rules::All; all are dense, of one shape and
// dtype.
void device_update(int place, const void* rule, size_t rule_bytes, const Tensor& gradient, Tensor* buffers, int count,
                   Tensor& parameter);

// ---- what copies of tensors are made of ---------------------------------------------------------

// From the device to the host, after the checks that were deferred; and from the host to the device.  Both wait.
void read_bytes(Device device, void* to, const void* from, int64_t bytes);
void write_bytes(Device device, void* to, const void* from, int64_t bytes);
// copy_elements() where one of the two is on a device.
void copy_elements_with_device(const Tensor& from, Tensor& to);

// Throws the DeviceError of an op that has no kernel where t lies.
[[noreturn]] void no_kernel(const char* op, Device device);
inline void check_on_cpu(const char* op, const Tensor& t) {
  if (!on_cpu(t)) [[unlikely]]
    no_kernel(op, t.device());
}

}  // namespace gradus
