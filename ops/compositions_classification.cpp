// Losses of classes, orders and survival, and the measures of a ranking, made of tensor ops.
#include <fmt/core.h>

#include <cmath>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/losses/entmax15_loss.h"
#include "gradus/losses/sparsemax_loss.h"
#include "gradus/ops/composition.h"
#include "gradus/ops/scan.h"
#include "gradus/ops/sort.h"

namespace gradus {
namespace {

using composing::Given, composing::at_label;

// ---- classes ------------------------------------------------------------------------------------

struct MulticlassPerceptron {
  using Self = MulticlassPerceptron;
  static constexpr Input<Self> inputs[] = {array("input", "NC"), indices<Self>("target", "N", 'C')};
  static constexpr About about = {
      .name = "multiclass_perceptron_loss",
      .family = "classification",
      .tier = 3,
      .summary = "How far the best score lies above that of the right class; right is good enough.",
      .formula = "max_j s_j - s_y",
      .gradient = "[j is the best class] - [j = y]",
      .kinks = "of equally good classes the first counts",
      .paper = "M. Collins, Discriminative training methods for hidden Markov models, 2002",
      .aliases = "OX multiclass_perceptron_loss",
      .kind = "fold",
  };
  static constexpr Example examples[] = {{R"({"input": [[1.0, 3.0, 2.0]], "target": [0]})", 2.0, "by hand: 3 - 1"}};
  Tensor compose(const Given& in) const { return sub(max(in[0][0], 1).values, at_label(in[0][0], in[1][0])); }
};

struct LabelAwareMargin {
  double max_margin = 0.5, scale = 30;
  using Self = LabelAwareMargin;
  static constexpr Input<Self> inputs[] = {array("input", "NC"), indices<Self>("target", "N", 'C'),
                                           constant(array("counts", "C", range::positive))};
  static constexpr Option<Self> options[] = {option("max_margin", &Self::max_margin, range::non_negative),
                                             option("scale", &Self::scale, range::positive)};
  static constexpr About about = {
      .name = "ldam_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Cross-entropy that asks of rare classes for a wider margin.",
      .formula = "cross-entropy of scale (x - m_y [j = y]), m_c = max_margin n_c^(-1/4) / max_k n_k^(-1/4)",
      .gradient = "scale (p - [j = y])",
      .edges = "counts are the numbers of examples of each class; no gradient flows to them",
      .paper = "K. Cao et al., Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss, 2019",
      .aliases = "LDAM",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, 0.0]], "target": [0], "counts": [1.0, 16.0], "scale": 1.0})", 0.69314718055994531,
       "log 2: the margin of the rarest class is max_margin"}};
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &y = in[1][0], roots = pow(in[2][0], -0.25);
    if (x.numel() == 0) return scaled(sum(x, {1}), 0);
    const Tensor margins = scaled(div(roots, max(roots)), max_margin);
    const Tensor mine = one_hot(to(y, Dtype::int64), x.size(1), x.dtype());
    return composing::cross_entropy_of_rows(scaled(sub(x, mul(mine, margins)), scale), y);
  }
};

struct ClassBalancedWeights {
  double beta = 0.999;
  using Self = ClassBalancedWeights;
  static constexpr Input<Self> inputs[] = {constant(array("counts", "C", range::non_negative))};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, Range{0, 1, false, true})};
  static constexpr About about = {
      .name = "class_balanced_weights",
      .family = "metrics",
      .tier = 3,
      .summary = "Weights of classes by the effective number of their examples.",
      .formula = "(1 - beta) / (1 - beta^n)",
      .gradient = "none",
      .edges = "a class without an example has weight infinity",
      .paper = "Y. Cui et al., Class-Balanced Loss Based on Effective Number of Samples, 2019",
      .aliases = "effective number of samples",
      .kind = "metric",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {{R"({"counts": [2.0], "beta": 0.5})", 0.66666666666666667, "by hand"}};
  Tensor compose(const Given& in) const {
    if (beta == 0) return where(in[0][0] == 0.0, range::inf, ones_like(in[0][0]));
    return (1 - beta) / neg(expm1(scaled(in[0][0], std::log(beta))));
  }
};

