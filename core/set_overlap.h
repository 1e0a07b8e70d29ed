// How far two soft sets, a predicted one and the true one, are from covering each other: what the losses of Dice,
// Tversky and Jaccard measure.
#pragma once
#include "gradus/core/functions.h"
#include "gradus/core/number.h"

namespace gradus {

// A / (I + A + smooth), where I = Σ p y is what both hold and A = Σ alpha p (1 - y) + beta (1 - p) y what only one of
// them does; or A = Σ (p - y)² / 2.  It is 1 - (I + smooth) / (I + A + smooth), without the cancellation.
struct SetOverlap {
  double alpha, beta, smooth;
  bool squared = false;

  template <class T> struct Sums { T both = 0, apart = 0; };
  template <class T> struct Slopes { T both = 0, apart = 0; };  // of the measure along the two sums
  template <class T> struct Measured {
    T value;
    Slopes<T> slopes;
  };

  template <class T> GRADUS_FN Sums<T> of(T p, T y) const {
    return {p * y, squared ? 0.5 * square(p - y) : alpha * (p * (1.0 - y)) + beta * ((1.0 - p) * y)};
  }
  template <class T> GRADUS_FN static Sums<T> merge(Sums<T> a, Sums<T> b) {
    return {a.both + b.both, a.apart + b.apart};
  }
  // Two empty sets cover each other: 0, and so are the slopes.
  template <class T> GRADUS_FN Measured<T> measure(Sums<T> s) const {
    T all = s.both + s.apart + smooth;
    auto empty = all == 0.0;
    T by = select(empty, 1.0, all), value = select(empty, 0.0, s.apart / by);
    return {value, {-value / by, select(empty, 0.0, (s.both + smooth) / by / by)}};
  }
  template <class T> GRADUS_FN T along_p(Slopes<T> d, T p, T y) const {
    return d.both * y + d.apart * (squared ? p - y : alpha * (1.0 - y) - beta * y);
  }
  template <class T> GRADUS_FN T along_y(Slopes<T> d, T p, T y) const {
    return d.both * p + d.apart * (squared ? y - p : beta * (1.0 - p) - alpha * p);
  }
};

}  // namespace gradus
