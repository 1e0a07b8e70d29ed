// Direct preference optimisation: the policy shall prefer the chosen answer more than the reference does.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct DirectPreference {
  double beta = 0.1, label_smoothing = 0;

  using Self = DirectPreference;
  static constexpr Input<Self> inputs[] = {element("chosen"), element("rejected"), constant(element("ref_chosen")),
                                           constant(element("ref_rejected"))};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::positive),
                                             option("label_smoothing", &Self::label_smoothing, range::unit)};

  static constexpr About about = {
      .name = "dpo_loss",
      .family = "policy and preference",
      .tier = 3,
      .summary =
          "Learns from pairs of answers, given the log-probabilities of both under the policy and under a reference.",
      .formula =
          "h = beta [(c - c_ref) - (r - r_ref)];  (1 - s) log(1 + exp(-h)) + s log(1 + exp(h)), s = label_smoothing",
      .gradient = "of c: beta [s sigmoid(h) - (1 - s) sigmoid(-h)]; of r the opposite",
      .edges = "no gradient flows to the reference",
      .paper = "R. Rafailov et al., Direct Preference Optimization, 2023",
      .aliases = "DPO; cDPO with label_smoothing",
  };
  static constexpr Example examples[] = {
      {R"({"chosen": [-10.0, -20.0], "rejected": [-15.0, -12.0], )"
       R"("ref_chosen": [-11.0, -19.0], "ref_rejected": [-14.0, -13.0]})",
       0.6981388693815918, "torch.nn.functional.logsigmoid 1.13"},
      {R"({"chosen": [-10.0], "rejected": [-15.0], )"
       R"("ref_chosen": [-11.0], "ref_rejected": [-14.0], "beta": 0.5, "label_smoothing": 0.1})",
       0.4132616875182229, "torch.nn.functional.logsigmoid 1.13"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T chosen, T rejected, T ref_chosen, T ref_rejected) const {
    const Logit<T> h(beta * ((chosen - ref_chosen) - (rejected - ref_rejected)));
    T loss = h.yes_cost, g = -h.no;
    if (label_smoothing > 0) {
      loss = (1 - label_smoothing) * h.yes_cost + label_smoothing * h.no_cost;
      g = label_smoothing * h.yes - (1 - label_smoothing) * h.no;
    }
    return {loss, {beta * g, -beta * g}};
  }
};
inline constexpr Loss<DirectPreference> dpo_loss;

}  // namespace gradus
