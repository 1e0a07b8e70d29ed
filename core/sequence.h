// Sums over all ways through a sequence, in logarithms; what cannot be is -infinity.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

template <class T> GRADUS_ANYWHERE bool never(T x) { return holds(x == -T::infinity()); }

// log(exp(a) + exp(b))
template <class T> GRADUS_ANYWHERE T log_either(T a, T b) {
  if (never(a)) return b;
  if (never(b)) return a;
  const bool up = holds(a < b);
  return (up ? b : a) + log1p_unit(exp_negative(up ? a - b : b - a));
}

// x - log Σ exp(x) of n numbers.
template <class T> GRADUS_ANYWHERE void log_softmax(const T* x, int64_t n, T* to) {
  int64_t top = 0;
  for (int64_t k = 1; k < n; ++k)
    if (holds(x[k] > x[top])) top = k;
  const T rest = total<T>(n, [&](int64_t k) { return k == top ? T(0.0) : exp_negative(x[k] - x[top]); });
  const T log_total = log1p(rest);
  for (int64_t k = 0; k < n; ++k) to[k] = (x[k] - x[top]) - log_total;
}

// Takes the largest of n logarithms off all of them and returns it, so that they keep their digits; -infinity if none
// can be.
template <class T> GRADUS_ANYWHERE T take_largest(const Case<T>& c, T* x, int64_t n) {
  int64_t top = 0;
  for (int64_t k = 1; k < n; ++k)
    if (holds(x[k] > x[top])) top = k;
  const T largest = n > 0 ? x[top] : -T::infinity();
  if (never(largest)) return largest;
  c.each(n, [=](int64_t k) { x[k] = never(x[k]) ? x[k] : x[k] - largest; });
  return largest;
}

// Connectionist temporal classification of one sequence: its paths repeat labels and put blanks between them.
template <class T> struct Ctc {
  T nll = 0;
  bool possible = true;

  // log_probs[t * classes + k] of `steps` frames.  `posterior`, if wanted, becomes the probability that label k is at
  // frame t.
  GRADUS_ANYWHERE Ctc(Case<T>& c, const T* log_probs, int64_t steps, int64_t classes, const int64_t* label,
                      int64_t labels, int64_t blank, T* posterior) {
    const int64_t states = 2 * labels + 1;
    const T none = -T::infinity();
    const auto at = [&](int64_t s) { return s % 2 ? label[s / 2] : blank; };
    const auto skips = [&](int64_t s) { return s >= 2 && at(s) != blank && at(s) != at(s - 2); };  // from s - 2
    const auto emit = [&](T from, int64_t t, int64_t s) {
      return never(from) ? none : from + log_probs[t * classes + at(s)];
    };
    Array<T> a = c.array(steps, states);  // of the ways to s at frame t, relative to the most likely
    T* shift = c.scratch(steps);
    T *b = posterior ? c.scratch(states) : nullptr, *both = posterior ? c.scratch(states) : nullptr;
    for (int64_t t = 0; t < steps; ++t) {
      c.each(states, [&](int64_t s) {
        T from = t == 0 ? (s < 2 ? T(0.0) : none) : a(t - 1, s);
        if (t > 0 && s > 0) from = log_either(from, a(t - 1, s - 1));
        if (t > 0 && skips(s)) from = log_either(from, a(t - 1, s - 2));
        a(t, s) = emit(from, t, s);
      });
      const T largest = take_largest(c, &a(t, 0), states);
      shift[t] = largest;
      possible = possible && !never(largest);
    }
    T end = steps > 0 ? a(steps - 1, states - 1) : labels > 0 ? none : T(0.0);
    if (steps > 0 && labels > 0) end = log_either(end, a(steps - 1, states - 2));
    possible = possible && !never(end);
    nll = possible ? -(c.total(steps, [&](int64_t t) { return shift[t]; }) + end) : -none;
    if (!posterior || !possible) return;
    // b: of the ways on from s, without frame t
    c.each(states, [&](int64_t s) { b[s] = s >= states - 2 ? T(0.0) : none; });
    for (int64_t t = steps - 1; t >= 0; --t) {
      c.each(states, [&](int64_t s) { both[s] = never(b[s]) ? none : a(t, s) + b[s]; });
      take_largest(c, both, states);
      const T sum =
          c.total(states, [&](int64_t s) { return both[s] = never(both[s]) ? T(0.0) : exp_negative(both[s]); });
      c.once([&] {  // a label may have many states
        for (int64_t s = 0; s < states; ++s) posterior[t * classes + at(s)] += both[s] / sum;
      });
      c.each(states, [&](int64_t s) { both[s] = emit(b[s], t, s); });
      c.each(states, [&](int64_t s) {
        b[s] = both[s];
        if (s + 1 < states) b[s] = log_either(b[s], both[s + 1]);
        if (s + 2 < states && skips(s + 2)) b[s] = log_either(b[s], both[s + 2]);
      });
      take_largest(c, b, states);
    }
  }
};

// What the two forms of CTC share.  Input 0 is (time, batch, class); 1 to 3 are targets, lengths of frames and of
// targets.
struct CtcOfBatch {
  int64_t blank;
  bool zero_infinity;

  // Certificates: no label is the blank, and few enough for the frames even if all repeat.
  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    for (int64_t i = 0; i < n; ++i) {
      if (k == 1 && values[i] >= double(e['C'])) values[i] = 0;
      if (k == 1 && values[i] == double(blank)) values[i] = double((blank + 1) % e['C']);
      if (k == 2 && values[i] < double(e['T'] - 1)) values[i] = double(e['T'] - 1);
      if (k == 3 && values[i] > double(e['T'] / 2)) values[i] = double(e['T'] / 2);
    }
  }

  // The targets are rows of a matrix, or all one behind the other.  Null where they are wrong, which is told.
  template <class T> GRADUS_ANYWHERE const int64_t* targets(Case<T>& c) const {
    const auto& all = c.whole[1];
    const int64_t labels = c.whole[3](), classes = c.in[0].extent[1];
    int64_t first = 0;
    if (all.rank == 2) {
      first = c.index * all.extent[1];
    } else {
      for (int64_t i = 0; i < c.index; ++i) first += c.whole[3].data[i - c.index];  // problems lie one behind the other
      if (first + labels > all.size())
        return c.reject(3, 0, double(labels), "lengths that add up to no more than the targets"), nullptr;
    }
    for (int64_t i = first; i < first + labels; ++i)
      if (all.data[i] < 0 || all.data[i] >= classes || all.data[i] == blank)
        return c.reject(1, i, double(all.data[i]), "a class that is not the blank"), nullptr;
    return all.data + first;
  }

  // d value / d nll, after the value.
  template <class T> GRADUS_ANYWHERE T finish(Case<T>& c, const Ctc<T>& ctc) const {
    const int64_t labels = c.whole[3]();
    const double part = c.reduction == Reduction::mean ? 1.0 / double(labels > 1 ? labels : 1) : 1.0;
    c.value() = ctc.possible ? part * ctc.nll : zero_infinity ? T(0.0) : T::infinity();
    return ctc.possible ? part * c.up() : T(0.0);
  }
};

}  // namespace gradus
