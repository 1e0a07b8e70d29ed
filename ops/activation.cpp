#include "gradus/ops/activation.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/ops/differentiable.h"

namespace gradus {
namespace {

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

}  // namespace

Tensor relu(const Tensor& x) { return unary<Relu>(x); }
Tensor leaky_relu(const Tensor& x, double slope) { return unary<LeakyRelu>(x, slope); }
Tensor elu(const Tensor& x, double alpha) { return unary<Elu>(x, alpha); }
Tensor tanh(const Tensor& x) { return unary<Tanh>(x); }
Tensor sigmoid(const Tensor& x) { return unary<Sigmoid>(x); }
Tensor log_sigmoid(const Tensor& x) { return unary<LogSigmoid>(x); }
Tensor silu(const Tensor& x) { return unary<Silu>(x); }
Tensor softplus(const Tensor& x, double beta, double threshold) {
  if (!(beta > 0)) throw ParamError(fmt::format("softplus: beta is {}, wanted a number above 0", beta));
  return unary<Softplus>(x, beta, threshold);
}
Tensor gelu(const Tensor& x, Gelu form) { return form == Gelu::exact ? unary<GeluExact>(x) : unary<GeluTanh>(x); }

}  // namespace gradus
