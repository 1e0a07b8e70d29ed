// The losses of Propagation then Training (Adaptively): cross-entropy against soft pseudo-labels, weighted by what the
// model itself believes.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct Pta {
  enum Mode : uint8_t { pts, ptd, pta };
  static constexpr const char* modes[] = {"PTS", "PTD", "PTA"};

  int64_t epoch = 0;
  double epsilon = 100;
  uint8_t mode = pta;

  static constexpr Input<Pta> inputs[] = {element("input"), element("pseudo_labels", range::non_negative)};
  static constexpr Option<Pta> options[] = {option("epoch", &Pta::epoch, range::non_negative),
                                            option("epsilon", &Pta::epsilon, range::positive),
                                            option("mode", &Pta::mode, modes)};

  static constexpr About about = {
      .name = "pta_loss",
      .family = "classification",
      .summary =
          "Learns from propagated labels and trusts them the more, the more the model agrees and the longer it "
          "trained.",
      .formula =
          "-Σ_k y_k w_k log f_k over the last dimension, f = softmax(x); w = 1 (PTS), f (PTD) or f^log(1 + epoch / "
          "epsilon) (PTA)",
      .gradient = "f_k Σ q - q_k, q = y w;  of the pseudo-labels: -w_k log f_k",
      .edges = "at epoch 0 all three weigh alike where PTA is chosen: w = 1; terms with y = 0 are 0",
      .paper = "H. Dong et al., On the Equivalence of Decoupled Graph Convolution Network and Label Propagation, 2021",
      .aliases = "PTS and PTD = other modes",
      .frozen = "the weight w",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "pseudo_labels": [[0.25, 0.75]]})", 0.69314718055994531, "by hand: log 2"},
      {R"({"input": [[0.0, 0.0]], "pseudo_labels": [[0.25, 0.75]], "mode": "PTD"})", 0.34657359027997264,
       "by hand: log 2 / 2"},
      {R"({"input": [[0.5, -1.0, 2.0]], "pseudo_labels": [[0.1, 0.2, 0.7]], "epoch": 150})", 0.2039811356571592,
       "mpmath"},
  };

  GRADUS_FN double exponent() const {
    return mode == pts ? 0.0 : mode == ptd ? 1.0 : scalar_maths::log1p(double(epoch) / epsilon);
  }

  // With e = exp(x - max)^exponent, a constant: Σ y e, Σ y e (max - x).
  template <class T> struct State {
    RunningSoftmax<T> softmax;
    T mass = 0, deficit = 0;
  };
  template <class T> struct Constants { T max, rest, total, log_total, mass; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T y) const {
    State<T> state;
    state.softmax = RunningSoftmax<T>::of(x);
    state.mass = exponent() == 0 ? y : y * frozen(1.0 + state.softmax.rest);  // 0 where x is -infinity
    state.deficit = times(state.mass, state.softmax.max - x);
    return state;
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return join(RunningSoftmax<T>::merge(a.softmax, b.softmax), a, b);
  }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    T fall_a = frozen(exp_negative(-exponent() * m.rise_a)), fall_b = frozen(exp_negative(-exponent() * m.rise_b));
    return {m.total, fall_a * a.mass + fall_b * b.mass,
            fall_a * (a.deficit + times(a.mass, m.rise_a)) + fall_b * (b.deficit + times(b.mass, m.rise_b))};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T log_total = log1p(s.softmax.rest), scale = frozen(exp_negative(-exponent() * log_total));
    T mass = scale * s.mass;
    return {mass * log_total + scale * s.deficit,
            1.0,
            {s.softmax.max, s.softmax.rest, 1.0 + s.softmax.rest, log_total, mass}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T y) const {
    T below = x - c.max, p = exp_negative(below) / c.total, nll = c.log_total - below;
    T w = exponent() == 0 ? T(1.0) : frozen(exp_negative(-exponent() * nll)), q = y * w;
    // Without cancellation where p is near 1.  There below is 0 and has the derivative of expm1(below).
    T at_top = (c.mass - q) - c.mass * ((c.rest - below) / c.total);
    return {{select(below == 0.0, at_top, c.mass * p - q), times(w, nll)}};
  }
};
inline constexpr Loss<Pta> pta_loss;

}  // namespace gradus
