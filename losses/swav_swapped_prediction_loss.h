// SwAV: each of two views predicts the cluster code of the other; codes come from Sinkhorn and get no gradient.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/pairs.h"

namespace gradus {

struct SwavSwappedPredictionLoss {
  Param codes1 = none, codes2 = none;
  double temperature = 0.1, epsilon = 0.05;
  int64_t sinkhorn_iters = 3;

  using Self = SwavSwappedPredictionLoss;
  static constexpr Input<Self> inputs[] = {
      array("input1", "BD"), array("input2", "BD"), array("prototypes", "KD"),
      optional(constant(array("codes1", "BK", &Self::codes1, range::non_negative))),
      optional(constant(array("codes2", "BK", &Self::codes2, range::non_negative)))};
  static constexpr Option<Self> options[] = {option("temperature", &Self::temperature, range::positive),
                                             option("epsilon", &Self::epsilon, range::positive),
                                             option("sinkhorn_iters", &Self::sinkhorn_iters, range::non_negative)};
  static constexpr const char* result = "B";

  static constexpr About about = {
      .name = "swav_swapped_prediction_loss",
      .family = "contrastive",
      .summary =
          "Learns features and prototypes together: the prototype assignment of one view is predicted from the other.",
      .formula =
          "a = input1 P', b = input2 P';  -Σ_k q(a)_k log softmax(b / temperature)_k - Σ_k q(b)_k log softmax(a / "
          "temperature)_k a sample;  q from exp(scores / epsilon) over its total, then sinkhorn_iters times "
          "prototypes to 1/K and samples to 1/B, times B; codes1 and codes2 stand for q(a) and q(b) where given, as "
          "from a queue",
      .gradient = "(softmax Σ q - q) P / temperature, codes held constant",
      .edges = "features and prototypes are used as given: normalise them before; Sinkhorn runs on logarithms",
      .paper = "M. Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments, 2020",
      .aliases = "SwAV",
      .frozen = "the codes that Sinkhorn makes",
      .kind = "pairs",
  };
  static constexpr Example examples[] = {
      {R"({"input1": [[1.0, 0.0]], "input2": [[0.0, 1.0]], "prototypes": [[1.0, 0.0]]})", 0.0,
       "by hand: one prototype is certain"},
      {R"({"input1": [[0.0], [0.0]], "input2": [[0.0], [0.0]], "prototypes": [[1.0], [2.0], [3.0]]})",
       2.1972245773362196, "by hand: 2 log 3"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x1(c, 0), x2(c, 1), p(c, 2);
    const Array<T> a = dots(c, x1, p), b = dots(c, x2, p);
    const Array<T> q1 = c.in[3] ? c.in[3] : codes(c, a), q2 = c.in[4] ? c.in[4] : codes(c, b);
    predict(c, a, q2);
    predict(c, b, q1);
    if (!c.wants_grad) return;
    dots_back(c, a, x1, p);
    dots_back(c, b, x2, p);
  }

 private:
  // The scores become the gradient with respect to them.
  template <class T> GRADUS_ANYWHERE void predict(Case<T>& c, const Array<T>& s, const Array<T>& q) const {
    const int64_t k = s.extent[1];
    T* share = c.scratch(k);
    for (int64_t i = 0; i < s.extent[0]; ++i) {
      T* row = s.data + i * k;
      const LogSum<T> all(c, row, k, T(1 / temperature), share, [](int64_t) { return true; });
      const T mass = c.total(k, [&](int64_t j) { return q(i, j); }), log_total = log1p(all.rest);
      c.add(c.value(i),
            c.total(k, [&](int64_t j) { return q(i, j) * ((all.top - row[j]) / temperature + log_total); }));
      c.each(k, [&](int64_t j) { row[j] = c.up(i) * (share[j] * mass - q(i, j)) / temperature; });
    }
  }

  // Balanced assignments: every prototype gets as much as every other.
  template <class T> GRADUS_ANYWHERE Array<T> codes(Case<T>& c, const Array<T>& s) const {
    const int64_t n = s.extent[0], k = s.extent[1];
    Array<T> q = c.array(n, k);
    T* share = c.scratch(n > k ? n : k);
    const auto all = [](int64_t) { return true; };
    c.each(n * k, [&](int64_t i) { q.data[i] = frozen(s.data[i]) / epsilon; });
    if (sinkhorn_iters == 0) {
      const LogSum<T> sum(c, q.data, n * k, T(1.0), c.scratch(n * k), all);
      c.each(n * k, [&](int64_t i) { q.data[i] = q.data[i] - sum.top - log1p(sum.rest) + log(T(double(n))); });
    }
    T* column = c.scratch(n);
    for (int64_t round = 0; round < sinkhorn_iters; ++round) {
      for (int64_t j = 0; j < k; ++j) {
        c.each(n, [&](int64_t i) { column[i] = q(i, j); });
        const LogSum<T> sum(c, column, n, T(1.0), share, all);
        c.each(n, [&](int64_t i) { q(i, j) = (q(i, j) - sum.top) - log1p(sum.rest); });
      }
      for (int64_t i = 0; i < n; ++i) {
        const LogSum<T> sum(c, q.data + i * k, k, T(1.0), share, all);
        c.each(k, [&](int64_t j) { q(i, j) = (q(i, j) - sum.top) - log1p(sum.rest); });
      }
    }
    c.each(n * k, [&](int64_t i) { q.data[i] = exp_negative(q.data[i]); });
    return q;
  }
};
inline constexpr Loss<SwavSwappedPredictionLoss> swav_swapped_prediction_loss;

}  // namespace gradus
