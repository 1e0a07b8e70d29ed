// The elementwise ops of tensors as functions on a number type: value and slope of each, once for the CPU and for
// devices.
//
//   struct Sigmoid {
//     static constexpr const char* name = "sigmoid";
//     static constexpr Keeps keeps = Keeps::output;
//     template <class T> GRADUS_FN static T value(T x) { return sigmoid(x); }
//     template <class T> GRADUS_FN static T slope(T g, T y) { return g * (y * (1.0 - y)); }
//   };
//
// Ops with parameters take `const double* c` first.  Those that have a meaning there say what they do to an int64.
#pragma once
#include <cstdint>
#include <type_traits>

#include "gradus/core/functions.h"
#include "gradus/core/type_list.h"

namespace gradus {

// What the slope is written on: the op's input, or its output where that is cheaper.  `pieces`: the slope depends on
// which piece of a piecewise linear function the value lies in, so only g carries further derivatives; `flat`: it is 0.
enum class Keeps { input, output, input_pieces, output_pieces, flat };

namespace operations {

// ---- arithmetic ---------------------------------------------------------------------------------

using Wrapping = uint64_t;  // the overflow of a signed integer is undefined

struct Add {
  static constexpr const char* name = "add";
  template <class T> GRADUS_FN static T value(T a, T b) { return a + b; }
  GRADUS_FN static int64_t integer(Wrapping a, Wrapping b) { return int64_t(a + b); }
};
struct Sub {
  static constexpr const char* name = "sub";
  template <class T> GRADUS_FN static T value(T a, T b) { return a - b; }
  GRADUS_FN static int64_t integer(Wrapping a, Wrapping b) { return int64_t(a - b); }
};
struct Mul {
  static constexpr const char* name = "mul";
  template <class T> GRADUS_FN static T value(T a, T b) { return a * b; }
  GRADUS_FN static int64_t integer(Wrapping a, Wrapping b) { return int64_t(a * b); }
};
struct Div {
  static constexpr const char* name = "div";
  static constexpr bool pieces = false;
  template <class T> GRADUS_FN static T value(T a, T b) { return a / b; }
  template <class T> GRADUS_FN static T along_first(T g, T, T b) { return g / b; }
  template <class T> GRADUS_FN static T along_second(T g, T a, T b) { return -((g / b) * (a / b)); }
};
struct Neg {
  template <class T> GRADUS_FN static T value(T x) { return -x; }
  GRADUS_FN static int64_t integer(Wrapping x) { return int64_t(-x); }
};
struct Scaled {
  template <class T> GRADUS_FN static T value(const double* c, T x) { return c[0] * x; }
  GRADUS_FN static int64_t integer(const double* c, Wrapping x) { return int64_t(Wrapping(int64_t(c[0])) * x); }
};
struct Shifted {
  template <class T> GRADUS_FN static T value(const double* c, T x) { return x + c[0]; }
  GRADUS_FN static int64_t integer(const double* c, Wrapping x) { return int64_t(x + Wrapping(int64_t(c[0]))); }
};
struct Divided {
  template <class T> GRADUS_FN static T value(const double* c, T x) { return x / c[0]; }
};

// ---- functions ----------------------------------------------------------------------------------

struct Abs {
  static constexpr const char* name = "abs";
  static constexpr Keeps keeps = Keeps::input_pieces;
  template <class T> GRADUS_FN static T value(T x) { return abs(x); }
  GRADUS_FN static int64_t integer(int64_t x) { return x < 0 ? int64_t(-uint64_t(x)) : x; }
  template <class T> GRADUS_FN static T slope(T g, T x) { return select(x > 0.0, g, select(x < 0.0, -g, T(0.0))); }
};
struct Sign {
  static constexpr const char* name = "sign";
  static constexpr Keeps keeps = Keeps::flat;
  template <class T> GRADUS_FN static T value(T x) { return select(x > 0.0, T(1.0), select(x < 0.0, T(-1.0), T(0.0))); }
  GRADUS_FN static int64_t integer(int64_t x) { return (x > 0) - (x < 0); }
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
  GRADUS_FN static int64_t integer(int64_t x) { return int64_t(uint64_t(x) * uint64_t(x)); }
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

// ---- activations --------------------------------------------------------------------------------

struct Relu {
  static constexpr const char* name = "relu";
  static constexpr Keeps keeps = Keeps::output_pieces;
  template <class T> GRADUS_FN static T value(T x) { return max(x, 0.0); }
  template <class T> GRADUS_FN static T slope(T g, T y) { return select(y <= 0.0, T(0.0), g); }
};
struct LeakyRelu {
  static constexpr const char* name = "leaky_relu";
  static constexpr Keeps keeps = Keeps::input_pieces;
  template <class T> GRADUS_FN static T value(const double* c, T x) { return select(x > 0.0, x, c[0] * x); }
  template <class T> GRADUS_FN static T slope(const double* c, T g, T x) { return select(x > 0.0, g, c[0] * g); }
};
struct Elu {
  static constexpr const char* name = "elu";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(const double* c, T x) { return select(x > 0.0, x, c[0] * expm1(x)); }
  template <class T> GRADUS_FN static T slope(const double* c, T g, T x) {
    auto linear = x > 0.0;  // where exp(x) may be infinite, and its derivatives must not meet a 0
    return select(linear, g, g * (c[0] * exp(select(linear, 0.0, x))));
  }
};
struct Tanh {
  static constexpr const char* name = "tanh";
  static constexpr Keeps keeps = Keeps::output;
  template <class T> GRADUS_FN static T value(T x) { return tanh(x); }
  template <class T> GRADUS_FN static T slope(T g, T y) { return g * (1.0 - y * y); }
};
struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  static constexpr Keeps keeps = Keeps::output;
  template <class T> GRADUS_FN static T value(T x) { return sigmoid(x); }
  template <class T> GRADUS_FN static T slope(T g, T y) { return g * (y * (1.0 - y)); }
};
struct LogSigmoid {
  static constexpr const char* name = "log_sigmoid";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(T x) { return log_sigmoid(x); }
  template <class T> GRADUS_FN static T slope(T g, T x) { return g * sigmoid(-x); }
};
struct Silu {
  static constexpr const char* name = "silu";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(T x) { return x * sigmoid(x); }
  template <class T> GRADUS_FN static T slope(T g, T x) {
    T s = sigmoid(x);
    return g * (s * (1.0 + x * (1.0 - s)));
  }
};
struct Softplus {
  static constexpr const char* name = "softplus";
  static constexpr Keeps keeps = Keeps::input;
  template <class T> GRADUS_FN static T value(const double* c, T x) {
    T z = c[0] * x;
    return select(z > c[1], x, softplus(z) / c[0]);
  }
  template <class T> GRADUS_FN static T slope(const double* c, T g, T x) {
    T z = c[0] * x;
    return select(z > c[1], g, g * sigmoid(z));
  }
};
struct GeluExact {
  static constexpr const char* name = "gelu";
  static constexpr Keeps keeps = Keeps::input;
  static constexpr double sqrt_half = 0.7071067811865476, density = 0.3989422804014327;  // 1 / sqrt(2 pi)
  template <class T> GRADUS_FN static T value(T x) { return 0.5 * x * (1.0 + erf(sqrt_half * x)); }
  template <class T> GRADUS_FN static T slope(T g, T x) {
    return g * (0.5 * (1.0 + erf(sqrt_half * x)) + x * (density * exp(-0.5 * (x * x))));
  }
};
struct GeluTanh {
  static constexpr const char* name = "gelu";
  static constexpr Keeps keeps = Keeps::input;
  static constexpr double rate = 0.7978845608028654, cubic = 0.044715;  // sqrt(2 / pi)
  template <class T> GRADUS_FN static T value(T x) { return 0.5 * x * (1.0 + tanh(rate * (x + cubic * (x * x * x)))); }
  template <class T> GRADUS_FN static T slope(T g, T x) {
    T t = tanh(rate * (x + cubic * (x * x * x)));
    return g * (0.5 * (1.0 + t) + 0.5 * rate * (x * (1.0 - t * t) * (1.0 + 3.0 * cubic * (x * x))));
  }
};

// ---- choices ------------------------------------------------------------------------------------

struct Maximum {
  static constexpr const char* name = "maximum";
  static constexpr bool pieces = true;
  template <class T> GRADUS_FN static T value(T a, T b) { return select(is_nan(b), b, max(a, b)); }
  GRADUS_FN static int64_t integer(int64_t a, int64_t b) { return a < b ? b : a; }
  template <class T> GRADUS_FN static T along_first(T g, T a, T b) {
    return select(a == b, 0.5 * g, select(a < b, T(0.0), g));
  }
  template <class T> GRADUS_FN static T along_second(T g, T a, T b) { return along_first(g, b, a); }
};
struct Minimum {
  static constexpr const char* name = "minimum";
  static constexpr bool pieces = true;
  template <class T> GRADUS_FN static T value(T a, T b) { return select(is_nan(b), b, min(a, b)); }
  GRADUS_FN static int64_t integer(int64_t a, int64_t b) { return b < a ? b : a; }
  template <class T> GRADUS_FN static T along_first(T g, T a, T b) {
    return select(a == b, 0.5 * g, select(a > b, T(0.0), g));
  }
  template <class T> GRADUS_FN static T along_second(T g, T a, T b) { return along_first(g, b, a); }
};
struct Clamp {
  static constexpr const char* name = "clamp";
  static constexpr Keeps keeps = Keeps::input_pieces;
  template <class T> GRADUS_FN static T value(const double* c, T x) { return clamp(x, c[0], c[1]); }
  GRADUS_FN static int64_t integer(const double* c, int64_t x) {
    return double(x) < c[0]   ? int64_t(-scalar_maths::floor(-c[0]))
           : double(x) > c[1] ? int64_t(scalar_maths::floor(c[1]))
                              : x;
  }
  template <class T> GRADUS_FN static T slope(const double* c, T g, T x) {
    return select((x >= c[0]) & (x <= c[1]), g, T(0.0));
  }
};

// ---- comparisons: a truth from two elements, or from an element and a number --------------------

struct Eq {
  static constexpr const char* name = "eq";
  template <class E> GRADUS_FN static bool holds(E a, E b) { return a == b; }
};
struct Ne {
  static constexpr const char* name = "ne";
  template <class E> GRADUS_FN static bool holds(E a, E b) { return a != b; }
};
struct Lt {
  static constexpr const char* name = "lt";
  template <class E> GRADUS_FN static bool holds(E a, E b) { return a < b; }
};
struct Le {
  static constexpr const char* name = "le";
  template <class E> GRADUS_FN static bool holds(E a, E b) { return a <= b; }
};
struct Gt {
  static constexpr const char* name = "gt";
  template <class E> GRADUS_FN static bool holds(E a, E b) { return a > b; }
};
struct Ge {
  static constexpr const char* name = "ge";
  template <class E> GRADUS_FN static bool holds(E a, E b) { return a >= b; }
};
// The number is infinity.
struct IsNan {
  static constexpr const char* name = "isnan";
  template <class E> GRADUS_FN static bool holds(E x, E) { return x != x; }
};
struct IsInf {
  static constexpr const char* name = "isinf";
  template <class E> GRADUS_FN static bool holds(E x, E infinity) { return x == infinity || x == -infinity; }
};
struct IsFinite {
  static constexpr const char* name = "isfinite";
  template <class E> GRADUS_FN static bool holds(E x, E infinity) { return x < infinity && x > -infinity; }
};
struct And {
  static constexpr const char* name = "logical_and";
  GRADUS_FN static bool holds(bool a, bool b) { return a & b; }
};
struct Or {
  static constexpr const char* name = "logical_or";
  GRADUS_FN static bool holds(bool a, bool b) { return a | b; }
};

template <class Op> struct OfPair {
  template <class E> GRADUS_FN static bool value(const double*, E a, E b) { return Op::holds(a, b); }
};
template <class Op> struct OfNumber {
  template <class E> GRADUS_FN static bool value(const double* c, E a) {
    using Wide = std::conditional_t<std::is_same_v<E, int64_t>, double, E>;
    return Op::holds(Wide(a), Wide(c[0]));
  }
};

// ---- slopes, which are ops of their own ---------------------------------------------------------

template <class Op> struct Slope {
  template <class T> GRADUS_FN static T value(const double* c, T g, T kept) {
    if constexpr (requires { Op::slope(c, g, kept); }) return Op::slope(c, g, kept);
    else return Op::slope(g, kept);
  }
};
template <class Op> struct AlongFirst {
  template <class T> GRADUS_FN static T value(T g, T a, T b) { return Op::along_first(g, a, b); }
};
template <class Op> struct AlongSecond {
  template <class T> GRADUS_FN static T value(T g, T a, T b) { return Op::along_second(g, a, b); }
};

// ---- calling ------------------------------------------------------------------------------------

// Op::value(constants, x…) or Op::value(x…), whichever the op has; the same for integers.
template <class Op, class... X> GRADUS_FN auto value(const double* constants, X... x) {
  if constexpr (requires { Op::value(constants, x...); }) return Op::value(constants, x...);
  else return Op::value(x...);
}
template <class Op, class... X>  // nvcc 13 says no to the same question inside the function
constexpr bool integer_takes_constants = requires(const double* c, X... x) { Op::integer(c, x...); };
template <class Op, class... X> GRADUS_FN int64_t integer(const double* constants, X... x) {
  if constexpr (integer_takes_constants<Op, X...>) return Op::integer(constants, x...);
  else return Op::integer(x...);
}
template <class Op, class... X>
constexpr bool has_integer = integer_takes_constants<Op, X...> || requires(X... x) { Op::integer(x...); };

// ---- the list -----------------------------------------------------------------------------------

// An op of so many inputs.
template <class Op, int n> struct Entry {};

// All that a device's module holds, in its order: the place of an op here is its place in the module's table.
template <class... Op> using Unary = TypeList<Entry<Op, 1>..., Entry<Slope<Op>, 2>...>;
template <class... Op> using Flat = TypeList<Entry<Op, 1>...>;
template <class... Op> using Plain = TypeList<Entry<Op, 2>...>;
template <class... Op> using Binary = TypeList<Entry<Op, 2>..., Entry<AlongFirst<Op>, 3>..., Entry<AlongSecond<Op>, 3>...>;

template <class... Op> using Compared = TypeList<Entry<OfPair<Op>, 2>..., Entry<OfNumber<Op>, 1>...>;

using Comparisons =
    decltype(Compared<Eq, Ne, Lt, Le, Gt, Ge>() +
             TypeList<Entry<OfNumber<IsNan>, 1>, Entry<OfNumber<IsInf>, 1>, Entry<OfNumber<IsFinite>, 1>>() +
             TypeList<Entry<OfPair<And>, 2>, Entry<OfPair<Or>, 2>>());
using All =
    decltype(Plain<Add, Sub, Mul>() + Flat<Neg, Scaled, Shifted, Divided, Sign, PowZero, Round, Floor, Ceil>() +
             Unary<Abs, Exp, Expm1, Log, Log1p, Sqrt, Rsqrt, Square, Reciprocal, Sin, Cos, Erf, PowNumber, Cube, Relu,
                   LeakyRelu, Elu, Tanh, Sigmoid, LogSigmoid, Silu, Softplus, GeluExact, GeluTanh, Clamp>() +
             Binary<Div, Atan2, Pow, Maximum, Minimum>());

}  // namespace operations
}  // namespace gradus