struct SampledSoftmax {
  using Self = SampledSoftmax;
  static constexpr Input<Self> inputs[] = {array("input_true", "N"), array("input_sampled", "NS"),
                                           constant(array("log_q_true", "N")), constant(array("log_q_sampled", "NS"))};
  static constexpr About about = {
      .name = "sampled_softmax_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Cross-entropy over very many classes by the right one and a sample of the others.",
      .formula = "log Σ_k exp(z_k - log q_k) - (z_y - log q_y), k over the right class y and the sampled ones",
      .gradient = "p - [k = y], p the softmax of z - log q",
      .edges = "a sampled class that is the right one: set its score to -infinity; no gradient flows to log q",
      .paper = "S. Jean et al., On Using Very Large Target Vocabulary for Neural Machine Translation, 2015",
      .aliases = "tf.nn.sampled_softmax_loss",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input_true": [1.0], "input_sampled": [[0.0]], "log_q_true": [1.0], "log_q_sampled": [[0.0]]})",
       0.69314718055994531, "log 2: even after the correction"}};
  Tensor compose(const Given& in) const {
    const Tensor right = unsqueeze(sub(in[0][0], in[2][0]), 1);
    return neg(squeeze(slice(log_softmax(concat({right, sub(in[1][0], in[3][0])}, 1), 1), 1, 0, 1), 1));
  }
};

struct ConfidencePenalty {
  double beta = 0.1;
  using Self = ConfidencePenalty;
  static constexpr Input<Self> inputs[] = {array("input", "*C")};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::non_negative)};
  static constexpr About about = {
      .name = "confidence_penalty",
      .family = "classification",
      .tier = 3,
      .summary = "Charges for outputs that are too sure, to be added to cross-entropy.",
      .formula = "beta Σ p log p, p = softmax(x)",
      .gradient = "beta p (log p - Σ p log p)",
      .paper = "G. Pereyra et al., Regularizing Neural Networks by Penalizing Confident Output Distributions, 2017",
      .aliases = "negative entropy penalty",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 1.0]], "beta": 1.0})", -0.69314718055994531, "-log 2: even scores"}};
  Tensor compose(const Given& in) const {
    const Tensor logs = log_softmax(in[0][0], -1);
    return scaled(sum(mul(exp(logs), logs), {-1}), beta);
  }
};

// Ω*(θ) + Ω(q) - θ·q: what a prediction map makes of scores, as a loss.
struct FenchelYoung {
  enum Map : uint8_t { softmax_map, sparsemax_map, entmax15_map };
  static constexpr const char* maps[] = {"softmax", "sparsemax", "entmax15"};
  uint8_t map = softmax_map;
  using Self = FenchelYoung;
  static constexpr Input<Self> inputs[] = {array("input", "NC"), constant(array("target", "NC", range::unit))};
  static constexpr Option<Self> options[] = {option("map", &Self::map, maps)};
  static constexpr About about = {
      .name = "fenchel_young_loss",
      .family = "classification",
      .tier = 3,
      .summary = "The loss that belongs to a map from scores to probabilities: 0 where the map gives the target.",
      .formula =
          "Ω*(x) + Ω(q) - x·q;  softmax: Ω(q) = Σ q log q;  sparsemax: |q|²/2 - 1/2;  entmax15: 4/3 (Σ q^1.5 - 1)",
      .gradient = "map(x) - q",
      .kinks = "none in value or slope; the slope of sparsemax bends where a class enters the support",
      .edges = "softmax gives KL(q‖softmax(x)); a class with q = 0 adds no term of its own",
      .paper = "M. Blondel et al., Learning with Fenchel-Young losses, 2020",
      .aliases = "OX fenchel_young_loss",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [[1.0, 0.0]]})", 0.69314718055994531, "by hand: log 2"},
      {R"({"input": [[3.0, 1.0]], "target": [[1.0, 0.0]], "map": "sparsemax"})", 0.0,
       "by hand: it leads by more than 1"},
  };
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &q = in[1][0];
    if (map == sparsemax_map) return sparsemax_loss(x, q, {}, Reduction::none);
    if (map == entmax15_map) return entmax15_loss(x, q, {}, Reduction::none);
    const Tensor log_p = log_softmax(x, 1), off = eq(q, 0);
    return sum(where(off, 0, mul(q, sub(log(where(off, 1, q)), log_p))), {1});
  }
};

