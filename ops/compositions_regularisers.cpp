// Penalties on weights, and distances between distributions that are given by samples, made of tensor ops.
#include <fmt/core.h>

#include <cmath>

#include "gradus/core/error.h"
#include "gradus/ops/composition.h"
#include "gradus/ops/sort.h"
#include "gradus/ops/svd.h"

namespace gradus {
namespace {

using composing::Given;
using composing::mean_or_zero;

constexpr About a_penalty(const char* name, const char* summary, const char* formula, const char* gradient,
                          const char* kinks, const char* edges, const char* paper, const char* aliases) {
  return {.name = name,
          .family = "penalties",
          .tier = 3,
          .summary = summary,
          .formula = formula,
          .gradient = gradient,
          .kinks = kinks,
          .edges = edges,
          .paper = paper,
          .aliases = aliases,
          .kind = "penalty",
          .fixed = true};
}
constexpr const char* slope_at_zero = "a row of zeros has slope 0";

// ---- weights ------------------------------------------------------------------------------------

struct Orthogonality {
  static constexpr Input<Orthogonality> inputs[] = {array("input", "RC")};
  static constexpr About about = a_penalty(
      "orthogonality_penalty", "Asks for rows that are orthogonal and of norm 1.", "Σ (W Wᵀ - I)²", "4 (W Wᵀ - I) W",
      "", "", "A. Brock et al., Neural Photo Editing with Introspective Networks, 2017", "orthogonal regularisation");
  static constexpr Example examples[] = {{R"({"input": [[1.0, 1.0], [0.0, 1.0]]})", 3.0, "by hand: 1 + 1 + 1"}};
  Tensor compose(const Given& in) const {
    const Tensor& w = in[0][0];
    const Tensor one = to(eye(w.size(0), -1, w.dtype()), w.device());
    return sum(square(sub(matmul(w, transpose(w, 0, 1)), one)));
  }
};

struct SpectralNorm {
  static constexpr Input<SpectralNorm> inputs[] = {array("input", "RC")};
  static constexpr About about = a_penalty(
      "spectral_norm_penalty", "The largest singular value of a weight: how much it can stretch a vector.", "s_1(W)",
      "u_1 v_1ᵀ of its singular vectors", "where the largest two are equal, of the first; slope 0 at 0",
      "an empty matrix: 0", "T. Miyato et al., Spectral Normalization for GANs, 2018", "spectral norm");
  static constexpr Example examples[] = {{R"({"input": [[3.0, 0.0], [0.0, -4.0]]})", 4.0, "by hand"}};
  Tensor compose(const Given& in) const {
    const Tensor& w = in[0][0];
    if (w.numel() == 0) return sum(w);
    const Tensor largest = squeeze(slice(svd(w).s, -1, 0, 1));
    return where(gt(largest.detach(), 0), largest, largest.detach());
  }
};

struct GroupLasso {
  double coef = 1;
  static constexpr Input<GroupLasso> inputs[] = {array("input", "ND")};
  static constexpr Option<GroupLasso> options[] = {option("coef", &GroupLasso::coef, range::non_negative)};
  static constexpr About about = a_penalty(
      "group_lasso_penalty", "Switches off whole rows of a weight.", "coef Σ ||w||, w the rows", "coef w / ||w||",
      slope_at_zero, "", "M. Yuan, Y. Lin, Model selection and estimation in regression with grouped variables, 2006",
      "L2,1 norm of rows");
  static constexpr Example examples[] = {{R"({"input": [[3.0, 4.0], [0.0, -1.0]], "coef": 2.0})", 12.0, "by hand"}};
  Tensor compose(const Given& in) const { return scaled(sum(norm(in[0][0], 2, {1})), coef); }
};

struct CenterInvariant {
  static constexpr Input<CenterInvariant> inputs[] = {array("input", "ND")};
  static constexpr About about = a_penalty(
      "center_invariant_penalty", "Asks for class vectors of one length.", "mean (||w||² - mean ||w||²)² / 4",
      "(||w||² - mean ||w||²) w / n", "", "no rows: 0",
      "Y. Wu et al., Deep Face Recognition with Center Invariant Loss, 2017", "PML CenterInvariantRegularizer");
  static constexpr Example examples[] = {{R"({"input": [[1.0, 0.0], [0.0, 3.0]]})", 4.0, "by hand: 4² / 4"}};
  Tensor compose(const Given& in) const {
    const Tensor lengths = sum(square(in[0][0]), {1});
    return scaled(mean_or_zero(square(sub(lengths, mean_or_zero(lengths)))), 0.25);
  }
};

struct RegularFace {
  static constexpr Input<RegularFace> inputs[] = {array("input", "ND")};
  static constexpr About about = a_penalty(
      "regular_face_penalty", "Spreads class vectors: of each, the cosine to its nearest other one.",
      "mean_i max_(j != i) cos(w_i, w_j)", "of the cosine to the nearest, for both",
      "the first of equally near ones counts; the cosine with a zero vector is 0 without gradient", "of one row: 0",
      "K. Zhao et al., RegularFace: Deep Face Recognition via Exclusive Regularization, 2019",
      "PML RegularFaceRegularizer");
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]]})", 0.73333333333333333, "by hand: (0.6 + 0.8 + 0.8) / 3"}};
  Tensor compose(const Given& in) const {
    const Tensor& w = in[0][0];
    if (w.size(0) < 2) return scaled(sum(w), 0);
    const Tensor unit = composing::unit_rows(w), cosines = matmul(unit, transpose(unit, 0, 1));
    const Tensor others = where(composing::on_diagonal(w.size(0), w.device()), -range::inf, cosines);
    return mean(max(others, 1).values);
  }
};

