// Losses of pairs, tuples and whole rankings of an embedding, made of tensor ops.
#include <cmath>

#include "gradus/ops/composition.h"
#include "gradus/ops/scan.h"

namespace gradus {
namespace {

using composing::Given, composing::mean_or_zero, composing::ratio_or_zero;

constexpr About of_pairs(const char* name, const char* summary, const char* formula, const char* gradient,
                         const char* kinks, const char* edges, const char* paper, const char* aliases) {
  return {.name = name,
          .family = "metric learning",
          .tier = 3,
          .summary = summary,
          .formula = formula,
          .gradient = gradient,
          .kinks = kinks,
          .edges = edges,
          .paper = paper,
          .aliases = aliases,
          .kind = "pairs",
          .fixed = true};
}

// Who belongs to whom, of rows with these labels: (N,N).  A row is neither its own positive nor its own negative.
struct Pairs {
  explicit Pairs(const Tensor& labels)
      : same(eq(unsqueeze(labels, 1), unsqueeze(labels, 0))),
        positive(same & !composing::on_diagonal(labels.size(0), labels.device())),
        negative(!same) {}
  Tensor same, positive, negative;
};
Tensor number_of(const Tensor& mask, int64_t dim, Dtype dtype) { return sum(to(mask, dtype), {dim}); }
// Σ x where the mask holds, over how often it does; 0 where it never does.
Tensor mean_where(const Tensor& mask, const Tensor& x, int64_t dim) {
  return ratio_or_zero(sum(where(mask, x, 0), {dim}), number_of(mask, dim, x.dtype()));
}
// The mean of the rows' values over those rows for which `kept` holds; 0 where there is none.
Tensor mean_of_kept(const Tensor& values, const Tensor& kept) {
  return reshape(mean_where(unsqueeze(kept, 0), unsqueeze(values, 0), 1), {});
}

// ---- pairs and tuples ---------------------------------------------------------------------------

struct GeneralizedLifted {
  double neg_margin = 1, pos_margin = 0;
  using Self = GeneralizedLifted;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {option("neg_margin", &Self::neg_margin),
                                             option("pos_margin", &Self::pos_margin)};
  static constexpr About about = of_pairs(
      "generalized_lifted_structure_loss", "Every row pulls all of its class at once and pushes all others at once.",
      "mean_i [log Σ_(j: same class) exp(d_ij - pos_margin) + log Σ_(k: other class) exp(neg_margin - d_ik)]+, d the "
      "Euclidean distance",
      "to d_ij: softmax over the positives; to d_ik: minus softmax over the negatives",
      "slope 0 where the bracket is 0, and for the distance of two equal rows",
      "a row without a positive or without a negative counts as 0",
      "A. Hermans et al., In Defense of the Triplet Loss for Person Re-Identification, 2017",
      "PML GeneralizedLiftedStructureLoss");
  static constexpr Example examples[] = {{R"({"input": [[0.0], [2.0], [1.0]], "labels": [0, 0, 1]})",
                                          1.3333333333333333,
                                          "by hand: (2 + 2 + 0) / 3, the row that is alone counts as 0"}};
  Tensor compose(const Given& in) const {
    const Tensor& x = in[0][0];
    const Pairs of(in[1][0]);
    if (x.size(0) == 0) return scaled(sum(x), 0);
    const Tensor d = norm(sub(unsqueeze(x, 1), unsqueeze(x, 0)), 2, {2});
    const Tensor has_both = any(of.positive, {1}, true) & any(of.negative, {1}, true);
    const auto over = [&](const Tensor& mask, const Tensor& z) {  // a row that does not count keeps its numbers finite
      return logsumexp(where(mask | !has_both, z, -range::inf), {1});
    };
    const Tensor both = add(over(of.positive, shifted(d, -pos_margin)), over(of.negative, neg_margin - d));
    return mean(where(squeeze(has_both, 1), relu(both), 0));
  }
};

struct Angular {
  double alpha = 40;
  using Self = Angular;
  static constexpr Input<Self> inputs[] = {array("anchor", "ND"), array("positive", "ND"), array("negative", "KD")};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, Range{0, 90, true, true})};
  static constexpr About about = {
      .name = "angular_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "Bounds the angle at each negative in its triangle with anchor and positive.",
      .formula = "log(1 + Σ_n exp(4 t (a + p) · n - 2 (1 + t) a · p)), t = tan²(alpha), alpha in degrees",
      .gradient = "with w_n = exp(f_n) / (1 + Σ exp(f)): to a Σ w_n (4 t n - 2 (1 + t) p), to n 4 t w_n (a + p)",
      .edges = "meant for rows of length 1; without negatives: 0",
      .paper = "J. Wang et al., Deep Metric Learning with Angular Loss, 2017",
      .aliases = "PML AngularLoss",
      .kind = "pairs",
  };
  static constexpr Example examples[] = {
      {R"({"anchor": [[1.0, 0.0]], "positive": [[1.0, 0.0]], "negative": [[0.5, 0.0]], "alpha": 45.0})",
       0.69314718055994531, "by hand: log(1 + exp(4 - 4))"}};
  Tensor compose(const Given& in) const {
    const Tensor &a = in[0][0], &p = in[1][0], &n = in[2][0];
    const double tangent = std::tan(alpha * 3.141592653589793 / 180), t = tangent * tangent;
    const Tensor near = sum(mul(a, p), {1}, true);
    if (n.size(0) == 0) return squeeze(scaled(near, 0), 1);
    const Tensor f = sub(scaled(matmul(add(a, p), transpose(n, 0, 1)), 4 * t), scaled(near, 2 * (1 + t)));
    return softplus(logsumexp(f, {1}), 1, range::inf);
  }
};

