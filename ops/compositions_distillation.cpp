// Losses that make a student's outputs, features or geometry like a teacher's, and critics that tell distributions
// apart, made of tensor ops.
#include "gradus/ops/composition.h"

namespace gradus {
namespace {

using composing::Given;

// Σ P log(P/M) over the last axis, where M is the mixture and all are given as logarithms.
Tensor relative(const Tensor& p, const Tensor& log_p, const Tensor& log_m) {
  return sum(mul(p, sub(log_p, log_m)), {-1});
}
// beta KL(P‖M) + (1 - beta) KL(Q‖M) with M = beta P + (1 - beta) Q, of log P = y and log Q = x, along the last axis.
Tensor jensen_shannon(const Tensor& x, const Tensor& y, double beta) {
  const Tensor no_x = eq(x.detach(), -range::inf), no_y = eq(y.detach(), -range::inf);
  const Tensor p = exp(y), q = exp(x);
  const Tensor log_p = where(no_y, 0, y), log_q = where(no_x, 0, x);
  if (beta == 0) return relative(p, log_p, where(no_y, 0, x));
  if (beta == 1) return relative(q, log_q, where(no_x, 0, y));
  const Tensor neither = no_x & no_y;
  const Tensor parts[] = {shifted(where(neither, 0, y), std::log(beta)),
                          shifted(where(neither, 0, x), std::log1p(-beta))};
  const Tensor log_m = logsumexp(stack({parts[0], parts[1]}, -1), {-1});
  return add(scaled(relative(p, log_p, log_m), beta), scaled(relative(q, log_q, log_m), 1 - beta));
}
struct JensenShannon {
  double beta = 0.5;
  using Self = JensenShannon;
  static constexpr Range log_probability{-range::inf, 0};
  static constexpr Input<Self> inputs[] = {array("input", "*C", log_probability),
                                           array("target", "*C", log_probability)};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::unit)};
  static constexpr About about = {
      .name = "js_divergence",
      .family = "information",
      .tier = 3,
      .summary = "Divergence of two distributions from their mixture, given their log-probabilities.",
      .formula =
          "P = exp(t), Q = exp(x), M = beta P + (1 - beta) Q;  Σ [beta P (t - log M) + (1 - beta) Q (x - log M)]",
      .gradient = "(1 - beta) Q (x - log M); of the target: beta P (t - log M)",
      .edges = "beta = 0 is KL(P‖Q) and beta = 1 is KL(Q‖P); a class that neither has (-infinity) adds nothing",
      .paper = "J. Lin, Divergence measures based on the Shannon entropy, 1991",
      .aliases = "generalised JSD",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[-0.69314718055994531, -0.69314718055994531]], "target": [[0.0, "-inf"]]})", 0.21576155433883568,
       "by hand: (log(4/3) + log(2/3)/2 + log(2)/2) / 2"},
      {R"({"input": [[-0.69314718055994531, -0.69314718055994531]], "target": [[0.0, "-inf"]], "beta": 0.0})",
       0.69314718055994531, "KL(P‖Q) = log 2"}};
  Tensor compose(const Given& in) const { return jensen_shannon(in[0][0], in[1][0], beta); }
};

struct JsdDistillation {
  double beta = 0.5, temperature = 1;
  using Self = JsdDistillation;
  static constexpr Input<Self> inputs[] = {array("input", "*C"), array("target", "*C")};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::unit),
                                             option("temperature", &Self::temperature, range::positive)};
  static constexpr About about = {
      .name = "jsd_distillation_loss",
      .family = "distillation",
      .tier = 3,
      .summary = "Makes a student's scores like a teacher's by their Jensen-Shannon divergence.",
      .formula = "js_divergence(log softmax(x / temperature), log softmax(t / temperature), beta)",
      .gradient = "Q (g - Σ g Q) / temperature, Q = softmax(x / temperature), g = (1 - beta) log(Q / M)",
      .edges = "beta = 0 is KL from the teacher, beta = 1 KL from the student; no factor temperature²",
      .paper = "R. Agarwal et al., On-Policy Distillation of Language Models, 2024",
      .aliases = "GKD; Liger JSD",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [[1.0986122886681098, 0.0]], "beta": 0.0})", 0.13081203594113697,
       "by hand: 3/4 log(3/2) + 1/4 log(1/2)"}};
  Tensor compose(const Given& in) const {
    const auto logs = [&](const Tensor& scores) { return log_softmax(divided(scores, temperature), -1); };
    return jensen_shannon(logs(in[0][0]), logs(in[1][0]), beta);
  }
};

