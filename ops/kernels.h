// The kernels of a formula: its arithmetic over dense, padded blocks.  What a block is, how it is cut out of strided
// views, threads, checks and sums are ordinary code in drive_map.cpp and drive_fold.cpp.
#pragma once
#include <algorithm>
#include <new>

#include "gradus/core/dual.h"
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"
#include "gradus/core/trace.h"

namespace gradus::kernels {

// Exact derivatives and a record of the branches taken, in one number: what `tangent` runs on.
using Probe = Trace<Dual<Num<double, 4>>>;

// A block of a Map: `packs` full packs of lanes.  Every pointer is dense; unused lanes of the last pack hold copies.
struct MapBlock {
  int64_t packs = 0, valid = 0;       // valid: elements that are not padding
  const void* in[max_inputs];         // numbers, or labels as Ints of the same width
  const void* direction[max_inputs];  // Probe only
  const void* upstream = nullptr;     // null: one
  double scale = 1, count_scale = 0, scale_tangent = 0, count_scale_tangent = 0;
  void* value = nullptr;
  void* count = nullptr;   // weighed formulas only
  void* grad[max_inputs];  // null: not wanted
};

// A block of a Fold.  Narrow: lanes are rows, columns follow one another `step` apart.  Wide: lanes are columns of one
// row out of a group, of which a block has at least a pack; what a row has of its own, its constants too, is a lane of
// the group's.
struct FoldBlock {
  int64_t first = 0, columns = 0, total = 0;  // this block's first column, how many it has, how many the row has
  int rows = 0;                               // of the group: the lanes that are valid
  int row = 0;                                // wide: which of them
  const void* in[max_inputs];                 // element: [columns][step]; column: [columns]; row, scalar: [lanes]
  const void* direction[max_inputs];
  int64_t step[max_inputs];  // element inputs of a narrow block
  void* grad[max_inputs];
  int64_t grad_step[max_inputs];
  const void *scale = nullptr, *scale_tangent = nullptr;  // [lanes]: upstream × scale of each row
  double count_scale = 0, count_scale_tangent = 0;
  // Where lift leaves the exp of each column for grad, and relative to what, a lane each; null: grad is to do its own.
  void *terms = nullptr, *tops = nullptr;
};

struct MapKernel {
  int lanes;
  void (*run)(const void* formula, const MapBlock&);
};
struct FoldKernel {
  int lanes;
  bool wide, keeps_terms;
  bool label_alone;  // each row has one column: that of its label, or the first where it has none
  size_t state_bytes, constants_bytes;
  void (*start)(void* state);
  void (*lift)(const void* formula, const FoldBlock&, void* state);  // merges the block's columns into state
  void (*join)(const void* formula, void* into, const void* from);
  // Of all rows of the group; wide: each has a State of its own, one behind the other, which it uses up.
  void (*finish)(const void* formula, const FoldBlock&, void* states, void* constants, void* value, void* count);
  void (*grad)(const void* formula, const FoldBlock&, const void* constants);
};

// ---- numbers in and out -------------------------------------------------------------------------

template <class T> constexpr bool probing = false;
template <> inline constexpr bool probing<Probe> = true;

template <class T> GRADUS_FN T number(double value, double tangent) {
  if constexpr (probing<T>) return Probe(Dual<Num<double, 4>>(value, tangent));
  else return T(value);
}
template <class T> GRADUS_FN T load(const void* values, const void* tangents, int64_t at) {
  using P = typename T::Plain;
  using F = typename T::Scalar;
  P v = P::load(static_cast<const F*>(values) + at);
  if constexpr (probing<T>) return Probe(Dual<P>(v, tangents ? P::load(static_cast<const F*>(tangents) + at) : P(0.0)));
  else return T(v);
}
template <class T> GRADUS_FN T splat(const void* values, const void* tangents, int64_t at) {
  using F = typename T::Scalar;
  return number<T>(static_cast<const F*>(values)[at],
                   probing<T> && tangents ? static_cast<const F*>(tangents)[at] : F(0));
}
template <class T> GRADUS_FN void store(void* to, int64_t at, T x) {  // a Probe stores its derivative
  using F = typename T::Scalar;
  if constexpr (probing<T>) x.v.d.store(static_cast<F*>(to) + at);
  else x.store(static_cast<F*>(to) + at);
}
template <class T> GRADUS_FN Index<T> load_labels(const void* labels, int64_t at) {
  Index<T> y;
  __builtin_memcpy(static_cast<void*>(&y), static_cast<const typename Index<T>::Int*>(labels) + at, sizeof y);
  return y;
}
template <class T> GRADUS_FN void lanes_in_use(int64_t n) {
  if constexpr (probing<T>)
    if (Recorder* recorder = Recorder::current()) recorder->valid = int(n < T::size ? n : T::size);
}

// A formula gives as many gradients as it has inputs with one; an array that is too short would be read beyond its end.
template <class L, class G> constexpr void check_count(const G&) {
  if constexpr (requires { &G::grad; })
    static_assert(std::extent_v<decltype(G::grad)> == gradients<L>,
                  "a formula returns one gradient for each input that is differentiable");
  else static_assert(gradients<L> == 0, "a formula returns one gradient for each input that is differentiable");
}

// ---- Map ----------------------------------------------------------------------------------------

template <class L, class T, int K> GRADUS_FN Arg<L, T, K> map_argument(const MapBlock& b, int64_t at) {
  if constexpr (L::inputs[K].label) return load_labels<T>(b.in[K], at);
  else return load<T>(b.in[K], b.direction[K], at);
}

template <class L, class T> void map(const void* formula, const MapBlock& block) {
  const L loss = *static_cast<const L*>(formula);  // by value: a pointer would alias the outputs
  const MapBlock b = block;
  const T count_scale = number<T>(b.count_scale, b.count_scale_tangent);
  for (int64_t p = 0; p < b.packs; ++p) {
    const int64_t at = p * T::size;
    lanes_in_use<T>(b.valid - at);
    const auto s = [&]<size_t... K>(std::index_sequence<K...>) {
      return loss.eval(map_argument<L, T, int(K)>(b, at)...);
    }(std::make_index_sequence<arity<L>>{});
    check_count<L>(s);
    store(b.value, at, T(s.value));
    constexpr bool weighed = requires { s.count; };
    if constexpr (weighed)
      if (b.count) store(b.count, at, T(s.count));
    if constexpr (gradients<L> > 0) {
      // Two calls, each of a number made on the spot: one that may be either is kept in memory and costs more than all
      // the arithmetic.
      const auto store_gradients = [&](const T& up) __attribute__((always_inline)) {
        each_gradient<L>([&]<int K, int G>() {
          if (!b.grad[K]) return;
          T g = up * s.grad[G];
          if constexpr (weighed)
            if constexpr (L::inputs[K].in_count) g = g + count_scale * s.count_grad[G];
          store(b.grad[K], at, g);
        });
      };
      if (b.upstream) store_gradients(number<T>(b.scale, b.scale_tangent) * load<T>(b.upstream, nullptr, at));
      else store_gradients(number<T>(b.scale, b.scale_tangent));
    }
  }
}

// ---- Fold ---------------------------------------------------------------------------------------

// Does nothing but the label's column add to the State or have a gradient?  Then plain numbers look at no other, a row
// a lane; those that carry derivatives go the general way, to which certificates compare this one.
template <class L, class T, bool wide>
constexpr bool label_alone = !wide && !probing<T> && requires { L::only_the_label; };

template <class L>
constexpr int label_input = [] {
  int k = 0;
  while (k < arity<L> && !L::inputs[k].label) ++k;
  return k;
}();

// The number of column c (narrow), or of the pack's columns (wide).
template <class L, class T, bool wide> GRADUS_FN Column<T> column_at(const FoldBlock& b, int64_t c) {
  if constexpr (label_alone<L, T, wide>) {
    const Index<T> y = load_labels<T>(b.in[label_input<L>], 0);
    return {select(y < Index<T>(0), Index<T>(0), y), b.total};
  } else if constexpr (wide) {
    return {iota<Index<T>>(0) + Index<T>(b.first + c), b.total};
  } else {
    return {Index<T>(b.first + c), b.total};
  }
}
template <class L, class T, bool wide, bool plain, int K>
GRADUS_FN Arg<L, T, K> fold_argument(const FoldBlock& b, int64_t c) {
  constexpr Role role = L::inputs[K].role;
  if constexpr (plain && L::inputs[K].param != nullptr) {
    return (L().*L::inputs[K].param).number();
  } else if constexpr (L::inputs[K].label) {
    if constexpr (wide) return Index<T>(static_cast<const typename Index<T>::Int*>(b.in[K])[b.row]);
    else return load_labels<T>(b.in[K], 0);
  } else if constexpr (role == Role::element) {
    return load<T>(b.in[K], b.direction[K], wide ? c : c * b.step[K]);
  } else if constexpr (role == Role::column) {
    return wide || label_alone<L, T, wide> ? load<T>(b.in[K], b.direction[K], c) : splat<T>(b.in[K], b.direction[K], c);
  } else {
    return wide ? splat<T>(b.in[K], b.direction[K], b.row) : load<T>(b.in[K], b.direction[K], 0);
  }
}

// How many numbers a plain struct of them has.
template <class T, class S>
constexpr int fields = [] {
  static_assert(__is_trivially_copyable(S) && (__is_empty(S) || sizeof(S) % sizeof(T) == 0),
                "States and Constants are plain structs of T's");
  return __is_empty(S) ? 0 : int(sizeof(S) / sizeof(T));
}();
// Applies fn to the number fields of two of them, field by field.
template <class T, class S, class Fn> GRADUS_FN S each_field(S a, S b, Fn fn) {
  constexpr int n = fields<T, S>;
  T x[n + 1], y[n + 1];
  __builtin_memcpy(static_cast<void*>(x), &a, n * sizeof(T));
  __builtin_memcpy(static_cast<void*>(y), &b, n * sizeof(T));
  for (int i = 0; i < n; ++i) x[i] = fn(x[i], y[i]);
  __builtin_memcpy(static_cast<void*>(&a), x, n * sizeof(T));
  return a;
}

// A struct of T's whose lanes are rows, as one row sees it.
template <class T, class S> GRADUS_FN S of_row(const void* all, int row) {
  constexpr int n = fields<T, S>;
  T x[n + 1];
  for (int i = 0; i < n; ++i) x[i] = T(double(static_cast<const typename T::Scalar*>(all)[i * T::size + row]));
  S one;
  __builtin_memcpy(&one, static_cast<const void*>(x), n * sizeof(T));
  return one;
}

// Of two packs seen as groups of 2 × width lanes, `width` lanes of each group from its lane `from` on: first all of a,
// then all of b.
template <int width, int from, class F, int N> GRADUS_FN Num<F, N> halves(Num<F, N> a, Num<F, N> b) {
  if constexpr (two_halves<F, N>) {
    if constexpr (2 * width == N) return from ? Num<F, N>(a.hi, b.hi) : Num<F, N>(a.lo, b.lo);
    else return {halves<width, from>(a.lo, a.hi), halves<width, from>(b.lo, b.hi)};
  } else {
    return [&]<int... I>(std::integer_sequence<int, I...>) {
      return Num<F, N>::raw(__builtin_shufflevector(a.v, b.v, (I / width * 2 * width + I % width + from)...));
    }(std::make_integer_sequence<int, N>{});
  }
}

// A Fold that says how two of its States join once their softmaxes have: sum over a block's columns in two rounds.
template <class L>
concept Softmax = Fold<L> && requires(const L& l, typename L::template State<Num<float, 1>> s) { l.join({}, s, s); };

// plain: all options and parameters have their defaults, which the compiler then knows.
template <class L, class T, bool wide, bool plain = false> struct FoldOf {
  using State = typename L::template State<T>;
  using Constants = typename L::template Constants<T>;
  using Inputs = std::make_index_sequence<arity<L>>;
  static constexpr int step = wide ? T::size : 1;

  // Does any column but the label's add to the softmax alone, and is its gradient in proportion to its exp?
  static constexpr bool label_apart =
      wide && plain && requires(const L& l, Constants c, T z) { l.grad_elsewhere(c, z); };
  GRADUS_FN static int64_t label_of(const FoldBlock& b) {
    if constexpr (label_input<L> < arity<L>)
      return static_cast<const typename Index<T>::Int*>(b.in[label_input<L>])[b.row];
    else return -1;
  }

  GRADUS_FN static int64_t pack_of_label(const FoldBlock& b) {  // beyond the block's columns where it is in none
    const int64_t c = label_of(b) - b.first;
    return c >= 0 && c < b.columns ? c / step * step : b.columns;
  }

  // Where the pack at c starts: the last one of a wide block reaches back, so that it is a whole one too.
  GRADUS_FN static int64_t whole_pack(const FoldBlock& b, int64_t c) {
    return wide ? std::min<int64_t>(c, b.columns - T::size) : c;
  }

  GRADUS_FN static decltype(auto) given([[maybe_unused]] const void* formula) {
    if constexpr (plain) return L();
    else return (*static_cast<const L*>(formula));
  }

  static void start(void* state) { ::new (state) State(); }

  static void lift(const void* formula, const FoldBlock& __restrict b, void* to) {
    const L loss = given(formula);  // by value: a pointer would alias the outputs
    State state = *static_cast<State*>(to);
    if constexpr (!wide) lanes_in_use<T>(b.rows);
    const auto piece = [&](int64_t c) __attribute__((always_inline)) { return lifted(loss, b, c); };
    for (int64_t c = at_once(loss, piece, b, state); c < b.columns; c += step) {
      const int64_t from = whole_pack(b, c);
      State merged = loss.merge(state, piece(from));
      if (from < c) {  // lanes that have been keep what they had
        const auto ahead = iota<Index<T>>(from) >= Index<T>(c);
        merged = each_field<T>(merged, state, [&](T m, T s) { return select(ahead, m, s); });
      }
      state = merged;
    }
    *static_cast<State*>(to) = state;
  }

  GRADUS_FN static State lifted(const L& loss, const FoldBlock& b, int64_t c) {  // the columns from c on
    return [&]<size_t... K>(std::index_sequence<K...>) __attribute__((always_inline)) {
      return loss.lift(column_at<L, T, wide>(b, c), fold_argument<L, T, wide, plain, int(K)>(b, c)...);
    }(Inputs{});
  }

  // Adds the columns of all full packs to a softmax's sum, and keeps their terms.  Not inlined: the registers are its
  // loop's alone.  Meanwhile what lies behind the block, most often the next one, comes into the cache.
  template <bool keep>
  [[gnu::noinline]] static void sum_apart(const FoldBlock& __restrict b, SoftmaxBelow<T>& __restrict to) {
    using F = typename T::Scalar;
    const L loss;
    SoftmaxBelow<T> sum = to;
    const F* behind = static_cast<const F*>(b.in[0]) + b.columns;
    F* terms = static_cast<F*>(b.terms);
    for (int64_t c = 0; c + step <= b.columns; c += step) {
      State one = lifted(loss, b, c);
      const T term = sum.add(softmax_of(one));
      if constexpr (keep) term.store(terms + c);
      for (int line = 0; line < step; line += 64 / int(sizeof(F))) __builtin_prefetch(behind + c + line);
    }
    to = sum;
  }

  // The columns of all full packs, for a formula that takes them at once.
  struct Columns {
    const FoldBlock& b;
    template <class Fn> GRADUS_FN void each(Fn fn) const {
      for (int64_t c = 0; c + step <= b.columns; c += step)
        [&]<size_t... K>(std::index_sequence<K...>) __attribute__((always_inline)) {
          fn(column_at<L, T, wide>(b, c), fold_argument<L, T, wide, plain, int(K)>(b, c)...);
        }(Inputs{});
    }
  };

  // All full packs at once: of a softmax the largest logit, then the sum below it; else as the formula says.  Returns
  // how many columns it has merged.  Numbers that carry derivatives go the general way, to which certificates compare
  // this one.
  template <class Piece> GRADUS_FN static int64_t at_once(const L& loss, Piece piece, const FoldBlock& b, State& to) {
    const int64_t columns = b.columns / step * step;
    if (columns == 0) return 0;
    if constexpr (probing<T>) return 0;
    else if constexpr (requires { loss.template lift_all<T>(Columns{b}); }) {
      to = loss.merge(to, loss.template lift_all<T>(Columns{b}));
      return columns;
    } else if constexpr (Softmax<L>) {
      const auto each = [&](auto fn) __attribute__((always_inline)) {
        for (int64_t c = 0; c < columns; c += step) {
          State one = piece(c);
          fn(one, c);
        }
      };
      T top = T::lowest();
      each([&](State& one, int64_t) { top = max(top, softmax_of(one).max); });
      const bool serves = SoftmaxBelow<T>::serves(top);
      if (b.terms) store(b.tops, 0, serves ? top : T(__builtin_nan("")));
      if (!serves) return 0;
      SoftmaxBelow<T> sum(top);
      State all;
      if constexpr (label_apart) {
        b.terms ? sum_apart<true>(b, sum) : sum_apart<false>(b, sum);
        if (const int64_t c = pack_of_label(b); c < columns) all = loss.join({}, all, piece(c));
      } else {
        each([&](State& one, int64_t) {
          sum.add(softmax_of(one));
          all = loss.join(sum.risen(softmax_of(one)), all, one);
        });
      }
      softmax_of(all) = sum.total();
      to = loss.merge(to, all);
      return columns;
    }
    return 0;
  }

  static void join(const void* formula, void* into, const void* from) {
    const L& loss = given(formula);
    *static_cast<State*>(into) = loss.merge(*static_cast<State*>(into), *static_cast<const State*>(from));
  }

  // Of the States of n rows one, in which each row has a lane: two rows become one of half their lanes each, until none
  // has a lane to spare.  How the lanes of a row merge does not depend on its neighbours.
  template <int width = T::size / 2> GRADUS_FN static State rows_as_lanes(const L& loss, State* states, int n) {
    const int pairs = (n + 1) / 2;
    for (int i = 0; i < pairs; ++i) {
      const State a = states[2 * i], b = states[2 * i + 1 < n ? 2 * i + 1 : 2 * i];
      states[i] = loss.merge(each_field<T>(a, b, [](T x, T y) { return halves<width, 0>(x, y); }),
                             each_field<T>(a, b, [](T x, T y) { return halves<width, width>(x, y); }));
    }
    if constexpr (width > 1) return rows_as_lanes<width / 2>(loss, states, pairs);
    else return states[0];
  }

  static void finish(const void* formula, const FoldBlock& b, void* states, void* constants, void* value, void* count) {
    const L& loss = given(formula);
    State s = *static_cast<State*>(states);
    if constexpr (wide) s = rows_as_lanes(loss, static_cast<State*>(states), b.rows);
    else lanes_in_use<T>(b.rows);
    const auto done = [&]<size_t... I>(std::index_sequence<I...>) {
      return loss.finish(s, b.total, fold_argument<L, T, false, plain, row_level<L>.k[I]>(b, 0)...);
    }(std::make_index_sequence<row_level<L>.n>{});
    ::new (constants) Constants(done.constants);
    store(value, 0, T(done.value));
    store(count, 0, T(done.count));
  }

  static void grad(const void* formula, const FoldBlock& block, const void* constants) {
    const L loss = given(formula);
    const FoldBlock b = block;
    Constants fixed = *static_cast<const Constants*>(constants);
    if constexpr (wide) fixed = of_row<T, Constants>(constants, b.row);
    const T up = wide ? splat<T>(b.scale, b.scale_tangent, b.row) : load<T>(b.scale, b.scale_tangent, 0);
    const T count_scale = number<T>(b.count_scale, b.count_scale_tangent);
    if constexpr (!wide) lanes_in_use<T>(b.rows);
    const auto column = [&](int64_t c) __attribute__((always_inline)) {
      const auto g = [&]<size_t... K>(std::index_sequence<K...>) __attribute__((always_inline)) {
        return loss.grad(fixed, column_at<L, T, wide>(b, c), fold_argument<L, T, wide, plain, int(K)>(b, c)...);
      }(Inputs{});
      check_count<L>(g);
      if constexpr (gradients<L> > 0)
        each_gradient<L>([&]<int K, int G>() __attribute__((always_inline)) {
          if constexpr (plain && L::inputs[K].param != nullptr) return;
          if (!b.grad[K]) return;
          T dx = up * g.grad[G];
          if constexpr (requires { g.count_grad; })
            if constexpr (L::inputs[K].in_count) dx = dx + count_scale * g.count_grad[G];
          store(b.grad[K], wide ? c : c * b.grad_step[K], dx);
        });
    };
    int64_t first = 0;
    if constexpr (label_apart) first = from_terms(loss, fixed, up, b, column);
    for (int64_t c = first; c < b.columns; c += step) column(whole_pack(b, c));
  }

  // The gradient of all full packs from the terms that lift has left.  Returns for how many columns.
  template <class Pack>
  GRADUS_FN static int64_t from_terms(const L& loss, const Constants& fixed, T up, const FoldBlock& b, Pack pack) {
    const int64_t columns = b.columns / step * step;
    if (!b.terms || label_of(b) < 0 || !b.grad[0]) return 0;
    const T at_top = up * loss.grad_elsewhere(fixed, load<T>(b.tops, nullptr, 0)), a_term = at_top * 0x1p-64;
    if (!all(abs(a_term) >= 0x1p-126)) return 0;  // it would lose digits, or there is no top
    for (int64_t c = 0; c < columns; c += step) store(b.grad[0], c, load<T>(b.terms, nullptr, c) * a_term);
    if (const int64_t c = pack_of_label(b); c < columns) pack(c);
    return columns;
  }

  static constexpr FoldKernel kernel = {
      T::size, wide,   label_apart, label_alone<L, T, wide>, sizeof(State), sizeof(Constants), start, lift,
      join,    finish, grad};
};

}  // namespace gradus::kernels
