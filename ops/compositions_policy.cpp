// Losses of policies and of preferences between answers, made of tensor ops.  What was sampled, the policy of then and
// the reference never get a gradient.
#include <limits>

#include "gradus/ops/composition.h"

namespace gradus {
namespace {

using composing::Given;

constexpr const char* family = "policy and preference";
constexpr double infinity = std::numeric_limits<double>::infinity();

// log(1 - exp(a)) for a < 0, by the form that keeps its digits.
Tensor log_complement(const Tensor& a) {
  const Tensor near = gt(a.detach(), -0.69314718055994531);
  return where(near, log(neg(expm1(where(near, a, -1)))), log1p(neg(exp(where(near, -1, a)))));
}
// -min(r A, clip(r) A) with r = exp(now - then).
Tensor clipped_surrogate(const Tensor& now, const Tensor& then, const Tensor& advantage, double low, double high) {
  const Tensor log_r = sub(now, then), good = ge(advantage, 0), r = exp(log_r.detach());
  const Tensor clipped = (good & gt(r, 1 + high)) | ((!good) & lt(r, 1 - low));
  const Tensor bound = where(good, full({}, 1 + high, r.dtype(), r.device()), 1 - low);
  return neg(mul(advantage, where(clipped, bound, exp(where(clipped, 0, log_r)))));
}
// How much more the policy prefers the chosen answer than the reference does.
Tensor preference(const Given& in) { return sub(sub(in[0][0], in[2][0]), sub(in[1][0], in[3][0])); }

struct PolicyGradient {
  static constexpr Input<PolicyGradient> inputs[] = {array("log_prob", "*"), constant(array("advantage", "*"))};
  static constexpr About about = {
      .name = "policy_gradient_loss",
      .family = family,
      .tier = 3,
      .summary = "Makes actions more likely by how much better than expected they were.",
      .formula = "-A log_prob",
      .gradient = "-A",
      .edges = "no gradient flows to advantage",
      .paper = "R. Williams, Simple statistical gradient-following algorithms, 1992",
      .aliases = "REINFORCE",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"log_prob": [-1.0, -0.5], "advantage": [2.0, -1.0], "reduction": "sum"})", 1.5, "by hand: 2 - 0.5"}};
  Tensor compose(const Given& in) const { return neg(mul(in[1][0], in[0][0])); }
};

struct ValueClip {
  double epsilon = 0.2;
  using Self = ValueClip;
  static constexpr Input<Self> inputs[] = {array("input", "*"), constant(array("old_value", "*")),
                                           constant(array("returns", "*"))};
  static constexpr Option<Self> options[] = {option("epsilon", &Self::epsilon, range::non_negative)};
  static constexpr About about = {
      .name = "value_clip_loss",
      .family = family,
      .tier = 3,
      .summary = "Squared error of a critic that gains nothing from moving far from its old value.",
      .formula = "max((v - R)², (v_old + clip(v - v_old, -epsilon, epsilon) - R)²)",
      .gradient = "2 (v - R) where the first square is the larger or v is not clipped, else 0",
      .kinks = "where v is clipped and both squares are equal, half the slope of the first",
      .edges = "no gradient flows to old_value and returns",
      .paper = "J. Schulman et al., Proximal Policy Optimization Algorithms, 2017",
      .aliases = "PPO value loss",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.5, 0.5], "old_value": [1.0, 1.0], "returns": [2.0, 0.0], "reduction": "sum"})", 1.28,
       "by hand: 0.8² + 0.8²"}};
  Tensor compose(const Given& in) const {
    const Tensor &v = in[0][0], &old = in[1][0], &returns = in[2][0];
    const Tensor moved = sub(v, old), inside = le(abs(moved.detach()), epsilon);
    const Tensor free = square(sub(v, returns));
    const Tensor clipped = square(sub(add(old, clamp(moved, -epsilon, epsilon)), returns));
    return where(inside, free, maximum(free, clipped.detach()));
  }
};