struct DecoupledDistillation {
  double alpha = 1, beta = 8, temperature = 4;
  using Self = DecoupledDistillation;
  static constexpr Input<Self> inputs[] = {array("input", "NC"), constant(array("teacher", "NC")),
                                           indices<Self>("target", "N", 'C')};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, range::non_negative),
                                             option("beta", &Self::beta, range::non_negative),
                                             option("temperature", &Self::temperature, range::positive)};
  static constexpr About about = {
      .name = "dkd_loss",
      .family = "distillation",
      .tier = 3,
      .summary = "Distillation with a weight of its own for what the teacher knows about the other classes.",
      .formula =
          "q of the teacher, p of the student, both at the temperature T, hats without class y;  T² [alpha (q_y "
          "log(q_y/p_y) + (1 - q_y) log((1 - q_y)/(1 - p_y))) + beta Σ q̂ log(q̂/p̂)]",
      .gradient = "at y: T alpha (p_y - q_y); elsewhere T [-alpha (p_y - q_y) p̂ + beta (p̂ - q̂)]",
      .edges = "no gradient flows to teacher; of one class: 0",
      .paper = "B. Zhao et al., Decoupled Knowledge Distillation, 2022",
      .aliases = "decoupled KD",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 0.0]], "teacher": [[0.69314718055994531, 0.0, 0.0]], "target": [0], "temperature": 1})",
       0.058891517828191461, "by hand: log(3/2)/2 + log(3/4)/2, and evenly among the others"}};
  Tensor compose(const Given& in) const {
    const Tensor &target = in[2][0], student = divided(in[0][0], temperature);
    if (student.size(1) < 2) return sum(scaled(student, 0), {1});
    const Tensor teacher = divided(in[1][0], temperature);
    const Tensor y = unsqueeze(to(target, Dtype::int64), 1);
    const auto chosen = [&](const Tensor& z) { return squeeze(gather(log_softmax(z, 1), 1, y), 1); };
    const auto rest = [&](const Tensor& z) {
      return sub(logsumexp(composing::without(z, target), {1}), logsumexp(z, {1}));
    };
    const auto term = [&](const Tensor& log_q, const Tensor& log_p) { return mul(exp(log_q), sub(log_q, log_p)); };
    const Tensor binary = add(term(chosen(teacher), chosen(student)), term(rest(teacher), rest(student)));
    const Tensor others = sum(
        term(log_softmax(composing::without(teacher, target), 1), log_softmax(composing::without(student, target), 1)),
        {1});
    return scaled(add(scaled(binary, alpha), scaled(others, beta)), temperature * temperature);
  }
};

struct RelationalDistillation {
  double delta = 1;
  using Self = RelationalDistillation;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), constant(array("target", "NE"))};
  static constexpr Option<Self> options[] = {option("delta", &Self::delta, range::positive)};
  static constexpr About about = {
      .name = "rkd_distance_loss",
      .family = "distillation",
      .tier = 3,
      .summary = "Keeps the teacher's distances between examples, up to scale, whatever the widths of the features.",
      .formula = "mean over pairs of huber(d_s / mean d_s - d_t / mean d_t, delta), d the distances between rows",
      .gradient = "of the Huber loss, through the distances and their mean",
      .kinks = "two equal rows have slope 0 between them",
      .edges = "no gradient flows to target; features that are all equal have distances 0; of one row: 0",
      .paper = "W. Park et al., Relational Knowledge Distillation, 2019",
      .aliases = "relational KD",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0], [1.0], [2.0]], "target": [[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]})", 0.020833333333333332,
       "by hand: distances 3/4, 3/2, 3/4 against 3/4, 5/4, 1 times their means"}};
  Tensor compose(const Given& in) const {
    const auto relative = [](const Tensor& x) {
      std::vector<double> first, second;
      for (int64_t i = 0; i < x.size(0); ++i)
        for (int64_t j = i + 1; j < x.size(0); ++j) first.push_back(double(i)), second.push_back(double(j));
      const auto rows = [&](const std::vector<double>& at) {
        return index_select(x, 0, to(tensor(at, {int64_t(at.size())}, Dtype::int64), x.device()));
      };
      const Tensor d = norm(sub(rows(first), rows(second)), 2, {1});
      return composing::ratio_or_zero(d, composing::mean_or_zero(d));
    };
    return composing::mean_or_zero(composing::huber(sub(relative(in[0][0]), relative(in[1][0])), delta));
  }
};

struct AttentionTransfer {
  using Self = AttentionTransfer;
  static constexpr Input<Self> inputs[] = {array("input", "NC*"), constant(array("target", "ND*"))};
  static constexpr About about = {
      .name = "attention_transfer_loss",
      .family = "distillation",
      .tier = 3,
      .summary = "Makes a student look where the teacher looks: by the energy of their features at each place.",
      .formula = "a = Σ_c F² at each place;  Σ (a_s / ||a_s|| - a_t / ||a_t||)²",
      .gradient = "4 F (u - (u â) â) / ||a_s||, u = â_s - â_t",
      .edges = "no gradient flows to target; a map that is all 0 stays 0",
      .paper = "S. Zagoruyko, N. Komodakis, Paying More Attention to Attention, 2017",
      .aliases = "AT",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[[1.0, 0.0]]], "target": [[[0.0, 2.0], [0.0, 1.0]]]})", 2.0, "by hand: (1,0) against (0,1)"}};
  Tensor compose(const Given& in) const {
    const auto attention = [](const Tensor& features) {
      const Tensor energy = sum(square(features), {1});
      const Tensor flat = reshape(energy, {energy.size(0), energy.numel() / std::max<int64_t>(1, energy.size(0))});
      return composing::ratio_or_zero(flat, norm(flat, 2, {1}, true));
    };
    return sum(square(sub(attention(in[0][0]), attention(in[1][0]))), {1});
  }
};