// The t-logarithm and its inverse, which is heavy-tailed for t > 1 and ends for t < 1.
Tensor log_t(const Tensor& u, double t) {  // of u > 0
  return t == 1 ? log(u) : divided(expm1(scaled(log(u), 1 - t)), 1 - t);
}
Tensor exp_t(const Tensor& x, double t) {
  if (t == 1) return exp(x);
  const Tensor inner = scaled(x, 1 - t), ends = le(inner.detach(), -1);
  return where(ends, 0, exp(divided(log1p(where(ends, 0, inner)), 1 - t)));
}

struct BiTempered {
  double t1 = 0.8, t2 = 1.3;
  using Self = BiTempered;
  static constexpr Input<Self> inputs[] = {array("input", "NC"), constant(array("target", "NC", range::unit))};
  static constexpr Option<Self> options[] = {option("t1", &Self::t1, Range{0, 1}),
                                             option("t2", &Self::t2, range::positive)};
  static constexpr About about = {
      .name = "bi_tempered_logistic_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Cross-entropy that bears wrong labels: bounded by t1, with the heavy tail of t2.",
      .formula =
          "p = exp_t2(z - λ) with Σ p = 1;  Σ q (log_t1 q - log_t1 p) - (q^(2 - t1) - p^(2 - t1))/(2 - t1);  log_t u = "
          "(u^(1 - t) - 1)/(1 - t)",
      .gradient = "r - w Σ r, r = (p - q) p^(t2 - t1), w = p^t2 / Σ p^t2",
      .kinks = "with t2 < 1 where a class leaves the support",
      .edges = "t1 = t2 = 1 is cross-entropy less the entropy of the target",
      .paper = "E. Amid et al., Robust bi-tempered logistic loss based on Bregman divergences, 2019",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [[1.0, 0.0]], "t1": 1.0, "t2": 1.0})", 0.69314718055994531,
       "by hand: log 2"},
      {R"({"input": [[0.0, 0.0]], "target": [[1.0, 0.0]], "t1": 0.5, "t2": 2.0})", 0.39052429175126996,
       "by hand: p = 1/2; 2 (1 - sqrt(1/2)) - (1 - 2 sqrt(1/8)) / 1.5"},
  };
  // λ, found by Newton's steps from the left of the convex Σ exp_t2(z - λ) - 1. Nothing is left for the last two to
  // find but its derivatives, an order each.
  Tensor normaliser(const Tensor& z) const {
    constexpr int most = 100;
    Tensor lambda = amax(z.detach(), {1}, true);
    const auto newton = [&](const Tensor& scores) {
      const Tensor p = exp_t(sub(scores, lambda), t2), slope = where(gt(p, 0), pow(where(gt(p, 0), p, 1), t2), 0);
      return add(lambda, div(shifted(sum(p, {1}, true), -1), sum(slope, {1}, true)));
    };
    {
      const NoGrad quiet;
      const double enough = z.dtype() == Dtype::float32 ? 1e-6 : 1e-12;
      for (int step = 1; step <= most; ++step) {
        const Tensor before = lambda;
        lambda = newton(z.detach());
        const Tensor still = gt(abs(sub(lambda, before)), shifted(scaled(abs(lambda), enough), enough));
        if (step % 4 == 0 && any(still).item() == 0) break;
      }
    }
    for (int order = 1; order <= 2; ++order) lambda = newton(z);
    return lambda;
  }
  Tensor compose(const Given& in) const {
    const Tensor &z = in[0][0], &q = in[1][0];
    const Tensor p = t2 == 1 ? softmax(z, 1) : exp_t(sub(z, normaliser(z)), t2);
    const Tensor none = eq(p.detach(), 0), safe = where(none, 1, p), off = eq(q, 0), known = where(off, 1, q);
    const Tensor log_p = where(none, t1 == 1 ? -range::inf : -1 / (1 - t1), log_t(safe, t1));
    const Tensor cross = where(off, 0, mul(q, sub(log_t(known, t1), where(off, 0, log_p))));
    const Tensor power = where(none, 0, pow(safe, 2 - t1)), wanted = where(off, 0, pow(known, 2 - t1));
    return sum(sub(cross, divided(sub(wanted, power), 2 - t1)), {1});
  }
};