struct KlK3 {
  double beta = 1;
  using Self = KlK3;
  static constexpr Input<Self> inputs[] = {array("log_prob", "*"), constant(array("ref_log_prob", "*"))};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::non_negative)};
  static constexpr About about = {
      .name = "kl_k3_penalty",
      .family = family,
      .tier = 3,
      .summary = "Keeps a policy near a reference: an estimate of their divergence that is never negative.",
      .formula = "d = ref_log_prob - log_prob;  beta (exp(d) - d - 1)",
      .gradient = "beta (1 - exp(d))",
      .edges = "no gradient flows to ref_log_prob; keeps its digits where d is small",
      .paper = "J. Schulman, Approximating KL Divergence, 2020",
      .aliases = "k3 estimator",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"log_prob": [-2.0], "ref_log_prob": [-1.0], "beta": 0.5})", 0.35914091422952262, "by hand: (e - 2) / 2"}};
  Tensor compose(const Given& in) const { return scaled(composing::exp_above_tangent(sub(in[1][0], in[0][0])), beta); }
};

struct GroupRelativePolicy {
  enum Divisor : uint8_t { grpo, bnpo, dr_grpo, dapo };
  static constexpr const char* divisors[] = {"grpo", "bnpo", "dr_grpo", "dapo"};
  double eps_low = 0.2, eps_high = 0.2, beta = 0.04;
  uint8_t loss_type = grpo;
  using Self = GroupRelativePolicy;
  static constexpr Input<Self> inputs[] = {array("log_prob", "NL"), constant(array("old_log_prob", "NL")),
                                           constant(array("ref_log_prob", "NL")), constant(array("advantage", "N")),
                                           constant(array("mask", "NL", range::zero_or_one))};
  static constexpr Option<Self> options[] = {
      option("eps_low", &Self::eps_low, range::non_negative), option("eps_high", &Self::eps_high, range::non_negative),
      option("beta", &Self::beta, range::non_negative), option("loss_type", &Self::loss_type, divisors)};
  static constexpr About about = {
      .name = "grpo_loss",
      .family = family,
      .tier = 3,
      .summary = "Trains a language model on answers judged against the others of their group.",
      .formula =
          "of each token that the mask keeps: ppo_clip_loss + beta kl_k3_penalty.  grpo: the mean over sequences of "
          "their means; bnpo and dapo: the mean over all kept tokens; dr_grpo: their sum / (N L)",
      .gradient = "(ppo_clip_loss's + beta (1 - exp(ref_log_prob - log_prob))) over the divisor",
      .kinks = "at the clip the slope inside is taken",
      .edges =
          "masked tokens may hold anything; a sequence without a token counts as 0; no gradient flows but to log_prob",
      .paper = "Z. Shao et al., DeepSeekMath, 2024",
      .aliases = "GRPO; BNPO; Dr. GRPO; DAPO",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"log_prob": [[-1.0, -2.0], [-1.0, 0.0]], "old_log_prob": [[-1.0, -2.0], [-1.0, 0.0]], )"
       R"("ref_log_prob": [[-1.0, -1.0], [-1.0, 0.0]], "advantage": [1.0, -2.0], "mask": [[1.0, 1.0], [1.0, 0.0]]})",
       0.50718281828459045, "by hand: (-1 + 0.04 (e - 2) / 2 + 2) / 2"}};
  Tensor compose(const Given& in) const {
    const Tensor &mask = in[4][0], kept = ne(mask, 0), now = where(kept, in[0][0], 0);
    const Tensor surrogate =
        clipped_surrogate(now, where(kept, in[1][0], 0), unsqueeze(in[3][0], 1), eps_low, eps_high);
    Tensor tokens = where(kept, surrogate, 0);
    if (beta > 0) {
      const Tensor reference = where(kept, in[2][0], 0), slope = scaled(exp(sub(reference, now.detach())), beta);
      // Slopes that are infinite both ways would add up to NaN; then the surrogate's stands.
      const Tensor both = eq(surrogate.detach(), infinity) & isinf(slope);
      const Tensor kl = composing::exp_above_tangent(sub(reference, where(both, now.detach(), now)));
      tokens = add(tokens, scaled(kl, beta));
    }
    if (loss_type == dr_grpo) return composing::mean_or_zero(tokens);
    if (loss_type == grpo) return composing::mean_or_zero(div(sum(tokens, {1}), clamp(sum(mask, {1}), 1)));
    return div(sum(tokens), clamp(sum(mask), 1));
  }
};

