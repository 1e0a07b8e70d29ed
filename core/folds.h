// States that several Folds share: a running log-sum-exp, a running norm and running products of two rows.  All keep
// their sums relative to the largest magnitude so far, so that none overflows.
#pragma once
#include "gradus/core/functions.h"
#include "gradus/core/number.h"

namespace gradus {

// A logit from which others have a distance: -infinity becomes the lowest number.
template <class T> GRADUS_FN T above_infinity(T s) { return max(s, T::lowest()); }

// A running log-sum-exp: the sum is kept as 1 + rest relative to the largest logit, so that log1p(rest) is exact when
// one class dominates.  Nothing yet, or only -infinity: rest = -1.
template <class T> struct RunningSoftmax {
  T max = T::lowest(), rest = -1.0;

  GRADUS_FN static RunningSoftmax of(T s) {
    auto absent = s < T::lowest();  // -infinity adds nothing
    return {above_infinity(s), select(absent, T(-1.0), 0.0)};
  }
  struct Merged;
  // b joined to a; `rise` says by how much each one's maximum is below the common one.
  GRADUS_FN static Merged merge(RunningSoftmax a, RunningSoftmax b);
};
template <class T> struct RunningSoftmax<T>::Merged {
  RunningSoftmax total;
  T rise_a, rise_b;
};
template <class T>
GRADUS_FN typename RunningSoftmax<T>::Merged RunningSoftmax<T>::merge(RunningSoftmax a, RunningSoftmax b) {
  T d = b.max - a.max;
  auto up = d > 0.0;
  T e = exp_negative(select(up, -d, d));  // never exp(-abs(d)): its derivative at a tie would be wrong
  T rest = select(up, b.rest, a.rest) + e * (1.0 + select(up, a.rest, b.rest));
  return {{select(up, b.max, a.max), rest}, select(up, d, 0.0), select(up, 0.0, -d)};
}

// The same over columns whose largest logit is known beforehand: an exp a column, and none waits for the one before.
// Those below the top are summed apart, so that no small term is added to a 1.  All terms are raised by 2^64.
template <class T> struct SoftmaxBelow {
  T top, below = 0, all = 0;

  GRADUS_FN explicit SoftmaxBelow(T top) : top(top) {}
  // A lane that saw nothing but -infinity has no top to speak of, and from an infinite one nothing has a distance.
  GRADUS_FN static bool serves(T top) { return !some((top < 0.5 * T::lowest()) | (top == T::infinity())); }
  GRADUS_FN T add(RunningSoftmax<T> one) {  // of one column; returns its term
    T distance = one.max - top, e = exp_raised(distance);
    all = all + e;
    below = below + select(distance < 0.0, e, 0.0);
    return e;
  }
  GRADUS_FN typename RunningSoftmax<T>::Merged risen(RunningSoftmax<T> one) const { return {{}, 0.0, top - one.max}; }
  GRADUS_FN RunningSoftmax<T> total() const {
    T tops = round((all - below) * 0x1p-64);
    return {top, below * 0x1p-64 + (tops - 1.0)};
  }
};

// A formula may say how all columns of a block are lifted at once, where that is cheaper than to merge them one by one:
// `lift_all<T>(columns)`, in which columns.each(fn) calls fn with what `lift` is called with, once a column, as often
// as it is asked.  T carries no derivatives there.
//
// A formula whose State keeps one running softmax says in `join(merged, a, b)` how the rest of two States joins, given
// theirs merged; then the driver sums a block of columns by a SoftmaxBelow.  It may also have
//   grad_elsewhere(constants, z)   the gradient of its first input in a column of logit z that is not the label's,
// to say that with default options such a column adds to the softmax alone, and that its gradient is in proportion to
// exp(z): then an exp is computed once and kept.
template <class S> GRADUS_FN auto& softmax_of(S& state) {
  if constexpr (requires { state.softmax; }) return state.softmax;
  else return state.target.softmax;
}

// p log(p / q) - p + q with d = log(p / q): never negative, and 0 where d is.
template <class T> GRADUS_FN T surprise(T p, T q, T d) {
  auto near = d > -1.0;
  return select(near, times(p, exp_excess(select(near, -d, 0.0))), q - p - times(p, -d));
}

// The softmax of a row, seen from its target class: p, 1 - p and -log p of it, none of which cancels.
template <class T> struct Target {
  T max, total, log_total, nll, p, rest;

  GRADUS_FN T probability(T z) const { return exp_negative(z - max) / total; }  // of the class with logit z
  GRADUS_FN T slope(T z, typename T::Mask hit) const { return select(hit, -rest, probability(z)); }  // d nll / dz
};

// A running softmax that remembers the logit of the target class.
template <class T> struct RunningTarget {
  RunningSoftmax<T> softmax;
  T score = 0;

  GRADUS_FN static RunningTarget of(T z, typename T::Mask hit) {
    return {RunningSoftmax<T>::of(z), select(hit, z, 0.0)};
  }
  GRADUS_FN static RunningTarget join(typename RunningSoftmax<T>::Merged m, RunningTarget a, RunningTarget b) {
    return {m.total, a.score + b.score};
  }
  GRADUS_FN static RunningTarget merge(RunningTarget a, RunningTarget b) {
    return join(RunningSoftmax<T>::merge(a.softmax, b.softmax), a, b);
  }
  GRADUS_FN Target<T> target() const {
    T log_total = log1p(softmax.rest), total = 1.0 + softmax.rest, distance = softmax.max - score;
    T p = exp_negative(-distance) / total;
    return {softmax.max, total, log_total, distance + log_total, p, (softmax.rest - expm1(-distance)) / total};
  }
};

// The running maximum, which NaN is, and the first place where it stands.
template <class T> struct RunningFirst {
  T max = -T::infinity(), at = T::infinity();

  GRADUS_FN static RunningFirst merge(RunningFirst a, RunningFirst b) {
    auto second = (b.max > a.max) | is_nan(b.max) | ((b.max == a.max) & (b.at < a.at));
    return {select(second, b.max, a.max), select(second, b.at, a.at)};
  }
};

// The largest magnitude of some plain numbers, and a unit in which the squares of all of them can be added: 1, unless
// that overflows or vanishes.  It is a power of two, so that neither it nor its inverse costs a digit.
template <class T> struct Magnitude {
  static constexpr bool single = sizeof(typename T::Scalar) == 4;
  static constexpr double far = single ? 0x1p40 : 0x1p400, step = single ? 0x1p84 : 0x1p700;
  T top = 0;

  GRADUS_FN void see(T x) { top = max(top, abs(x)); }
  GRADUS_FN T unit() const { return select(top > far, T(step), select(top < 1 / far, T(1 / step), 1.0)); }
  GRADUS_FN T inverse() const { return select(top > far, T(1 / step), select(top < 1 / far, T(step), 1.0)); }
};

// A running p-norm: Σ (|x| / max)^p.  For p = infinity the sum counts how many share the maximum, for p = 0 how many
// are not zero.
template <class T> struct RunningNorm {
  T max = 0, sum = 0;

  GRADUS_FN static RunningNorm of(T x, double p) {
    if (p != 0) return of(x);
    const T counts = select(frozen(x) == 0.0, T(0.0), 1.0);  // no slope, and a jump at 0 alone
    return {counts, counts};
  }
  GRADUS_FN static RunningNorm of(T x) {
    T a = abs(x);
    auto lost = is_nan(a);
    return {select(lost, 1.0, a), select(lost, a, select(a == 0.0, T(0.0), 1.0))};  // a largest of 0 would hide NaN
  }
  GRADUS_FN static T power(T ratio, double p) {
    if (p == 1) return ratio;
    if (p == 2) return ratio * ratio;
    if (p == __builtin_huge_val()) return select(ratio == 1.0, T(1.0), 0.0);
    return pow(ratio, T(p));
  }
  GRADUS_FN static RunningNorm merge(RunningNorm a, RunningNorm b, double p) {
    auto up = a.max < b.max;
    T large = select(up, b.max, a.max), small = select(up, a.max, b.max);
    auto endless = large == T::infinity();  // infinity / infinity is no ratio
    T ratio = select(small == 0.0, 0.0, small / select(endless, 1.0, large));
    ratio = select(endless, select(small == large, T(1.0), 0.0), ratio);
    return {large, select(up, b.sum, a.sum) + power(ratio, p) * select(up, a.sum, b.sum)};
  }
  // Of all the x that `each` visits, twice: what adds up as it is needs no ratio for every x.
  template <class Each> GRADUS_FN static RunningNorm of_all(Each each, double p) {
    RunningNorm all;
    if (p != 1 && p != 2) {
      each([&](T x) { all = merge(all, of(x, p), p); });
      return all;
    }
    Magnitude<T> size;
    each([&](T x) { size.see(x); });
    const T inverse = size.inverse(), largest = size.top * inverse;
    if (p == 2) each([&](T x) { all.sum += square(x * inverse); });
    else each([&](T x) { all.sum += abs(x * inverse); });
    auto endless = size.top == T::infinity(), nothing = size.top == 0.0;
    all.max = select(is_nan(all.sum), 1.0, size.top);
    all.sum = select(endless & (all.sum > 0.0), 1.0, all.sum / select(nothing, 1.0, power(largest, p)));
    return all;
  }
  GRADUS_FN T norm(double p) const {
    if (p == 0) return sum;
    if (p == 1) return max * sum;
    if (p == 2) return select(max == 0.0, 0.0, max * sqrt(sum));
    if (p == __builtin_huge_val()) return select(is_nan(sum), sum, max);
    return select(max == 0.0, 0.0, max * pow(sum, T(1 / p)));
  }
  // d norm / d x for a member x; 0 at the zero vector, and shared evenly where several are the maximum.
  GRADUS_FN T slope(T x, T norm, double p) const {
    if (p == 0) return 0.0;
    T way = sign(x), g;
    if (p == 1) g = way;
    else if (p == 2) g = x / norm;
    else if (p == __builtin_huge_val()) g = select(abs(x) == max, way / sum, 0.0);
    else g = select(x == 0.0, 0.0, way * pow(abs(x) / norm, T(p - 1)));
    return select(norm == 0.0, 0.0, g);
  }
};

// Σ x², Σ y² and Σ x y, in units near the largest |x| and |y| so far.  The units cancel out of every result, so they
// carry no derivative: a zero has that of the product, and two equal maxima are no kink.
template <class T> struct RunningProducts {
  T unit_x = smallest(), unit_y = smallest(), xx = 0, yy = 0, xy = 0;

  GRADUS_FN static T smallest() { return sizeof(typename T::Scalar) == 4 ? 0x1p-126 : 0x1p-1022; }
  GRADUS_FN static T unit(T x) { return T(max(abs(plain(x)), plain(smallest()))); }
  GRADUS_FN static T larger(T a, T b) { return T(max(plain(a), plain(b))); }
  GRADUS_FN static RunningProducts of(T x, T y) {
    T unit_x = unit(x), unit_y = unit(y), a = x / unit_x, b = y / unit_y;
    return {unit_x, unit_y, a * a, b * b, a * b};
  }
  GRADUS_FN RunningProducts in_units(T x, T y) const {  // not smaller than its own
    T a = unit_x / x, b = unit_y / y;
    return {x, y, xx * a * a, yy * b * b, xy * a * b};
  }
  GRADUS_FN static RunningProducts merge(RunningProducts a, RunningProducts b) {
    T x = larger(a.unit_x, b.unit_x), y = larger(a.unit_y, b.unit_y);
    a = a.in_units(x, y), b = b.in_units(x, y);
    return {x, y, a.xx + b.xx, a.yy + b.yy, a.xy + b.xy};
  }
  // Of all the pairs that `each` visits, twice: the units that serve all are known before anything is added.
  template <class Each> GRADUS_FN static RunningProducts of_all(Each each) {
    Magnitude<T> size_x, size_y;
    each([&](T x, T y) { size_x.see(x), size_y.see(y); });
    const T in_x = size_x.inverse(), in_y = size_y.inverse();
    RunningProducts all{size_x.unit(), size_y.unit(), 0.0, 0.0, 0.0};
    each([&](T x, T y) {
      T a = x * in_x, b = y * in_y;
      all.xx += a * a, all.yy += b * b, all.xy += a * b;
    });
    return all;
  }
};

// A running 2-norm in such units; at the zero vector length and slope are 0.
template <class T> struct RunningLength {
  T unit = RunningProducts<T>::smallest(), squares = 0;

  GRADUS_FN static RunningLength of(T x) {
    T unit = RunningProducts<T>::unit(x);
    return {unit, square(abs(x) / unit)};  // abs lets a check see how near the length is to its kink
  }
  GRADUS_FN static RunningLength merge(RunningLength a, RunningLength b) {
    T unit = RunningProducts<T>::larger(a.unit, b.unit);
    return {unit, a.squares * square(a.unit / unit) + b.squares * square(b.unit / unit)};
  }
  GRADUS_FN T root() const { return sqrt(squares + RunningProducts<T>::smallest()); }  // squares are 0, or 1 and more
  GRADUS_FN T length() const { return unit * root(); }
  GRADUS_FN T slope(T x) const { return x / unit / root(); }
};

// The cosine of two rows, x·y / (n_x n_y), and what its gradient (v - c u) / n_x takes, u = x / n_x, v = y / n_y: n_x
// is the length of x or what stands in for it, free_x is 0 where that does not depend on x.
template <class T> struct Cosine {
  // One over a length, in two factors of which neither overflows.
  struct Over {
    T unit, root;
    GRADUS_FN static Over of(T unit, T root) { return {1.0 / unit, 1.0 / root}; }
    GRADUS_FN static Over of(double eps) {  // of what a clamped row is taken for; with eps = 0 it adds nothing
      T unit = RunningProducts<T>::larger(eps, RunningProducts<T>::smallest());
      return {eps == 0 ? T(0.0) : 1.0 / unit, eps == 0 ? T(0.0) : unit / T(eps)};
    }
    GRADUS_FN friend Over select(typename T::Mask m, Over a, Over b) {
      return {select(m, a.unit, b.unit), select(m, a.root, b.root)};
    }
    GRADUS_FN T operator()(T x) const { return x * unit * root; }
  };
  T c;
  Over x_length, y_length;  // n_x and n_y
  T free_x, free_y;

  // n = max(|x|, eps), as PyTorch's cosine_similarity.  At |x| <= eps the cosine is linear in x.
  GRADUS_FN static Cosine clamped(RunningProducts<T> s, double eps) {
    T x = sqrt(s.xx), y = sqrt(s.yy);
    auto long_x = s.unit_x * x > eps, long_y = s.unit_y * y > eps;
    // Relative to the units, where nothing underflows.  With eps = 0 the cosine to a zero row is 0 all around.
    T far = T::infinity(), a = eps == 0 ? far : eps / s.unit_x, b = eps == 0 ? far : eps / s.unit_y;
    T c = s.xy / select(long_x, x, a) / select(long_y, y, b);
    return {c, select(long_x, Over::of(s.unit_x, x), Over::of(eps)),
            select(long_y, Over::of(s.unit_y, y), Over::of(eps)), select(long_x, T(1.0), 0.0),
            select(long_y, T(1.0), 0.0)};
  }
  // n = sqrt(|x|² + eps²), as PyTorch's cosine_embedding_loss.
  GRADUS_FN static Cosine smoothed(RunningProducts<T> s, double eps) {
    s = s.in_units(RunningProducts<T>::larger(s.unit_x, eps), RunningProducts<T>::larger(s.unit_y, eps));
    T x = sqrt(s.xx + square(eps / s.unit_x)), y = sqrt(s.yy + square(eps / s.unit_y));
    return {s.xy / x / y, Over::of(s.unit_x, x), Over::of(s.unit_y, y), 1.0, 1.0};
  }
  GRADUS_FN T slope_x(T x, T y) const { return x_length(y_length(y) - free_x * c * x_length(x)); }
  GRADUS_FN T slope_y(T x, T y) const { return y_length(x_length(x) - free_y * c * y_length(y)); }
};

// What one event adds to Σ sqrt(p q), and the slope of that along its first probability: 0 where p or q is, though at
// p = 0 < q it is infinite.
template <class T> struct Overlap {
  GRADUS_FN static T of(T p, T q) {
    auto nothing = (p == 0.0) | (q == 0.0);
    return select(nothing, 0.0, sqrt(select(nothing, 1.0, p)) * sqrt(select(nothing, 1.0, q)));
  }
  GRADUS_FN static T slope(T p, T q) {
    auto nothing = (p == 0.0) | (q == 0.0);
    return select(nothing, 0.0, 0.5 * sqrt(select(nothing, 1.0, q)) / sqrt(select(nothing, 1.0, p)));
  }
};

}  // namespace gradus