struct TopkMean {
  double k = std::nan(""), fraction = std::nan("");
  using Self = TopkMean;
  static constexpr Input<Self> inputs[] = {array("input", "N")};
  static constexpr Option<Self> options[] = {option("k", &Self::k, Range{1, range::inf}, true),
                                             option("fraction", &Self::fraction, Range{0, 1, true}, true)};
  static constexpr About about = {
      .name = "topk_mean_loss",
      .family = "aggregation",
      .tier = 3,
      .summary = "The mean of the largest losses: training on the hardest examples.",
      .formula = "mean of the k largest, or of the fraction n rounded up",
      .gradient = "1/k at those, else 0",
      .kinks = "of equal losses the first count",
      .edges = "k or fraction, not both; with neither all count; k beyond n is n; of nothing: 0",
      .paper = "A. Shrivastava et al., Training Region-Based Object Detectors with Online Hard Example Mining, 2016",
      .aliases = "OHEM; hard-example mean",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {{R"({"input": [1.0, 5.0, 3.0], "k": 2})", 4.0, "by hand: (5 + 3) / 2"},
                                         {R"({"input": [1.0, 5.0, 3.0], "fraction": 0.5})", 4.0, "2 of 3"}};
  // A certificate draws losses whose order is no question.
  void make_acceptable(int, double* values, int64_t n, const Extents&) const {
    for (int64_t i = 0; i < n; ++i) values[i] += 20.0 * double(i);
  }
  Tensor compose(const Given& in) const {
    const double n = double(in[0][0].numel());
    const double count = !std::isnan(k)         ? std::min(std::floor(k), n)
                         : std::isnan(fraction) ? n
                                                : std::ceil(fraction * n);
    return composing::mean_or_zero(topk(in[0][0], int64_t(count)).values);
  }
};

struct HierarchicalSoftmax {
  using Self = HierarchicalSoftmax;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("node_weight", "VD"),
                                           Input<Self>(integers("path", "NL")),
                                           constant(array("code", "NL", range::signs))};
  static constexpr About about = {
      .name = "hierarchical_softmax_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Cross-entropy over very many classes as leaves of a binary tree: of each step down to the right one.",
      .formula =
          "Σ_l log(1 + exp(-d_l u_l · x)) over the nodes l of the path, d_l = code its turns, u the nodes' weights",
      .gradient = "-Σ_l d_l sigmoid(-d_l u_l · x) u_l; of u_l: -d_l sigmoid(-d_l u_l · x) x",
      .edges = "path -1 pads shorter paths",
      .paper = "F. Morin, Y. Bengio, Hierarchical Probabilistic Neural Network Language Model, 2005",
      .aliases = "word2vec hs",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0]], "node_weight": [[1.0], [2.0]], "path": [[0, 1, -1]], "code": [[1.0, -1.0, 1.0]]})",
       1.3862943611198906, "2 log 2: two even turns"}};
  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    for (int64_t i = 0; k == 2 && i < n; ++i) values[i] = double(i % (e['V'] + 1) - 1);
  }
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &weight = in[1][0], path = to(in[2][0], Dtype::int64);
    const std::vector<double> nodes = path.to_vector();
    for (size_t i = 0; i < nodes.size(); ++i)
      if (nodes[i] < -1 || nodes[i] >= double(weight.size(0)))
        throw IndexError(
            fmt::format("hierarchical_softmax_loss: path is {} at element {}, wanted a node in [0, {}) or "
                        "-1 for padding",
                        int64_t(nodes[i]), i, weight.size(0)));
    if (path.numel() == 0 || weight.size(0) == 0) return add(sum(scaled(x, 0), {1}), scaled(sum(weight), 0));
    const Tensor padded = lt(path, 0), scores = matmul(x, transpose(weight, 0, 1));
    const Tensor turns = mul(in[3][0], gather(scores, 1, masked_fill(path, padded, 0)));
    return sum(where(padded, 0, softplus(neg(turns), 1, range::inf)), {1});
  }
};