struct ZeroMean {
  static constexpr Input<ZeroMean> inputs[] = {array("input", "ND")};
  static constexpr About about =
      a_penalty("zero_mean_penalty", "Asks for rows whose entries sum to 0.", "mean |Σ_d w|", "sign(Σ_d w) / n",
                "slope 0 where a row sums to 0", "no rows: 0", "", "PML ZeroMeanRegularizer");
  static constexpr Example examples[] = {{R"({"input": [[1.0, 2.0], [-1.0, 0.0]]})", 2.0, "by hand: (3 + 1) / 2"}};
  Tensor compose(const Given& in) const { return mean_or_zero(abs(sum(in[0][0], {1}))); }
};

struct SparseCenters {
  double eps = 1e-6;
  static constexpr Input<SparseCenters> inputs[] = {array("input", "CKD")};
  static constexpr Option<SparseCenters> options[] = {option("eps", &SparseCenters::eps, range::non_negative)};
  static constexpr About about =
      a_penalty("sparse_centers_penalty", "Lets the centers of a class fall together when it needs fewer of them.",
                "mean over classes and pairs of their centers of sqrt(2 - 2 cos + eps)",
                "of the distance between the unit vectors", "slope 0 where the centers agree and eps is 0",
                "a class with one center: 0",
                "Q. Qian et al., SoftTriple Loss: Deep Metric Learning Without Triplet Sampling, 2019",
                "PML SparseCentersRegularizer");
  static constexpr Example examples[] = {{R"({"input": [[[1.0, 0.0], [0.0, 2.0]]], "eps": 2.0})", 2.0, "by hand"}};
  // A certificate draws centers that do not meet.
  void deduce(Extents& e) const { e['C'] = 2, e['K'] = 3, e['D'] = 3; }
  void make_acceptable(int, double* values, int64_t n, const Extents& e) const {
    for (int64_t i = 0; i < n; ++i)
      if (i / e['D'] % e['K'] == i % e['D']) values[i] += 10;
  }
  Tensor compose(const Given& in) const {
    const Tensor unit = composing::unit_rows(in[0][0]);
    const auto center = [&](int64_t k) { return squeeze(slice(unit, 1, k, k + 1), 1); };
    std::vector<Tensor> pairs;
    for (int64_t k = 0; k < unit.size(1); ++k)
      for (int64_t l = k + 1; l < unit.size(1); ++l) {
        const Tensor apart = shifted(sum(square(sub(center(k), center(l))), {1}), eps);
        const Tensor same = eq(apart.detach(), 0);
        pairs.push_back(where(same, 0, sqrt(where(same, 1, apart))));
      }
    return pairs.empty() ? scaled(sum(unit), 0) : mean_or_zero(stack(pairs));
  }
};

