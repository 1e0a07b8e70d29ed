// Steps of training: forward, backward and optimiser of small and middling models, and optimisers alone.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <memory>

#include "gradus/autograd/engine.h"
#include "gradus/bench/compare/row.h"
#include "gradus/losses/cross_entropy.h"
#include "gradus/losses/mse_loss.h"
#include "gradus/losses/triplet_margin_loss.h"
#include "gradus/nn/activations.h"
#include "gradus/nn/conv.h"
#include "gradus/nn/flatten.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/models.h"
#include "gradus/nn/pooling.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/sampling.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/sgd.h"

namespace gradus::bench {
namespace {

std::unique_ptr<Optimizer> optimizer_of(const std::string& name, const NamedTensors& parameters) {
  if (name == "sgd") return std::make_unique<SGD>(parameters, SGDOptions{.lr = 1e-3});
  if (name == "adam") return std::make_unique<Adam>(parameters, AdamOptions{.lr = 1e-3});
  return std::make_unique<AdamW>(parameters, AdamWOptions{.lr = 1e-3});
}

// One repetition: gradients forgotten, loss, backward, step.
template <class Loss>
std::function<void()> step_of(Sequential model, Device device, const std::string& optimizer, Loss loss) {
  const auto net = std::make_shared<Sequential>(std::move(model));
  net->to(device);
  const std::shared_ptr<Optimizer> way = optimizer_of(optimizer, net->named_parameters());
  return [net, way, loss] {
    way->zero_grad();
    backward(loss(*net));
    way->step();
  };
}

double multiplications(const std::vector<int64_t>& widths) {
  double n = 0;
  for (size_t i = 0; i + 1 < widths.size(); ++i) n += double(widths[i] * widths[i + 1]);
  return n;
}

Row mlp_row(const std::vector<int64_t>& widths, int64_t batch, const std::string& optimizer, bool classes) {
  Row row;
  row.family = "models";
  row.name = fmt::format("mlp {}, batch {}, {}", fmt::join(widths, "-"), batch, optimizer);
  row.peer =
      fmt::format("mlp {} {} {} {}", fmt::join(widths, ","), batch, optimizer, classes ? "cross_entropy" : "mse_loss");
  row.flops = 6 * double(batch) * multiplications(widths);  // forward, and backward twice that
  row.prepare = [=](Device d) -> std::function<void()> {
    const Tensor x = to(randn({batch, widths[0]}), d);
    if (classes) {
      const Tensor y = to(randint(0, widths.back(), {batch}), d);
      return step_of(mlp(widths), d, optimizer, [x, y](Sequential& net) { return cross_entropy(net(x), y); });
    }
    const Tensor y = to(randn({batch, widths.back()}), d);
    return step_of(mlp(widths), d, optimizer, [x, y](Sequential& net) { return mse_loss(net(x), y); });
  };
  return row;
}

Sequential lenet() {
  return Sequential(Conv2d(1, 6, 5, {.padding = 2}), ReLU(), MaxPool2d(2), Conv2d(6, 16, 5), ReLU(), MaxPool2d(2),
                    Flatten(), Linear(400, 120), ReLU(), Linear(120, 84), ReLU(), Linear(84, 10));
}

}  // namespace

std::vector<Row> training_rows() {
  std::vector<Row> rows = {
      mlp_row({2, 16, 16, 1}, 1, "sgd", false),        mlp_row({2, 16, 16, 1}, 64, "adam", false),
      mlp_row({784, 256, 128, 10}, 64, "sgd", true),   mlp_row({784, 256, 128, 10}, 64, "adam", true),
      mlp_row({784, 512, 512, 10}, 128, "adam", true),
  };
  rows.push_back({.family = "models",
                  .name = "triplet mlp 64-128-32, batch 64, sgd",
                  .peer = "triplet 64,128,32 64",
                  .flops = 3 * 6 * 64 * multiplications({64, 128, 32}),
                  .prepare = [](Device d) {
                    const auto batch = [d] { return to(randn({64, 64}), d); };
                    const Tensor a = batch(), p = batch(), n = batch();
                    return step_of(mlp({64, 128, 32}), d, "sgd",
                                   [=](Sequential& net) { return triplet_margin_loss(net(a), net(p), net(n)); });
                  }});
  rows.push_back({.family = "models",
                  .name = "lenet5 28x28, batch 64, sgd",
                  .peer = "lenet 64",
                  .flops = 6 * 64 * (28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + multiplications({400, 120, 84, 10})),
                  .prepare = [](Device d) {
                    const Tensor x = to(randn({64, 1, 28, 28}), d), y = to(randint(0, 10, {64}), d);
                    return step_of(lenet(), d, "sgd", [=](Sequential& net) { return cross_entropy(net(x), y); });
                  }});
  for (const char* name : {"adam", "adamw"})
    for (int64_t n : {int64_t{235'000}, int64_t{16'800'000}})
      rows.push_back({.family = "optimisers",
                      .name = fmt::format("{} {}", name, n < 1'000'000 ? "235K" : "16.8M"),
                      .peer = fmt::format("optimizer {} {}", name, n),
                      .bytes = 7.0 * 4.0 * double(n),  // parameter, two moments read and written, the gradient read
                      .prepare = [name, n](Device d) -> std::function<void()> {
                        const Tensor parameter = to(randn({n}), d).requires_grad(true);
                        parameter.set_grad(to(randn({n}), d));
                        const std::shared_ptr<Optimizer> way = optimizer_of(name, {{"p", parameter}});
                        return [way] { way->step(); };
                      }});
  return rows;
}

}  // namespace gradus::bench