struct MarginOfDistances {
  double margin = 0.2;
  Param beta = 1.2;
  double nu = 0;
  using Self = MarginOfDistances;
  static constexpr Input<Self> inputs[] = {array("d_ap", "P"), array("d_an", "Q"), array("beta", "", &Self::beta)};
  static constexpr Option<Self> options[] = {option("margin", &Self::margin), option("nu", &Self::nu)};
  static constexpr About about =
      of_pairs("margin_loss", "Distances within a class shall lie below a boundary by a margin, the others above it.",
               "(Σ [d_ap - beta + margin]+ + Σ [beta - d_an + margin]+) / number of terms that are not 0, + nu beta",
               "1 / number to d_ap, -1 / number to d_an, (negatives - positives) / number + nu to beta",
               "slope 0 where a term is 0; the number is a constant", "no term that is not 0: nu beta",
               "C.-Y. Wu et al., Sampling Matters in Deep Embedding Learning, 2017", "PML MarginLoss");
  static constexpr Example examples[] = {
      {R"({"d_ap": [1.5, 0.5], "d_an": [1.0], "beta": 1.0, "margin": 0.5, "nu": 0.25})", 1.0,
       "by hand: (1 + 0.5) / 2 + 0.25; the second distance is good enough"}};
  Tensor compose(const Given& in) const {
    const Tensor &near = in[0][0], &far = in[1][0];
    const Tensor b = in[2].empty() ? full({}, beta.number(), near.dtype(), near.device()) : in[2][0];
    const Tensor terms = concat({relu(shifted(sub(near, b), margin)), relu(shifted(sub(b, far), margin))});
    return add(mean_of_kept(terms, ne(terms.detach(), 0)), scaled(b, nu));
  }
};

