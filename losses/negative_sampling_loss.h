// Negative sampling, as word2vec trains: a true pair shall score high, random ones low.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct NegativeSampling {
  static constexpr Input<NegativeSampling> inputs[] = {row("input"), element("input_noise")};

  static constexpr About about = {
      .name = "negative_sampling_loss",
      .family = "contrastive",
      .summary = "Logistic regression of one true pair against K random ones, row by row.",
      .formula = "softplus(-s) + Σ_k softplus(s_k) over the last dimension of input_noise",
      .gradient = "-sigmoid(-s);  of the noise: sigmoid(s_k)",
      .edges = "finite for all finite scores",
      .paper = "T. Mikolov et al., Distributed Representations of Words and Phrases, 2013",
      .aliases = "word2vec SGNS",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.0], "input_noise": [[0.0, 0.0]]})", 2.0794415416798357, "by hand: 3 log 2"},
      {R"({"input": [2.0], "input_noise": [[-10000.0, 10000.0]]})", 10000.126928011043,
       "mpmath: 1e4 + log(1 + exp(-2))"},
  };

  template <class T> struct State { T sum = 0; };
  template <class T> struct Constants { T slope; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T, T noise) const { return {softplus(noise)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, T x) const {
    return {softplus(-x) + s.sum, 1.0, {-sigmoid(-x)}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T> at, T, T noise) const {
    return {{select(at.index == 0, c.slope, 0.0), sigmoid(noise)}};
  }
};
inline constexpr Loss<NegativeSampling> negative_sampling_loss;

}  // namespace gradus
