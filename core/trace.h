// A number that records what a formula does with it: which way every branch went, and how far along the derivative's
// direction the next change of branch or pole lies.  Gradient checks use it to prove that their samples reached every
// branch, and to keep their steps clear of kinks.
#pragma once
#if !defined(__CUDACC__)  // host only
#include <stdint.h>

#include <limits>
#include <map>
#include <string>
#include <version>
#if defined(__cpp_lib_source_location)
#include <source_location>
#endif

#include "gradus/core/dual.h"
#include "gradus/core/number.h"

namespace gradus {
#if defined(__cpp_lib_source_location)
using SourceLocation = std::source_location;
#else
struct SourceLocation {  // clang 14 has the parts, but not std::source_location
  const char* file;
  uint32_t row, place;
  static constexpr SourceLocation current(const char* file = __builtin_FILE(), uint32_t row = __builtin_LINE(),
                                          uint32_t place = __builtin_COLUMN()) {
    return {file, row, place};
  }
  constexpr const char* file_name() const { return file; }
  constexpr uint32_t line() const { return row; }
  constexpr uint32_t column() const { return place; }
};
#endif

// A place in the source where data decides, and what decides there: "select", "abs", "clamp low" ...
struct BranchSite {
  std::string file;  // without its folder
  int line = 0, column = 0;
  std::string what;
  auto operator<=>(const BranchSite&) const = default;
};
std::string to_string(const BranchSite& site);  // "huber_loss.h:12:24 clamp low"

// How the masks of a site have been seen: all true, all false, both within one pack.
struct Visit {
  bool seen_true = false, seen_false = false, seen_mixed = false;
};

// What tracing numbers have told, in the thread that made it current.
class Recorder {
 public:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  std::map<BranchSite, Visit> visits;
  // The smallest distance, in units of the derivative's direction, from a value to where a branch changes or a function
  // has a pole or an end of its domain.  To first order: the distance over the slope.
  double nearest = infinity;
  bool convention = false;  // has a number moved whose derivative there is a convention?
  int64_t ties = 0;         // lanes that moved from exactly on such a place; they do not count in nearest
  int valid = std::numeric_limits<int>::max();  // lanes beyond are padding and tell nothing

  void branch(const SourceLocation& at, const char* what, const bool* taken, int lanes);
  void distance(double steps);

  static Recorder* current() { return current_; }

