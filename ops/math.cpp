#include "gradus/ops/math.h"

#include "gradus/ops/differentiable.h"

namespace gradus {
namespace {

struct Abs {
  static constexpr const char* name = "abs";
  static constexpr Keeps keeps = Keeps::input_pieces;
  template <class T> GRADUS_FN static T value(T x) { return abs(x); }
  static int64_t integer(int64_t x) { return x < 0 ? int64_t(-uint64_t(x)) : x; }
  template <class T> GRADUS_FN static T slope(T g, T x) { return select(x > 0.0, g, select(x < 0.0, -g, T(0.0))); }
};
struct Sign {
  static constexpr const char* name = "sign";
  static constexpr Keeps keeps = Keeps::flat;
  template <class T> GRADUS_FN static T value(T x) { return select(x > 0.0, T(1.0), select(x < 0.0, T(-1.0), T(0.0))); }
  static int64_t integer(int64_t x) { return (x > 0) - (x < 0); }
};
struct Exp {
  static constexpr const char* name = "exp";
  static constexpr Keeps keeps = Keeps::output;
  template <class T> GRADUS_FN static T value(T x) { return exp(x); }
  template <class T> GRADUS_FN static T slope(T g, T y) { return g * y; }
};
struct Expm1 {
  static constexpr const char* name = "expm1";
  static constexpr Keeps keeps = Keeps::input;  // y + 1 would cancel far below 0
  template <class T> GRADUS_FN static T value(T x) { return expm1(x); }
  template <class T> GRADUS_FN static T slope(T g, T x) { return g * exp(x); }
};
struct Log {
  static constexpr const char* name = "log";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(T x) { return log(x); }
  template <class T> GRADUS_FN static T slope(T g, T x) { return g / x; }
};
struct Log1p {
  static constexpr const char* name = "log1p";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(T x) { return log1p(x); }
  template <class T> GRADUS_FN static T slope(T g, T x) { return g / (x + 1.0); }
};
struct Sqrt {
  static constexpr const char* name = "sqrt";
  static constexpr Keeps keeps = Keeps::output;
  template <class T> GRADUS_FN static T value(T x) { return sqrt(x); }
  template <class T> GRADUS_FN static T slope(T g, T y) { return g / (2.0 * y); }
};
struct Rsqrt {
  static constexpr const char* name = "rsqrt";
  static constexpr Keeps keeps = Keeps::output;
  template <class T> GRADUS_FN static T value(T x) { return 1.0 / sqrt(x); }
  template <class T> GRADUS_FN static T slope(T g, T y) { return -0.5 * g * (y * y * y); }
};
struct Square {
  static constexpr const char* name = "square";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(T x) { return x * x; }
  static int64_t integer(int64_t x) { return int64_t(uint64_t(x) * uint64_t(x)); }
  template <class T> GRADUS_FN static T slope(T g, T x) { return g * (2.0 * x); }
};
struct Reciprocal {
  static constexpr const char* name = "reciprocal";
  static constexpr Keeps keeps = Keeps::output;
  template <class T> GRADUS_FN static T value(T x) { return 1.0 / x; }
  template <class T> GRADUS_FN static T slope(T g, T y) { return -g * (y * y); }
};
struct Sin {
  static constexpr const char* name = "sin";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(T x) { return sin(x); }
  template <class T> GRADUS_FN static T slope(T g, T x) { return g * cos(x); }
};
struct Cos {
  static constexpr const char* name = "cos";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(T x) { return cos(x); }
  template <class T> GRADUS_FN static T slope(T g, T x) { return -g * sin(x); }
};
struct Erf {
  static constexpr const char* name = "erf";
  static constexpr Keeps keeps = Keeps::input;
  static constexpr double two_over_sqrt_pi = 1.1283791670955126;
  template <class T> GRADUS_FN static T value(T x) { return erf(x); }
  template <class T> GRADUS_FN static T slope(T g, T x) { return g * (two_over_sqrt_pi * exp(-(x * x))); }
};
struct Atan2 {
  static constexpr const char* name = "atan2";
  static constexpr bool pieces = false;
  template <class T> GRADUS_FN static T value(T y, T x) { return atan2(y, x); }
  template <class T> GRADUS_FN static T along_first(T g, T y, T x) { return g * (x / (x * x + y * y)); }
  template <class T> GRADUS_FN static T along_second(T g, T y, T x) { return -g * (y / (x * x + y * y)); }
};

// Where the slope is 0 by convention its formula may be infinite: a harmless number goes in there, so that neither it
// nor a derivative of it becomes 0 times infinity.
struct Pow {
  static constexpr const char* name = "pow";
  static constexpr bool pieces = false;
  template <class T> GRADUS_FN static T value(T x, T y) { return pow(x, y); }
  template <class T> GRADUS_FN static T along_first(T g, T x, T y) {
    auto nothing = (y == 0.0) & !(abs(x) > 1e-37);
    return g * (y * pow(select(nothing, 1.0, x), y - 1.0));
  }
  template <class T> GRADUS_FN static T along_second(T g, T x, T y) {
    auto nothing = (x == 0.0) & (y >= 0.0);
    return select(nothing, 0.0, g * (pow(x, y) * log(select(nothing, 1.0, x))));
  }
};
struct PowNumber {
  static constexpr const char* name = "pow";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(const double* c, T x) { return pow(x, c[0]); }
  template <class T> GRADUS_FN static T slope(const double* c, T g, T x) { return g * (c[0] * pow(x, c[0] - 1.0)); }
};
struct PowZero {
  static constexpr const char* name = "pow";
  static constexpr Keeps keeps = Keeps::flat;
  template <class T> GRADUS_FN static T value(T) { return 1.0; }
};
struct Cube {
  static constexpr const char* name = "pow";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(T x) { return x * x * x; }
  template <class T> GRADUS_FN static T slope(T g, T x) { return g * (3.0 * (x * x)); }
};

struct Round {
  static constexpr const char* name = "round";
  static constexpr Keeps keeps = Keeps::flat;
  template <class T> GRADUS_FN static T value(T x) { return round(x); }
};
struct Floor {
  static constexpr const char* name = "floor";
  static constexpr Keeps keeps = Keeps::flat;
  template <class T> GRADUS_FN static T value(T x) { return floor(x); }
};
struct Ceil {
  static constexpr const char* name = "ceil";
  static constexpr Keeps keeps = Keeps::flat;
  template <class T> GRADUS_FN static T value(T x) { return -floor(-x); }
};

}  // namespace

Tensor abs(const Tensor& x) { return unary<Abs>(x); }
Tensor sign(const Tensor& x) { return unary<Sign>(x); }
Tensor exp(const Tensor& x) { return unary<Exp>(x); }
Tensor expm1(const Tensor& x) { return unary<Expm1>(x); }
Tensor log(const Tensor& x) { return unary<Log>(x); }
Tensor log1p(const Tensor& x) { return unary<Log1p>(x); }
Tensor sqrt(const Tensor& x) { return unary<Sqrt>(x); }
Tensor rsqrt(const Tensor& x) { return unary<Rsqrt>(x); }
Tensor square(const Tensor& x) { return unary<Square>(x); }
Tensor reciprocal(const Tensor& x) { return unary<Reciprocal>(x); }
Tensor sin(const Tensor& x) { return unary<Sin>(x); }
Tensor cos(const Tensor& x) { return unary<Cos>(x); }
Tensor erf(const Tensor& x) { return unary<Erf>(x); }
Tensor atan2(const Tensor& y, const Tensor& x) { return binary<Atan2>(y, x); }
Tensor pow(const Tensor& x, const Tensor& y) { return binary<Pow>(x, y); }
Tensor pow(const Tensor& x, double y) {  // common exponents need no logarithm
  if (computes(x.dtype())) {             // of other tensors pow itself says that it does not take them
    if (y == 0.5) return sqrt(x);
    if (y == -0.5) return rsqrt(x);
    if (y == -1) return reciprocal(x);
  }
  if (y == 2 && x.dtype() != Dtype::boolean) return square(x);
  if (y == 3) return unary<Cube>(x);
  if (y == 0) return unary<PowZero>(x);
  return unary<PowNumber>(x, y);
}

Tensor round(const Tensor& x) { return unary<Round>(x); }
Tensor floor(const Tensor& x) { return unary<Floor>(x); }
Tensor ceil(const Tensor& x) { return unary<Ceil>(x); }

}  // namespace gradus
