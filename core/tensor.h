// Tensor: a cheap handle on a strided view of shared storage.
//
// Copying a Tensor aliases it; clone() copies the elements.  What may be done with tensors (arithmetic, reductions,
// views that carry gradients) is in ops/; how gradients flow is in autograd/.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <vector>

#include "gradus/core/device.h"
#include "gradus/core/dtype.h"
#include "gradus/core/ref.h"
#include "gradus/core/shape.h"

namespace gradus {

// The bytes behind tensors.  On the CPU header and bytes are one block of the pool.
struct alignas(64) Storage : Counted {
  Storage(void* data, int64_t bytes, Device device, void (*free)(Counted*) noexcept)
      : Counted(free), data(data), bytes(bytes), device(device) {}
  void* data;
  int64_t bytes;
  Device device;
  std::atomic<uint32_t> version{0};  // counts in-place writes; what backward saved compares it

  // Uninitialised, on the CPU; device_memory.h has the other devices'.
  static Ref<Storage> allocate(int64_t bytes);
};

// What all handles on one tensor share.
struct TensorState : Counted {
  TensorState(void (*free)(Counted*) noexcept, const Shape& shape, const Shape& strides, int64_t numel, Dtype dtype,
              Ref<Storage> storage)
      : Counted(free),
        shape(shape),
        strides(strides),
        numel(numel),
        data(storage->data),
        storage(std::move(storage)),
        dtype(dtype) {}
  Shape shape, strides;  // strides in elements
  int64_t numel;
  void* data;  // of the first element
  Ref<Storage> storage;
  Ref<Counted> node;  // the autograd Node that made this tensor, or a leaf's; null for most
  Dtype dtype;
  bool contiguous = true;
};

class Tensor {
 public:
  Tensor() = default;  // no tensor at all: defined() is false
  // An uninitialised tensor; zeros(), full(), tensor() … in factories.h give it values.
  explicit Tensor(const Shape& shape, Dtype dtype = Dtype::float32, Device device = cpu);
  // The same for the shape, dtype and device of `like`.
  static Tensor empty_like(const Tensor& like);
  // A view of the same storage from `offset` elements after this tensor's first.  Carries no gradient.
  Tensor alias(const Shape& shape, const Shape& strides, int64_t offset = 0) const;

  bool defined() const { return bool(state_); }
  // What follows throws StateError where there is no tensor.
  const Shape& shape() const { return there().shape; }
  const Shape& strides() const { return there().strides; }
  int64_t size(int64_t dim) const;  // one extent; dim may count from the end
  int rank() const { return there().shape.rank(); }
  int64_t numel() const { return there().numel; }
  Dtype dtype() const { return there().dtype; }
  Device device() const { return there().storage->device; }
  bool is_contiguous() const { return there().contiguous; }  // dense and row-major

  // The first element.  Elements of a view lie `strides()` apart.  DtypeError when T is not this tensor's type,
  // DeviceError, naming the function that asks, when it is not on the CPU.
  template <class T> const T* data(const char* op = __builtin_FUNCTION()) const {
    if (dtype_of<T> != dtype()) [[unlikely]]
      wrong_type(dtype_of<T>);
    return static_cast<const T*>(bytes(op));
  }
  // The same for writing: the only door to in-place change, so that the version counter cannot be forgotten.
  template <class T> T* mutable_data(const char* op = __builtin_FUNCTION()) {
    if (dtype_of<T> != dtype()) [[unlikely]]
      wrong_type(dtype_of<T>);
    return static_cast<T*>(mutable_bytes(op));
  }
  const void* bytes(const char* op = __builtin_FUNCTION()) const {
    if (device().kind != Device::cpu_kind) [[unlikely]]
      not_on_cpu(op);
    return state_->data;
  }
  void* mutable_bytes(const char* op = __builtin_FUNCTION()) {
    const void* data = bytes(op);
    bump_version();
    return const_cast<void*>(data);
  }

  // ---- for kernels and the tape: unchecked, of a tensor that is there ----------------------------
  void* address() const { return state_->data; }  // of the first element, on the tensor's own device
  uint32_t version() const { return state_->storage->version.load(std::memory_order_relaxed); }
  void bump_version() { state_->storage->version.fetch_add(1, std::memory_order_relaxed); }
  bool same_storage(const Tensor& other) const { return state_->storage == other.state_->storage; }
  // True when no other handle or view sees these elements, so that a kernel may write over them.
  bool sole_owner() const { return !state_->shared() && !state_->storage->shared(); }

  // ---- elements as numbers -----------------------------------------------------------------------
  // The value of a tensor of one element, as a number.
  double item() const;
  int64_t item_integer() const;  // exact for int64
  // One element by its indices (each may count from the end); IndexError outside.
  double at(std::initializer_list<int64_t> index) const;
  // Writes one element.  StateError on a leaf that requires a gradient outside NoGrad.
  void set(std::initializer_list<int64_t> index, double value);
  std::vector<double> to_vector() const;  // row-major, as float64

  Tensor detach() const;      // the same elements outside the graph
  Tensor clone() const;       // a dense copy, through which gradients flow; defined in ops/
  Tensor contiguous() const;  // itself when dense, else a dense copy, through which gradients flow; defined in ops/

  // ---- gradients; defined in autograd/ ----------------------------------------------------------
  bool requires_grad() const { return bool(there().node); }
  // Turns gradient recording on or off for a leaf; DtypeError unless float32 or float64.
  Tensor& requires_grad(bool on);
  bool is_leaf() const;                     // made by the user, or by nothing that was recorded
  const char* made_by() const;              // the op that recorded this tensor; "" for leaves
  Tensor grad() const;                      // what backward accumulated on a leaf; undefined before
  void set_grad(const Tensor& grad) const;  // replaces it; an undefined tensor clears it
  void zero_grad() const { set_grad(Tensor()); }
  // Accumulates d this / d leaf into every leaf's grad(); this must be a single number unless `gradient` is given.
  void backward(const Tensor& gradient = Tensor(), bool retain_graph = false, bool create_graph = false) const;

  const Ref<TensorState>& state() const { return state_; }
  explicit Tensor(Ref<TensorState> state) : state_(std::move(state)) {}

 private:
  const TensorState& there() const {
    if (!state_) [[unlikely]]
      undefined();
    return *state_;
  }
  [[noreturn]] static void undefined();
  [[noreturn]] void wrong_type(Dtype asked) const;
  [[noreturn]] void not_on_cpu(const char* op) const;
  int64_t offset_of(const char* op, std::initializer_list<int64_t> index) const;
  Ref<TensorState> state_;
};

// Throws StateError when an in-place write to t would escape a recording: a leaf that requires a gradient, outside
// NoGrad.
void check_writable(const char* op, const Tensor& t);

// "float32 (2,3)": how errors describe a tensor.
std::string describe(const Tensor&);

// Copies elements between tensors of equal shape, any strides and any devices, converting the dtype where it differs.
// Below the graph: nothing is recorded or checked.
void copy_elements(const Tensor& from, Tensor& to);

// t itself when it is dense, else a dense copy of its elements.  Below the graph.
Tensor dense(const Tensor& t);

}  // namespace gradus