// ---- distributions ------------------------------------------------------------------------------

struct GeneralizedKl {
  using Self = GeneralizedKl;
  static constexpr Input<Self> inputs[] = {array("input", "*"), array("target", "*", range::non_negative)};
  static constexpr About about = {
      .name = "generalized_kl",
      .family = "information",
      .tier = 3,
      .summary = "Divergence of positive numbers that need not sum to 1; input holds logarithms.",
      .formula = "t (log t - x) + exp(x) - t",
      .gradient = "exp(x) - t; of the target: log t - x",
      .edges = "a target of 0 costs exp(x), and its gradient is 0",
      .paper = "I. Csiszár, Why least squares and maximum entropy?, 1991",
      .aliases = "OX generalized_kl_divergence",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.0], "target": [2.0]})", 0.38629436111989062, "by hand: 2 log 2 - 1"}};
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &t = in[1][0], none = eq(t.detach(), 0);
    const Tensor held = where(none, 1, t), cost = mul(held, sub(log(held), x));
    return add(where(none, 0, sub(cost, t)), exp(x));
  }
};

struct SquaredEmd {
  using Self = SquaredEmd;
  static constexpr Input<Self> inputs[] = {array("p", "*C", range::unit), array("q", "*C", range::unit)};
  static constexpr About about = {
      .name = "squared_emd_loss",
      .family = "information",
      .tier = 3,
      .summary = "Squared earth mover's distance of distributions over ordered classes.",
      .formula = "Σ_k (Σ_(j <= k) p_j - q_j)²",
      .gradient = "2 Σ_(k >= j) Σ_(i <= k) (p_i - q_i)",
      .paper = "L. Hou et al., Squared Earth Mover's Distance-based Loss for Training Deep Neural Networks, 2016",
      .aliases = "EMD²; NIMA",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"p": [[1.0, 0.0, 0.0]], "q": [[0.0, 0.0, 1.0]]})", 2.0, "by hand: 1 + 1 + 0"}};
  Tensor compose(const Given& in) const { return sum(square(cumsum(sub(in[0][0], in[1][0]), -1)), {-1}); }
};

struct RankedProbability {
  using Self = RankedProbability;
  static constexpr Input<Self> inputs[] = {array("input", "NC"), indices<Self>("target", "N", 'C')};
  static constexpr About about = {
      .name = "ranked_probability_score",
      .family = "classification",
      .tier = 3,
      .summary = "Scores of ordered classes, where a miss by one class is better than a miss by two.",
      .formula = "Σ_k (Σ_(j <= k) p_j - [y <= k])², p = softmax(x)",
      .gradient = "p (g - Σ g p), g_j = 2 Σ_(k >= j) (Σ_(i <= k) p_i - [y <= k])",
      .paper = "E. Epstein, A Scoring System for Probability Forecasts of Ranked Categories, 1969",
      .aliases = "RPS",
      .kind = "fold",
  };
  static constexpr Example examples[] = {{R"({"input": [[0.0, 0.0]], "target": [1]})", 0.25, "by hand: (1/2)²"}};
  Tensor compose(const Given& in) const {
    const Tensor& x = in[0][0];
    const Tensor right = one_hot(to(in[1][0], Dtype::int64), x.size(1), x.dtype());
    return sum(square(cumsum(sub(softmax(x, 1), right), 1)), {1});
  }
};

