// Batch-hard triplet loss: each row with its farthest positive and its nearest negative.
#pragma once
#include "gradus/core/distances.h"

namespace gradus {

struct BatchHardTripletLoss {
  double margin = 0.3;
  bool soft = false;

  using Self = BatchHardTripletLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {option("margin", &Self::margin), option("soft", &Self::soft)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "batch_hard_triplet_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "The farthest row of the same label is to be nearer than the nearest row of another, by a margin.",
      .formula =
          "[margin + max_P |x_i - x_p| - min_N |x_i - x_n|]₊, or softplus(max - min) where soft; mean over the rows "
          "with both",
      .gradient = "the active triplet's: unit vector to the negative less that to the positive",
      .kinks =
          "the hinge at 0 (gradient 0); several farthest or nearest (the first); coinciding vectors (distance without "
          "gradient)",
      .edges = "rows without positives or negatives are left out; no row has both: a mean over nothing, 0",
      .paper = "A. Hermans, L. Beyer, B. Leibe, In Defense of the Triplet Loss for Person Re-Identification, 2017",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0], [1.0], [3.0]], "labels": [0, 0, 1], "margin": 1.5})", 0.25,
       "by hand: the negatives are 3 and 2 away, the positives 1"},
      {R"({"input": [[0.0], [1.0], [2.0]], "labels": [0, 0, 1], "soft": true})", 0.5032044340390888,
       "by hand: half of log(1 + 1/e) + log 2"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0);
    const Distance distance;
    const int64_t n = x.n, *y = c.whole[1].data;
    const Array<T> d = c.array(n, n);
    int64_t *farthest = c.integers(n), *nearest = c.integers(n);
    T* slope = c.scratch(n);
    c.each(n, [&](int64_t i) {
      RunningNorm<T> state;
      for (int64_t j = 0; j < i; ++j) d(i, j) = d(j, i) = distance.measure(x.at + i * x.d, x.at + j * x.d, x.d, state);
    });
    c.each(n, [&](int64_t i) {
      int64_t &far = farthest[i] = -1, &near = nearest[i] = -1;
      T most = 0, least = 0;
      for (int64_t j = 0; j < n; ++j) {
        if (j == i) continue;
        if (y[j] == y[i]) take(d(i, j), j, most, far, 1.0);
        else take(d(i, j), j, least, near, -1.0);
      }
      c.count(i) = far < 0 || near < 0 ? 0.0 : 1.0;
      if (far < 0 || near < 0) {
        far = near = -1;
        return;
      }
      const T gap = most - least, over = margin + gap;
      c.value(i) = soft ? softplus(gap) : positive(over);
      slope[i] = c.up(i) * (soft ? sigmoid(gap) : select(over > 0.0, T(1.0), 0.0));
    });
    if (!x.grad) return;
    distance.pull(
        c, x, x, [&](int64_t i, int64_t j) { return j == farthest[i] || j == nearest[i]; },
        [&](int64_t i, int64_t j) { return j == farthest[i] ? slope[i] : -slope[i]; });
  }

 private:
  // The first of the largest, or with way = -1 of the smallest; a NaN is either.
  template <class T> GRADUS_ANYWHERE static void take(T d, int64_t j, T& best, int64_t& at, double way) {
    if (at < 0) {
      best = d, at = j;
      return;
    }
    const auto better = (way * d > way * best) | is_nan(d), tie = d == best;
    declare_convention(tie, d);
    declare_convention(tie, best);
    best = select(better, d, best);
    if (holds(better)) at = j;
  }
};
inline constexpr Loss<BatchHardTripletLoss> batch_hard_triplet_loss;

}  // namespace gradus
