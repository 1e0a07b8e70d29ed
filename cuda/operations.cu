#include "gradus/cuda/operations.h"

#include <stdexcept>
#include <utility>

#include "gradus/core/convert.h"
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
__global__ void __launch_bounds__(threads, 1) operate_kernel(const Operands<n> a, int64_t count) {
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

template <int n> Operands<n> operands(const OperationCall& call) {
  Operands<n> a;
  for (int k = 0; k < n; ++k) a.in[k] = call.in[k].data, a.in_axes[k] = axes_of(call.in[k]);
  a.to = call.to.data, a.to_axes = axes_of(call.to);
  std::copy_n(call.constants, OperationCall::most_constants, a.constants);
  return a;
}
template <int n>
void start(const OperationCall& call, void (*kernel)(const Operands<n>, int64_t), const Operands<n>& a) {
  const int64_t count = a.to_axes.numel();
  if (count) simt::launch(call.name, kernel, blocks_of(count), threads, a, count);
}

template <class Op, class E, size_t... K> constexpr bool takes(std::index_sequence<K...>) {
  return operations::has_integer<Op, std::conditional_t<true, E, char[K + 1]>...>;
}

template <class Op, int n> void run(const OperationCall& call) {
  const Operands<n> a = operands<n>(call);
  if (call.to.dtype == Dtype::float32) return start(call, operate_kernel<Op, float, n>, a);
  if (call.to.dtype == Dtype::float64) return start(call, operate_kernel<Op, double, n>, a);
  if constexpr (takes<Op, int64_t>(std::make_index_sequence<size_t(n)>{}))
    start(call, operate_kernel<Op, int64_t, n>, a);
}

// ---- truths and choices -------------------------------------------------------------------------

template <class Op, class E, int n>
__global__ void __launch_bounds__(threads, 1) compare_kernel(const Operands<n> a, int64_t count) {
  for (int64_t i = first_element(); i < count; i += next_element())
    [&]<size_t... K>(std::index_sequence<K...>) {
      const auto x = [&](size_t k) { return simt::read(static_cast<const E*>(a.in[k]), a.in_axes[k].offset(i)); };
      simt::write(static_cast<bool*>(a.to), a.to_axes.offset(i), Op::value(a.constants, x(K)...));
    }(std::make_index_sequence<size_t(n)>{});
}
template <class E> __global__ void __launch_bounds__(threads, 1) choose_kernel(const Operands<3> a, int64_t count) {
  for (int64_t i = first_element(); i < count; i += next_element()) {
    const bool first = simt::read(static_cast<const bool*>(a.in[0]), a.in_axes[0].offset(i)) == (a.constants[0] != 0);
    const auto x = [&](int k) { return simt::read(static_cast<const E*>(a.in[k]), a.in_axes[k].offset(i)); };
    simt::write(static_cast<E*>(a.to), a.to_axes.offset(i), first ? x(1) : a.in[2] ? x(2) : convert<E>(a.constants[1]));
  }
}

template <class Op, int n> void run_comparison(const OperationCall& call) {
  const Operands<n> a = operands<n>(call);
  const auto launch = [&](auto kernel) { start(call, kernel, a); };
  switch (call.in[0].dtype) {
    case Dtype::float32: return launch(compare_kernel<Op, float, n>);
    case Dtype::float64: return launch(compare_kernel<Op, double, n>);
    case Dtype::int64: return launch(compare_kernel<Op, int64_t, n>);
    default: return launch(compare_kernel<Op, bool, n>);
  }
}

// ---- tables -------------------------------------------------------------------------------------

using Runner = void (*)(const OperationCall&);
template <class List> struct Operating;
template <class... Op, int... n> struct Operating<TypeList<operations::Entry<Op, n>...>> {
  static constexpr Runner runners[] = {run<Op, n>...};
};
template <class List> struct Comparing;
template <class... Op, int... n> struct Comparing<TypeList<operations::Entry<Op, n>...>> {
  static constexpr Runner runners[] = {run_comparison<Op, n>...};
};

}  // namespace

void operate(int operation, const OperationCall& call) {
  check_place<operations::All>(operation);
  Operating<operations::All>::runners[operation](call);
}

void compare(int comparison, const OperationCall& call) {
  check_place<operations::Comparisons>(comparison);
  Comparing<operations::Comparisons>::runners[comparison](call);
}

void choose(const OperationCall& call) {
  const Operands<3> a = operands<3>(call);
  switch (call.to.dtype) {
    case Dtype::float32: return start(call, choose_kernel<float>, a);
    case Dtype::float64: return start(call, choose_kernel<double>, a);
    case Dtype::int64: return start(call, choose_kernel<int64_t>, a);
    case Dtype::int32: return start(call, choose_kernel<int32_t>, a);
    case Dtype::uint8: return start(call, choose_kernel<uint8_t>, a);
    case Dtype::float16: return start(call, choose_kernel<Half>, a);
    case Dtype::bfloat16: return start(call, choose_kernel<BFloat16>, a);
    default: return start(call, choose_kernel<bool>, a);
  }
}

}  // namespace gradus::cuda_kernels