struct Hint {
  static constexpr Input<Hint> inputs[] = {array("input", "*"), array("target", "*")};
  static constexpr About about = {
      .name = "hint_loss",
      .family = "distillation",
      .tier = 3,
      .summary = "Squared difference between a student's features and a teacher's.",
      .formula = "(x - t)²",
      .gradient = "2 (x - t)",
      .paper = "A. Romero et al., FitNets: Hints for Thin Deep Nets, 2015",
      .aliases = "FitNets; mse_loss of features",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, 4.0], "target": [0.0, 2.0], "reduction": "sum"})", 5.0, "by hand"}};
  Tensor compose(const Given& in) const { return square(sub(in[0][0], in[1][0])); }
};

// ---- critics ------------------------------------------------------------------------------------

struct RelativisticCritic {
  using Self = RelativisticCritic;
  static constexpr Input<Self> inputs[] = {array("real", "N"), array("fake", "M")};
  static constexpr About about = {
      .name = "relativistic_average_gan_d",
      .family = "adversarial",
      .tier = 3,
      .summary = "A critic that rates real examples above the average fake one, and fakes below the average real one.",
      .formula = "mean log(1 + exp(-(r - mean f))) + mean log(1 + exp(f - mean r))",
      .gradient = "A = sigmoid(mean f - r), B = sigmoid(f - mean r);  of r: -(A + mean B) / n; of f: (mean A + B) / m",
      .paper = "A. Jolicoeur-Martineau, The relativistic discriminator, 2019",
      .aliases = "RaGAN",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {{R"({"real": [1.0, -1.0], "fake": [0.0]})", 1.5064088680781681,
                                          "by hand: (log(1 + e) + log(1 + 1/e)) / 2 + log 2"}};
  Tensor compose(const Given& in) const {
    using composing::mean_or_zero;
    const Tensor &real = in[0][0], &fake = in[1][0];
    const auto cost = [](const Tensor& logit) { return mean_or_zero(softplus(logit, 1, range::inf)); };
    return add(cost(sub(mean_or_zero(fake), real)), cost(sub(fake, mean_or_zero(real))));
  }
};

struct GradientPenalty {
  double lam = 10;
  using Self = GradientPenalty;
  static constexpr Input<Self> inputs[] = {array("grad", "ND")};
  static constexpr Option<Self> options[] = {option("lam", &Self::lam, range::non_negative)};
  static constexpr About about = {
      .name = "gradient_penalty",
      .family = "adversarial",
      .tier = 3,
      .summary = "Keeps the slope of a critic near 1: of its gradients at some points, one a row.",
      .formula = "lam mean (||g|| - 1)²",
      .gradient = "2 lam (||g|| - 1) g / (||g|| n)",
      .kinks = "slope 0 at a row of zeros",
      .edges = "grad must come from a backward that is itself recorded; no rows: 0",
      .paper = "I. Gulrajani et al., Improved Training of Wasserstein GANs, 2017",
      .aliases = "WGAN-GP",
      .kind = "penalty",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"grad": [[3.0, 4.0], [0.0, 1.0]], "lam": 1.0})", 8.0, "by hand: (16 + 0) / 2"}};
  Tensor compose(const Given& in) const {
    return scaled(composing::mean_or_zero(square(shifted(norm(in[0][0], 2, {1}), -1))), lam);
  }
};

struct R1Penalty {
  double gamma = 10;
  using Self = R1Penalty;
  static constexpr Input<Self> inputs[] = {array("grad", "ND")};
  static constexpr Option<Self> options[] = {option("gamma", &Self::gamma, range::non_negative)};
  static constexpr About about = {
      .name = "r1_penalty",
      .family = "adversarial",
      .tier = 3,
      .summary = "Keeps a critic flat at real examples: of its gradients there, one a row.",
      .formula = "gamma/2 mean ||g||²",
      .gradient = "gamma g / n",
      .edges = "grad must come from a backward that is itself recorded; no rows: 0",
      .paper = "L. Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018",
      .aliases = "R1",
      .kind = "penalty",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"grad": [[3.0, 4.0], [0.0, 1.0]], "gamma": 1.0})", 6.5, "by hand: (25 + 1) / 4"}};
  Tensor compose(const Given& in) const {
    return scaled(composing::mean_or_zero(sum(square(in[0][0]), {1})), 0.5 * gamma);
  }
};

}  // namespace

std::vector<const LossEntry*> composing::distillation() {
  return entries<AttentionTransfer, DecoupledDistillation, GradientPenalty, Hint, JensenShannon, JsdDistillation,
                 R1Penalty, RelationalDistillation, RelativisticCritic>();
}

}  // namespace gradus
