// What a Block sees: one small problem whose inputs, gradients and values are dense arrays of the number it is written
// on.  A Block is any computation that is neither element by element nor a fold over a row: a row to sort, a sequence,
// all pairs of a batch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <new>

#include "gradus/core/formula.h"
#include "gradus/core/number.h"

namespace gradus {

// A dense row-major array of up to four dimensions; it is one number when rank is 0.
template <class T> struct Array {
  T* data = nullptr;
  int rank = 0;
  int64_t extent[4] = {1, 1, 1, 1};

  explicit operator bool() const { return data; }
  int64_t size() const { return extent[0] * extent[1] * extent[2] * extent[3]; }
  T& operator()() const { return data[0]; }
  T& operator()(int64_t i) const { return data[i]; }
  T& operator()(int64_t i, int64_t j) const { return data[i * extent[1] + j]; }
  T& operator()(int64_t i, int64_t j, int64_t k) const { return data[(i * extent[1] + j) * extent[2] + k]; }
  Array operator[](int64_t i) const {  // the i-th slice
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

  // n numbers, zero at first, that live as long as the problem.
  T* scratch(int64_t n) {
    return static_cast<T*>(room(room_of, n, sizeof(T), [](void* p, int64_t m) {
      T* x = static_cast<T*>(p);
      for (int64_t i = 0; i < m; ++i) ::new (x + i) T(0.0);
    }));
  }
  Array<T> array(int64_t n, int64_t m) { return {scratch(n * m), 2, {n, m, 1, 1}}; }
  Array<T> array(int64_t n) { return {scratch(n), 1, {n, 1, 1, 1}}; }
  int64_t* integers(int64_t n) {
    return static_cast<int64_t*>(room(room_of, n, sizeof(int64_t), [](void* p, int64_t m) {
      for (int64_t i = 0; i < m; ++i) static_cast<int64_t*>(p)[i] = 0;
    }));
  }

  // Says that element i of an input, or with i = -1 its shape, cannot be: the call becomes an error "wanted …".
  void reject(int input, int64_t i, double value, const char* wanted) { refuse(room_of, input, i, value, wanted); }

  using Product = void (*)(int64_t n, int64_t m, int64_t k, const void* a, int64_t a_row, int64_t a_column,
                           const void* b, int64_t b_row, int64_t b_column, void* c, bool add);
  Product product = nullptr;  // for plain numbers: a tuned matrix product
  void* (*room)(void* of, int64_t n, size_t size, void (*clear)(void*, int64_t)) = nullptr;
  void (*refuse)(void* of, int input, int64_t i, double value, const char* wanted) = nullptr;
  void* room_of = nullptr;
};

// c[n][m] (+)= Σ_k a[n][k] b[k][m]; a and b by their strides, c dense.
template <class T>
void multiply(const Case<T>& p, int64_t n, int64_t m, int64_t k, const T* a, int64_t a_row, int64_t a_column,
              const T* b, int64_t b_row, int64_t b_column, T* c, bool add = false) {
  if (p.product) return p.product(n, m, k, a, a_row, a_column, b, b_row, b_column, c, add);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < m; ++j) {
      T sum = add ? c[i * m + j] : T(0.0);
      for (int64_t l = 0; l < k; ++l) sum = sum + a[i * a_row + l * a_column] * b[l * b_row + j * b_column];
      c[i * m + j] = sum;
    }
}

// f(0) + … + f(n - 1) as a balanced tree, which keeps the rounding of a long sum small.
template <class T, class Fn> T total(int64_t n, Fn f, int64_t first = 0) {
  if (n <= 16) {
    T sum = 0;
    for (int64_t i = 0; i < n; ++i) sum = sum + f(first + i);
    return sum;
  }
  return total<T>(n / 2, f, first) + total<T>(n - n / 2, f, first + n / 2);
}

// A comparison as a plain truth, where control flow and not a value depends on it.
template <class M> bool holds(M mask) { return mask.lane(0); }

// A Block solves; everything else with an eval is a Map.
template <class L> concept Block = requires(const L& l, Case<Num<double, 1>>& p) { l.solve(p); };

}  // namespace gradus
