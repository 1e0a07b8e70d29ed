#include "gradus/core/tensor.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "gradus/core/convert.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/pool.h"

namespace gradus {
namespace {

void free_cpu_storage(Counted* counted) noexcept {
  auto* storage = static_cast<Storage*>(counted);
  const int64_t bytes = storage->bytes;
  storage->~Storage();
  pool::release(storage, sizeof(Storage) + size_t(bytes), pool::Kind::data);
}

void free_state(Counted* counted) noexcept {
  auto* state = static_cast<TensorState*>(counted);
  state->~TensorState();
  pool::release(state, sizeof(TensorState), pool::Kind::tensor);
}

// A small tensor is one block: its storage's header, its state, its elements.  The storage owns the block; the state,
// which holds the storage, never outlives it.
struct SmallTensor {
  static constexpr int64_t most_bytes = 192;
  Storage storage;
  TensorState state;
  alignas(64) char elements[most_bytes];

  static void free_storage(Counted* counted) noexcept {  // the storage stands first: its address is the block's
    static_cast<Storage*>(counted)->~Storage();
    pool::release(counted, sizeof(SmallTensor), pool::Kind::tensor);
  }
  static void free_state(Counted* counted) noexcept {
    auto* state = static_cast<TensorState*>(counted);
    Storage* storage = state->storage.take();
    state->~TensorState();
    if (storage->shared()) storage->release();  // a view lives on
    else free_storage(storage);
  }
  static TensorState* make(void* memory, const Shape& shape, const Shape& strides, int64_t numel, Dtype dtype,
                           int64_t bytes) {
    auto* block = static_cast<SmallTensor*>(memory);
    Storage* storage = ::new (&block->storage) Storage(block->elements, bytes, cpu, &free_storage);
    return ::new (&block->state) TensorState(&free_state, shape, strides, numel, dtype, Ref<Storage>::adopt(storage));
  }
};

TensorState* make_state(const Shape& shape, const Shape& strides, int64_t numel, Dtype dtype, Ref<Storage> storage) {
  return ::new (pool::allocate(sizeof(TensorState), pool::Kind::tensor))
      TensorState(&free_state, shape, strides, numel, dtype, std::move(storage));
}

// An uninitialised dense tensor.
TensorState* make_dense(const Shape& shape, const Shape& strides, int64_t numel, Dtype dtype, Device device) {
  const int64_t bytes = numel * size_of(dtype);
  if (bytes <= SmallTensor::most_bytes && device.kind == Device::cpu_kind)
    return SmallTensor::make(pool::allocate(sizeof(SmallTensor), pool::Kind::tensor), shape, strides, numel, dtype,
                             bytes);
  return make_state(shape, strides, numel, dtype,
                    device == cpu ? Storage::allocate(bytes) : allocate_on_device(shape, dtype, device));
}

bool is_dense(const Shape& shape, const Shape& strides) {
  int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

// Walks all dimensions but the last; f(offset in from, offset in to) starts each run of `shape.back()` elements.
template <class F> void each_run(const Shape& shape, const Shape& from, const Shape& to, F f) {
  if (shape.numel() == 0) return;
  Shape index = Shape::filled(shape.rank(), 0);
  int64_t a = 0, b = 0;
  while (true) {
    f(a, b);
    int d = shape.rank() - 2;
    for (; d >= 0; --d) {
      a += from[d], b += to[d];
      if (++index[d] < shape[d]) break;
      a -= from[d] * shape[d], b -= to[d] * shape[d];
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

}  // namespace

Ref<Storage> Storage::allocate(int64_t bytes) {
  void* block = pool::allocate(sizeof(Storage) + size_t(bytes), pool::Kind::data);
  return Ref<Storage>::adopt(::new (block)
                                 Storage(static_cast<char*>(block) + sizeof(Storage), bytes, cpu, &free_cpu_storage));
}

std::string text(Device device) {
  return device.kind == Device::cpu_kind ? "cpu" : fmt::format("cuda:{}", device.index);
}

namespace {

[[noreturn]] void refuse(const Shape& shape) {
  for (int64_t extent : shape)
    if (extent < 0) throw ShapeError(fmt::format("tensor: got shape {}, extents must not be negative", text(shape)));
  throw MemoryError(
      fmt::format("tensor: shape {} asks for more elements than a machine can hold; check the extents", text(shape)));
}

}  // namespace

Tensor::Tensor(const Shape& shape, Dtype dtype, Device device) {
  Shape strides = shape;
  int64_t numel = 1, step = 1;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    const int64_t extent = shape[d];
    strides[d] = step;
    if (extent < 0 || __builtin_mul_overflow(step, extent ? extent : 1, &step) || step > int64_t{1} << 48) [[unlikely]]
      refuse(shape);
    numel *= extent;
  }
  state_ = Ref<TensorState>::adopt(make_dense(shape, strides, numel, dtype, device));
}

namespace {

// Apart from empty_like(), so that the path of a small tape needs no frame.
[[gnu::noinline]] Tensor slowly_like(const TensorState& s) {
  const Device device = s.storage->device;
  if (!s.contiguous) return Tensor(s.shape, s.dtype, device);
  return Tensor(Ref<TensorState>::adopt(make_dense(s.shape, s.strides, s.numel, s.dtype, device)));
}

}  // namespace

Tensor Tensor::empty_like(const Tensor& like) {
  const TensorState& s = *like.state_;
  const int64_t bytes = s.numel * size_of(s.dtype);
  if (!s.contiguous || bytes > SmallTensor::most_bytes || s.storage->device.kind != Device::cpu_kind) [[unlikely]]
    return slowly_like(s);
  void* memory = pool::allocate_cached(sizeof(SmallTensor), pool::Kind::tensor);
  if (!memory) [[unlikely]]
    return slowly_like(s);
  return Tensor(Ref<TensorState>::adopt(SmallTensor::make(memory, s.shape, s.strides, s.numel, s.dtype, bytes)));
}

Tensor Tensor::alias(const Shape& shape, const Shape& strides, int64_t offset) const {
  TensorState* view = make_state(shape, strides, shape.numel(), dtype(), state_->storage);
  view->data = static_cast<char*>(state_->data) + offset * size_of(dtype());
  view->contiguous = is_dense(shape, strides);
  return Tensor(Ref<TensorState>::adopt(view));
}

int64_t Tensor::size(int64_t dim) const {
  const int d = dimension("size", dim, rank());
  return rank() == 0 ? 1 : shape()[d];
}

void Tensor::undefined() {
  throw StateError(
      "tensor: there is none, as where grad() was asked before backward() gave a leaf its gradient; ask defined() "
      "first");
}

void Tensor::wrong_type(Dtype asked) const {
  throw DtypeError(fmt::format("data: asked for {}, the tensor is {}; ask for its own type or convert it with to()",
                               name_of(asked), name_of(dtype())));
}

void Tensor::not_on_cpu(const char* op) const {
  if (std::strncmp(op, "operator", 8) != 0) no_kernel(op, device());
  throw DeviceError(  // asked for in a lambda, whose name says nothing
      fmt::format("data: the elements are on {}, wanted on cpu; move the tensor with to(x, cpu)", text(device())));
}

namespace {

// One element of any dtype, on any device, as T (double, or int64_t for exact integers).
template <class T> T read_element(const Tensor& t, int64_t offset) {
  return visit(t.dtype(), [&]<class E>(Type<E>) {
    const E* p = static_cast<const E*>(t.address()) + offset;
    E x;
    if (on_cpu(t)) x = *p;
    else read_bytes(t.device(), &x, p, sizeof x);
    return convert<T>(x);
  });
}

}  // namespace

double Tensor::item() const {
  if (numel() != 1)
    throw ShapeError(
        fmt::format("item: got shape {}, wanted one element; reduce or index the tensor first", text(shape())));
  return read_element<double>(*this, 0);
}

int64_t Tensor::item_integer() const {
  if (numel() != 1)
    throw ShapeError(
        fmt::format("item: got shape {}, wanted one element; reduce or index the tensor first", text(shape())));
  return read_element<int64_t>(*this, 0);
}

int64_t Tensor::offset_of(const char* op, std::initializer_list<int64_t> index) const {
  if (int(index.size()) != rank())
    throw IndexError(
        fmt::format("{}: got {} indices, a tensor of shape {} wants {}", op, index.size(), text(shape()), rank()));
  int64_t offset = 0;
  int d = 0;
  for (int64_t i : index) {
    if (i < -shape()[d] || i >= shape()[d])
      throw IndexError(fmt::format("{}: index {} in dimension {} is outside [0, {})", op, i, d, shape()[d]));
    offset += (i < 0 ? i + shape()[d] : i) * strides()[d];
    ++d;
  }
  return offset;
}

double Tensor::at(std::initializer_list<int64_t> index) const {
  return read_element<double>(*this, offset_of("at", index));
}

void Tensor::set(std::initializer_list<int64_t> index, double value) {
  const int64_t offset = offset_of("set", index);
  check_writable("set", *this);
  bump_version();
  visit(dtype(), [&]<class E>(Type<E>) {
    E* p = static_cast<E*>(address()) + offset;
    const E x = convert<E>(value);
    if (on_cpu(*this)) *p = x;
    else write_bytes(device(), p, &x, sizeof x);
  });
}

std::vector<double> Tensor::to_vector() const {
  if (!on_cpu(*this)) {
    Tensor here(shape(), dtype());
    copy_elements(*this, here);
    return here.to_vector();
  }
  std::vector<double> out(static_cast<size_t>(numel()));
  const Shape shape = rank() == 0 ? Shape{1} : this->shape(), strides = rank() == 0 ? Shape{1} : this->strides();
  visit(dtype(), [&]<class E>(Type<E>) {
    const E* from = static_cast<const E*>(bytes());
    each_run(shape, strides, dense_strides(shape), [&](int64_t a, int64_t b) {
      for (int64_t i = 0; i < shape.back(); ++i) out[b + i] = convert<double>(from[a + i * strides.back()]);
    });
  });
  return out;
}

std::string describe(const Tensor& t) { return fmt::format("{} {}", name_of(t.dtype()), text(t.shape())); }

namespace {

// A row.  Dense and constant ones have loops of their own, which vectorise.
template <class A, class B> void copy_row(const A* from, int64_t from_step, B* to, int64_t to_step, int64_t n) {
  if (from_step == 1 && to_step == 1)
    for (int64_t k = 0; k < n; ++k) to[k] = convert<B>(from[k]);
  else if (from_step == 0 && to_step == 1) std::fill_n(to, n, convert<B>(*from));
  else
    for (int64_t k = 0; k < n; ++k) to[k * to_step] = convert<B>(from[k * from_step]);
}

// Rows whose columns are dense, as in a transposed matrix: square by square, so that all of a cache line is used
// before it is gone.
template <class A, class B>
void copy_columns(const A* from, int64_t from_step, B* to, int64_t to_step, int64_t rows, int64_t n) {
  constexpr int64_t side = 32;
  for (int64_t r = 0; r < rows; r += side)
    for (int64_t c = 0; c < n; c += side)
      for (int64_t i = r; i < std::min(rows, r + side); ++i)
        copy_row(from + i + c * from_step, from_step, to + i * to_step + c, 1, std::min(side, n - c));
}

}  // namespace

void copy_elements(const Tensor& from, Tensor& to) {
  if (from.numel() == 0) return;
  if (!on_cpu(from) || !on_cpu(to)) return copy_elements_with_device(from, to);
  void* out = to.mutable_bytes();
  if (from.dtype() == to.dtype() && from.is_contiguous() && to.is_contiguous()) {
    std::memmove(out, from.bytes(), size_t(from.numel() * size_of(from.dtype())));
    return;
  }
  const bool number = from.rank() == 0;
  const Shape shape = number ? Shape{1} : from.shape();
  const Shape from_strides = number ? Shape{1} : from.strides(), to_strides = number ? Shape{1} : to.strides();
  const int64_t n = shape.back(), from_step = from_strides.back(), to_step = to_strides.back();
  const int row = shape.rank() - 2;
  const bool transposed = row >= 0 && from_strides[row] == 1 && from_step > 1 && to_step == 1;
  visit(from.dtype(), [&]<class A>(Type<A>) {
    visit(to.dtype(), [&]<class B>(Type<B>) {
      const A* a = static_cast<const A*>(from.bytes());
      B* b = static_cast<B*>(out);
      if (transposed) {
        Shape matrices = shape;
        matrices[row] = 1;
        each_run(matrices, from_strides, to_strides,
                 [&](int64_t i, int64_t j) { copy_columns(a + i, from_step, b + j, to_strides[row], shape[row], n); });
      } else {
        each_run(shape, from_strides, to_strides,
                 [&](int64_t i, int64_t j) { copy_row(a + i, from_step, b + j, to_step, n); });
      }
    });
  });
}

Tensor dense(const Tensor& t) {
  if (t.is_contiguous()) return t;
  Tensor copy(t.shape(), t.dtype(), t.device());
  copy_elements(t, copy);
  return copy;
}

}  // namespace gradus
