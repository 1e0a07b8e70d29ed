// The kernels of a Fold: threads lift columns, merge their states, finish the row, and give each column its gradient.
// As on the CPU, two states without a column never meet in a merge: where states join, every thread has a column.
#pragma once
#include "gradus/cuda/loss_kernel.h"

namespace gradus::cuda_kernels {

// Keys of problems grow row by row, in each first by its row's own inputs, then input by input along the columns.
constexpr int keys_a_row = 2 * max_inputs;
template <class L, int K>
constexpr bool along_row = L::inputs[K].role == Role::element || L::inputs[K].role == Role::column;
template <class G>
concept CountMoves = requires(G g) { g.count_grad; };

template <class L, int K> GRADUS_FN unsigned long long fold_key(int64_t row, int64_t column, int64_t columns) {
  constexpr int rank = along_row<L, K> ? max_inputs + K : K;
  return (unsigned long long)((row * keys_a_row + rank) * columns + (along_row<L, K> ? column : 0));
}

template <class L, class F> struct RowOf {
  using T = Num<F>;
  using State = typename L::template State<T>;
  using Constants = typename L::template Constants<T>;
  using Inputs = std::make_index_sequence<arity<L>>;

  const Arguments<L>& a;
  const L& loss;
  int64_t row;

  __device__ __forceinline__ Place place(int64_t column) const {
    return {row / a.extent[2], column, row % a.extent[2]};
  }
  __device__ __forceinline__ Column<T> column(int64_t c) const { return {c, a.extent[1]}; }

  // Input K at a column; a row's own inputs are checked at its first column only.
  template <int K> __device__ __forceinline__ Arg<L, T, K> argument(int64_t c, bool checking) const {
    constexpr bool varies = along_row<L, K>;
    return input<L, F, K>(a, place(c), a.extent[1], checking && (varies || c == 0),
                          fold_key<L, K>(row, c, a.extent[1]));
  }
  __device__ __forceinline__ State lift(int64_t c) const {
    return [&]<size_t... K>(std::index_sequence<K...>) {
      return loss.lift(column(c), argument<int(K)>(c, true)...);
    }(Inputs{});
  }
  // The row's value and constants; one thread stores the value and counts it.
  __device__ __forceinline__ auto finish(const State& state, bool storing, Totals& totals) const {
    const auto done = [&]<size_t... I>(std::index_sequence<I...>) {
      return loss.finish(state, a.extent[1], argument<row_level<L>.k[I]>(0, false)...);
    }(std::make_index_sequence<row_level<L>.n>{});
    const T value = done.value, count = done.count;
    if (storing) {
      store<F>(a.value, place(0), value);
      store<F>(a.count, place(0), count);
      totals = AddTotals()(totals, {double(value.v), double(count.v), double(value.v != F(0))});
    }
    return done;
  }
  __device__ __forceinline__ T upstream() const {
    return a.upstream.data ? T(a.scale) * load<F>(a.upstream, place(0)) : T(a.scale);
  }
  __device__ __forceinline__ void grad(const Constants& constants, int64_t c, T up, T count_scale) const {
    const auto g = [&]<size_t... K>(std::index_sequence<K...>) {
      return loss.grad(constants, column(c), argument<int(K)>(c, false)...);
    }(Inputs{});
    constexpr bool count_moves = CountMoves<std::remove_cvref_t<decltype(g)>>;
    if constexpr (gradients<L> > 0)
      each_gradient<L>([&]<int K, int G>() {
        if (!a.grad[K].data) return;
        T dx = up * g.grad[G];
        if constexpr (count_moves) dx = dx + count_scale * g.count_grad[G];
        store<F>(a.grad[K], place(c), dx);
      });
  }
};

template <class L> GRADUS_FN bool wants_grad(const Arguments<L>& a) {
  bool wants = false;
  for (int k = 0; k < arity<L>; ++k) wants |= a.grad[k].data != nullptr;
  return wants;
}
template <class L> struct Merge {
  const L& loss;
  template <class S> GRADUS_FN S operator()(const S& x, const S& y) const { return loss.merge(x, y); }
};

// Many rows: a group of threads takes a row.
template <class L, class F> __global__ void __launch_bounds__(threads, 1) fold(const Arguments<L> a) {
  using Row = RowOf<L, F>;
  const L& loss = a.formula.get();
  const Merge<L> merge{loss};
  const int64_t columns = a.extent[1], rows = a.extent[0] * a.extent[2], groups = threads / a.group;
  const unsigned rank = threadIdx.x % a.group;
  const bool grads = wants_grad(a);
  Totals totals = {};
  for (int64_t row = blockIdx.x * groups + threadIdx.x / a.group; row < rows; row += gridDim.x * groups) {
    const Row r{a, loss, row};
    typename Row::State state;
    for (int64_t c = rank; c < columns; c += a.group) state = merge(state, r.lift(c));
    if (a.group == 32) state = warp_total(state, merge);
    if (a.group == threads) state = block_total(state, merge);
    const auto done = r.finish(state, rank == 0, totals);
    if (!grads) continue;
    const Num<F> up = r.upstream();
    for (int64_t c = rank; c < columns; c += a.group) r.grad(done.constants, c, up, a.count_scale);
  }
  add_up(a.meeting, a.report, totals);
}

// Few long rows, in three launches: a block lifts a part of a row; a warp finishes a row; threads take columns.
template <class L, class F>
__global__ void __launch_bounds__(threads, 1)
    fold_lift(const Arguments<L> a, typename RowOf<L, F>::State* states, int64_t parts, int64_t length) {
  using Row = RowOf<L, F>;
  const L& loss = a.formula.get();
  const Row r{a, loss, int64_t(blockIdx.x) / parts};
  const int64_t begin = blockIdx.x % parts * length, past = begin + length;
  const int64_t end = past < a.extent[1] ? past : a.extent[1];
  typename Row::State state;
  for (int64_t c = begin + threadIdx.x; c < end; c += threads) state = loss.merge(state, r.lift(c));
  state = block_total(state, Merge<L>{loss});
  if (threadIdx.x == 0) simt::write(states, blockIdx.x, state);
}
template <class L, class F>
__global__ void __launch_bounds__(threads, 1)
    fold_finish(const Arguments<L> a, const typename RowOf<L, F>::State* states, int64_t parts,
                typename RowOf<L, F>::Constants* constants) {
  using Row = RowOf<L, F>;
  const L& loss = a.formula.get();
  const int64_t rows = a.extent[0] * a.extent[2];
  const unsigned lane = threadIdx.x % 32, sharing = parts < 32 ? 1 : 32;
  Totals totals = {};
  for (int64_t row = (blockIdx.x * threads + threadIdx.x) / 32; row < rows; row += gridDim.x * threads / 32) {
    const Row r{a, loss, row};
    typename Row::State state;
    if (lane < sharing)
      for (int64_t p = lane; p < parts; p += sharing) state = loss.merge(state, simt::read(states, row * parts + p));
    if (sharing == 32) state = warp_total(state, Merge<L>{loss});
    const auto done = r.finish(state, lane == 0, totals);
    if (lane == 0) simt::write(constants, row, done.constants);
  }
  add_up(a.meeting, a.report, totals);
}
template <class L, class F>
__global__ void __launch_bounds__(threads, 1)
    fold_grad(const Arguments<L> a, const typename RowOf<L, F>::Constants* constants) {
  const L& loss = a.formula.get();
  const int64_t columns = a.extent[1], n = a.extent[0] * columns * a.extent[2];
  for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < n; i += int64_t(gridDim.x) * threads) {
    const RowOf<L, F> r{a, loss, i / columns};
    r.grad(simt::read(constants, r.row), i % columns, r.upstream(), a.count_scale);
  }
}

}  // namespace gradus::cuda_kernels
