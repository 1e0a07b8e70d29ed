#include "gradus/cuda/matmul.h"

#include <algorithm>

#include "gradus/cuda/axes.h"
#include "gradus/cuda/gemm_library.h"

namespace gradus::cuda_kernels {
namespace {

constexpr int side = 16;  // a block makes side × side elements of the result, one a thread
constexpr unsigned a_tile = side * side;

template <class F> struct Batch {
  const F* data;
  Axes axes;
  int64_t row, column;  // strides

  GRADUS_FN int64_t offset(int64_t matrix, int64_t i, int64_t j) const {
    return axes.offset(matrix) + i * row + j * column;
  }
};

// Every element is one sum in the order of k, whatever the shape of the grid.
template <class F>
__global__ void __launch_bounds__(a_tile, 1) multiply_kernel(Batch<F> a, Batch<F> b, const F* bias, int64_t bias_step,
                                                             F* to, int64_t matrices, int64_t n, int64_t m, int64_t k) {
  GRADUS_SHARED(F, left, a_tile);
  GRADUS_SHARED(F, right, a_tile);
  const int row = int(threadIdx.x) / side, column = int(threadIdx.x) % side;
  const int64_t down = (n + side - 1) / side, across = (m + side - 1) / side;
  for (int64_t tile = blockIdx.x; tile < matrices * down * across; tile += gridDim.x) {
    const int64_t matrix = tile / (down * across);
    const int64_t i = tile / across % down * side + row, j = tile % across * side + column;
    F sum = 0;
    for (int64_t first = 0; first < k; first += side) {
      const int64_t p = first + column, q = first + row;
      simt::write(left, threadIdx.x, i < n && p < k ? simt::read(a.data, a.offset(matrix, i, p)) : F(0));
      simt::write(right, threadIdx.x, q < k && j < m ? simt::read(b.data, b.offset(matrix, q, j)) : F(0));
      __syncthreads();
      for (int t = 0; t < side; ++t) sum += simt::read(left, row * side + t) * simt::read(right, t * side + column);
      __syncthreads();  // the tiles are filled anew
    }
    if (i >= n || j >= m) continue;
    if (bias) sum += simt::read(bias, j * bias_step);
    simt::write(to, (matrix * n + i) * m + j, sum);
  }
}

template <class F> Batch<F> batch_of(const Elements& e) {
  Batch<F> b = {static_cast<const F*>(e.data), {}, e.stride[e.rank - 2], e.stride[e.rank - 1]};
  for (int d = 0; d + 2 < e.rank; ++d) b.axes.add(e.extent[d], e.stride[d]);
  return b;
}

template <class F> void multiply_as(const Elements& a, const Elements& b, const Elements& bias, const Elements& to) {
  const Batch<F> left = batch_of<F>(a), right = batch_of<F>(b);
  const int64_t n = to.extent[to.rank - 2], m = to.extent[to.rank - 1], k = a.extent[a.rank - 1];
  const int64_t matrices = left.axes.numel(), tiles = matrices * ((n + side - 1) / side) * ((m + side - 1) / side);
  if (tiles)
    simt::launch("matmul", multiply_kernel<F>, unsigned(std::min<int64_t>(tiles, 65535)), a_tile, left, right,
                 static_cast<const F*>(bias.data), bias.stride[0], static_cast<F*>(to.data), matrices, n, m, k);
}

}  // namespace

void multiply(const Elements& a, const Elements& b, const Elements& bias, const Elements& to) {
  const auto form = gemm_form(a, b, to);
  const bool readable = !bias.data || bias.stride[0] == 1;
  if (form && readable && multiply_by_library(*form, to.dtype, a.data, b.data, bias.data, to.data)) return;
  to.dtype == Dtype::float32 ? multiply_as<float>(a, b, bias, to) : multiply_as<double>(a, b, bias, to);
}

}  // namespace gradus::cuda_kernels