struct CoxHazard {
  using Self = CoxHazard;
  static constexpr Input<Self> inputs[] = {array("input", "N"), constant(array("time", "N")),
                                           constant(array("event", "N", range::zero_or_one))};
  static constexpr About about = {
      .name = "cox_ph_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Survival: those with the higher hazard shall have their event first; only the order of times counts.",
      .formula = "-1/E Σ_(i with event) (h_i - log Σ_(T_j >= T_i) exp(h_j)), E the number of events, h = input",
      .gradient = "-(event_j - Σ_(i with event, T_j >= T_i) exp(h_j) / Σ_(T_k >= T_i) exp(h_k)) / E",
      .edges = "ties as Breslow has them; without an event: 0; no gradient flows to time and event",
      .paper = "D. Cox, Regression Models and Life-Tables, 1972",
      .aliases = "DeepSurv; Breslow partial likelihood",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.0, 0.0, 0.0], "time": [1.0, 2.0, 2.0], "event": [1.0, 1.0, 0.0]})", 0.89587973461402754,
       "by hand: (log 3 + log 2) / 2"}};
  Tensor compose(const Given& in) const {
    const Tensor &h = in[0][0], &time = in[1][0], &event = in[2][0];
    if (h.numel() == 0) return sum(h);
    const Tensor at_risk = ge(unsqueeze(time, 0), unsqueeze(time, 1));  // row i: who has time_i ahead
    const Tensor log_risk = logsumexp(where(at_risk, unsqueeze(h, 0), -range::inf), {1});
    const Tensor terms = where(ne(event, 0), sub(log_risk, h), 0);
    return div(sum(terms), clamp(sum(event), 1));
  }
};

// ---- rankings -----------------------------------------------------------------------------------

struct RankingSoftmax {
  using Self = RankingSoftmax;
  static constexpr Input<Self> inputs[] = {array("input", "*L"), constant(array("target", "*L", range::non_negative))};
  static constexpr About about = {
      .name = "ranking_softmax_loss",
      .family = "ranking",
      .tier = 3,
      .summary = "Listwise cross-entropy weighted by relevance, which need not sum to 1.",
      .formula = "-Σ r log softmax(s)",
      .gradient = "softmax(s) Σ r - r",
      .edges = "no gradient flows to target",
      .paper = "R. Pasumarthi et al., TF-Ranking, 2019",
      .aliases = "OX ranking_softmax_loss",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 1.0]], "target": [[2.0, 1.0]]})", 2.0794415416798359, "by hand: 3 log 2"}};
  Tensor compose(const Given& in) const {
    return neg(sum(composing::weighed_log(in[1][0], log_softmax(in[0][0], -1)), {-1}));
  }
};

struct PairwiseHinge {
  double margin = 1;
  using Self = PairwiseHinge;
  static constexpr Input<Self> inputs[] = {array("positive", "*"), array("negative", "*")};
  static constexpr Option<Self> options[] = {option("margin", &Self::margin)};
  static constexpr About about = {
      .name = "pairwise_hinge_loss",
      .family = "ranking",
      .tier = 3,
      .summary = "What belongs in front shall score higher by a margin.",
      .formula = "max(0, margin - (s_positive - s_negative))",
      .gradient = "-1 where that is positive, else 0; of the negative the opposite",
      .kinks = "slope 0 at the margin",
      .paper = "T. Joachims, Optimizing Search Engines using Clickthrough Data, 2002",
      .aliases = "OX pairwise hinge; RankSVM",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"positive": [1.0, 3.0], "negative": [0.5, 0.0], "reduction": "sum"})", 0.5, "by hand: 1 - 0.5"}};
  Tensor compose(const Given& in) const { return relu(shifted(sub(in[1][0], in[0][0]), margin)); }
};

