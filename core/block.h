// What a Block sees: one small problem whose inputs, gradients and values are dense arrays of the number it is written
// on.  A Block is any computation that is neither element by element nor a fold over a row: a row to sort, a sequence,
// all pairs of a batch.
//
// A team solves it: one thread of the CPU, or several of a device, which all run the same lines on numbers of their own
// and share the arrays.  Blocks that say `shared_by_team` fill arrays by each() and sum by total(); what changes a number
// in place is done by one of the team, in once().
#pragma once
#include <cstdint>
#include <new>

#include "gradus/core/formula.h"
#include "gradus/core/number.h"
#include "gradus/core/team.h"

namespace gradus {

// A dense row-major array of up to four dimensions; it is one number when rank is 0.
template <class T> struct Array {
  T* data = nullptr;
  int rank = 0;
  int64_t extent[4] = {1, 1, 1, 1};

  GRADUS_ANYWHERE explicit operator bool() const { return data; }
  GRADUS_ANYWHERE int64_t size() const { return extent[0] * extent[1] * extent[2] * extent[3]; }
  GRADUS_ANYWHERE T& operator()() const { return data[0]; }
  GRADUS_ANYWHERE T& operator()(int64_t i) const { return data[i]; }
  GRADUS_ANYWHERE T& operator()(int64_t i, int64_t j) const { return data[i * extent[1] + j]; }
  GRADUS_ANYWHERE T& operator()(int64_t i, int64_t j, int64_t k) const { return data[(i * extent[1] + j) * extent[2] + k]; }
  GRADUS_ANYWHERE Array operator[](int64_t i) const {  // the i-th slice
    Array a;
    a.rank = rank - 1;
    int64_t step = 1;
    for (int d = 1; d < rank; ++d) step *= a.extent[d - 1] = extent[d];
    a.data = data + i * step;
    return a;
  }
};

// One problem of a Block.
template <class T> struct Case {
  Array<T> in[max_inputs];                 // the inputs that are numbers; data null where an optional one is absent
  Array<const int64_t> whole[max_inputs];  // the inputs that are integers; a label that is ignored is -1
  Array<T> grad[max_inputs];               // to be added to: d result / d input; data null where it is not wanted
  Array<T> value;                          // to be filled; zero before
  Array<T> count;                          // of each value, by how much it counts in a mean; one before
  Array<T> up;                             // d result / d value, for the gradients
  T count_up = 0;                          // d result / d count
  bool wants_grad = false;                 // is any gradient wanted?
  Reduction reduction = Reduction::none;   // what becomes of the values
  int64_t index = 0, cases = 1;            // which problem this is, and of how many

  Team team;

  // f(0), …, f(n - 1) in any order; all of it is done when this returns.
  template <class Fn> GRADUS_ANYWHERE void each(int64_t n, Fn f) const {
    team.meet();
    for (int64_t i = team.rank(); i < n; i += team.size()) f(i);
    team.meet();
  }
  // f(), by one of the team.
  template <class Fn> GRADUS_ANYWHERE void once(Fn f) const {
    each(1, [&](int64_t) { f(); });
  }
  // to += x
  GRADUS_ANYWHERE void add(T& to, T x) const {
    once([&] { to = to + x; });
  }
  // f(0) + … + f(n - 1)
  template <class Fn> GRADUS_ANYWHERE T total(int64_t n, Fn f) const;

  // n numbers, zero at first, that live as long as the problem.
  GRADUS_ANYWHERE T* scratch(int64_t n) {
    T* x = static_cast<T*>(team.take(n * int64_t(sizeof(T))));
    each(n, [=](int64_t i) { ::new (x + i) T(0.0); });
    return x;
  }
  GRADUS_ANYWHERE Array<T> array(int64_t n, int64_t m) { return {scratch(n * m), 2, {n, m, 1, 1}}; }
  GRADUS_ANYWHERE Array<T> array(int64_t n) { return {scratch(n), 1, {n, 1, 1, 1}}; }
  GRADUS_ANYWHERE int64_t* integers(int64_t n) {
    int64_t* x = static_cast<int64_t*>(team.take(n * int64_t(sizeof(int64_t))));
    each(n, [=](int64_t i) { x[i] = 0; });
    return x;
  }

  // Says that element i of an input, or with i = -1 its shape, cannot be: the call becomes an error "wanted …".
  GRADUS_ANYWHERE void reject(int input, int64_t i, double value, const char* wanted) {
    team.refuse(input, i, value, wanted);
  }

  using Product = void (*)(int64_t n, int64_t m, int64_t k, const void* a, int64_t a_row, int64_t a_column,
                           const void* b, int64_t b_row, int64_t b_column, void* c, bool add);
  Product product = nullptr;  // for plain numbers: a tuned matrix product
};

// c[n][m] (+)= Σ_k a[n][k] b[k][m]; a and b by their strides, c dense.
template <class T>
GRADUS_ANYWHERE void multiply(const Case<T>& p, int64_t n, int64_t m, int64_t k, const T* a, int64_t a_row,
                              int64_t a_column, const T* b, int64_t b_row, int64_t b_column, T* c, bool add = false) {
  if (p.product) return p.product(n, m, k, a, a_row, a_column, b, b_row, b_column, c, add);
  p.each(n * m, [=](int64_t at) {
    const int64_t i = at / m, j = at % m;
    T sum = add ? c[at] : T(0.0);
    for (int64_t l = 0; l < k; ++l) sum = sum + a[i * a_row + l * a_column] * b[l * b_row + j * b_column];
    c[at] = sum;
  });
}

// f(0) + … + f(n - 1) as a balanced tree, which keeps the rounding of a long sum small.
template <class T, class Fn> GRADUS_ANYWHERE T total(int64_t n, Fn f, int64_t first = 0) {
  if (n <= 16) {
    T sum = 0;
    for (int64_t i = 0; i < n; ++i) sum = sum + f(first + i);
    return sum;
  }
  if constexpr (Team::recursive) {
    return total<T>(n / 2, f, first) + total<T>(n - n / 2, f, first + n / 2);
  } else {  // of parts of 32
    T sum = 0;
    for (int64_t i = 0; i < n; i += 32) {
      T part = 0;
      for (int64_t j = i; j < n && j < i + 32; ++j) part = part + f(first + j);
      sum = sum + part;
    }
    return sum;
  }
}

template <class T> template <class Fn> GRADUS_ANYWHERE T Case<T>::total(int64_t n, Fn f) const {
  if constexpr (Team::alone) {
    return gradus::total<T>(n, f);
  } else {
    team.meet();
    T mine = 0;
    for (int64_t i = team.rank(); i < n; i += team.size()) mine = mine + f(i);
    return team.sum(mine);
  }
}

// A comparison as a plain truth, where control flow and not a value depends on it.
template <class M> GRADUS_ANYWHERE bool holds(M mask) { return mask.lane(0); }

// A Block solves; everything else with an eval is a Map.
template <class L> concept Block = requires(const L& l, Case<Num<double, 1>>& p) { l.solve(p); };

}  // namespace gradus
