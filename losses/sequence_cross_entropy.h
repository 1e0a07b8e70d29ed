// Cross-entropy of the tokens of padded sequences: what is masked has no say, whatever it holds.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/scores.h"

namespace gradus {

struct SequenceCrossEntropy {
  static constexpr Input<SequenceCrossEntropy> inputs[] = {
      array("input", "*C"), integers("target", "*"), constant(any_dtype(array("mask", "*", range::non_negative)))};

  static constexpr About about = {
      .name = "sequence_cross_entropy",
      .family = "sequences",
      .tier = 3,
      .summary = "Cross-entropy of the tokens of padded sequences, averaged over those that a mask keeps.",
      .formula = "Σ m CE(z, y) / Σ m over all tokens, CE with the classes in the last dimension",
      .gradient = "m (p_k - [k = y]) / Σ m, p = softmax(z)",
      .edges =
          "a token whose mask is 0 has value and gradient exactly 0, whatever its logits and label are; all masked: 0",
      .aliases = "sequence_ce; masked token CE (SPACES)",
      .kind = "fold",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[[0.0, 0.0], [7.0, 1.0]]], "target": [[1, -5]], "mask": [[1, 0]]})", 0.69314718055994531,
       "log 2: one token counts, its classes are even"},
      {R"({"input": [[0.5, -1.0, 2.0], [1.0, 1.0, 1.0]], "target": [2, 0], "mask": [1, 1]})", 0.66996179266263304,
       "mpmath"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t classes = c.in[0].size(), y = c.whole[1]();
    const T weight = c.in[2]();
    c.count() = weight;
    if (holds(weight == 0.0)) return;
    if (y < 0 || y >= classes) return c.reject(1, 0, double(y), "a class of the input where the mask is not 0");
    const SoftmaxOf<T> s(c, c.in[0].data, classes);
    c.value() = -weight * s.log_p[y];
    if (!c.grad[0]) return;
    c.each(classes, [&](int64_t k) { c.grad[0](k) = c.up() * weight * (k == y ? -s.missing[k] : s.p[k]); });
  }

  // Certificates: labels are classes.
  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    for (int64_t i = 0; k == 1 && i < n; ++i)
      if (values[i] >= double(e['C'])) values[i] = 0;
  }
};
inline constexpr Loss<SequenceCrossEntropy> sequence_cross_entropy;

}  // namespace gradus