// The targets in the order of falling scores; equal scores keep their order.
Tensor as_ranked(const Tensor& scores, const Tensor& target) { return gather(target, -1, argsort(scores, -1, true)); }
Tensor ranks_of(const Tensor& list) {
  return to(arange(1, double(list.size(-1)) + 1, 1, Dtype::float64), list.device());
}
constexpr About a_measure(const char* name, const char* summary, const char* formula, const char* edges,
                          const char* aliases) {
  return {.name = name,
          .family = "metrics",
          .tier = 3,
          .summary = summary,
          .formula = formula,
          .gradient = "none",
          .edges = edges,
          .aliases = aliases,
          .kind = "metric",
          .reduction = Reduction::none,
          .fixed = true};
}

struct MeanAveragePrecision {
  using Self = MeanAveragePrecision;
  static constexpr Input<Self> inputs[] = {constant(array("input", "QL")),
                                           Input<Self>(integers("target", "QL", range::zero_or_one))};
  static constexpr About about =
      a_measure("mean_average_precision", "How far in front the relevant items of each list stand.",
                "mean over lists of the mean over their relevant items of (relevant items up to its rank) / rank",
                "a list without a relevant item counts as 0; equal scores keep their order", "MAP");
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 2.0, 1.0]], "target": [[1, 0, 1]]})", 0.83333333333333333, "by hand: (1 + 2/3) / 2"}};
  Tensor compose(const Given& in) const {
    const Tensor r = to(as_ranked(in[0][0], to(ne(to(in[1][0], Dtype::int64), 0), Dtype::int64)), in[0][0].dtype());
    const Tensor precision = div(cumsum(r, -1), to(ranks_of(r), r.dtype()));
    return composing::mean_or_zero(div(sum(mul(r, precision), {-1}), clamp(sum(r, {-1}), 1)));
  }
};

struct MeanReciprocalRank {
  using Self = MeanReciprocalRank;
  static constexpr Input<Self> inputs[] = {constant(array("input", "QL")),
                                           Input<Self>(integers("target", "QL", range::zero_or_one))};
  static constexpr About about =
      a_measure("mean_reciprocal_rank", "How far in front the first relevant item of each list stands.",
                "mean over lists of 1 / rank of the first relevant item",
                "a list without a relevant item counts as 0; equal scores keep their order", "MRR");
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 2.0], [1.0, 0.0]], "target": [[0, 1], [1, 0]]})", 0.75, "by hand: (1/2 + 1) / 2"}};
  Tensor compose(const Given& in) const {
    const Tensor r = to(as_ranked(in[0][0], to(ne(to(in[1][0], Dtype::int64), 0), Dtype::int64)), in[0][0].dtype());
    if (r.numel() == 0) return sum(r);
    return composing::mean_or_zero(amax(div(r, to(ranks_of(r), r.dtype())), {-1}));
  }
};

struct NormalizedGain {
  double k = std::nan("");
  using Self = NormalizedGain;
  static constexpr Input<Self> inputs[] = {constant(array("input", "QL")),
                                           constant(array("target", "QL", range::non_negative))};
  static constexpr Option<Self> options[] = {option("k", &Self::k, Range{1, range::inf}, true)};
  static constexpr About about =
      a_measure("ndcg", "What the first k items of each list are worth, against the best order.",
                "DCG = Σ_(rank <= k) (2^r - 1) / log2(1 + rank);  DCG by falling scores / DCG by falling relevance",
                "a list without a relevant item is 0; equal scores keep their order", "nDCG@k");
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 2.0]], "target": [[1.0, 0.0]]})", 0.63092975357145744, "by hand: 1 / log2(3)"}};
  Tensor compose(const Given& in) const {
    const Tensor &s = in[0][0], &r = in[1][0];
    if (r.numel() == 0) return sum(r, {-1});
    const double log_2 = 0.69314718055994531;
    const Tensor discount = to(log_2 / log1p(ranks_of(s)), s.dtype());
    const Tensor excess = relu(shifted(amax(r, {-1}, true), -60));  // taken off so that 2^r does not overflow
    const int64_t seen = std::isnan(k) ? s.size(-1) : std::min(int64_t(std::min(k, 1e15)), s.size(-1));
    const auto gain = [&](const Tensor& order) {
      const Tensor power = expm1(scaled(sub(as_ranked(order, r), excess), log_2));
      const Tensor worth = mul(sub(power, expm1(scaled(excess, -log_2))), discount);
      return sum(slice(worth, -1, 0, seen), {-1});
    };
    return composing::ratio_or_zero(gain(s), gain(r));
  }
};