struct IdentityPreference {
  double beta = 0.1;
  using Self = IdentityPreference;
  static constexpr Input<Self> inputs[] = {array("chosen", "*"), array("rejected", "*"),
                                           constant(array("ref_chosen", "*")), constant(array("ref_rejected", "*"))};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::positive)};
  static constexpr About about = {
      .name = "ipo_loss",
      .family = family,
      .tier = 3,
      .summary = "Preference optimisation that aims at a margin instead of at certainty, so that it does not overfit.",
      .formula = "((c - c_ref) - (r - r_ref) - 1/(2 beta))²",
      .gradient = "of c: 2 ((c - c_ref) - (r - r_ref) - 1/(2 beta)); of r the opposite",
      .edges = "no gradient flows to the reference",
      .paper = "M. Azar et al., A General Theoretical Paradigm to Understand Learning from Human Preferences, 2023",
      .aliases = "IPO",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"chosen": [-10.0], "rejected": [-15.0], "ref_chosen": [-11.0], "ref_rejected": [-14.0], "beta": 0.5})", 1.0,
       "by hand: (2 - 1)²"}};
  Tensor compose(const Given& in) const { return square(shifted(preference(in), -0.5 / beta)); }
};

struct KahnemanTversky {
  double beta = 0.1;
  using Self = KahnemanTversky;
  static constexpr Input<Self> inputs[] = {
      array("log_ratio", "*"), constant(array("desirable", "*", range::zero_or_one)), constant(array("kl", ""))};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::positive)};
  static constexpr About about = {
      .name = "kto_loss",
      .family = family,
      .tier = 3,
      .summary = "Learns from answers that are called good or bad one by one, without pairs.",
      .formula = "1 - sigmoid(s beta (log_ratio - kl)), s = 1 of a desirable answer, else -1",
      .gradient = "-s beta p (1 - p), p = sigmoid(s beta (log_ratio - kl))",
      .edges = "no gradient flows to desirable and kl",
      .paper = "K. Ethayarajh et al., KTO: Model Alignment as Prospect Theoretic Optimization, 2024",
      .aliases = "KTO",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"log_ratio": [10.0, 10.0], "desirable": [1.0, 0.0], "kl": 0.0, "reduction": "sum"})", 1.0,
       "sigmoid(-1) + sigmoid(1)"}};
  Tensor compose(const Given& in) const {
    const Tensor sign = shifted(scaled(in[1][0], 2), -1);
    return sigmoid(scaled(mul(sign, sub(in[2][0], in[0][0])), beta));
  }
};

struct OddsRatio {
  double lam = 0.1;
  using Self = OddsRatio;
  static constexpr Range log_probability{-range::inf, 0, false, true};
  static constexpr Input<Self> inputs[] = {array("chosen", "*", log_probability),
                                           array("rejected", "*", log_probability)};
  static constexpr Option<Self> options[] = {option("lam", &Self::lam, range::non_negative)};
  static constexpr About about = {
      .name = "orpo_odds_ratio_loss",
      .family = family,
      .tier = 3,
      .summary = "Raises the odds of the chosen answer over those of the rejected one, without a reference.",
      .formula = "o = (c - r) - (log(1 - exp(c)) - log(1 - exp(r)));  lam log(1 + exp(-o))",
      .gradient = "of c: -lam sigmoid(-o) / (1 - exp(c)); of r: lam sigmoid(-o) / (1 - exp(r))",
      .edges = "c and r are mean log-probabilities; keeps its digits where they are near 0",
      .paper = "J. Hong et al., ORPO: Monolithic Preference Optimization without Reference Model, 2024",
      .aliases = "ORPO odds term",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"chosen": [-0.69314718055994531], "rejected": [-0.69314718055994531], "lam": 1.0})", 0.69314718055994531,
       "log 2: even odds"},
      {R"({"chosen": [-0.69314718055994531], "rejected": [-1.3862943611198906], "lam": 1.0})", 0.28768207245178093,
       "by hand: log(1 + 1/3)"}};
  Tensor compose(const Given& in) const {
    const Tensor &c = in[0][0], &r = in[1][0];
    const Tensor odds = sub(sub(c, r), sub(log_complement(c), log_complement(r)));
    return scaled(softplus(neg(odds), 1, range::inf), lam);
  }
};