struct MaxNorm {
  double max_norm = 1;
  static constexpr Input<MaxNorm> inputs[] = {constant(array("input", "ND"))};
  static constexpr Option<MaxNorm> options[] = {option("max_norm", &MaxNorm::max_norm, range::non_negative)};
  static constexpr About about = {
      .name = "max_norm_constraint",
      .family = "transforms",
      .tier = 3,
      .summary = "Scales rows that are longer than max_norm down to it.",
      .formula = "w min(1, max_norm / ||w||), w the rows",
      .gradient = "none: it acts on weights, between steps",
      .paper = "N. Srivastava et al., Dropout, 2014",
      .aliases = "torch.renorm; KE MaxNorm",
      .kind = "metric",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {{R"({"input": [[-4.0]], "max_norm": 2.0})", -2.0, "by hand"}};
  Tensor compose(const Given& in) const {
    const Tensor& w = in[0][0];
    const Tensor length = norm(w, 2, {1}, true), longer = gt(length, max_norm);
    return where(longer, mul(w, max_norm / where(longer, length, 1)), w);
  }
};

struct KlGaussians {
  using Self = KlGaussians;
  static constexpr Input<Self> inputs[] = {array("mu1", "*"), array("log_var1", "*"), array("mu2", "*"),
                                           array("log_var2", "*")};
  static constexpr About about = {
      .name = "kl_gaussians",
      .family = "information",
      .tier = 3,
      .summary = "Kullback-Leibler divergence of two normal distributions, given means and log variances.",
      .formula = "[exp(s1 - s2) - (s1 - s2) - 1 + (mu1 - mu2)² exp(-s2)] / 2, s the log variances",
      .gradient =
          "(mu1 - mu2) exp(-s2); of s1: (exp(s1 - s2) - 1)/2; of mu2: -(mu1 - mu2) exp(-s2); of s2: (1 - exp(s1 - "
          "s2) - (mu1 - mu2)² exp(-s2))/2",
      .edges = "keeps its digits where both agree",
      .paper = "D. Kingma, M. Welling, Auto-Encoding Variational Bayes, 2014",
      .aliases = "torch.distributions.kl_divergence of Normal",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"mu1": [1.0], "log_var1": [0.0], "mu2": [0.0], "log_var2": [0.69314718055994531]})", 0.34657359027997264,
       "by hand: (1/2 + log 2 - 1 + 1/2) / 2"}};
  Tensor compose(const Given& in) const {
    const Tensor half_gap = sub(scaled(in[0][0], 0.5), scaled(in[2][0], 0.5)), log_rate = scaled(in[3][0], -0.5);
    const Tensor met = eq(half_gap.detach(), 0) & isinf(exp(log_rate.detach()));  // 0 times infinity
    const Tensor apart = scaled(square(mul(half_gap, exp(where(met, 0, log_rate)))), 2);
    return add(scaled(composing::exp_above_tangent(sub(in[1][0], in[3][0])), 0.5), apart);
  }
};

// ---- samples ------------------------------------------------------------------------------------

