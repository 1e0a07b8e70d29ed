// Recurrent layers: a sequence is read step by step, with a state that is carried along.
#pragma once
#include <string>
#include <vector>

#include "gradus/core/random.h"
#include "gradus/nn/module.h"

namespace gradus {

struct RecurrentOptions {
  int64_t num_layers = 1;  // each reads what the one below wrote
  bool bias = true;
  bool batch_first = false;    // (N, steps, width) instead of (steps, N, width)
  double dropout = 0;          // in training, of what one layer hands to the next
  bool bidirectional = false;  // a second reader from the end; both outputs stand side by side
};

/// Every step's output (steps, N, D hidden) with D = 1, or 2 where bidirectional, and the state behind the last step,
/// (layers D, N, hidden), the directions of one layer side by side. Only an LSTM has a cell.
struct Recurrence {
  Tensor output, hidden, cell;
};

/// What RNN, LSTM and GRU share. Parameters have PyTorch's names, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0,
/// then l0_reverse, l1 …, and start uniform within 1 / sqrt(hidden).
class RecurrentLayer : public Module {
 public:
  /// x (steps, N, inputs) -> the outputs alone.
  Tensor forward(const Tensor& x) override { return run(x).output; }
  /// From a given state, or from zeros. Throws ShapeError unless shapes are as above and there is a step.
  Recurrence run(const Tensor& x, const Tensor& hidden = Tensor(), const Tensor& cell = Tensor());
  void parts(Parts& p) override;
  const RecurrentOptions& options() const { return options_; }
  int64_t hidden() const { return hidden_; }

 protected:
  struct State {
    Tensor hidden, cell;  // (N, hidden)
  };
  /// `gates` rows of weights for each hidden unit. Throws ParamError unless all numbers are positive and 0 <= dropout
  /// <= 1. The generator must outlive the layer.
  RecurrentLayer(const char* name, int64_t gates, int64_t inputs, int64_t hidden, const RecurrentOptions& options,
                 Generator& generator);
  /// The state behind one step, from what its input and the state before it add to the gates, both (N, gates hidden).
  virtual State step(const Tensor& from_input, const Tensor& from_hidden, const State& before) const = 0;
  virtual bool has_cell() const { return false; }

 private:
  struct Direction {  // of one layer
    Tensor weight_ih, weight_hh, bias_ih, bias_hh;
    std::string suffix;
    bool reverse;
  };
  void check(const Tensor& x, const Tensor& hidden, const Tensor& cell) const;
  std::vector<State> first_states(const Tensor& x, const Tensor& hidden, const Tensor& cell) const;
  std::vector<Tensor> read(const Direction& d, const std::vector<Tensor>& steps, State& state) const;

  const char* name_;
  int64_t inputs_, hidden_;
  RecurrentOptions options_;
  Generator* generator_;
  std::vector<Direction> directions_;  // layer by layer
};

/// h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it.
class RNN : public RecurrentLayer {
 public:
  enum class Nonlinearity { tanh, relu };
  RNN(int64_t inputs, int64_t hidden, const RecurrentOptions& options = {},
      Nonlinearity nonlinearity = Nonlinearity::tanh, Generator& generator = default_generator());
  Nonlinearity nonlinearity() const { return nonlinearity_; }

 private:
  State step(const Tensor& from_input, const Tensor& from_hidden, const State& before) const override;
  Nonlinearity nonlinearity_;
};

/// S. Hochreiter, J. Schmidhuber, Long short-term memory, 1997, with forget gates. The rows of the weights are the
/// gates i, f, g, o: c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c').
class LSTM : public RecurrentLayer {
 public:
  LSTM(int64_t inputs, int64_t hidden, const RecurrentOptions& options = {},
       Generator& generator = default_generator());

 private:
  State step(const Tensor& from_input, const Tensor& from_hidden, const State& before) const override;
  bool has_cell() const override { return true; }
};

/// K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014, as cuDNN and PyTorch compute it. The
/// rows of the weights are r, z, n: h' = (1 - σ(z)) tanh(n_x + σ(r) n_h) + σ(z) h.
class GRU : public RecurrentLayer {
 public:
  GRU(int64_t inputs, int64_t hidden, const RecurrentOptions& options = {}, Generator& generator = default_generator());

 private:
  State step(const Tensor& from_input, const Tensor& from_hidden, const State& before) const override;
};

}  // namespace gradus
