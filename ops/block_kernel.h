// The kernel of a Block: one problem, staged as arrays of the formula's number.  Everything else is in drive_block.cpp.
#pragma once
#include <vector>

#include "gradus/core/block.h"
#include "gradus/core/dual.h"
#include "gradus/core/trace.h"

namespace gradus::kernels {

// What `solve_tangent` runs on: a Probe of one lane.
using BlockProbe = Trace<Dual<Num<double, 1>>>;

// The scratch memory of one problem after another.
class BlockRoom {
 public:
  BlockRoom() = default;
  BlockRoom(const BlockRoom&) = delete;
  BlockRoom& operator=(const BlockRoom&) = delete;
  ~BlockRoom();
  void* take(size_t bytes);
  void reset();                          // what was taken may be taken again
  size_t most() const { return most_; }  // bytes that one problem took

 private:
  struct Piece {
    void* data;
    size_t bytes, used;
  };
  std::vector<Piece> pieces_;
  size_t current_ = 0, taken_ = 0, most_ = 0;
};

// c[n][m] (+)= Σ_k a[n][k] b[k][m], by the BLAS.
template <class F>
void block_product(int64_t n, int64_t m, int64_t k, const void* a, int64_t a_row, int64_t a_column, const void* b,
                   int64_t b_row, int64_t b_column, void* c, bool add);

// One problem as the driver hands it over: pointers into the call's arrays.
struct BlockProblem {
  const BlockCall* call;
  int64_t index;
  int inputs;
  const InputFacts* (*input)(int k);
  BlockRoom* room;
  void* counts;  // of the value's extents, of the call's dtype
  BlockCall::Refusal* refusal;
};

template <class T> constexpr bool derives = !std::is_same_v<T, typename T::Plain>;

template <class T> T block_number(double value, double tangent) {
  if constexpr (derives<T>) return T(Dual<Num<double, 1>>(value, tangent));
  else return T(value);
}

template <class T> void view(const BlockOperand& from, T* data, Array<T>& to) {
  to.data = data;
  to.rank = from.rank;
  for (int d = 0; d < 4; ++d) to.extent[d] = from.extent[d];
}

template <class L, class T> void solve(const void* formula, const BlockProblem& p) {
  using F = typename T::Scalar;
  const BlockCall& call = *p.call;
  Case<T> c;
  struct Owner {
    BlockRoom* room;
    BlockCall::Refusal* refusal;
    int64_t problem;
  } owner{p.room, p.refusal, p.index};
  c.team = Team(
      &owner, [](void* of, int64_t bytes) -> void* { return static_cast<Owner*>(of)->room->take(size_t(bytes)); },
      [](void* of, int input, int64_t i, double value, const char* wanted) {
        const Owner& o = *static_cast<Owner*>(of);
        if (o.refusal->input < 0) *o.refusal = {input, o.problem, i, value, wanted};
      });
  if constexpr (!derives<T>) c.product = block_product<F>;
  c.index = p.index, c.cases = call.problems, c.reduction = call.reduction;
  c.count_up = block_number<T>(call.count_scale, call.count_scale_tangent);
  for (int k = 0; k < p.inputs; ++k) {
    const BlockOperand& from = call.in[k];
    if (!from.data) continue;
    if (p.input(k)->integer) {
      view(from, static_cast<const int64_t*>(from.data) + p.index * from.step, c.whole[k]);
      continue;
    }
    const F* x = static_cast<const F*>(from.data) + p.index * from.step;
    F* g = from.grad ? static_cast<F*>(from.grad) + p.index * from.grad_step : nullptr;
    c.wants_grad = c.wants_grad || g;
    if constexpr (derives<T>) {
      const F* v = from.direction ? static_cast<const F*>(from.direction) + p.index * from.step : nullptr;
      view(from, static_cast<T*>(nullptr), c.in[k]);
      c.in[k].data = c.scratch(c.in[k].size());
      for (int64_t i = 0; i < c.in[k].size(); ++i) c.in[k].data[i] = block_number<T>(x[i], v ? v[i] : 0);
      if (g) view(from, c.scratch(c.in[k].size()), c.grad[k]);
    } else {  // a Num of one lane is its number
      view(from, const_cast<T*>(reinterpret_cast<const T*>(x)), c.in[k]);
      if (g) view(from, reinterpret_cast<T*>(g), c.grad[k]);
    }
  }
  view(call.value, static_cast<T*>(nullptr), c.value);
  const int64_t values = c.value.size();
  F* out = static_cast<F*>(const_cast<void*>(call.value.data)) + p.index * values;
  F* counts = static_cast<F*>(p.counts) + p.index * values;
  const F* upstream = call.upstream ? static_cast<const F*>(call.upstream) + p.index * values : nullptr;
  if constexpr (derives<T>) c.value.data = c.scratch(values);
  else c.value.data = reinterpret_cast<T*>(out);
  view(call.value, c.scratch(values), c.count);
  view(call.value, c.scratch(values), c.up);
  for (int64_t i = 0; i < values; ++i) {
    const double u = upstream ? upstream[i] : 1;
    c.count.data[i] = 1.0;
    c.up.data[i] = block_number<T>(u * call.scale, u * call.scale_tangent);
  }
  static_cast<const L*>(formula)->solve(c);
  for (int64_t i = 0; i < values; ++i) {
    if constexpr (derives<T>) {
      out[i] = c.value.data[i].v.d.v;
      counts[i] = c.count.data[i].v.d.v;
    } else {
      counts[i] = c.count.data[i].v;
    }
  }
  if constexpr (derives<T>)
    for (int k = 0; k < p.inputs; ++k)
      if (c.grad[k])
        for (int64_t i = 0; i < c.grad[k].size(); ++i)
          (static_cast<F*>(call.in[k].grad) + p.index * call.in[k].grad_step)[i] = c.grad[k].data[i].v.d.v;
}

struct BlockKernel {
  int inputs;
  const InputFacts* (*input)(int k);
  void (*solve)(const void* formula, const BlockProblem&);
};

}  // namespace gradus::kernels