struct DeepCoral {
  using Self = DeepCoral;
  static constexpr Input<Self> inputs[] = {array("x", "ND"), array("y", "MD")};
  static constexpr About about = {
      .name = "deep_coral_loss",
      .family = "distribution matching",
      .tier = 3,
      .summary = "Adapts features to another domain: both shall have the same covariances.",
      .formula = "Σ (Cov x - Cov y)² / (4 D²), covariances without bias",
      .gradient = "(x - mean x) (Cov x - Cov y) / (D² (N - 1)); of y with the opposite sign and M",
      .edges = "needs at least two rows of each",
      .paper = "B. Sun, K. Saenko, Deep CORAL: Correlation Alignment for Deep Domain Adaptation, 2016",
      .aliases = "CORAL of domains",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x": [[0.0], [2.0]], "y": [[1.0], [1.0]]})", 1.0, "by hand: (2 - 0)² / 4"}};
  static Tensor covariance(const Tensor& x, const char* name) {
    if (x.size(0) < 2)
      throw ShapeError(
          fmt::format("deep_coral_loss: {} has shape {}, wanted at least two rows to have a covariance; pass more",
                      name, text(x.shape())));
    const Tensor centred = sub(x, mean(x, {0}, true));
    return divided(matmul(transpose(centred, 0, 1), centred), double(x.size(0) - 1));
  }
  Tensor compose(const Given& in) const {
    const double d = double(std::max<int64_t>(1, in[0][0].size(1)));
    return divided(sum(square(sub(covariance(in[0][0], "x"), covariance(in[1][0], "y")))), 4 * d * d);
  }
};

struct EnergyDistance {
  using Self = EnergyDistance;
  static constexpr Input<Self> inputs[] = {array("x", "ND"), array("y", "MD")};
  static constexpr About about = {
      .name = "energy_distance",
      .family = "distribution matching",
      .tier = 3,
      .summary = "Distance of two distributions by the distances between their samples; no kernel to choose.",
      .formula = "2 mean ||x - y|| - mean ||x - x'|| - mean ||y - y'||, over all pairs",
      .gradient = "sums of unit vectors along the differences",
      .kinks = "equal rows have slope 0 between them",
      .edges = "a mean over no pairs is 0",
      .paper = "G. Székely, M. Rizzo, Energy statistics: A class of statistics based on distances, 2013",
      .aliases = "geomloss energy",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {{R"({"x": [[0.0], [2.0]], "y": [[3.0]]})", 3.0, "by hand: 2 · 2 - 1 - 0"}};
  Tensor compose(const Given& in) const {
    const auto apart = [](const Tensor& a, const Tensor& b) {
      return mean_or_zero(norm(sub(unsqueeze(a, 1), unsqueeze(b, 0)), 2, {2}));
    };
    const Tensor &x = in[0][0], &y = in[1][0];
    return sub(scaled(apart(x, y), 2), add(apart(x, x), apart(y, y)));
  }
};

// For a certificate: the numbers that it drew, each group of `width` so far from the next that their order is no
// question.
void spread_out(int k, double* values, int64_t n, int64_t width) {
  for (int64_t i = 0; i < n; ++i) values[i] += 20.0 * double(i / width) + (k == 1 ? 10 : 0);
}
// mean |quantile of x - quantile of y|^p of each column of x (N,K) and y (M,K), and their mean.
Tensor transported(const Tensor& x, const Tensor& y, double p) {
  const int64_t n = x.size(0), m = y.size(0);
  if (n == 0 || m == 0) return scaled(add(sum(x), sum(y)), 0);
  std::vector<double> from, onto, weight;  // both are steps; these are the pieces where neither steps
  for (int64_t i = 0, j = 0, at = 0; i < n && j < m;) {
    const int64_t next = std::min((i + 1) * m, (j + 1) * n);
    from.push_back(double(i)), onto.push_back(double(j)), weight.push_back(double(next - at) / double(n * m));
    i += next == (i + 1) * m, j += next == (j + 1) * n, at = next;
  }
  const int64_t pieces = int64_t(from.size());
  const auto quantiles = [&](const Tensor& v, const std::vector<double>& at) {
    return index_select(sort(v, 0).values, 0, to(tensor(at, {pieces}, Dtype::int64), v.device()));
  };
  const Tensor w = to(tensor(weight, {pieces, 1}, x.dtype()), x.device());
  const Tensor moved = composing::abs_power(sub(quantiles(x, from), quantiles(y, onto)), p);
  return divided(sum(mul(moved, w)), double(std::max<int64_t>(1, x.size(1))));
}

struct Wasserstein {
  double p = 1;
  using Self = Wasserstein;
  static constexpr Input<Self> inputs[] = {array("x", "N"), array("y", "M")};
  static constexpr Option<Self> options[] = {option("p", &Self::p, Range{1, range::inf, false, true})};
  static constexpr About about = {
      .name = "wasserstein_1d_loss",
      .family = "distribution matching",
      .tier = 3,
      .summary = "What it costs to move the numbers x onto the numbers y, each by a power of its way.",
      .formula = "mean |sort x - sort y|^p; of unequal numbers, between the quantile functions",
      .gradient = "p |d|^(p - 1) sign(d) / n, d the way of each",
      .kinks = "slope 0 where a number stays; equal numbers keep their order",
      .edges = "the p-th power of the distance, not its root; of nothing: 0",
      .paper = "C. Villani, Optimal Transport: Old and New, 2009",
      .aliases = "scipy wasserstein_distance for p = 1; POT emd2_1d",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x": [3.0, 0.0], "y": [1.0, 2.0], "p": 2.0})", 1.0, "by hand: (1 + 1) / 2"},
      {R"({"x": [0.0, 3.0], "y": [1.0]})", 1.5, "by hand: (1 + 2) / 2"}};
  void make_acceptable(int k, double* values, int64_t n, const Extents&) const { spread_out(k, values, n, 1); }
  Tensor compose(const Given& in) const { return transported(unsqueeze(in[0][0], 1), unsqueeze(in[1][0], 1), p); }
};

