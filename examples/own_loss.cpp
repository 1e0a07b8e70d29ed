// A loss of one's own in ten lines, proven, and put to use: a line through points of which every fifth is far off.
#include <gradus/gradus.h>
#include <gradus/ops/compile.h>

#include <cmath>
#include <cstdio>

using namespace gradus;

struct Bounded {  // r² / (1 + r²): what lies far off costs 1, however far
  static constexpr Input<Bounded> inputs[] = {element("input"), element("target")};
  static constexpr About about = {
      .name = "bounded_loss", .family = "regression", .summary = "", .formula = "", .gradient = ""};
  static constexpr Example examples[] = {{R"({"input": [1], "target": [0]})", 0.5, "1 / 2"}};
  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T y) {
    T r = x - y, shrunk = 1.0 / (1.0 + r * r), g = 2.0 * r * shrunk * shrunk;
    return {r * r * shrunk, {g, -g}};
  }
};
constexpr Loss<Bounded> bounded_loss;

// y = 2 x + 1 for most of them.
Dataset points() {
  Generator generator(1);
  Tensor x({200, 1}), noise({200, 1});
  init::uniform(x, -1, 1, generator);
  init::normal(noise, 0, 0.05, generator);
  Tensor y = x * 2.0 + 1.0 + noise;
  for (int64_t i = 0; i < 200; i += 5) y.set({i, 0}, -8);
  return Dataset({{"x", x}, {"y", y}});
}

template <class L> Linear line(const Dataset& data, L loss) {
  Generator generator(2);
  Linear model(1, 1, true, generator);
  Adam optimizer(model.named_parameters(), {.lr = 0.05});
  for (int step = 0; step < 500; ++step) {
    optimizer.zero_grad();
    backward(loss(model(data["x"]), data["y"]));
    optimizer.step();
  }
  return model;
}

int main() {
  const bool proven = certify(bounded_loss.entry()).complete;
  const Dataset data = points();
  const Linear robust = line(data, [](const Tensor& a, const Tensor& b) { return bounded_loss(a, b); }),
               squared = line(data, [](const Tensor& a, const Tensor& b) { return mse_loss(a, b); });
  const auto say = [](const char* name, const Linear& l) {
    std::printf("%-20s y = %.2f x %+.2f\n", name, l.weight.at({0, 0}), l.bias.at({0}));
  };
  std::printf("the gradient is %s\n", proven ? "proven" : "wrong");
  say("bounded_loss", robust);
  say("mse_loss", squared);
  const bool found = std::abs(robust.weight.at({0, 0}) - 2) < 0.05 && std::abs(robust.bias.at({0}) - 1) < 0.05;
  return proven && found && squared.bias.at({0}) < 0 ? 0 : 1;
}
