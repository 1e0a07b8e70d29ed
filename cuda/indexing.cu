#include "gradus/cuda/indexing.h"

#include "gradus/core/convert.h"
#include "gradus/core/order.h"
#include "gradus/core/philox.h"
#include "gradus/cuda/axes.h"

namespace gradus::cuda_kernels {
namespace {

// The dimensions of `shape` but one, by the strides of e; or all, with that one standing still.
Axes lines_of(const Elements& shape, const Elements& e, int dim) {
  Axes axes;
  for (int d = 0; d < shape.rank; ++d)
    if (d != dim) axes.add(shape.extent[d], e.stride[d]);
  return axes;
}
Axes standing(const Elements& shape, const Elements& e, int dim) {
  Axes axes;
  for (int d = 0; d < shape.rank; ++d) axes.add(shape.extent[d], d == dim ? 0 : e.stride[d]);
  return axes;
}
Axes all_of(const Elements& shape, const Elements& e) { return standing(shape, e, -1); }
int64_t step_of(const Elements& e, int dim) { return dim < e.rank ? e.stride[dim] : 0; }
int64_t length_of(const Elements& e, int dim) { return dim < e.rank ? e.extent[dim] : 1; }

// ---- gather and scatter -------------------------------------------------------------------------

template <class E>
__global__ void __launch_bounds__(threads, 1)
    gather_kernel(const E* from, Axes from_axes, int64_t step, const int64_t* index, Axes index_axes, E* to,
                  Axes to_axes, int64_t n) {
  for (int64_t i = first_element(); i < n; i += next_element()) {
    const int64_t at = simt::read(index, index_axes.offset(i));
    simt::write(to, to_axes.offset(i), simt::read(from, from_axes.offset(i) + at * step));
  }
}

struct Line {
  Axes starts;
  int64_t step;
};
Line line_of(const Elements& shape, const Elements& e, int dim) { return {lines_of(shape, e, dim), step_of(e, dim)}; }

template <class E>
__global__ void __launch_bounds__(threads, 1)
    scatter_kernel(const E* from, Line from_line, const int64_t* index, Line index_line, E* to, Line to_line,
                   int64_t lines, int64_t length) {
  for (int64_t l = first_element(); l < lines; l += next_element()) {
    const int64_t source = from_line.starts.offset(l), places = index_line.starts.offset(l);
    const int64_t target = to_line.starts.offset(l);
    for (int64_t k = 0; k < length; ++k) {
      const int64_t at = target + simt::read(index, places + k * index_line.step) * to_line.step;
      simt::write(to, at, E(simt::read(to, at) + simt::read(from, source + k * from_line.step)));
    }
  }
}

// f(a value of the type that has as many bytes): what is only moved needs no other.
template <class Fn> void with_bytes(int64_t size, Fn f) {
  if (size == 1) return f(uint8_t{});
  if (size == 2) return f(uint16_t{});
  if (size == 4) return f(uint32_t{});
  f(uint64_t{});
}

// ---- recurrences --------------------------------------------------------------------------------

template <class E, class State>
__global__ void __launch_bounds__(threads, 1)
    scan_kernel(const E* factors, Line factors_line, const E* terms, Line terms_line, double start, E* to, Line to_line,
                int64_t lines, int64_t first, int64_t length, int64_t way) {
  for (int64_t l = first_element(); l < lines; l += next_element()) {
    const int64_t a = factors_line.starts.offset(l), b = terms_line.starts.offset(l), c = to_line.starts.offset(l);
    State state = State(start);
    for (int64_t k = 0, at = first; k < length; ++k, at += way) {
      if (factors) state = state * State(simt::read(factors, a + at * factors_line.step));
      if (terms) state = state + State(simt::read(terms, b + at * terms_line.step));
      simt::write(to, c + at * to_line.step, E(state));
    }
  }
}

// ---- sorting ------------------------------------------------------------------------------------

// A thread counts who comes before its element: its place in the order, whoever runs first.
template <class E>
__global__ void __launch_bounds__(threads, 1)
    order_kernel(const E* from, Line from_line, bool descending, int64_t* to, Line to_line, int64_t elements,
                 int64_t length, int64_t keep) {
  using T = std::conditional_t<sizeof(E) == 2, float, E>;  // float16 and bfloat16 compare as float32
  for (int64_t e = first_element(); e < elements; e += next_element()) {
    const int64_t line = e / length, i = e % length, start = from_line.starts.offset(line);
    const auto value = [&](int64_t k) { return convert<T>(simt::read(from, start + k * from_line.step)); };
    const T mine = value(i);
    int64_t before = 0;
    for (int64_t k = 0; k < length; ++k) before += precedes(value(k), k, mine, i, descending);
    if (before < keep) simt::write(to, to_line.starts.offset(line) + before * to_line.step, i);
  }
}

// ---- random masks -------------------------------------------------------------------------------

// What a mask draws from: a seed and a stream.
struct Words {
  uint64_t seed, stream;
};

template <class F>
__global__ void __launch_bounds__(threads, 1)
    thin_kernel(const F* from, Words given, const Words* there, uint64_t bound, F scale, F* to, int64_t n) {
  const Words words = there ? simt::read(there) : given;
  for (int64_t block = first_element(); block * 4 < n; block += next_element()) {
    const Philox4 random = philox(words.seed, words.stream, uint64_t(block));
    for (int64_t k = 0, i = block * 4; k < 4 && i < n; ++k, ++i)
      simt::write(to, i, bernoulli_from(random.word[k], bound) ? simt::read(from, i) * scale : F(0));
  }
}

template <class F> void thin_as(const Elements& from, const MaskCall& mask, const Elements& to) {
  const int64_t n = axes_of(to).numel();
  if (n)
    simt::launch("dropout", thin_kernel<F>, blocks_of((n + 3) / 4), threads, static_cast<const F*>(from.data),
                 Words{mask.seed, mask.stream}, static_cast<const Words*>(mask.words_there), bernoulli_bound(mask.keep),
                 mask.keep > 0 ? F(1 / mask.keep) : F(0), static_cast<F*>(to.data), n);
}

}  // namespace

void gather(const Elements& from, int dim, const Elements& index, const Elements& to) {
  const Axes axes = all_of(to, to);
  const int64_t n = axes.numel();
  if (n)
    with_bytes(size_of(to.dtype), [&]<class E>(E) {
      simt::launch("gather", gather_kernel<E>, blocks_of(n), threads, static_cast<const E*>(from.data),
                   standing(to, from, dim), step_of(from, dim), static_cast<const int64_t*>(index.data),
                   all_of(to, index), static_cast<E*>(to.data), axes, n);
    });
}

void scatter(const Elements& from, int dim, const Elements& index, const Elements& to) {
  const Line line = line_of(from, from, dim);
  const int64_t lines = line.starts.numel(), length = length_of(from, dim);
  const auto launch = [&]<class E>(E) {
    simt::launch("scatter", scatter_kernel<E>, blocks_of(lines), threads, static_cast<const E*>(from.data), line,
                 static_cast<const int64_t*>(index.data), line_of(from, index, dim), static_cast<E*>(to.data),
                 line_of(from, to, dim), lines, length);
  };
  if (lines && length) to.dtype == Dtype::float32 ? launch(float{}) : launch(double{});
}

void scan(const Elements& factors, const Elements& terms, int dim, bool down, double start, const Elements& to) {
  const Line line = line_of(to, to, dim);
  const int64_t lines = line.starts.numel(), length = length_of(to, dim);
  const auto launch = [&]<class E, class State>(E, State) {
    simt::launch("scan", scan_kernel<E, State>, blocks_of(lines), threads, static_cast<const E*>(factors.data),
                 line_of(to, factors, dim), static_cast<const E*>(terms.data), line_of(to, terms, dim), start,
                 static_cast<E*>(to.data), line, lines, down ? length - 1 : 0, length, down ? -1 : 1);
  };
  if (!lines || !length) return;
  if (to.dtype == Dtype::float32) return launch(float{}, double{});
  if (to.dtype == Dtype::float64) return launch(double{}, double{});
  launch(int64_t{}, uint64_t{});  // so that overflow wraps around
}

void order(const Elements& from, int dim, bool descending, const Elements& to) {
  const Line line = line_of(from, from, dim);
  const int64_t length = length_of(from, dim), elements = line.starts.numel() * length;
  const auto launch = [&]<class E>(Type<E>) {
    simt::launch("sort", order_kernel<E>, blocks_of(elements), threads, static_cast<const E*>(from.data), line,
                 descending, static_cast<int64_t*>(to.data), line_of(to, to, dim), elements, length,
                 length_of(to, dim));
  };
  if (elements && length_of(to, dim)) visit(from.dtype, launch);
}

void thin(const Elements& from, const MaskCall& mask, const Elements& to) {
  to.dtype == Dtype::float32 ? thin_as<float>(from, mask, to) : thin_as<double>(from, mask, to);
}

}  // namespace gradus::cuda_kernels
