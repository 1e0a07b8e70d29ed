// Staging: cutting strided views into dense, padded blocks, so that one inner loop serves all strides.
#pragma once
#include <algorithm>
#include <cstring>

#include "gradus/core/formula.h"
#include "gradus/core/pool.h"

namespace gradus {

constexpr int64_t block_elements = 1024;  // a block of every input and output stays in the first-level cache
constexpr int64_t task_elements =
    16384;                     // what one thread takes at a time; fixed, so that sums never depend on threads
constexpr int max_lanes = 64;  // of any pack, in any instruction set

// Scratch memory from the pool, for the duration of a task.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : bytes_(bytes), data_(bytes ? pool::allocate(bytes, pool::Kind::data) : nullptr) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (data_) pool::release(data_, bytes_, pool::Kind::data);
  }
  template <class F> F* as(size_t byte_offset = 0) const {
    return reinterpret_cast<F*>(static_cast<char*>(data_) + byte_offset);
  }

 private:
  size_t bytes_;
  void* data_;
};

// The position of logical element i in a view of extent[0] × extent[1] × extent[2], stepping forward one at a time.
class Cursor {
 public:
  Cursor(const View& view, const int64_t (&extent)[3], int64_t i) : view_(view), e1_(extent[1]), e2_(extent[2]) {
    i2_ = i % e2_;
    i1_ = i / e2_ % e1_;
    offset_ = i / (e2_ * e1_) * view.stride[0] + i1_ * view.stride[1] + i2_ * view.stride[2];
  }
  int64_t offset() const { return offset_; }
  int64_t run() const { return e2_ - i2_; }  // how many elements from here lie stride[2] apart
  void advance(int64_t n) {                  // n <= run()
    offset_ += n * view_.stride[2];
    i2_ += n;
    if (i2_ < e2_) return;
    i2_ = 0;
    offset_ += view_.stride[1] - e2_ * view_.stride[2];
    if (++i1_ < e1_) return;
    i1_ = 0;
    offset_ += view_.stride[0] - e1_ * view_.stride[1];
  }

 private:
  const View& view_;
  int64_t e1_, e2_, i1_ = 0, i2_ = 0, offset_ = 0;
};

inline bool is_constant(const View& v) { return !v.stride[0] && !v.stride[1] && !v.stride[2]; }
inline bool is_dense(const View& v, const int64_t (&extent)[3]) {
  return (extent[2] == 1 || v.stride[2] == 1) && (extent[1] == 1 || v.stride[1] == extent[2]) &&
         (extent[0] == 1 || v.stride[0] == extent[1] * extent[2]);
}

// to[j * to_step] = T(from[j * step]) for 0 <= j < n.  Dense and constant runs have loops of their own, which
// vectorise.
template <class T, class S> void copy_run(const S* from, int64_t step, int64_t n, T* to, int64_t to_step = 1) {
  if (step == 1 && to_step == 1)
    for (int64_t j = 0; j < n; ++j) to[j] = T(from[j]);
  else if (step == 0 && to_step == 1) std::fill_n(to, n, T(*from));
  else
    for (int64_t j = 0; j < n; ++j) to[j * to_step] = T(from[j * step]);
}

// out[j] = F(element start + j) for 0 <= j < n, read from a view of S.
template <class F, class S>
void gather(const View& view, const int64_t (&extent)[3], int64_t start, int64_t n, F* out) {
  const S* from = static_cast<const S*>(view.data);
  for (Cursor at(view, extent, start); n > 0;) {
    const int64_t run = std::min(n, at.run());
    copy_run(from + at.offset(), view.stride[2], run, out);
    at.advance(run);
    out += run;
    n -= run;
  }
}
// element start + j = S(in[j]) for 0 <= j < n, written to a view of S.
template <class F, class S>
void scatter(const F* in, const View& view, const int64_t (&extent)[3], int64_t start, int64_t n) {
  S* to = static_cast<S*>(view.data);
  for (Cursor at(view, extent, start); n > 0;) {
    const int64_t run = std::min(n, at.run());
    copy_run(in, 1, run, to + at.offset(), view.stride[2]);
    at.advance(run);
    in += run;
    n -= run;
  }
}

// Repeats the last of n elements up to `padded`.
template <class F> void pad(F* block, int64_t n, int64_t padded) {
  for (int64_t j = n; j < padded; ++j) block[j] = block[n - 1];
}

// Of a block: Σ x, and how many x are not zero.
struct BlockSums {
  double sum = 0, active = 0;
};
template <class F> BlockSums sums_of(const F* x, int64_t n) {
  constexpr int chains = 32;  // so that the additions overlap
  double lane[chains] = {};
  IntBeside<F> active[chains] = {};  // as wide as F: keeps the loop in lanes
  int64_t i = 0;
  for (; i + chains <= n; i += chains) {
    for (int j = 0; j < chains; ++j) lane[j] += double(x[i + j]);
    for (int j = 0; j < chains; ++j) active[j] += x[i + j] != F(0);
  }
  for (int j = 0; i < n; ++i, ++j) lane[j] += double(x[i]), active[j] += x[i] != F(0);
  for (int half = chains / 2; half; half /= 2)
    for (int j = 0; j < half; ++j) lane[j] += lane[j + half], active[j] += active[j + half];
  return {lane[0], double(active[0])};
}

// Σ of many partial sums as a balanced tree: accurate, and the same whoever made the parts.
template <class Get> double tree_sum(int64_t first, int64_t last, Get get) {
  if (last - first <= 4) {
    double s = 0;
    for (; first < last; ++first) s += get(first);
    return s;
  }
  const int64_t middle = (first + last) / 2;
  return tree_sum(first, middle, get) + tree_sum(middle, last, get);
}

// The first element outside the range, or -1.  A NaN is outside every range.
template <class F> int64_t outside(const F* x, int64_t n, const Range& r) {
  const F low = F(r.low), high = F(r.high);
  const auto first_not = [&](auto inside) -> int64_t {  // without a branch and as wide as F: the scan runs in lanes
    IntBeside<F> bad = 0;
    for (int64_t i = 0; i < n; ++i) bad |= inside(x[i]) ? 0 : 1;
    if (!bad) return -1;
    return std::find_if_not(x, x + n, inside) - x;
  };
  if (r.only_ends) return first_not([=](F v) { return (v == low) | (v == high); });
  if (r.open_low && r.open_high) return first_not([=](F v) { return (v > low) & (v < high); });
  if (r.open_low) return first_not([=](F v) { return (v > low) & (v <= high); });
  if (r.open_high) return first_not([=](F v) { return (v >= low) & (v < high); });
  return first_not([=](F v) { return (v >= low) & (v <= high); });
}

}  // namespace gradus
