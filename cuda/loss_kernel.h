// What the kernels of all formulas share: their arguments, reading inputs with their checks, and sums over the grid.
#pragma once
#include <cstring>

#include "gradus/core/backend.h"
#include "gradus/core/functions.h"
#include "gradus/cuda/meeting.h"
#include "gradus/cuda/simt.h"
#include "gradus/cuda/threads_total.h"

namespace gradus::cuda_kernels {

// The formula's options as bytes: a Param has a destructor, which must not run on the device.
template <class L> struct FormulaBytes {
  alignas(L) unsigned char raw[sizeof(L)];
  GRADUS_FN const L& get() const { return *reinterpret_cast<const L*>(raw); }
};

template <class L> struct Arguments {
  FormulaBytes<L> formula;
  int64_t extent[3];
  View in[arity<L>];
  double constant[arity<L>];
  int64_t ignored[arity<L>];
  bool checked[arity<L>];
  View value, count, upstream, grad[arity<L>];
  double scale, count_scale;
  bool in_order;   // of a Map: do the elements of every operand lie one after another?
  unsigned group;  // of a Fold: how many threads share a row: 1, a warp or a block
  Meeting* meeting;
  LossReport* report;
};

template <class F> __device__ __forceinline__ Num<F> load(const View& v, const Place& p) {
  return Num<F>::raw(simt::read(static_cast<const F*>(v.data), offset(v, p)));
}
template <class F> __device__ __forceinline__ void store(const View& v, const Place& p, Num<F> x) {
  if (v.data) simt::write(static_cast<F*>(v.data), offset(v, p), x.v);
}

// ---- inputs -------------------------------------------------------------------------------------

// A NaN is outside every range.
template <class L, int K, class F> GRADUS_FN bool outside(F x, int64_t columns) {
  constexpr Range r = L::inputs[K].range;
  const F low = F(r.low), high = L::inputs[K].to_last_column ? F(double(columns - 1)) : F(r.high);
  if constexpr (r.only_ends) return x != low && x != high;
  else return !(x >= low && x <= high) || (r.open_low && x == low) || (r.open_high && x == high);
}

template <class L, int K> constexpr bool may_fail = bounded(L::inputs[K].range);

// A number that input K holds.  What is outside its range is noted under `key`.
template <class L, class F, int K>
__device__ __forceinline__ Num<F> checked(const Arguments<L>& a, Num<F> x, int64_t columns, bool checking,
                                          unsigned long long key) {
  if constexpr (may_fail<L, K>)
    if (checking && a.checked[K] && outside<L, K>(x.v, columns)) simt::atomic_min(&a.report->problem, key);
  return x;
}

// Input K as a number or, of labels, an index: -1 where it is ignored or outside [0, classes).
template <class L, class F, int K>
__device__ __forceinline__ Arg<L, Num<F>, K> input(const Arguments<L>& a, const Place& p, int64_t classes,
                                                   bool checking, unsigned long long key) {
  if constexpr (L::inputs[K].label) {
    const int64_t y = simt::read(static_cast<const int64_t*>(a.in[K].data), offset(a.in[K], p));
    if (y == a.ignored[K]) return -1;
    if (y >= 0 && y < classes) return y;
    if (checking) simt::atomic_min(&a.report->problem, key);
    return -1;
  } else {
    if (!a.in[K].data) return a.constant[K];
    return checked<L, F, K>(a, load<F>(a.in[K], p), classes, checking, key);
  }
}

// ---- sums ---------------------------------------------------------------------------------------

struct AddTotals {
  GRADUS_FN Totals operator()(const Totals& a, const Totals& b) const {
    return {a.value + b.value, a.count + b.count, a.active + b.active};
  }
};

// Adds up all threads' totals into the report: per block, then by the last block in the order of their numbers.
__device__ __forceinline__ void add_up(Meeting* meeting, LossReport* report, const Totals& mine) {
  GRADUS_SHARED(unsigned, ticket, 1);
  const Totals block = block_total(mine, AddTotals());
  if (threadIdx.x == 0) {
    simt::write(meeting->parts, blockIdx.x, block);
    simt::write(ticket, 0, simt::take_ticket(&meeting->tickets));
  }
  __syncthreads();
  if (simt::read(ticket) != gridDim.x - 1) return;
  Totals some = {};
  for (unsigned b = threadIdx.x; b < gridDim.x; b += threads) some = AddTotals()(some, simt::read(meeting->parts, b));
  const Totals all = block_total(some, AddTotals());
  if (threadIdx.x == 0) {
    simt::write(&report->totals, 0, all);
    simt::write(&meeting->tickets, 0, 0u);  // for the next launch
  }
}

}  // namespace gradus::cuda_kernels