struct TupletMargin {
  double margin = 0.1, scale = 64;
  using Self = TupletMargin;
  static constexpr Input<Self> inputs[] = {array("positive", "N"), array("negative", "NK")};
  static constexpr Option<Self> options[] = {option("margin", &Self::margin, Range{0, 3.141592653589793}),
                                             option("scale", &Self::scale, range::positive)};
  static constexpr About about = {
      .name = "tuplet_margin_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "The cosine to a positive against those to many negatives, its angle narrowed by a slack margin.",
      .formula = "log(1 + Σ_k exp(scale (c_k - cos(θ - margin)))), θ the positive's angle",
      .gradient = "to c_k scale w_k, w = exp / (1 + Σ exp); to the positive -scale Σ w sin(θ - margin) / sin(θ)",
      .kinks = "where θ is 0 or π the gradient is that of cos(margin) c",
      .edges = "without negatives: 0",
      .paper = "B. Yu, D. Tao, Deep Metric Learning with Tuplet Margin Loss, 2019",
      .aliases = "PML TupletMarginLoss (5.73 degrees)",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"positive": [0.5], "negative": [[1.0]], "margin": 1.0471975511965976, "scale": 2.0})", 0.69314718055994531,
       "by hand: cos(60° - 60°) = 1 on either side"}};
  void make_acceptable(int k, double* values, int64_t n, const Extents&) const {
    for (int64_t i = 0; k == 0 && i < n; ++i) values[i] = 0.9 * std::tanh(values[i]);
  }
  Tensor compose(const Given& in) const {
    const Tensor &c = in[0][0], &others = in[1][0];
    if (others.numel() == 0) return scaled(add(c, sum(others, {1})), 0);
    const Tensor product = mul(1 - c, 1 + c), straight = le(product.detach(), 0);  // sin²(θ), however small
    const Tensor sine = where(straight, 0, sqrt(where(straight, 1, product)));
    const Tensor narrowed = add(scaled(c, std::cos(margin)), scaled(sine, std::sin(margin)));
    return softplus(sub(logsumexp(scaled(others, scale), {1}), scaled(narrowed, scale)), 1, range::inf);
  }
};

struct IntraPairVariance {
  double eps = 0.01;
  using Self = IntraPairVariance;
  static constexpr Input<Self> inputs[] = {array("positive", "P"), array("negative", "Q")};
  static constexpr Option<Self> options[] = {option("eps", &Self::eps, range::non_negative)};
  static constexpr About about =
      of_pairs("intra_pair_variance_loss",
               "Charges for positive similarities far below their mean and for negative ones far above theirs.",
               "mean [(1 - eps) μ_p - s_p]+² + mean [s_n - (1 + eps) μ_n]+², μ the mean of the similarities",
               "with a_i = 2 [(1 - eps) μ - s_i]+ / P: (1 - eps) mean(a) - a_i; of the negatives its mirror image", "",
               "no positives or no negatives: their part is 0",
               "B. Yu, D. Tao, Deep Metric Learning with Tuplet Margin Loss, 2019", "PML IntraPairVarianceLoss");
  static constexpr Example examples[] = {
      {R"({"positive": [1.0, 3.0], "negative": [0.0, 4.0], "eps": 0.0})", 2.5, "by hand: 1² / 2 + 2² / 2"}};
  Tensor compose(const Given& in) const {
    const auto part = [](const Tensor& s, double tilt, bool above) {
      if (s.numel() == 0) return sum(s);
      const Tensor beyond = sub(s, scaled(mean(s), tilt));
      return mean(square(relu(above ? beyond : neg(beyond))));
    };
    return add(part(in[0][0], 1 - eps, false), part(in[1][0], 1 + eps, true));
  }
};

struct ThresholdConsistentMargin {
  double pos_threshold = 0.9, neg_threshold = 0.5, pos_weight = 1, neg_weight = 1;
  using Self = ThresholdConsistentMargin;
  static constexpr Input<Self> inputs[] = {array("positive", "P"), array("negative", "Q")};
  static constexpr Option<Self> options[] = {option("pos_threshold", &Self::pos_threshold),
                                             option("neg_threshold", &Self::neg_threshold),
                                             option("pos_weight", &Self::pos_weight, range::non_negative),
                                             option("neg_weight", &Self::neg_weight, range::non_negative)};
  static constexpr About about =
      of_pairs("threshold_consistent_margin_loss",
               "Charges for the hard similarities alone: positives below a threshold, negatives above one.",
               "pos_weight mean_(s <= pos_threshold) (pos_threshold - s) + neg_weight mean_(s >= neg_threshold) (s - "
               "neg_threshold)",
               "-pos_weight / number to a hard positive, neg_weight / number to a hard negative",
               "at a threshold it counts as hard; the numbers are constants", "no hard ones: their part is 0",
               "Q. Zhang et al., Threshold-Consistent Margin Loss for Open-World Deep Metric Learning, 2023",
               "PML ThresholdConsistentMarginLoss");
  static constexpr Example examples[] = {
      {R"({"positive": [1.0, 0.5], "negative": [0.0, 0.75, 1.0], "pos_threshold": 0.75, "neg_threshold": 0.5})", 0.625,
       "by hand: 0.25 + (0.25 + 0.5) / 2"}};
  Tensor compose(const Given& in) const {
    const Tensor &p = in[0][0], &n = in[1][0];
    return add(scaled(mean_of_kept(pos_threshold - p, !gt(p.detach(), pos_threshold)), pos_weight),
               scaled(mean_of_kept(shifted(n, -neg_threshold), !lt(n.detach(), neg_threshold)), neg_weight));
  }
};