struct LambdaRank {
  double sigma = 1;
  using Self = LambdaRank;
  static constexpr Input<Self> inputs[] = {array("input", "QL"), constant(array("target", "QL", range::non_negative))};
  static constexpr Option<Self> options[] = {option("sigma", &Self::sigma, range::positive)};
  static constexpr About about = {
      .name = "lambdarank_loss",
      .family = "ranking",
      .tier = 3,
      .summary = "RankNet whose pairs weigh what swapping them would do to the nDCG.",
      .formula =
          "Σ_(r_i > r_j) w_ij log(1 + exp(-sigma (s_i - s_j))), w_ij = |(2^r_i - 2^r_j)(1/log2(1 + rank_i) - 1/log2(1 "
          "+ "
          "rank_j))| / ideal DCG, a list",
      .gradient = "the weights are constants: -sigma w_ij sigmoid(-sigma (s_i - s_j)) of s_i, its opposite of s_j",
      .kinks = "the weights jump where two scores change places",
      .edges = "a list whose items are all alike is 0; equal scores keep their order",
      .paper = "C. Burges et al., Learning to rank with nonsmooth cost functions, 2006",
      .aliases = "LambdaMART gradient",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [[1.0, 0.0]]})", 0.25582000074050842, "by hand: (1 - 1/log2(3)) log 2"}};
  Tensor compose(const Given& in) const {
    const Tensor &s = in[0][0], &r = in[1][0];
    if (s.numel() == 0) return sum(s, {1});
    const double log_2 = 0.69314718055994531;
    const Tensor rank = to(argsort(argsort(s.detach(), -1, true), -1), s.dtype());  // from 0
    const Tensor discount = log_2 / log1p(shifted(rank, 1));
    const Tensor excess = relu(shifted(amax(r, {1}, true), -60));  // taken off so that 2^r does not overflow
    const Tensor gain = sub(exp(scaled(sub(r, excess), log_2)), exp(scaled(excess, -log_2)));
    const Tensor best = sum(mul(as_ranked(r, gain), to(log_2 / log1p(ranks_of(r)), r.dtype())), {1}, true);
    const auto between = [](const Tensor& x) { return sub(unsqueeze(x, 2), unsqueeze(x, 1)); };
    const Tensor weight = composing::ratio_or_zero(abs(mul(between(gain), between(discount))), unsqueeze(best, 2));
    const Tensor ahead = gt(between(r), 0), lead = where(ahead, between(s), 0);
    return sum(where(ahead, mul(weight, softplus(scaled(lead, -sigma))), 0), {1, 2});
  }
};

}  // namespace

std::vector<const LossEntry*> composing::classification() {
  return entries<BiTempered, ClassBalancedWeights, ConfidencePenalty, CoxHazard, FenchelYoung, GeneralizedKl,
                 HierarchicalSoftmax, LambdaRank, LabelAwareMargin, MeanAveragePrecision, MeanReciprocalRank,
                 MulticlassPerceptron, NormalizedGain, PairwiseHinge, RankedProbability, RankingSoftmax, SampledSoftmax,
                 SquaredEmd, TopkMean>();
}

}  // namespace gradus
