// Softmax cross-entropy against class labels or class probabilities, with class weights, label smoothing, masks,
// temperature, z-loss and soft-capped logits.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

// From logit to score: temperature first, then the soft cap; and the slope of the whole.
struct ScoreOf {
  double temperature, softcap;
  template <class T> struct Point { T score, slope; };
  template <class T> GRADUS_FN Point<T> operator()(T x) const {
    T u = temperature == 1 ? x : x / temperature;
    if (!(softcap > 0)) return {u, 1 / temperature};
    T v = u / softcap, e = exp_negative(-2.0 * abs(v)), rest = 1.0 + e;
    return {softcap * tanh(v), 4.0 * e / (rest * rest) / temperature};  // 1 - tanh² would cancel
  }
};

struct CrossEntropy {
  enum WeightNorm : uint8_t { torch, never, always };
  static constexpr const char* weight_norms[] = {"torch", "never", "always"};
  Param weight = 1.0;
  Param class_mask = 1.0;
  int64_t ignore_index = -100;
  double label_smoothing = 0;
  uint8_t weight_norm = torch;  // torch: Σ weight[label]; never: the number of rows; always: for probabilities too
  int64_t class_dim = 1;
  double temperature = 1, z_loss = 0, softcap = none;

  static constexpr Input<CrossEntropy> inputs[] = {
      element("input"), label("target", &CrossEntropy::ignore_index),
      in_count(column("weight", &CrossEntropy::weight, range::non_negative)),
      constant(element("class_mask", &CrossEntropy::class_mask, range::zero_or_one))};
  static constexpr Option<CrossEntropy> options[] = {
      option("ignore_index", &CrossEntropy::ignore_index),
      option("label_smoothing", &CrossEntropy::label_smoothing, range::unit),
      option("weight_norm", &CrossEntropy::weight_norm, weight_norms),
      option("class_dim", &CrossEntropy::class_dim),
      option("temperature", &CrossEntropy::temperature, range::positive),
      option("z_loss", &CrossEntropy::z_loss, range::non_negative),
      option("softcap", &CrossEntropy::softcap, range::positive, true)};

  static constexpr About about = {
      .name = "cross_entropy",
      .family = "classification",
      .summary = "Negative log-likelihood of the right class under softmax, straight from logits.",
      .formula =
          "lse = log Σ_k exp(z_k);  (1-ε) w_y (lse - z_y) + (ε/C) Σ_k w_k (lse - z_k) for a label y;  Σ_k w_k q'_k "
          "(lse - z_k), q' = (1-ε) q + ε/C, for probabilities q;  + z_loss lse².  z = softcap tanh(x / temperature / "
          "softcap).  mean divides by Σ w_y over the rows not ignored; for probabilities by the number of rows",
      .gradient = "(1-ε) w_y (p_k - [k = y]) + (ε/C) (p_k Σ w - w_k), p = softmax(z), times dz/dx",
      .edges =
          "ignored rows have value and gradient exactly 0; a class whose logit is -infinity has p = 0; a row of only "
          "-infinity is NaN; the target logit's gradient is -(1 - p_y) without cancellation; holds at most one "
          "gradient until backward",
      .paper = "label smoothing: Szegedy et al. 2016; z-loss: Chowdhery et al. 2022",
      .aliases = "nn.CrossEntropyLoss; softmax_cross_entropy; keras CategoricalCrossentropy(from_logits)",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, -1.0, 2.0], [1.0, 1.0, 1.0]], "target": [2, 0]})", 0.66996179266263304, "mpmath"},
      {R"({"input": [[1, 2, 3], [4, 5, 7]], "target": [2, 0], "weight": [1, 2, 3]})", 1.0981659782223596, "mpmath"},
  };

  int64_t class_axis() const { return class_dim; }
  int choose(bool integer_target) const { return integer_target ? 0 : 1; }

  template <class T> struct State {
    RunningSoftmax<T> softmax;
    T score = 0, weight = 0;     // of the target class
    T deficit = 0, weights = 0;  // (ε/C) Σ w (max - z), (ε/C) Σ w: for label smoothing, relative to the running maximum
  };
  template <class T> struct Constants {
    T max, share, log_total, gap, hit_weight, weights, lse_slope;
  };

  GRADUS_FN ScoreOf score_of() const { return {temperature, softcap}; }

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y, T w, T allowed) const {
    auto hit = at.index == y;
    auto out = allowed == 0.0;
    T s = select(out, -T::infinity(), score_of()(x).score);
    State<T> state;
    state.softmax = RunningSoftmax<T>::of(s);
    state.score = select(hit, s, 0.0);
    state.weight = select(hit, w, 0.0);
    if (label_smoothing > 0) {  // a share of each class from the start: Σ w (max - z) could overflow
      state.weights = select(out, 0.0, label_smoothing / double(at.count) * w);
      state.deficit = times(state.weights, state.softmax.max - s);
    }
    return state;
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return join(RunningSoftmax<T>::merge(a.softmax, b.softmax), a, b);
  }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    T deficit = 0;
    if (label_smoothing > 0) deficit = a.deficit + b.deficit + times(a.weights, m.rise_a) + times(b.weights, m.rise_b);
    return {m.total, a.score + b.score, a.weight + b.weight, deficit, a.weights + b.weights};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T> y) const {
    T log_total = log1p(s.softmax.rest), total = 1.0 + s.softmax.rest, lse = s.softmax.max + log_total;
    double hit = 1 - label_smoothing;
    T distance = s.softmax.max - s.score;
    T value = hit * s.weight * (distance + log_total);
    if (label_smoothing > 0) value = value + (s.weights * log_total + s.deficit);
    if (z_loss > 0) value = value + z_loss * lse * lse;
    T gap = (s.softmax.rest - expm1(-distance)) / total;  // 1 - p_y
    auto ignored = y < 0;
    T count = weight_norm == never ? T(1.0) : s.weight;
    return {select(ignored, 0.0, value),
            select(ignored, 0.0, count),
            {s.softmax.max, 1.0 / total, log_total, gap, hit * s.weight, s.weights, 2 * z_loss * lse}};
  }
  template <class T>
  GRADUS_FN CountedGrads<T, 2> grad(Constants<T> c, Column<T> at, T x, Index<T> y, T w, T allowed) const {
    auto hit = at.index == y, ignored = y < 0;
    auto out = allowed == 0.0;
    auto z = score_of()(x);
    T below = select(out, 0.0, z.score - c.max);
    T p = select(out, 0.0, exp_negative(below) * c.share), nll = c.log_total - below;
    T dz = select(hit, -c.hit_weight * c.gap, c.hit_weight * p);
    double keep = 1 - label_smoothing, each = label_smoothing / double(at.count);
    T dw = select(hit, keep * nll, 0.0);
    if (label_smoothing > 0) {
      dz = dz + c.weights * p - select(out, 0.0, each * w);
      dw = dw + select(out, 0.0, each * nll);
    }
    if (z_loss > 0) dz = dz + c.lse_slope * p;
    auto dead = ignored | out;
    T dcount = weight_norm == never ? T(0.0) : select(hit, T(1.0), 0.0);
    return {{select(dead, 0.0, dz * z.slope), select(ignored, 0.0, dw)}, {0.0, dcount}};
  }
  template <class T> GRADUS_FN T grad_elsewhere(Constants<T> c, T z) const {
    return c.hit_weight * (exp_negative(z - c.max) * c.share);
  }
};

