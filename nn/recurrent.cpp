#include "gradus/nn/recurrent.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "gradus/core/error.h"
#include "gradus/nn/init.h"
#include "gradus/nn/precision.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/dropout.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

std::vector<Tensor> slices(const Tensor& x, int64_t dim) {
  std::vector<Tensor> all;
  for (int64_t i = 0; i < x.size(dim); ++i) all.push_back(select(x, dim, i));
  return all;
}

// The gates of a step, side by side in the last dimension.
std::vector<Tensor> gates_of(const Tensor& x, int64_t count) { return split(x, x.size(-1) / count, -1); }

}  // namespace

RecurrentLayer::RecurrentLayer(const char* name, int64_t gates, int64_t inputs, int64_t hidden,
                               const RecurrentOptions& options, Generator& generator)
    : name_(name), inputs_(inputs), hidden_(hidden), options_(options), generator_(&generator) {
  if (inputs < 1 || hidden < 1 || options.num_layers < 1)
    throw ParamError(
        fmt::format("{}: got {} inputs, {} hidden units and {} layers, wanted at least one of each; check the widths",
                    name, inputs, hidden, options.num_layers));
  if (!(options.dropout >= 0 && options.dropout <= 1))
    throw ParamError(
        fmt::format("{}: got dropout = {}, wanted a probability; choose it in [0, 1]", name, options.dropout));
  const double bound = 1 / std::sqrt(double(hidden));
  const auto weight = [&](const Shape& shape) {
    Tensor t(shape);
    init::uniform(t, -bound, bound, generator);
    return t.requires_grad(true);
  };
  for (int64_t layer = 0; layer < options.num_layers; ++layer)
    for (const bool reverse : {false, true}) {
      if (reverse && !options.bidirectional) continue;
      const int64_t width = layer == 0 ? inputs : options.bidirectional ? 2 * hidden : hidden;
      Direction d{weight({gates * hidden, width}),
                  weight({gates * hidden, hidden}),
                  Tensor(),
                  Tensor(),
                  fmt::format("_l{}{}", layer, reverse ? "_reverse" : ""),
                  reverse};
      if (options.bias) d.bias_ih = weight({gates * hidden}), d.bias_hh = weight({gates * hidden});
      directions_.push_back(std::move(d));
    }
}

void RecurrentLayer::parts(Parts& p) {
  for (Direction& d : directions_)
    p.parameter("weight_ih" + d.suffix, d.weight_ih)
        .parameter("weight_hh" + d.suffix, d.weight_hh)
        .parameter("bias_ih" + d.suffix, d.bias_ih)
        .parameter("bias_hh" + d.suffix, d.bias_hh);
}

void RecurrentLayer::check(const Tensor& x, const Tensor& hidden, const Tensor& cell) const {
  const auto steps_of = [&] { return x.shape()[options_.batch_first ? 1 : 0]; };
  if (x.rank() != 3 || x.shape()[2] != inputs_ || steps_of() < 1)
    throw ShapeError(fmt::format("{}: input has shape {}, wanted ({},{}) with at least one step; reshape it", name_,
                                 text(x.shape()), options_.batch_first ? "N,steps" : "steps,N", inputs_));
  const Shape wanted{int64_t(directions_.size()), x.shape()[options_.batch_first ? 0 : 1], hidden_};
  for (const auto& [what, state] : {std::pair{"hidden", &hidden}, std::pair{"cell", &cell}})
    if (state->defined() && !(state->shape() == wanted))
      throw ShapeError(fmt::format("{}: {} has shape {}, wanted {}; pass one row for each layer and direction", name_,
                                   what, text(state->shape()), text(wanted)));
  if (has_cell() ? hidden.defined() != cell.defined() : cell.defined())
    throw ParamError(fmt::format("{}: got {}, wanted {}", name_,
                                 has_cell() ? "one of hidden and cell" : "a cell, which it does not have",
                                 has_cell() ? "both or none; pass the other one" : "hidden alone; leave it out"));
}

