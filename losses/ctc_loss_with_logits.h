// CTC straight from logits: labels a sequence without knowing where in it the labels are.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/scores.h"
#include "gradus/core/sequence.h"

namespace gradus {

struct CtcLossWithLogits {
  int64_t blank = 0;
  bool zero_infinity = false;

  using Self = CtcLossWithLogits;
  static constexpr Input<Self> inputs[] = {array("input", "T*C"), integers("targets", "NS|P"),
                                           lengths("input_lengths", "*", 'T'), lengths("target_lengths", "*", 'S')};
  static constexpr Option<Self> options[] = {below('C', option("blank", &Self::blank, range::non_negative)),
                                             option("zero_infinity", &Self::zero_infinity)};

  static constexpr About about = {
      .name = "ctc_loss_with_logits",
      .family = "sequences",
      .tier = 2,
      .summary = "Negative log-likelihood of a label sequence that may lie anywhere along a longer one, from logits.",
      .formula =
          "-log Σ over paths Π_t p_t(path_t) of those that become the target when repeats are joined and blanks "
          "removed, p = softmax(input); mean divides each by its target length (at least 1), and by the batch",
      .gradient = "softmax - γ_t(k), the probability that a path has label k at frame t",
      .edges =
          "infinite where the frames are too few, with gradient 0 (value 0 too with zero_infinity); frames beyond the "
          "input length have gradient 0; targets (N, S) padded, or (Σ lengths) one behind the other; (T, C) is a "
          "batch of one",
      .paper = "A. Graves et al., Connectionist Temporal Classification, 2006",
      .aliases = "CTCLoss behind log_softmax",
      .kind = "sequence",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[[-0.5, -1.0, -2.0]], [[-2.0, -0.25, -1.5]], [[-1.0, -1.0, -0.75]]], "targets": [[1]], "input_lengths": [3], "target_lengths": [1]})",
       0.92128608634823378, "mpmath, over all paths"},
      {R"({"input": [[[-0.5, -1.0, -2.0]], [[-2.0, -0.25, -1.5]], [[-1.0, -1.0, -0.75]]], "targets": [1, 2], "input_lengths": [3], "target_lengths": [2]})",
       0.60910804072564984, "mpmath, over all paths"},
  };

  void deduce(Extents& e) const {
    if (e['S'] < 0) e['S'] = e['P'];
  }

  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    CtcOfBatch{blank, zero_infinity}.make_acceptable(k, values, n, e);
  }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const CtcOfBatch batch{blank, zero_infinity};
    const int64_t* label = batch.targets(c);
    if (!label) return;
    const int64_t steps = c.whole[2](), classes = c.in[0].extent[1];
    T *log_probs = c.scratch(steps * classes), *posterior = c.grad[0] ? c.scratch(steps * classes) : nullptr;
    c.each(steps, [&](int64_t t) { log_softmax(c.in[0].data + t * classes, classes, log_probs + t * classes); });
    const Ctc<T> ctc(c, log_probs, steps, classes, label, c.whole[3](), blank, posterior);
    const T up = batch.finish(c, ctc);
    if (!posterior || !ctc.possible) return;
    c.each(steps, [&](int64_t t) {
      const T *log_p = log_probs + t * classes, *seen = posterior + t * classes;
      const auto rest = [&](int64_t k) { return exp_negative(log_p[k]) - seen[k]; };
      // Both sum to 1: what is left of the likeliest, where both are near 1, the others know better.
      const int64_t top = place_of_largest(log_p, classes);
      for (int64_t k = 0; k < classes; ++k)
        c.grad[0].data[t * classes + k] = up * (k == top ? -total_without<T>(top, classes, rest) : rest(k));
    });
  }
};
inline constexpr Loss<CtcLossWithLogits> ctc_loss_with_logits;

}  // namespace gradus