// ---- histograms and rankings --------------------------------------------------------------------

// How x is shared among nodes `step` apart, linearly between the two that enclose it: (…) -> (…, nodes).
Tensor among_nodes(const Tensor& x, double first, double step, int64_t nodes) {
  const Tensor node = to(to(arange(0, double(nodes), 1, Dtype::float64), x.device()), x.dtype());
  const Tensor z = sub(unsqueeze(divided(shifted(x, -first), step), -1), node), at = z.detach();
  // On a node, the slopes are those to its right.
  return where(lt(at, -1) | ge(at, 1), 0, where(lt(at, 0), shifted(z, 1), 1 - z));
}

struct FastAp {
  int64_t num_bins = 10;
  using Self = FastAp;
  static constexpr Input<Self> inputs[] = {array("distances", "NN"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {option("num_bins", &Self::num_bins, Range{1, range::inf})};
  static constexpr About about = of_pairs(
      "fast_ap_loss", "1 - average precision, its ranking smoothed by a histogram of the distances.",
      "mean over the rows with positives of 1 - (1/P) Σ_l h⁺_l H⁺_l / H_l; h_l counts the distances about 4 l / "
      "num_bins, each shared by its two nearest nodes, H_l = h_0 + ... + h_l, ⁺ of the positives",
      "to h⁺_l: -(1/P)(H⁺_l/H_l + Σ_(m>=l) h⁺_m (1/H_m - H⁺_m/H_m²)); to h⁻_l: (1/P) Σ_(m>=l) h⁺_m H⁺_m/H_m²",
      "piecewise constant between two nodes; on a node, the slope to its right",
      "distances are squared ones of rows of length 1, in [0, 4]; beyond they count nowhere; no positives: 0",
      "F. Cakir et al., Deep Metric Learning to Rank, 2019", "PML FastAPLoss");
  static constexpr Example examples[] = {
      {R"({"distances": [[0.0, 2.0, 0.0], [2.0, 0.0, 4.0], [0.0, 4.0, 0.0]], "labels": [0, 0, 1], "num_bins": 2})",
       0.25, "by hand: (1 - 1/2 + 1 - 1) / 2"}};
  void make_acceptable(int k, double* values, int64_t n, const Extents&) const {
    for (int64_t i = 0; k == 0 && i < n; ++i) values[i] = 2 + 2 * std::tanh(values[i]);
  }
  Tensor compose(const Given& in) const {
    const Tensor& d = in[0][0];
    if (d.numel() == 0) return scaled(sum(d), 0);
    const Pairs of(in[1][0]);
    const Tensor shares = among_nodes(d, 0, 4 / double(num_bins), num_bins + 1);
    const Tensor near = sum(where(unsqueeze(of.positive, 2), shares, 0), {1});
    const Tensor far = sum(where(unsqueeze(of.negative, 2), shares, 0), {1});
    const Tensor so_far = cumsum(near, 1), all_so_far = add(so_far, cumsum(far, 1));
    const Tensor count = number_of(of.positive, 1, d.dtype());
    const Tensor precision = ratio_or_zero(sum(mul(near, ratio_or_zero(so_far, all_so_far)), {1}), count);
    return mean_of_kept(1 - precision, gt(count, 0));
  }
};

struct HistogramOfPairs {
  int64_t n_bins = 100;
  using Self = HistogramOfPairs;
  static constexpr Input<Self> inputs[] = {array("positive", "P"), array("negative", "Q")};
  static constexpr Option<Self> options[] = {option("n_bins", &Self::n_bins, Range{1, range::inf})};
  static constexpr About about = of_pairs(
      "histogram_loss", "The chance that a random negative pair is more similar than a random positive one.",
      "Σ_r h⁻_r Σ_(q<=r) h⁺_q, h the histograms of the similarities over n_bins + 1 nodes in [-1, 1], each similarity "
      "shared by its two nearest nodes",
      "to h⁺_q: Σ_(r>=q) h⁻_r; to h⁻_r: Σ_(q<=r) h⁺_q",
      "piecewise constant between two nodes; on a node, the slope to its right", "no positives or no negatives: 0",
      "E. Ustinova, V. Lempitsky, Learning Deep Embeddings with Histogram Loss, 2016", "PML HistogramLoss");
  static constexpr Example examples[] = {{R"({"positive": [0.0, 1.0], "negative": [0.5, -1.0], "n_bins": 4})", 0.25,
                                          "by hand: one of four pairs is the wrong way round"}};
  void make_acceptable(int, double* values, int64_t n, const Extents&) const {
    for (int64_t i = 0; i < n; ++i) values[i] = std::tanh(values[i]);
  }
  Tensor compose(const Given& in) const {
    const auto histogram = [this](const Tensor& s) {
      return divided(sum(among_nodes(s, -1, 2 / double(n_bins), n_bins + 1), {0}),
                     double(std::max<int64_t>(1, s.numel())));
    };
    return sum(mul(histogram(in[1][0]), cumsum(histogram(in[0][0]), 0)));
  }
};

// σ((s_ik - s_ij) / τ), how surely k ranks before j: (N,N) -> (N,J,K).
Tensor before(const Tensor& s, double tau) {
  const Tensor z = divided(sub(unsqueeze(s, 1), unsqueeze(s, 2)), tau), sure = gt(z.detach(), 0);
  const Tensor tail = sigmoid(where(sure, neg(z), z));  // at most 1/2: its slope keeps its digits
  return where(sure, 1 - tail, tail);
}

struct SmoothAp {
  double tau = 0.01;
  using Self = SmoothAp;
  static constexpr Input<Self> inputs[] = {array("similarities", "NN"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {option("tau", &Self::tau, range::positive)};
  static constexpr About about = of_pairs(
      "smooth_ap_loss", "1 - average precision, with a sigmoid in place of each comparison.",
      "1 - mean_i mean_(j positive) (1 + Σ_(k positive) σ((s_ik - s_ij)/tau)) / (1 + Σ_k σ((s_ik - s_ij)/tau)), k not "
      "i "
      "or j, i the rows with positives",
      "quotient rule times σ' / tau", "", "no positives: 0; takes N³ numbers",
      "A. Brown et al., Smooth-AP: Smoothing the Path Towards Large-Scale Image Retrieval, 2020", "PML SmoothAPLoss");
  static constexpr Example examples[] = {
      {R"({"similarities": [[1.0, 0.5, 0.5], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]], "labels": [0, 0, 1]})",
       0.33333333333333333, "by hand: 1 - 1 / (1 + 1/2)"}};
  Tensor compose(const Given& in) const {
    const Tensor& s = in[0][0];
    if (s.numel() == 0) return scaled(sum(s), 0);
    const Pairs of(in[1][0]);
    const Tensor other = !composing::on_diagonal(s.size(0), s.device());
    const Tensor ahead = where(unsqueeze(other, 1) & unsqueeze(other, 0), before(s, tau), 0);  // k is not i, nor j
    const Tensor good = shifted(sum(where(unsqueeze(of.positive, 1), ahead, 0), {2}), 1);
    const Tensor precision = mean_where(of.positive, div(good, shifted(sum(ahead, {2}), 1)), 1);
    return mean_of_kept(1 - precision, any(of.positive, {1}));
  }
};

// y - log(1 + y) for y >= 0.  With t = y / (2 + y), log(1 + y) = 2 (t + t³/3 + t⁵/5 + ...) and y - 2t = yt.
Tensor above_log1p(const Tensor& y) {
  const Tensor small = lt(y.detach(), 0.1), s = where(small, y, 0), t = div(s, shifted(s, 2)), square_of_t = square(t);
  Tensor tail = full({}, 1.0 / 13, y.dtype(), y.device());
  for (int n = 11; n >= 3; n -= 2) tail = shifted(mul(square_of_t, tail), 1.0 / n);
  return where(small, sub(mul(s, t), scaled(mul(mul(square_of_t, t), tail), 2)), sub(y, log1p(y)));
}

struct PenalizeNegatives {
  enum Variant : uint8_t { plain, decreasing_slow, decreasing_quick, increasing_unbounded, increasing_bounded };
  static constexpr const char* variants[] = {"O", "Ds", "Dq", "Iu", "Ib"};
  double b = 2, alpha = 1, tau = 0.01;
  uint8_t variant = plain;
  bool count_self = false;
  using Self = PenalizeNegatives;
  static constexpr Input<Self> inputs[] = {array("similarities", "NN"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {
      option("b", &Self::b, range::positive), option("alpha", &Self::alpha, range::positive),
      option("tau", &Self::tau, range::positive), option("variant", &Self::variant, variants),
      option("count_self", &Self::count_self)};
  static constexpr About about = of_pairs(
      "pnp_loss", "How many negatives rank before each positive, with a sigmoid in place of each comparison.",
      "mean_i mean_(j positive) φ(R), R = Σ_(n negative) σ((s_in - s_ij)/tau); φ(R) = R for variant O, log(1 + R) for "
      "Ds, 1 - (1 + R)^-alpha for Dq, (1 + R) log(1 + R) for Iu, (b R - log(1 + b R)) / b² for Ib",
      "φ'(R) σ' / tau", "", "count_self takes a row for a positive of its own; no positives: 0; takes N³ numbers",
      "Z. Li et al., Rethinking the Optimization of Average Precision: Only Penalizing Negative Instances before "
      "Positive "
      "Ones is Enough, 2022",
      "PML PNPLoss");
  static constexpr Example examples[] = {
      {R"({"similarities": [[1.0, 0.5, 0.5], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]], "labels": [0, 0, 1]})", 0.5,
       "by hand: σ(0) for both rows with a positive"},
      {R"({"similarities": [[1.0, 0.5, 0.5], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]], "labels": [0, 0, 1], "variant": "Dq"})",
       0.33333333333333333, "by hand: 1 - 1/1.5"}};
  Tensor compose(const Given& in) const {
    const Tensor& s = in[0][0];
    if (s.numel() == 0) return scaled(sum(s), 0);
    const Pairs of(in[1][0]);
    const Tensor& positive = count_self ? of.same : of.positive;
    const Tensor wrong = sum(where(unsqueeze(of.negative, 1), before(s, tau), 0), {2});
    return mean_of_kept(mean_where(positive, penalty(wrong), 1), any(positive, {1}));
  }

 private:
  Tensor penalty(const Tensor& wrong) const {
    switch (variant) {
      case decreasing_slow: return log1p(wrong);
      case decreasing_quick: return neg(expm1(scaled(log1p(wrong), -alpha)));
      case increasing_unbounded: return mul(shifted(wrong, 1), log1p(wrong));
      case increasing_bounded: return divided(above_log1p(scaled(wrong, b)), b * b);
      default: return wrong;
    }
  }
};

}  // namespace

std::vector<const LossEntry*> composing::metric_learning() {
  return entries<Angular, FastAp, GeneralizedLifted, HistogramOfPairs, IntraPairVariance, MarginOfDistances,
                 PenalizeNegatives, SmoothAp, ThresholdConsistentMargin, TupletMargin>();
}

}  // namespace gradus