 private:
  friend class Recording;
  static inline constinit thread_local Recorder* current_ = nullptr;
};

// Makes a recorder the thread's current one while it lives.
class Recording {
 public:
  explicit Recording(Recorder& recorder) : before_(Recorder::current_) { Recorder::current_ = &recorder; }
  ~Recording() { Recorder::current_ = before_; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  Recorder* before_;
};

namespace trace {
// How far, in steps of its derivative, a margin is from 0, per lane: 0 for one that moves from 0, infinite for one that
// rests or whose number carries no derivative.
template <class F, int N> Num<F, N> steps_to_zero(Num<F, N>) { return Num<F, N>::infinity(); }
template <class P> typename P::Plain steps_to_zero(Dual<P> margin) {
  auto steps = abs(plain(margin.v)) / abs(plain(margin.d));
  return select(is_nan(steps), P::Plain::infinity(), steps);
}
template <class N> void record_distance(N steps) {
  if (Recorder* recorder = Recorder::current())
    for (int i = 0; i < N::size && i < recorder->valid; ++i) recorder->distance(double(steps.lane(i)));
}
template <class P> void record_margin(P margin) {
  if (Recorder::current()) record_distance(steps_to_zero(margin));
}
}  // namespace trace

// The mask of a comparison, with the distance to where it would change.
template <class P> struct TraceMask {
  using Plain = typename P::Plain;
  typename P::Mask mask;
  Plain steps;

  TraceMask() = default;
  TraceMask(typename P::Mask mask) : mask(mask), steps(Plain::infinity()) {}  // of labels, which do not move
  TraceMask(typename P::Mask mask, Plain steps) : mask(mask), steps(steps) {}

  bool lane(int i) const { return mask.lane(i); }
  friend TraceMask operator&(TraceMask a, TraceMask b) { return {a.mask & b.mask, min(a.steps, b.steps)}; }
  friend TraceMask operator|(TraceMask a, TraceMask b) { return {a.mask | b.mask, min(a.steps, b.steps)}; }
  friend TraceMask operator!(TraceMask a) { return {!a.mask, a.steps}; }
  friend bool some(TraceMask a) { return some(a.mask); }
  friend bool all(TraceMask a) { return all(a.mask); }

  // Tells the recorder that this mask decided something.
  void record(const SourceLocation& at, const char* what) const {
    Recorder* recorder = Recorder::current();
    if (!recorder) return;
    bool taken[Plain::size];
    for (int i = 0; i < Plain::size; ++i) taken[i] = mask.lane(i);
    recorder->branch(at, what, taken, Plain::size);
    trace::record_distance(steps);
  }
};

template <class P> struct Trace {
  using Scalar = typename P::Scalar;
  using Mask = TraceMask<P>;
  using Index = typename P::Index;
  using Plain = typename P::Plain;
  using Where = SourceLocation;
  static constexpr int size = P::size;
  P v;

  Trace() = default;
  Trace(double c) : v(c) {}
  Trace(P v) : v(v) {}
  explicit Trace(Plain c)
    requires(!std::is_same_v<P, Plain>)
      : v(c) {}
  static Trace from(Index i) { return P::from(i); }
  static Trace lowest() { return P::lowest(); }
  static Trace highest() { return P::highest(); }
  static Trace infinity() { return P::infinity(); }

  friend Trace operator+(Trace a, Trace b) { return a.v + b.v; }
  friend Trace operator-(Trace a, Trace b) { return a.v - b.v; }
  friend Trace operator*(Trace a, Trace b) { return a.v * b.v; }
  friend Trace operator/(Trace a, Trace b) {
    trace::record_margin(b.v);
    return a.v / b.v;
  }
  friend Trace operator-(Trace a) { return -a.v; }
  friend Mask operator<(Trace a, Trace b) { return {a.v < b.v, trace::steps_to_zero(a.v - b.v)}; }
  friend Mask operator>(Trace a, Trace b) { return {a.v > b.v, trace::steps_to_zero(a.v - b.v)}; }
  friend Mask operator<=(Trace a, Trace b) { return {a.v <= b.v, trace::steps_to_zero(a.v - b.v)}; }
  friend Mask operator>=(Trace a, Trace b) { return {a.v >= b.v, trace::steps_to_zero(a.v - b.v)}; }
  friend Mask operator==(Trace a, Trace b) { return {a.v == b.v, trace::steps_to_zero(a.v - b.v)}; }
  friend Mask operator!=(Trace a, Trace b) { return {a.v != b.v, trace::steps_to_zero(a.v - b.v)}; }

  friend Trace select(Mask m, Trace a, Trace b, Where at = Where::current()) {
    m.record(at, "select");
    return select(m.mask, a.v, b.v);
  }
  friend Trace max(Trace a, Trace b, Where at = Where::current(), const char* what = "max") {
    (a < b).record(at, what);
    return max(a.v, b.v);
  }
  friend Trace min(Trace a, Trace b, Where at = Where::current(), const char* what = "min") {
    (b < a).record(at, what);
    return min(a.v, b.v);
  }
  friend Trace clamp(Trace x, Trace low, Trace high, Where at = Where::current()) {
    return min(max(x, low, at, "clamp low"), high, at, "clamp high");
  }
  friend Trace abs(Trace a, Where at = Where::current()) {
    (a < 0.0).record(at, "abs");
    return abs(a.v);
  }
  friend Trace copysign(Trace a, Trace sign) {
    trace::record_margin(a.v), trace::record_margin(sign.v);
    return copysign(a.v, sign.v);
  }
  friend Trace fma(Trace a, Trace b, Trace c) { return fma(a.v, b.v, c.v); }
  friend Trace sqrt(Trace a) {
    trace::record_margin(a.v);
    return sqrt(a.v);
  }
  friend Trace floor(Trace a) {
    trace::record_margin(a.v - round(a.v));
    return floor(a.v);
  }
  friend Trace round(Trace a) {
    trace::record_margin(a.v - (floor(a.v) + 0.5));
    return round(a.v);
  }
  friend Mask is_nan(Trace a) { return is_nan(a.v); }
  friend Trace rotate(Trace a, int by) { return rotate(a.v, by); }

  friend Trace exp(Trace a) { return exp(a.v); }
  friend Trace exp_negative(Trace a) { return exp_negative(a.v); }
  friend Trace expm1(Trace a) { return expm1(a.v); }
  friend Trace log(Trace a) {
    trace::record_margin(a.v);
    return log(a.v);
  }
  friend Trace log1p(Trace a) {
    trace::record_margin(1.0 + a.v);
    return log1p(a.v);
  }
  friend Trace log1p_unit(Trace a) { return log1p_unit(a.v); }
  friend Trace pow(Trace x, Trace y) {
    trace::record_margin(x.v);
    return pow(x.v, y.v);
  }
  friend Trace tanh(Trace a) { return tanh(a.v); }
  friend Trace sin(Trace a) { return sin(a.v); }
  friend Trace cos(Trace a) { return cos(a.v); }
  friend Trace acos(Trace a) {
    trace::record_margin(1.0 - abs(a.v));
    return acos(a.v);
  }
  friend Trace atan2(Trace y, Trace x) {
    trace::record_margin(max(abs(x.v), abs(y.v)));
    return atan2(y.v, x.v);
  }
  friend Trace erf(Trace a) { return erf(a.v); }
  friend Trace erfc(Trace a) { return erfc(a.v); }
  friend Trace lgamma(Trace a) {
    trace::record_margin(a.v);
    return lgamma(a.v);
  }
  friend Trace polygamma(int n, Trace a) {
    trace::record_margin(a.v);
    return polygamma(n, a.v);
  }
  friend Plain plain(Trace a) { return plain(a.v); }
};
// See functions.h.
template <class P> void declare_convention(TraceMask<P> here, Trace<P> x) {
  if (Recorder* recorder = Recorder::current())
    for (int i = 0; i < P::size && i < recorder->valid; ++i)
      if (here.lane(i) && x.v.d.lane(i) != 0) recorder->convention = true;
}
}  // namespace gradus
#endif
