// Every loss that the peer has too, forward and backward.
#include <fmt/core.h>

#include <memory>

#include "gradus/bench/compare/row.h"
#include "gradus/losses/cdist.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/registry.h"
#include "gradus/ops/sampling.h"
#include "gradus/ops/softmax.h"

namespace gradus::bench {
namespace {

Tensor probabilities(const Shape& shape) { return rand(shape) * 0.98 + 0.01; }
Tensor coins(const Shape& shape) { return to(bernoulli(0.5, shape), Dtype::float32); }
Tensor signs(const Shape& shape) { return coins(shape) * 2 - 1; }

// The inputs of a loss by name: the first trains.
using Inputs = std::vector<std::pair<std::string, Tensor>>;

// One repetition: the loss of these inputs, and its gradient.
std::function<void()> forward_and_backward(const std::string& name, Inputs inputs, Device device) {
  for (auto& [input, t] : inputs) t = to(t, device);
  inputs[0].second.requires_grad(true);
  const LossEntry& entry = loss_named(name);
  const auto call = std::make_shared<LossArguments>(LossArguments{std::move(inputs), {}});
  return [&entry, call] {
    call->inputs[0].second.zero_grad();
    evaluate(entry, *call).backward();
  };
}

Inputs elementwise_inputs(const std::string& name, int64_t n) {
  const Shape s{n};
  if (name == "binary_cross_entropy") return {{"input", probabilities(s)}, {"target", probabilities(s)}};
  if (name == "binary_cross_entropy_with_logits") return {{"input", randn(s)}, {"target", probabilities(s)}};
  if (name == "sigmoid_focal_loss") return {{"input", randn(s)}, {"target", coins(s)}};
  if (name == "soft_margin_loss" || name == "hinge_embedding_loss") return {{"input", randn(s)}, {"target", signs(s)}};
  if (name == "poisson_nll_loss") return {{"input", randn(s)}, {"target", rand(s) * 5}};
  if (name == "gaussian_nll_loss") return {{"input", randn(s)}, {"target", randn(s)}, {"var", probabilities(s)}};
  if (name == "margin_ranking_loss") return {{"input1", randn(s)}, {"input2", randn(s)}, {"target", signs(s)}};
  return {{"input", randn(s)}, {"target", randn(s)}};
}

Inputs row_inputs(const std::string& name, int64_t rows, int64_t columns) {
  const Shape s{rows, columns};
  const auto labels = [&] { return randint(0, columns, {rows}); };
  if (name == "kl_div") return {{"input", randn(s)}, {"target", softmax(randn(s), 1)}};
  if (name == "multilabel_soft_margin_loss") return {{"input", randn(s)}, {"target", coins(s)}};
  if (name == "cosine_embedding_loss") return {{"input1", randn(s)}, {"input2", randn(s)}, {"target", signs({rows})}};
  if (name == "triplet_margin_loss") return {{"anchor", randn(s)}, {"positive", randn(s)}, {"negative", randn(s)}};
  if (name == "info_nce_loss") return {{"query", randn(s)}, {"positive_key", randn(s)}};
  return {{"input", randn(s)}, {"target", labels()}};
}

// All distances between two sets of whole numbers of different sizes, and the gradient of their sum: by differences, or
// by a matrix product, which is faster and loses digits where two points are near.
std::function<void()> distances(int64_t n, int64_t m, int64_t width, bool by_product, Device device) {
  const auto numbers = [&](int64_t rows) { return to(to(randint(0, 100, {rows, width}), Dtype::float32), device); };
  const Tensor x = numbers(n).requires_grad(true), y = numbers(m);
  const uint8_t mode = by_product ? PairwiseDistances::gemm : PairwiseDistances::direct;
  return [x, y, mode] {
    Tensor(x).zero_grad();
    sum(cdist(x, y, {.mode = mode})).backward();
  };
}

}  // namespace

std::vector<Row> loss_rows() {
  std::vector<Row> rows;
  for (const char* name :
       {"mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "log_cosh_loss", "binary_cross_entropy",
        "binary_cross_entropy_with_logits", "sigmoid_focal_loss", "soft_margin_loss", "hinge_embedding_loss",
        "poisson_nll_loss", "gaussian_nll_loss", "margin_ranking_loss"})
    for (int64_t n : {int64_t{1} << 16, int64_t{1} << 22})
      rows.push_back(
          {.family = "elementwise losses",
           .name = fmt::format("{} {}", name, n < 1 << 20 ? "64K" : "4M"),
           .peer = fmt::format("elementwise {} {}", name, n),
           .bytes = 3.0 * 4.0 * double(n),  // two inputs read, one gradient written
           .prepare = [name, n](Device d) { return forward_and_backward(name, elementwise_inputs(name, n), d); }});
  struct Sized {
    const char* name;
    int64_t rows, columns;
  };
  for (const Sized& s : {Sized{"cross_entropy", 1024, 1000},
                         {"cross_entropy", 512, 32000},
                         {"cross_entropy", 64, 128000},
                         {"cross_entropy", 65536, 10},
                         {"nll_loss", 1024, 1000},
                         {"kl_div", 1024, 1000},
                         {"multi_margin_loss", 1024, 1000},
                         {"multilabel_soft_margin_loss", 1024, 1000},
                         {"cosine_embedding_loss", 4096, 128},
                         {"triplet_margin_loss", 4096, 128},
                         {"info_nce_loss", 1024, 128}})
    rows.push_back(
        {.family = "row losses",
         .name = fmt::format("{} ({}, {})", s.name, s.rows, s.columns),
         .peer = fmt::format("rows {} {} {}", s.name, s.rows, s.columns),
         .bytes = 2.0 * 4.0 * double(s.rows * s.columns),  // the input read, its gradient written
         .prepare = [s](Device d) { return forward_and_backward(s.name, row_inputs(s.name, s.rows, s.columns), d); }});
  struct Clouds {
    int64_t n, m, width;
  };
  for (const Clouds& c : {Clouds{16, 24, 8}, {128, 200, 32}, {1024, 1500, 64}})
    for (bool by_product : {false, true}) {
      const char* mode = by_product ? "gemm" : "direct";
      rows.push_back(
          {.family = "distances",
           .name = fmt::format("cdist {} x {} x {}, {}", c.n, c.m, c.width, mode),
           .peer = fmt::format("distances {} {} {} {}", c.n, c.m, c.width, mode),
           .bytes = 4.0 * double(2 * c.n * c.width + c.m * c.width + c.n * c.m),
           .flops = 3.0 * 2.0 * double(c.n * c.m * c.width),  // the distances, and both factors of a gradient
           .prepare = [c, by_product](Device d) { return distances(c.n, c.m, c.width, by_product, d); }});
    }
  return rows;
}

}  // namespace gradus::bench