std::vector<RecurrentLayer::State> RecurrentLayer::first_states(const Tensor& x, const Tensor& hidden,
                                                                const Tensor& cell) const {
  const auto rows = int64_t(directions_.size());
  const Tensor nothing = zeros({rows, x.shape()[options_.batch_first ? 0 : 1], hidden_}, x.dtype(), x.device());
  std::vector<State> states;
  for (int64_t k = 0; k < rows; ++k)
    states.push_back({select(hidden.defined() ? hidden : nothing, 0, k),
                      has_cell() ? select(cell.defined() ? cell : nothing, 0, k) : Tensor()});
  return states;
}

std::vector<Tensor> RecurrentLayer::read(const Direction& d, const std::vector<Tensor>& steps, State& state) const {
  std::vector<Tensor> outputs(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    const size_t at = d.reverse ? steps.size() - 1 - i : i;
    state = step(linear_in(computes_in(), steps[at], d.weight_ih, d.bias_ih),
                 linear_in(computes_in(), state.hidden, d.weight_hh, d.bias_hh), state);
    outputs[at] = state.hidden;
  }
  return outputs;
}

Recurrence RecurrentLayer::run(const Tensor& x, const Tensor& hidden, const Tensor& cell) {
  check(x, hidden, cell);
  std::vector<State> states = first_states(x, hidden, cell);
  std::vector<Tensor> steps = slices(x, options_.batch_first ? 1 : 0);
  for (size_t k = 0; k < directions_.size(); ++k) {
    if (k > 0)
      for (Tensor& s : steps) s = dropout(s, options_.dropout, training(), *generator_);
    std::vector<Tensor> outputs = read(directions_[k], steps, states[k]);
    if (options_.bidirectional) {
      ++k;
      const std::vector<Tensor> backwards = read(directions_[k], steps, states[k]);
      for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = concat({outputs[i], backwards[i]}, 1);
    }
    steps = std::move(outputs);
  }
  std::vector<Tensor> last_hidden, last_cell;
  for (const State& s : states) last_hidden.push_back(s.hidden), last_cell.push_back(s.cell);
  return {stack(steps, options_.batch_first ? 1 : 0), stack(last_hidden), has_cell() ? stack(last_cell) : Tensor()};
}

RNN::RNN(int64_t inputs, int64_t hidden, const RecurrentOptions& options, Nonlinearity nonlinearity,
         Generator& generator)
    : RecurrentLayer("RNN", 1, inputs, hidden, options, generator), nonlinearity_(nonlinearity) {}

RNN::State RNN::step(const Tensor& from_input, const Tensor& from_hidden, const State&) const {
  const Tensor sum = from_input + from_hidden;
  return {nonlinearity_ == Nonlinearity::tanh ? tanh(sum) : relu(sum), Tensor()};
}

LSTM::LSTM(int64_t inputs, int64_t hidden, const RecurrentOptions& options, Generator& generator)
    : RecurrentLayer("LSTM", 4, inputs, hidden, options, generator) {}

LSTM::State LSTM::step(const Tensor& from_input, const Tensor& from_hidden, const State& before) const {
  const std::vector<Tensor> gates = gates_of(from_input + from_hidden, 4);
  const Tensor cell = sigmoid(gates[1]) * before.cell + sigmoid(gates[0]) * tanh(gates[2]);
  return {sigmoid(gates[3]) * tanh(cell), cell};
}

GRU::GRU(int64_t inputs, int64_t hidden, const RecurrentOptions& options, Generator& generator)
    : RecurrentLayer("GRU", 3, inputs, hidden, options, generator) {}

GRU::State GRU::step(const Tensor& from_input, const Tensor& from_hidden, const State& before) const {
  const std::vector<Tensor> x = gates_of(from_input, 3), h = gates_of(from_hidden, 3);
  const Tensor reset = sigmoid(x[0] + h[0]), keep = sigmoid(x[1] + h[1]), proposed = tanh(x[2] + reset * h[2]);
  return {proposed + keep * (before.hidden - proposed), Tensor()};
}

}  // namespace gradus