struct CrossEntropyOfProbabilities {
  Param weight = 1.0;
  Param class_mask = 1.0;
  double label_smoothing = 0;
  uint8_t weight_norm = CrossEntropy::torch;
  int64_t class_dim = 1;
  double temperature = 1, z_loss = 0, softcap = none;

  using Self = CrossEntropyOfProbabilities;
  CrossEntropyOfProbabilities() = default;
  explicit CrossEntropyOfProbabilities(const CrossEntropy& c)
      : weight(c.weight),
        class_mask(c.class_mask),
        label_smoothing(c.label_smoothing),
        weight_norm(c.weight_norm),
        class_dim(c.class_dim),
        temperature(c.temperature),
        z_loss(c.z_loss),
        softcap(c.softcap) {}

  static constexpr Input<Self> inputs[] = {element("input"), in_count(element("target", range::unit)),
                                           in_count(column("weight", &Self::weight, range::non_negative)),
                                           constant(element("class_mask", &Self::class_mask, range::zero_or_one))};

  int64_t class_axis() const { return class_dim; }
  GRADUS_FN ScoreOf score_of() const { return {temperature, softcap}; }
  template <class T> GRADUS_FN T smoothed(T q, int64_t columns) const {
    return label_smoothing > 0 ? (1 - label_smoothing) * q + label_smoothing / double(columns) : q;
  }

  template <class T> struct State {
    RunningSoftmax<T> softmax;
    T mass = 0, deficit = 0;  // Σ w q', Σ w q' (max - z)
    T count = 0;              // Σ w q
  };
  template <class T> struct Constants { T max, rest, total, log_total, mass, lse_slope; };

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, T q, T w, T allowed) const {
    auto out = allowed == 0.0;
    T s = select(out, -T::infinity(), score_of()(x).score);
    State<T> state;
    state.softmax = RunningSoftmax<T>::of(s);
    state.mass = select(out, 0.0, w * smoothed(q, at.count));
    state.deficit = times(state.mass, state.softmax.max - s);
    state.count = w * q;
    return state;
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return join(RunningSoftmax<T>::merge(a.softmax, b.softmax), a, b);
  }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    T deficit = a.deficit + b.deficit + times(a.mass, m.rise_a) + times(b.mass, m.rise_b);
    return {m.total, a.mass + b.mass, deficit, a.count + b.count};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T log_total = log1p(s.softmax.rest), lse = s.softmax.max + log_total;
    T value = s.mass * log_total + s.deficit;
    if (z_loss > 0) value = value + z_loss * lse * lse;
    return {value,
            weight_norm == CrossEntropy::always ? s.count : T(1.0),
            {s.softmax.max, s.softmax.rest, 1.0 + s.softmax.rest, log_total, s.mass, 2 * z_loss * lse}};
  }
  template <class T> GRADUS_FN CountedGrads<T, 3> grad(Constants<T> c, Column<T> at, T x, T q, T w, T allowed) const {
    auto out = allowed == 0.0;
    auto z = score_of()(x);
    T below = select(out, 0.0, z.score - c.max), nll = c.log_total - below;
    T p = select(out, 0.0, exp_negative(below) / c.total), pull = w * smoothed(q, at.count);
    // mass p - pull, without cancellation where p is near 1.  There below is 0 and has the derivative of expm1(below).
    T at_top = (c.mass - pull) - c.mass * ((c.rest - below) / c.total);
    T dz = select(below == 0.0, at_top, c.mass * p - pull);
    if (z_loss > 0) dz = dz + c.lse_slope * p;
    T dq = (1 - label_smoothing) * w * nll, dw = smoothed(q, at.count) * nll;
    bool counted = weight_norm == CrossEntropy::always;
    return {{select(out, 0.0, dz * z.slope), select(out, 0.0, dq), select(out, 0.0, dw)},
            {0.0, counted ? w : T(0.0), counted ? q : T(0.0)}};
  }
};

inline constexpr Loss<CrossEntropy, CrossEntropyOfProbabilities> cross_entropy;

}  // namespace gradus