struct SlicedWasserstein {
  double p = 2;
  using Self = SlicedWasserstein;
  static constexpr Input<Self> inputs[] = {array("x", "ND"), array("y", "MD"), constant(array("projections", "KD"))};
  static constexpr Option<Self> options[] = {option("p", &Self::p, Range{1, range::inf, false, true})};
  static constexpr About about = {
      .name = "sliced_wasserstein_loss",
      .family = "distribution matching",
      .tier = 3,
      .summary = "Moves points x onto points y as seen along several directions, which the caller draws.",
      .formula = "mean over θ of wasserstein_1d_loss(x θ, y θ, p), θ the rows of projections",
      .gradient = "of wasserstein_1d_loss, along each θ",
      .kinks = "slope 0 where a shadow stays; equal shadows keep their order",
      .edges = "the p-th power of the distance, not its root; no gradient flows to projections",
      .paper = "N. Bonneel et al., Sliced and Radon Wasserstein Barycenters of Measures, 2015",
      .aliases = "POT sliced",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x": [[0.0, 0.0], [3.0, 0.0]], "y": [[1.0, 5.0], [5.0, 5.0]], "projections": [[1.0, 0.0], [0.0, 1.0]]})",
       13.75, "by hand: ((1 + 4) / 2 + 25) / 2"}};
  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    if (k < 2) spread_out(k, values, n, e['D']);
    for (int64_t i = 0; k == 2 && i < n; ++i) values[i] = std::abs(values[i]) + 0.5;
  }
  Tensor compose(const Given& in) const {
    const auto shadows = [&](const Tensor& points) { return matmul(points, transpose(in[2][0], 0, 1)); };
    return transported(shadows(in[0][0]), shadows(in[1][0]), p);
  }
};

}  // namespace

std::vector<const LossEntry*> composing::regularisers() {
  return entries<CenterInvariant, DeepCoral, EnergyDistance, GroupLasso, KlGaussians, MaxNorm, Orthogonality,
                 RegularFace, SlicedWasserstein, SparseCenters, SpectralNorm, Wasserstein, ZeroMean>();
}

}  // namespace gradus
