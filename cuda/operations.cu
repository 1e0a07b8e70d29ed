#include "gradus/cuda/operations.h"

#include <stdexcept>
#include <utility>

#include "gradus/core/operations.h"
#include "gradus/cuda/axes.h"

namespace gradus::cuda_kernels {
namespace {

template <int n> struct Operands {
  const void* in[n];
  void* to;
  Axes in_axes[n], to_axes;
  double constants[OperationCall::most_constants];
};

template <class E> GRADUS_FN auto number(E x) {
  if constexpr (std::is_same_v<E, int64_t>) return x;
  else return Num<E>::raw(x);
}

template <class Op, class E, int n>
__global__ void __launch_bounds__(threads) operate_kernel(const Operands<n> a, int64_t count) {
  for (int64_t i = first_element(); i < count; i += next_element())
    [&]<size_t... K>(std::index_sequence<K...>) {
      const auto x = [&](size_t k) {
        return number(simt::read(static_cast<const E*>(a.in[k]), a.in_axes[k].offset(i)));
      };
      E* to = static_cast<E*>(a.to);
      if constexpr (std::is_same_v<E, int64_t>)
        simt::write(to, a.to_axes.offset(i), operations::integer<Op>(a.constants, x(K)...));
      else simt::write(to, a.to_axes.offset(i), Num<E>(operations::value<Op>(a.constants, x(K)...)).v);
    }(std::make_index_sequence<size_t(n)>{});
}

template <class Op, class E, int n> void run_as(const OperationCall& call) {
  Operands<n> a;
  for (int k = 0; k < n; ++k) a.in[k] = call.in[k].data, a.in_axes[k] = axes_of(call.in[k]);
  a.to = call.to.data, a.to_axes = axes_of(call.to);
  std::copy_n(call.constants, OperationCall::most_constants, a.constants);
  const int64_t count = a.to_axes.numel();
  if (count) simt::launch(call.name, operate_kernel<Op, E, n>, blocks_of(count), threads, a, count);
}

template <class Op, class E, size_t... K> constexpr bool takes(std::index_sequence<K...>) {
  return operations::has_integer<Op, std::conditional_t<true, E, char[K + 1]>...>;
}

template <class Op, int n> void run(const OperationCall& call) {
  if (call.to.dtype == Dtype::float32) return run_as<Op, float, n>(call);
  if (call.to.dtype == Dtype::float64) return run_as<Op, double, n>(call);
  if constexpr (takes<Op, int64_t>(std::make_index_sequence<size_t(n)>{})) run_as<Op, int64_t, n>(call);
}

using Runner = void (*)(const OperationCall&);
template <class List> struct Table;
template <class... Op, int... n> struct Table<operations::List<operations::Entry<Op, n>...>> {
  static constexpr Runner runners[] = {run<Op, n>...};
};

}  // namespace

void operate(int operation, const OperationCall& call) {
  if (operation < 0 || operation >= operations::All::size)
    throw std::runtime_error("the module knows other ops than this program; build both together");
  Table<operations::All>::runners[operation](call);
}

}  // namespace gradus::cuda_kernels
