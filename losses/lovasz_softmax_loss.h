// Lovász-softmax: the Jaccard loss of a segmentation into classes, made continuous in the probabilities.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/lovasz.h"

namespace gradus {

struct LovaszSoftmaxLoss {
  enum Classes : uint8_t { present, all };
  static constexpr const char* choices[] = {"present", "all"};

  uint8_t classes = present;
  int64_t ignore_index = never_ignored;

  using Self = LovaszSoftmaxLoss;
  static constexpr Input<Self> inputs[] = {array("input", "NC|NCD|NCDE", range::unit),
                                           indices("target", "N|ND|NDE", 'C', &Self::ignore_index)};
  static constexpr Option<Self> options[] = {
      option("classes", &Self::classes, choices),
      Option<Self>{{"ignore_index", OptionFacts::integer, range::any, true}, nullptr, &Self::ignore_index}};

  static constexpr About about = {
      .name = "lovasz_softmax_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Optimises the mean intersection over union of a segmentation from class probabilities.",
      .formula =
          "of each class e = |[y = c] - p_c| in descending order, Δ_k the rise of the Jaccard loss when the k-th is "
          "wrong too;  the mean over classes of Σ Δ e over all pixels of the batch",
      .gradient = "sign(p_c - [y = c]) Δ / number of classes",
      .kinks =
          "where two errors tie, of which the first counts as the larger; where an error is 0, which has gradient 0",
      .edges =
          "classes: only those that occur (present), or all; ignored pixels are left out; 0 where no class is left",
      .paper = "M. Berman et al., The Lovász-Softmax loss, 2018",
      .aliases = "lovasz_softmax",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.75, 0.25]], "target": [0]})", 0.25, "by hand"},
      {R"({"input": [[0.75, 0.25], [0.5, 0.5]], "target": [0, 0], "classes": "all"})", 0.4375,
       "by hand: (0.5 + 0.25) / 2 and the largest, 0.5"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto& p = c.in[0];
    const auto& target = c.whole[1];
    const int64_t count = p.extent[1], inner = p.extent[2] * p.extent[3];
    int64_t *pixel = c.integers(target.size()), *occurs = c.integers(count), n = 0, used = 0;
    int64_t* order = c.integers(target.size());
    T *error = c.scratch(target.size()), *slope = c.scratch(target.size());
    for (int64_t i = 0; i < target.size(); ++i) {
      if (target.data[i] < 0) continue;
      pixel[n++] = i;
      occurs[target.data[i]] = 1;
    }
    for (int64_t k = 0; k < count; ++k) used += classes == all || occurs[k];
    if (n == 0 || used == 0) {
      c.count() = 0.0;
      return;
    }
    for (int64_t k = 0; k < count; ++k) {
      if (classes == present && !occurs[k]) continue;
      const auto at = [&](int64_t i) { return (pixel[i] / inner * count + k) * inner + pixel[i] % inner; };
      const auto wanted = [&](int64_t i) { return target.data[pixel[i]] == k; };
      c.each(n, [&](int64_t i) {
        const T e = wanted(i) ? 1.0 - p.data[at(i)] : p.data[at(i)];
        declare_convention(e == 0.0, e);  // the sign of 0 is 0
        error[i] = select(e == 0.0, 0.0, e);
      });
      c.add(c.value(), lovasz(c, error, error, wanted, n, order, slope) / double(used));
      if (!c.grad[0]) continue;
      c.each(n, [&](int64_t i) {
        const T push = c.up() * (wanted(i) ? -slope[i] : slope[i]) / double(used);
        c.grad[0].data[at(i)] = select(error[i] > 0.0, push, 0.0);
      });
    }
  }
};
inline constexpr Loss<LovaszSoftmaxLoss> lovasz_softmax_loss;

}  // namespace gradus
