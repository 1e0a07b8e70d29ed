#include "gradus/cuda/reduce.h"

#include <algorithm>
#include <new>

#include "gradus/cuda/axes.h"
#include "gradus/cuda/loss_kernel.h"
#include "gradus/cuda/runtime.h"

namespace gradus::cuda_kernels {
namespace {

constexpr int64_t terms_a_part = 16384;  // a long row of terms is cut into parts of at least this much

// How a monoid joins what threads have gathered: floats in float64, integers in int64.
template <class M, class A> struct Joined {
  static constexpr bool whole = std::is_same_v<A, int64_t>;
  GRADUS_FN static A start() {
    if constexpr (whole) return M::integer_start;
    else return M::start;
  }
  GRADUS_FN A operator()(A a, A b) const {
    if constexpr (whole) return M::integer(a, b);
    else return M::join(Num<double>(a), Num<double>(b)).v;
  }
};

// What term i of an output brings in: itself …
template <class E, class A> struct Value {
  const E* data;
  Axes kept, folded;
  GRADUS_FN A operator()(int64_t output, int64_t i) const {
    return A(simt::read(data, kept.offset(output) + folded.offset(i)));
  }
};
// … or its place, where it is what is wanted or a NaN.
template <class E> struct Found {
  const E* data;
  Axes kept, folded;
  const E* wanted;
  Axes wanted_axes;
  GRADUS_FN int64_t operator()(int64_t output, int64_t i) const {
    const E x = simt::read(data, kept.offset(output) + folded.offset(i));
    return x == simt::read(wanted, wanted_axes.offset(output)) || x != x ? i : folds::Min::integer_start;
  }
};

// Part p of output o: a group of threads folds its terms, a group's width apart.
template <class M, class A, class Term, class To>
__global__ void __launch_bounds__(threads, 1)
    reduce_kernel(Term term, int64_t outputs, int64_t terms, int64_t parts, unsigned group, To* to, Axes to_axes) {
  const int64_t groups = threads / group, length = (terms + parts - 1) / parts;
  const unsigned rank = threadIdx.x % group;
  const Joined<M, A> join;
  for (int64_t job = blockIdx.x * groups + threadIdx.x / group; job < outputs * parts; job += gridDim.x * groups) {
    const int64_t output = job / parts, begin = job % parts * length;
    const int64_t end = begin + length < terms ? begin + length : terms;
    A mine = join.start();
    for (int64_t i = begin + rank; i < end; i += group) mine = join(mine, term(output, i));
    if (group == 32) mine = warp_total(mine, join);
    if (group == threads) mine = block_total(mine, join);
    if (rank == 0) simt::write(to, to_axes.offset(job), To(mine));
  }
}

// Which dimensions are folded, and the places of the outputs.
struct Plan {
  Axes kept, folded, out;
  int64_t outputs, terms, parts;
  unsigned group;

  Plan(const Elements& from, const Elements& to) {
    for (int d = 0; d < from.rank; ++d) {
      if (to.extent[d] == 1 && from.extent[d] != 1) folded.add(from.extent[d], from.stride[d]);
      else kept.add(from.extent[d], from.stride[d]), out.add(to.extent[d], to.stride[d]);
    }
    outputs = kept.numel(), terms = folded.numel();
    parts = outputs >= most_blocks ? 1 : std::clamp<int64_t>(terms / terms_a_part, 1, most_blocks);
    group = terms <= 16 ? 1 : terms <= 1024 ? 32 : threads;
  }
};

template <class M, class A, class Term, class To> void run(const char* name, const Plan& p, Term term, To* to) {
  if (p.outputs == 0) return;
  const auto launch = [&](auto* result, const Axes& axes) {
    simt::launch(name, reduce_kernel<M, A, Term, std::remove_pointer_t<decltype(result)>>,
                 blocks_of(p.outputs * p.parts * int64_t(p.group)), threads, term, p.outputs, p.terms, p.parts, p.group,
                 result, axes);
  };
  if (p.parts == 1) return launch(to, p.out);
  A* partial = static_cast<A*>(runtime::allocate(p.outputs * p.parts * int64_t(sizeof(A))));
  if (!partial) throw std::bad_alloc();
  Axes dense, each, along;
  dense.add(p.outputs * p.parts, 1), each.add(p.outputs, p.parts), along.add(p.parts, 1);
  launch(partial, dense);
  const Value<A, A> parts = {partial, each, along};
  simt::launch(name, reduce_kernel<M, A, Value<A, A>, To>, blocks_of(p.outputs), threads, parts, p.outputs, p.parts,
               int64_t{1}, 1u, to, p.out);
  runtime::release(partial);
}

template <class M, class E, class A, class To> void reduce_as(const Elements& from, const Elements& to) {
  const Plan p(from, to);
  run<M, A>("reduce", p, Value<E, A>{static_cast<const E*>(from.data), p.kept, p.folded}, static_cast<To*>(to.data));
}
template <class M> void reduce_with(const Elements& from, const Elements& to) {
  switch (from.dtype) {
    case Dtype::float32: return reduce_as<M, float, double, float>(from, to);
    case Dtype::float64: return reduce_as<M, double, double, double>(from, to);
    case Dtype::int64: return reduce_as<M, int64_t, int64_t, int64_t>(from, to);
    case Dtype::int32: return reduce_as<M, int32_t, int64_t, int64_t>(from, to);
    case Dtype::uint8: return reduce_as<M, uint8_t, int64_t, int64_t>(from, to);
    default: return reduce_as<M, bool, int64_t, int64_t>(from, to);
  }
}

template <class E> void find_as(const Elements& from, const Elements& wanted, const Elements& to) {
  const Plan p(from, to);
  Axes wanted_axes;  // along the outputs, as the plan counts them
  for (int d = 0; d < from.rank; ++d)
    if (to.extent[d] != 1 || from.extent[d] == 1) wanted_axes.add(wanted.extent[d], wanted.stride[d]);
  run<folds::Min, int64_t>(
      "find", p,
      Found<E>{static_cast<const E*>(from.data), p.kept, p.folded, static_cast<const E*>(wanted.data), wanted_axes},
      static_cast<int64_t*>(to.data));
}

}  // namespace

void reduce(Monoid monoid, const Elements& from, const Elements& to) {
  constexpr void (*with[])(const Elements&, const Elements&) = {reduce_with<folds::Sum>, reduce_with<folds::Prod>,
                                                                reduce_with<folds::Max>, reduce_with<folds::Min>};
  with[int(monoid)](from, to);
}

void find(const Elements& from, const Elements& wanted, const Elements& to) {
  switch (from.dtype) {
    case Dtype::float32: return find_as<float>(from, wanted, to);
    case Dtype::float64: return find_as<double>(from, wanted, to);
    case Dtype::int64: return find_as<int64_t>(from, wanted, to);
    case Dtype::int32: return find_as<int32_t>(from, wanted, to);
    case Dtype::uint8: return find_as<uint8_t>(from, wanted, to);
    default: return find_as<bool>(from, wanted, to);
  }
}

}  // namespace gradus::cuda_kernels
