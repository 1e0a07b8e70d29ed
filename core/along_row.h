// Loops over a row of plain numbers in packs, and one by one over a row of any others: the same lines for both.
#pragma once
#include <type_traits>

#include "gradus/core/block.h"

namespace gradus {

// Where a loop over a row stands: at one number, or at a pack of them.
template <class V> struct Along {
  int64_t j;

  template <class T> GRADUS_ANYWHERE V operator()(const T* row) const {
    if constexpr (V::size == T::size) return row[j];
    else return V::load(&row[j].v);
  }
  template <class T> GRADUS_ANYWHERE void put(T* row, V x) const {
    if constexpr (V::size == T::size) row[j] = x;
    else x.store(&row[j].v);
  }
  template <class T> GRADUS_ANYWHERE V all(T x) const {  // one number in every lane
    if constexpr (V::size == T::size) return x;
    else return V(x.v);
  }
  template <class In> GRADUS_ANYWHERE typename V::Mask where(In in) const {
    if constexpr (V::size == 1) return {in(j)};
    else return in(iota<Index<V>>(j));
  }
};

template <class T> using PackOf = Num<typename T::Scalar, pack_lanes<typename T::Scalar>>;
template <class In, class V>
concept AsksPacks = requires(const In& in, Index<V> j) { in(j); };
// Can a loop over a row take packs: does T carry no derivatives, and can each question be asked of a pack of columns?
template <class T, class... In>
concept InPacks = PackOf<T>::size > 1 && std::is_same_v<T, Num<typename T::Scalar, 1>> &&
                  (AsksPacks<In, PackOf<T>> && ...);

// fn(at) along m numbers of a row, from `first` on, in packs if T allows it.
template <class T, class Fn> GRADUS_FN void along_row(int64_t m, Fn fn, int64_t first = 0) {
  int64_t j = first;
  if constexpr (InPacks<T>)
    for (; j + PackOf<T>::size <= first + m; j += PackOf<T>::size) fn(Along<PackOf<T>>{j});
  for (; j < first + m; ++j) fn(Along<T>{j});
}
// Σ fn(at) along them.
template <class T, class Fn> GRADUS_ANYWHERE T row_total(int64_t m, Fn fn, int64_t first = 0) {
  if constexpr (InPacks<T>) {
    using V = PackOf<T>;
    const int64_t packs = m / V::size, rest = first + packs * V::size;
    if (packs == 0) return total<T>(m, [&](int64_t l) { return fn(Along<T>{first + l}); });
    const V lanes = total<V>(packs, [&](int64_t p) { return fn(Along<V>{first + p * V::size}); });
    return total<T>(V::size, [&](int64_t l) { return T::raw(lanes.lane(int(l))); }) +
           total<T>(m % V::size, [&](int64_t l) { return fn(Along<T>{rest + l}); });
  } else {
    return total<T>(m, [&](int64_t j) { return fn(Along<T>{j}); }, first);
  }
}

// The same two, by all of a team together.
template <class T, class Fn> GRADUS_FN void along_row(const Case<T>& c, int64_t m, Fn fn) {
  if constexpr (Team::alone) along_row<T>(m, fn);
  else c.each(m, [&](int64_t j) { fn(Along<T>{j}); });
}
template <class T, class Fn> GRADUS_ANYWHERE T row_total(const Case<T>& c, int64_t m, Fn fn) {
  if constexpr (Team::alone) return row_total<T>(m, fn);
  else return c.total(m, [&](int64_t j) { return fn(Along<T>{j}); });
}

// The largest |x_k|, with the derivative of the first that reaches it.
template <class T> GRADUS_ANYWHERE T largest_magnitude(const T* x, int64_t n) {
  if constexpr (InPacks<T>) {
    PackOf<T> packs = 0.0;
    T last = 0;
    along_row<T>(n, [&](auto at) {
      const auto a = abs(at(x));
      if constexpr (a.size == 1) last = max(a, last);
      else packs = max(a, packs);
    });
    for (int l = 0; l < PackOf<T>::size; ++l) last = max(T::raw(packs.lane(l)), last);
    return last;
  } else {
    int64_t top = 0;
    for (int64_t k = 1; k < n; ++k)
      if (holds(plain(abs(x[k])) > plain(abs(x[top])))) top = k;
    return abs(x[top]);
  }
}

}  // namespace gradus
