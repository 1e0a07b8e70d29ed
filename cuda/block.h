// The kernel of a Block: teams of threads take problem after problem.
#pragma once
#include "gradus/cuda/team.h"  // before core/block.h, which solves with it

#include "gradus/core/block.h"
#include "gradus/cuda/loss_kernel.h"

namespace gradus::cuda_kernels {

template <class L> struct BlockArguments {
  FormulaBytes<L> formula;
  BlockOperand in[arity<L>], value;
  BlockBounds bounds[arity<L>];
  const void* upstream;
  double scale, count_scale;
  int64_t problems;
  Reduction reduction;
  unsigned team;  // threads a problem: 1, a warp or a thread block
  char* memory;   // of the teams, `room` bytes each
  int64_t room;
  Meeting* meeting;
  LossReport* report;
};

constexpr int keys_a_problem = max_inputs;

// What a team needs beside the scratch memory of the formula: copies of labels, among which -1 stands for the ignored.
template <class L> GRADUS_FN bool copied(const BlockArguments<L>& a, int k) {
  return a.bounds[k].label && a.in[k].data;
}

GRADUS_FN int64_t size_of(const BlockOperand& o) { return o.extent[0] * o.extent[1] * o.extent[2] * o.extent[3]; }

template <class T, class D> __device__ __forceinline__ Array<T> array_of(const BlockOperand& from, D* data) {
  Array<T> a;
  a.data = reinterpret_cast<T*>(data), a.rank = from.rank;
  for (int d = 0; d < 4; ++d) a.extent[d] = from.extent[d];
  return a;
}

template <class L, class F> struct Problems {
  using T = Num<F>;
  const BlockArguments<L>& a;

  // Is any of n so? The whole team knows.
  template <class Fn> __device__ __forceinline__ static bool any(const Case<T>& c, int64_t n, Fn f) {
    return c.total(n, [=](int64_t i) { return T(f(i) ? 1.0 : 0.0); }).v > 0;
  }

  // The whole numbers of input K, once they are seen to lie in their bounds.
  template <int K> __device__ __forceinline__ void integers(Case<T>& c, bool& refused) const {
    const BlockOperand& from = a.in[K];
    const BlockBounds& b = a.bounds[K];
    const int64_t n = size_of(from);
    const int64_t* given =
        simt::opened(static_cast<const int64_t*>(from.data) + c.index * from.step, n * int64_t(sizeof(int64_t)));
    const int64_t* used = given;
    if (copied(a, K)) {
      int64_t* const own = c.integers(n);
      c.each(n, [=](int64_t i) { own[i] = given[i] == b.ignored ? -1 : given[i]; });
      used = own;
    }
    c.whole[K] = array_of<const int64_t>(from, used);
    if (b.checked)
      refused = any(c, n, [=](int64_t i) {
        return (given[i] < b.low || given[i] >= b.end) && !(b.label && given[i] == b.ignored);
      });
  }
  template <int K> __device__ __forceinline__ void numbers(Case<T>& c, bool& refused) const {
    const BlockOperand& from = a.in[K];
    const int64_t n = size_of(from), bytes = n * int64_t(sizeof(F));
    F* const x = simt::opened(static_cast<F*>(const_cast<void*>(from.data)) + c.index * from.step, bytes);
    c.in[K] = array_of<T>(from, x);
    if (from.grad)
      c.grad[K] = array_of<T>(from, simt::opened(static_cast<F*>(from.grad) + c.index * from.grad_step, bytes));
    c.wants_grad = c.wants_grad || from.grad;
    if constexpr (may_fail<L, K>)
      if (a.bounds[K].checked) refused = any(c, n, [=](int64_t i) { return outside<L, K>(x[i], 0); });
    if constexpr (L::inputs[K].boxes)
      refused = any(c, n / 4, [=](int64_t i) {
        const F* const box = x + 4 * i;
        return !(box[0] <= box[2] && box[1] <= box[3]);
      });
  }
  template <int K> __device__ __forceinline__ void take(Case<T>& c) const {
    if (!a.in[K].data) return;
    bool refused = false;
    if constexpr (L::inputs[K].integer) integers<K>(c, refused);
    else numbers<K>(c, refused);
    if (refused) c.reject(K, 0, 0, "");
  }

  __device__ __forceinline__ Totals solve(int64_t index, const Team& team) const {
    Case<T> c;
    c.team = team;
    c.index = index, c.cases = a.problems, c.reduction = a.reduction, c.count_up = a.count_scale;
    [&]<size_t... K>(std::index_sequence<K...>) { (take<int(K)>(c), ...); }(std::make_index_sequence<arity<L>>{});
    const int64_t values = size_of(a.value), bytes = values * int64_t(sizeof(F));
    F* const out = simt::opened(static_cast<F*>(const_cast<void*>(a.value.data)) + index * values, bytes);
    const F* const upstream =
        a.upstream ? simt::opened(static_cast<const F*>(a.upstream) + index * values, bytes) : nullptr;
    c.value = array_of<T>(a.value, out);
    c.count = array_of<T>(a.value, c.scratch(values));
    c.up = array_of<T>(a.value, c.scratch(values));
    const double scale = a.scale;
    c.each(values, [&](int64_t i) {
      c.count.data[i] = 1.0;
      c.up.data[i] = (upstream ? double(upstream[i]) : 1.0) * scale;
    });
    if (c.team.refused() < 0) a.formula.get().solve(c);
    c.team.meet();
    Totals mine = {};
    if (c.team.refused() >= 0) {
      if (c.team.rank() == 0)
        simt::atomic_min(&a.report->problem, (unsigned long long)(index * keys_a_problem + c.team.refused()));
      return mine;
    }
    for (int64_t i = c.team.rank(); i < values; i += c.team.size())
      mine = AddTotals()(mine, {double(out[i]), double(c.count.data[i].v), double(out[i] != F(0))});
    c.team.meet();
    return mine;
  }
};

template <class L, class F> __global__ void __launch_bounds__(threads, 1) block(const BlockArguments<L> a) {
  const int64_t teams_here = threads / a.team, first = blockIdx.x * teams_here + threadIdx.x / a.team;
  char* const memory = simt::opened(a.memory + first * a.room, a.room);
  Totals totals = {};
  for (int64_t i = first; i < a.problems; i += gridDim.x * teams_here)
    totals = AddTotals()(totals, Problems<L, F>{a}.solve(i, Team(a.team, memory, a.room)));
  add_up(a.meeting, a.report, totals);
}

}  // namespace gradus::cuda_kernels
