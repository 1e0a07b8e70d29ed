// Bayesian personalised ranking: what was chosen shall score above what was not.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct BayesianPersonalisedRanking {
  using Self = BayesianPersonalisedRanking;
  static constexpr Input<Self> inputs[] = {element("positive"), element("negative")};

  static constexpr About about = {
      .name = "bpr_loss",
      .family = "ranking",
      .tier = 3,
      .summary = "Logistic loss on the difference of two scores: the likelihood that the positive one ranks higher.",
      .formula = "log(1 + exp(-(p - n)))",
      .gradient = "-sigmoid(n - p), and its opposite for the negative",
      .paper = "S. Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, 2009",
      .aliases = "pairwise_logistic",
  };
  static constexpr Example examples[] = {
      {R"({"positive": [1.0, -0.5], "negative": [0.25, 2.0]})", 1.4828803702037248,
       "torch.nn.functional.softplus 1.13"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T p, T n) {
    const Logit<T> lead(p - n);
    return {lead.yes_cost, {-lead.no, lead.no}};
  }
};
inline constexpr Loss<BayesianPersonalisedRanking> bpr_loss;

}  // namespace gradus
