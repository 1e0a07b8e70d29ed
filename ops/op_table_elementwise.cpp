// The table's elementwise ops: arithmetic, functions, activations, choices, casts.
#include <cmath>
#include <limits>

#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/math.h"
#include "gradus/ops/op_table.h"

namespace gradus {
namespace {

using In = const std::vector<Tensor>&;
using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);

const std::vector<Shape> many = {{3, 9001}};
constexpr DrawnFrom both_signs = {-1.9, 1.9}, positive = {0.15, 1.9};

struct Places {
  std::vector<double> kinks = {}, poles = {};
};

OpEntry unary(const char* header, const char* name, Unary f, DrawnFrom from = both_signs, const Places& places = {}) {
  const TensorFunction call = [f](In x) { return f(x[0]); };
  const auto at = [&](const Shape& shape) { return OpCase{call, {shape}, {from}, {}, places.kinks, places.poles}; };
  OpEntry entry = {name, header, {at({3, 4}), at({}), at({0, 3})}};
  entry.cases[0].large = many;
  return entry;
}
OpEntry flat(OpEntry entry) {
  entry.flat = true;
  return entry;
}
// The same op with parameters.
OpEntry also(OpEntry entry, const TensorFunction& call, DrawnFrom from = both_signs, const Places& places = {}) {
  entry.cases.push_back({call, {{3, 4}}, {from}, {}, places.kinks, places.poles, false, many});
  return entry;
}

// Broadcast, and one tensor as both inputs.
OpEntry binary(const char* header, const char* name, Binary f, bool ordered = false) {
  const TensorFunction call = [f](In x) { return f(x[0], x[1]); };
  const std::vector<DrawnFrom> from =
      ordered ? std::vector<DrawnFrom>{{0.5, 2.0}} : std::vector<DrawnFrom>{{0.5, 1.0}, {1.1, 2.0}};
  OpEntry entry = {name, header, {}};
  for (const std::vector<Shape>& shapes :
       std::vector<std::vector<Shape>>{{{2, 3}, {2, 3}}, {{3, 1, 2}, {4, 2}}, {{3, 2}, {}}, {{}, {}}, {{0, 2}, {2}}})
    entry.cases.push_back({call, shapes, from, {}, {}, {}, ordered});
  entry.cases[0].large = {{3, 9001}, {3, 9001}};
  entry.cases[1].large = {{3, 9001}, {3, 1}};
  if (!ordered) entry.cases.push_back({[f](In x) { return f(x[0], x[0]); }, {{5}}, {{0.5, 2.0}}});
  return entry;
}

Tensor mask(In x) { return to(tensor({{1, 0, 1}, {0, 0, 1}}, Dtype::boolean), x[0].device()); }

std::vector<OpEntry> activations() {
  const auto of = [](const char* name, Unary f, const Places& places = {}) {
    return unary("activation", name, f, both_signs, places);
  };
  const Places at_zero = {.kinks = {0}};
  return {
      of("relu", relu, at_zero),
      also(
          of(
              "leaky_relu", [](const Tensor& x) { return leaky_relu(x); }, at_zero),
          [](In x) { return leaky_relu(x[0], 0.7); }, both_signs, at_zero),
      also(
          of("elu", [](const Tensor& x) { return elu(x); }, {.poles = {0}}), [](In x) { return elu(x[0], 0.7); },
          both_signs, at_zero),
      of("tanh", tanh),
      of("sigmoid", sigmoid),
      of("log_sigmoid", log_sigmoid),
      of("silu", silu),
      also(of("softplus", [](const Tensor& x) { return softplus(x); }), [](In x) { return softplus(x[0], 2, 1.5); },
           both_signs, {.poles = {0.75}}),
      also(of("gelu", [](const Tensor& x) { return gelu(x); }), [](In x) { return gelu(x[0], Gelu::tanh); }),
  };
}

std::vector<OpEntry> arithmetic() {
  return {
      also(binary("arithmetic", "add", add), [](In x) { return x[0] + 0.7; }),
      also(binary("arithmetic", "sub", sub), [](In x) { return 0.7 - x[0]; }),
      also(binary("arithmetic", "mul", mul), [](In x) { return 0.7 * x[0]; }),
      also(binary("arithmetic", "div", div), [](In x) { return 0.7 / x[0]; }, positive, {.poles = {0}}),
      unary("arithmetic", "neg", neg),
      unary("arithmetic", "scaled", [](const Tensor& x) { return scaled(x, -0.7); }),
      unary("arithmetic", "shifted", [](const Tensor& x) { return shifted(x, -0.7); }),
      unary("arithmetic", "divided", [](const Tensor& x) { return divided(x, -0.7); }),
  };
}

std::vector<OpEntry> functions() {
  const auto of = [](const char* name, Unary f, DrawnFrom from = both_signs, const Places& places = {}) {
    return unary("math", name, f, from, places);
  };
  const Places steps = {.poles = {-2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5}}, no_zero = {.poles = {0}};
  OpEntry power = also(binary("math", "pow", pow), [](In x) { return pow(x[0], 0.7); }, positive, no_zero);
  power = also(also(power, [](In x) { return pow(x[0], 3.0); }), [](In x) { return pow(x[0], -2.0); }, {-1.9, -0.5});
  return {
      of("abs", abs, both_signs, {.kinks = {0}}),
      flat(of("sign", sign, both_signs, no_zero)),
      of("exp", exp),
      of("expm1", expm1),
      of("log", log, positive, no_zero),
      of("log1p", log1p, {-0.8, 1.9}, {.poles = {-1}}),
      of("sqrt", sqrt, positive, no_zero),
      of("rsqrt", rsqrt, positive, no_zero),
      of("square", square),
      of("reciprocal", reciprocal, both_signs, no_zero),
      of("sin", sin),
      of("cos", cos),
      of("erf", erf),
      also(binary("math", "atan2", atan2), [](In x) { return atan2(x[0], square(x[0]) + 0.5); }),
      power,
      flat(of("round", round, {-2.3, 2.3}, steps)),
      flat(of("floor", floor, {-2.3, 2.3}, steps)),
      flat(of("ceil", ceil, {-2.3, 2.3}, steps)),
  };
}

std::vector<OpEntry> choices() {
  const OpEntry chosen = {
      "where",
      "compare",
      {{[](In x) { return where(mask(x), square(x[0]), square(x[1])); }, {{2, 3}, {3}}},
       {[](In x) { return where(mask(x), x[0], x[1]); }, {{2, 3}, {2, 3}}},
       {[](In x) { return where(mask(x), square(x[0]), 2.0); }, {{2, 3}}},
       {[](In x) { return where(mask(x), 2.0, square(x[0])); }, {{2, 1}}},
       {[](In x) { return where(zeros({0, 3}, Dtype::boolean, x[0].device()), x[0], x[1]); }, {{0, 3}, {3}}},
       {.call = [](In x) { return where(x[0] < x[1], x[0], square(x[1])); },
        .shapes = {},
        .large = {{300, 70}, {70}}}}};
  const OpEntry clamped = also(also(unary("compare", "clamp", [](const Tensor& x) { return clamp(x, -0.4, 1.2); },
                                          both_signs, {.kinks = {-0.4, 1.2}}),
                                    [](In x) { return clamp(x[0], 0.4); }, both_signs, {.kinks = {0.4}}),
                               [](In x) { return clamp(x[0], {}, 0.4); }, both_signs, {.kinks = {0.4}});
  return {chosen, binary("compare", "maximum", maximum, true), binary("compare", "minimum", minimum, true), clamped};
}

// To the dtype that the input has already, but for float32 inputs.
std::vector<OpEntry> casts() {
  return {unary("cast", "to", [](const Tensor& x) { return to(square(x), Dtype::float64); })};
}

}  // namespace

std::vector<OpEntry> elementwise_op_entries() {
  std::vector<OpEntry> all;
  for (auto part : {activations, arithmetic, functions, choices, casts})
    for (OpEntry& entry : part()) all.push_back(std::move(entry));
  return all;
}

}  // namespace gradus
