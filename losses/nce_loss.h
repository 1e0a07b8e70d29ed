// Noise-contrastive estimation: learns a density by telling data from noise of known density.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct NoiseContrastive {
  static constexpr Input<NoiseContrastive> inputs[] = {row("input"), element("input_noise"), row("log_q"),
                                                       element("log_q_noise")};

  static constexpr About about = {
      .name = "nce_loss",
      .family = "contrastive",
      .summary = "Is this sample data or one of K drawn from the noise q?  Asks a logistic regression, row by row.",
      .formula =
          "softplus(-l) + Σ_k softplus(l_k), l = s - log(K q) for the score s of the data and of each of its K noise "
          "samples, over the last dimension of input_noise",
      .gradient = "-sigmoid(-l);  of the noise: sigmoid(l_k);  of log q: the negatives of these",
      .edges = "finite for all finite scores",
      .paper = "M. Gutmann, A. Hyvärinen, Noise-contrastive Estimation, 2010",
      .aliases = "tf.nn.nce_loss (logit form)",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.0], "input_noise": [[0.0]], "log_q": [0.0], "log_q_noise": [[0.0]]})", 1.3862943611198906,
       "by hand: 2 log 2"},
      {R"({"input": [1.0], "input_noise": [[0.5, -1.0]], "log_q": [-2.0], "log_q_noise": [[-1.0, -3.0]]})",
       2.8171544969242702, "mpmath"},
  };

  template <class T> struct State { T sum = 0; };
  template <class T> struct Constants { T slope; };

  template <class T> GRADUS_FN static T odds(T score, T log_q, int64_t noise_samples) {
    return (score - log_q) - scalar_maths::log(double(noise_samples));
  }
  template <class T> GRADUS_FN State<T> lift(Column<T> at, T, T noise, T, T log_q_noise) const {
    return {softplus(odds(noise, log_q_noise, at.count))};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t columns, T x, T log_q) const {
    T l = odds(x, log_q, columns);
    return {softplus(-l) + s.sum, 1.0, {-sigmoid(-l)}};
  }
  template <class T> GRADUS_FN Grads<T, 4> grad(Constants<T> c, Column<T> at, T, T noise, T, T log_q_noise) const {
    T own = select(at.index == 0, c.slope, 0.0), other = sigmoid(odds(noise, log_q_noise, at.count));
    return {{own, other, -own, -other}};
  }
};
inline constexpr Loss<NoiseContrastive> nce_loss;

}  // namespace gradus
