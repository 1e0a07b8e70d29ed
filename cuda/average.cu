#include "gradus/cuda/average.h"

#include "gradus/cuda/simt.h"

namespace gradus::cuda_kernels {
namespace {

template <class F> __global__ void __launch_bounds__(1, 1) average_kernel(const AverageCall a) {
  const Totals totals = simt::read(&a.report->totals);
  double n = a.given;
  if (a.over == AverageCall::Over::count) n = totals.count;
  if (a.over == AverageCall::Over::active) n = totals.active;
  if (a.over == AverageCall::Over::count_or_one) n = totals.count > 1 ? totals.count : 1;
  simt::write(static_cast<F*>(a.value), 0, F(n == 0 ? a.of_nothing : totals.value / n));
  simt::write(static_cast<F*>(a.correction), 0, F(n == 0 ? 0 : a.likely / n));
}

}  // namespace

void average(const AverageCall& call) {
  simt::launch("average", call.dtype == Dtype::float32 ? average_kernel<float> : average_kernel<double>, 1, 1, call);
}

}  // namespace gradus::cuda_kernels
