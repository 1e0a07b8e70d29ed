// CTC: labels a sequence without knowing where in it the labels are.  Here from log-probabilities.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/sequence.h"

namespace gradus {

struct CtcLoss {
  int64_t blank = 0;
  bool zero_infinity = false;

  using Self = CtcLoss;
  static constexpr Input<Self> inputs[] = {array("log_probs", "T*C"), integers("targets", "NS|P"),
                                           lengths("input_lengths", "*", 'T'), lengths("target_lengths", "*", 'S')};
  static constexpr Option<Self> options[] = {below('C', option("blank", &Self::blank, range::non_negative)),
                                             option("zero_infinity", &Self::zero_infinity)};

  static constexpr About about = {
      .name = "ctc_loss",
      .family = "sequences",
      .tier = 2,
      .summary =
          "Negative log-likelihood of a label sequence that may lie anywhere along a longer one, from "
          "log-probabilities.",
      .formula =
          "-log Σ over paths Π_t p_t(path_t) of those that become the target when repeats are joined and blanks "
          "removed, log p the input as it is; mean divides each by its target length (at least 1), and by the batch",
      .gradient =
          "-γ_t(k), the probability that a path has label k at frame t: the true partial derivative, where others "
          "return softmax - γ",
      .edges =
          "infinite where the frames are too few, with gradient 0 (value 0 too with zero_infinity); frames beyond the "
          "input length have gradient 0; targets (N, S) padded, or (Σ lengths) one behind the other; (T, C) is a "
          "batch of one",
      .paper = "A. Graves et al., Connectionist Temporal Classification, 2006",
      .aliases = "nn.CTCLoss (whose gradient is that of the logits form)",
      .kind = "sequence",
  };
  static constexpr Example examples[] = {
      {R"({"log_probs": [[[-0.5, -1.0, -2.0]], [[-2.0, -0.25, -1.5]], [[-1.0, -1.0, -0.75]]], "targets": [[1]], "input_lengths": [3], "target_lengths": [1]})",
       0.49945821438088444, "mpmath, over all paths"},
      {R"({"log_probs": [[[-0.5, -1.0, -2.0]], [[-2.0, -0.25, -1.5]], [[-1.0, -1.0, -0.75]]], "targets": [1, 2], "input_lengths": [3], "target_lengths": [2]})",
       0.39819410474197517, "mpmath, over all paths"},
  };

  static constexpr bool shared_by_team = true;

  void deduce(Extents& e) const {
    if (e['S'] < 0) e['S'] = e['P'];
  }

  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    CtcOfBatch{blank, zero_infinity}.make_acceptable(k, values, n, e);
  }

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const CtcOfBatch batch{blank, zero_infinity};
    const int64_t* label = batch.targets(c);
    if (!label) return;
    const int64_t steps = c.whole[2](), classes = c.in[0].extent[1];
    T* posterior = c.grad[0] ? c.scratch(steps * classes) : nullptr;
    const Ctc<T> ctc(c, c.in[0].data, steps, classes, label, c.whole[3](), blank, posterior);
    const T up = batch.finish(c, ctc);
    if (!posterior || !ctc.possible) return;
    c.each(steps * classes, [&](int64_t i) { c.grad[0].data[i] = -up * posterior[i]; });
  }
};
inline constexpr Loss<CtcLoss> ctc_loss;

}  // namespace gradus