struct SimplePreference {
  double beta = 2, gamma = 0.5;
  using Self = SimplePreference;
  static constexpr Input<Self> inputs[] = {array("chosen", "*"), array("rejected", "*")};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::positive),
                                             option("gamma", &Self::gamma)};
  static constexpr About about = {
      .name = "simpo_loss",
      .family = family,
      .tier = 3,
      .summary = "Preference by mean log-probabilities and a margin, without a reference.",
      .formula = "log(1 + exp(gamma - beta (c - r)))",
      .gradient = "of c: -beta sigmoid(gamma - beta (c - r)); of r the opposite",
      .paper = "Y. Meng et al., SimPO: Simple Preference Optimization with a Reference-Free Reward, 2024",
      .aliases = "SimPO",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"chosen": [-1.0], "rejected": [-1.25]})", 0.69314718055994531, "log 2: just at the margin"}};
  Tensor compose(const Given& in) const {
    return softplus(shifted(scaled(sub(in[1][0], in[0][0]), beta), gamma), 1, range::inf);
  }
};

struct TemporalDifference {
  double delta = 1;
  using Self = TemporalDifference;
  static constexpr Input<Self> inputs[] = {array("input", "*"), constant(array("target", "*"))};
  static constexpr Option<Self> options[] = {option("delta", &Self::delta, range::positive)};
  static constexpr About about = {
      .name = "td_huber_loss",
      .family = family,
      .tier = 3,
      .summary = "Huber loss of a value against its bootstrapped target, which stays as it is.",
      .formula = "e = x - t;  e²/2 where |e| <= delta, else delta (|e| - delta/2)",
      .gradient = "e limited to [-delta, delta]",
      .edges = "no gradient flows to target",
      .paper = "V. Mnih et al., Human-level control through deep reinforcement learning, 2015",
      .aliases = "DQN loss",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, 3.0], "target": [0.5, 0.0], "reduction": "sum"})", 2.625, "by hand: 0.125 + 2.5"}};
  Tensor compose(const Given& in) const { return composing::huber(sub(in[0][0], in[1][0]), delta); }
};

struct CategoricalValue {
  static constexpr Input<CategoricalValue> inputs[] = {array("input", "*C"),
                                                       constant(array("target", "*C", range::unit))};
  static constexpr About about = {
      .name = "c51_loss",
      .family = family,
      .tier = 3,
      .summary = "Distributional reinforcement learning: cross-entropy to the projected distribution of returns.",
      .formula = "-Σ t log softmax(x)",
      .gradient = "softmax(x) Σ t - t",
      .edges = "no gradient flows to target",
      .paper = "M. Bellemare et al., A Distributional Perspective on Reinforcement Learning, 2017",
      .aliases = "categorical DQN",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 1.0]], "target": [[0.25, 0.75]]})", 0.69314718055994531, "log 2: even scores"}};
  Tensor compose(const Given& in) const {
    return neg(sum(composing::weighed_log(in[1][0], log_softmax(in[0][0], -1)), {-1}));
  }
};

}  // namespace

std::vector<const LossEntry*> composing::policies() {
  return entries<PolicyGradient, ValueClip, KlK3, GroupRelativePolicy, IdentityPreference, KahnemanTversky, OddsRatio,
                 SimplePreference, TemporalDifference, CategoricalValue>();
}

}  // namespace gradus
