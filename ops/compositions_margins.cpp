// Losses of angles to class vectors, made of tensor ops: softmax over cosines, with and without a margin.
#include <cmath>

#include "gradus/ops/composition.h"

namespace gradus {
namespace {

using composing::Given, composing::at_label, composing::cross_entropy_of_rows, composing::unit_rows;

// cos(x_i, w_j): (N,D), (C,D) -> (N,C).
Tensor cosines(const Tensor& x, const Tensor& weight) {
  return matmul(unit_rows(x), transpose(unit_rows(weight), 0, 1));
}
// x with `at` (N) in place of each row's entry at its label.
Tensor with_at_label(const Tensor& x, const Tensor& label, const Tensor& at) {
  return where(one_hot(to(label, Dtype::int64), x.size(1), Dtype::boolean), unsqueeze(at, 1), x);
}
// The rows of `weight` that the labels name.
Tensor rows_at(const Tensor& weight, const Tensor& label) { return index_select(weight, 0, to(label, Dtype::int64)); }
constexpr About of_class_vectors(const char* name, const char* summary, const char* formula, const char* gradient,
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
          .kind = "fold"};
}
constexpr const char* zero_vectors = "the cosine with a zero vector is 0 without gradient";
constexpr const char* single_class = "a single class: 0";

struct NormalizedSoftmax {
  double temperature = 0.05;
  using Self = NormalizedSoftmax;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("weight", "CD"),
                                           indices<Self>("target", "N", 'C')};
  static constexpr Option<Self> options[] = {option("temperature", &Self::temperature, range::positive)};
  static constexpr About about = of_class_vectors(
      "normalized_softmax_loss", "Cross-entropy whose class vectors all have length 1.",
      "cross-entropy of x · w_j / (||w_j|| temperature)", "to the logits: softmax - [j = y], over temperature",
      "a zero class vector is 0 without gradient", single_class,
      "A. Zhai, H. Wu, Classification is a Strong Baseline for Deep Metric Learning, 2019",
      "PML NormalizedSoftmaxLoss");
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 2.0]], "weight": [[3.0, 0.0], [0.0, 4.0]], "target": [1], "temperature": 1.0})",
       0.31326168751822286, "by hand: the logits are 1 and 2"}};
  Tensor compose(const Given& in) const {
    return cross_entropy_of_rows(divided(matmul(in[0][0], transpose(unit_rows(in[1][0]), 0, 1)), temperature),
                                 in[2][0]);
  }
};

struct SubcenterArcFace {
  double margin = 0.5, scale = 64;
  using Self = SubcenterArcFace;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("weight", "CKD"),
                                           indices<Self>("target", "N", 'C')};
  static constexpr Option<Self> options[] = {option("margin", &Self::margin, Range{0, 3.141592653589793}),
                                             option("scale", &Self::scale, range::positive)};
  static constexpr About about = of_class_vectors(
      "subcenter_arcface_loss", "ArcFace whose classes have several centres each, of which the nearest counts.",
      "cross-entropy of scale c_j, c_j = max_k cos(x, w_jk), but for the target cos(θ + margin) where θ + margin <= π, "
      "else c - margin sin(margin)",
      "as arcface_loss, to the nearest centre of each class",
      "the first of equally near centres counts; as arcface_loss else", single_class,
      "J. Deng et al., Sub-center ArcFace: Boosting Face Recognition by Large-Scale Noisy Web Faces, 2020",
      "PML SubCenterArcFaceLoss (28.6 degrees)");
  static constexpr Example examples[] = {
      {R"({"input": [[2.0, 0.0]], "weight": [[[0.0, 1.0], [1.0, 0.0]], [[0.0, 3.0], [-1.0, 0.0]]], "target": [0], "margin": 1.0471975511965976, "scale": 2.0})",
       0.31326168751822286, "by hand: a margin of 60 degrees makes the logits 1 and 0"}};
  // Where two centres tie for several rows, their kinks may cancel in a sum, which no difference can see.
  void make_acceptable(int k, double* values, int64_t n, const Extents&) const {
    for (int64_t i = 0; k == 1 && i < n; ++i) values[i] += 0.001 * std::sin(double(i + 1));
  }
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &weight = in[1][0], &y = in[2][0];
    const int64_t classes = weight.size(0), centres = weight.size(1), d = weight.size(2);
    if (x.numel() == 0 || weight.numel() == 0) return add(sum(scaled(x, 0), {1}), scaled(sum(weight), 0));
    const Tensor all = reshape(weight, {classes * centres, d});
    const Extreme nearest = max(reshape(cosines(x, all), {x.size(0), classes, centres}), 2);
    const Tensor c = at_label(nearest.values, y);
    const Tensor centre = add(scaled(to(y, Dtype::int64), centres), at_label(nearest.indices, y));
    // sin(θ) from the difference and the sum of the unit vectors, so that small angles keep their digits
    const Tensor u = unit_rows(x), v = unit_rows(rows_at(all, centre));
    const Tensor product = mul(sum(square(sub(u, v)), {1}), sum(square(add(u, v)), {1}));
    const double ulp = x.dtype() == Dtype::float64 ? 0x1p-52 : 0x1p-23;  // a smaller angle is but rounding
    const Tensor straight = le(product.detach(), 256 * ulp * ulp);
    const Tensor sine = where(straight, 0, scaled(sqrt(where(straight, 1, product)), 0.5));
    const Tensor widened =
        where(ge(c.detach(), -std::cos(margin)), sub(scaled(c, std::cos(margin)), scaled(sine, std::sin(margin))),
              shifted(c, -margin * std::sin(margin)));
    return cross_entropy_of_rows(scaled(with_at_label(nearest.values, y, widened), scale), y);
  }
};

// ψ(θ) = (-1)^k cos(mθ) - 2k, k = floor(mθ/π), falls from 1 to 1 - 2m without a kink.  cos(mθ) is the m-th Chebyshev
// polynomial of cos(θ), so that no slope is infinite at the ends.
Tensor widened_angle(const Tensor& cosine, int64_t m) {
  Tensor before = ones_like(cosine), now = cosine;
  for (int64_t n = 1; n < m; ++n) {
    const Tensor next = sub(scaled(mul(cosine, now), 2), before);
    before = now, now = next;
  }
  Tensor k = zeros_like(cosine), turned = ones_like(cosine);
  for (int64_t n = 1; n < m; ++n) {
    const Tensor beyond = le(cosine.detach(), std::cos(3.141592653589793 * double(n) / double(m)));
    k = where(beyond, double(n), k), turned = where(beyond, n % 2 ? -1.0 : 1.0, turned);
  }
  return sub(mul(turned, now), scaled(k, 2));
}

struct SphereFace {
  int64_t m = 4;
  double scale = 1;
  using Self = SphereFace;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("weight", "CD"),
                                           indices<Self>("target", "N", 'C')};
  static constexpr Option<Self> options[] = {option("m", &Self::m, Range{1, 64}),
                                             option("scale", &Self::scale, range::positive)};
  static constexpr About about = of_class_vectors(
      "sphereface_loss", "Softmax over angles to class vectors, the right angle taken m times.",
      "cross-entropy of scale ||x|| cos(θ_j), but for the target scale ||x|| ψ(θ), ψ = (-1)^k cos(mθ) - 2k, k = "
      "floor(mθ/π)",
      "to cos(θ_y): (-1)^k m sin(mθ)/sin(θ) times (softmax - 1) scale ||x||", zero_vectors, single_class,
      "W. Liu et al., SphereFace: Deep Hypersphere Embedding for Face Recognition, 2017", "A-Softmax");
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 2.0]], "weight": [[1.0, 0.0], [0.0, 1.0]], "target": [0], "m": 2})", 4.0181499279178094,
       "by hand: ψ(90°) = -1, the logits are -2 and 2"}};
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &y = in[2][0], c = cosines(x, in[1][0]);
    if (c.numel() == 0) return cross_entropy_of_rows(c, y);
    const Tensor lengths = scaled(norm(x, 2, {1}, true), scale);
    return cross_entropy_of_rows(mul(lengths, with_at_label(c, y, widened_angle(at_label(c, y), m))), y);
  }
};

struct LargeMarginSoftmax {
  int64_t m = 4;
  double scale = 1;
  using Self = LargeMarginSoftmax;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("weight", "CD"),
                                           indices<Self>("target", "N", 'C')};
  static constexpr Option<Self> options[] = {option("m", &Self::m, Range{1, 64}),
                                             option("scale", &Self::scale, range::positive)};
  static constexpr About about = of_class_vectors(
      "large_margin_softmax_loss",
      "Cross-entropy of a linear layer, the angle to the right class vector taken m times.",
      "cross-entropy of scale w_j · x, but for the target scale ||w|| ||x|| ψ(θ), ψ = (-1)^k cos(mθ) - 2k, k = "
      "floor(mθ/π)",
      "to cos(θ_y): (-1)^k m sin(mθ)/sin(θ) times (softmax - 1) scale ||w|| ||x||", zero_vectors, single_class,
      "W. Liu et al., Large-Margin Softmax Loss for Convolutional Neural Networks, 2016", "L-Softmax");
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 2.0]], "weight": [[1.0, 0.0], [0.0, 0.5]], "target": [0], "m": 2})", 3.0485873515737421,
       "by hand: ψ(90°) = -1, the logits are -2 and 1"}};
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &weight = in[1][0], &y = in[2][0], z = matmul(x, transpose(weight, 0, 1));
    if (z.numel() == 0) return cross_entropy_of_rows(z, y);
    const Tensor own = rows_at(weight, y), c = sum(mul(unit_rows(x), unit_rows(own)), {1});
    const Tensor lengths = mul(norm(x, 2, {1}), norm(own, 2, {1}));
    return cross_entropy_of_rows(scaled(with_at_label(z, y, mul(lengths, widened_angle(c, m))), scale), y);
  }
};

struct SoftTriple {
  double la = 20, gamma = 0.1, margin = 0.01;
  using Self = SoftTriple;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("weight", "CKD"),
                                           indices<Self>("target", "N", 'C')};
  static constexpr Option<Self> options[] = {option("la", &Self::la, range::positive),
                                             option("gamma", &Self::gamma, range::positive),
                                             option("margin", &Self::margin)};
  static constexpr About about = of_class_vectors(
      "soft_triple_loss",
      "Cross-entropy of cosines to classes with several centres, of which the near ones count most.",
      "cross-entropy of la (S_j - margin [j = y]), S_j = Σ_k q_k s_k, s_k = cos(x, w_jk), q = softmax_k(s / gamma)",
      "to s_k: la (softmax - [j = y]) q_k (1 + (s_k - S_j) / gamma)", zero_vectors,
      "a single class: 0; sparse_centers_penalty is its regulariser",
      "Q. Qian et al., SoftTriple Loss: Deep Metric Learning Without Triplet Sampling, 2019", "PML SoftTripleLoss");
  static constexpr Example examples[] = {
      {R"({"input": [[2.0, 0.0]], "weight": [[[1.0, 0.0], [3.0, 0.0]], [[0.0, 1.0], [0.0, 2.0]]], "target": [0], "la": 1.0, "margin": 1.0})",
       0.69314718055994531, "by hand: the logits are 1 - 1 and 0"}};
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &weight = in[1][0], &y = in[2][0];
    const int64_t classes = weight.size(0), centres = weight.size(1), d = weight.size(2);
    if (x.numel() == 0 || weight.numel() == 0) return add(sum(scaled(x, 0), {1}), scaled(sum(weight), 0));
    const Tensor s = reshape(cosines(x, reshape(weight, {classes * centres, d})), {x.size(0), classes, centres});
    const Tensor similarity = sum(mul(softmax(divided(s, gamma), 2), s), {2});
    const Tensor lowered = with_at_label(similarity, y, shifted(at_label(similarity, y), -margin));
    return cross_entropy_of_rows(scaled(lowered, la), y);
  }
};

struct P2sGrad {
  using Self = P2sGrad;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("weight", "CD"),
                                           indices<Self>("target", "N", 'C')};
  static constexpr About about = {
      .name = "p2sgrad_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "Squared error of the cosines to class vectors: 1 to the right one, 0 to the others.",
      .formula = "mean over rows and classes of (cos(x, w_j) - [j = y])²",
      .gradient = "to the cosines: 2 (c - [j = y]) / (N C)",
      .kinks = zero_vectors,
      .edges = "no rows or no classes: 0",
      .paper = "X. Zhang et al., P2SGrad: Refined Gradients for Optimizing Deep Face Models, 2019",
      .aliases = "PML P2SGradLoss",
      .kind = "fold",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 4.0]], "weight": [[1.0, 0.0], [0.0, 2.0]], "target": [0]})", 0.4,
       "by hand: (0.4² + 0.8²) / 2"}};
  Tensor compose(const Given& in) const {
    const Tensor c = cosines(in[0][0], in[1][0]);
    const Tensor mine = one_hot(to(in[2][0], Dtype::int64), c.size(1), c.dtype());
    return composing::mean_or_zero(square(sub(c, mine)));
  }
};

struct InstanceLoss {
  double gamma = 64;
  using Self = InstanceLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND")};
  static constexpr Option<Self> options[] = {option("gamma", &Self::gamma, range::positive)};
  static constexpr About about = {
      .name = "instance_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "Every row is a class of its own: nearer to itself than to any other.",
      .formula = "log Σ_j exp(gamma cos(x_i, x_j)) - gamma cos(x_i, x_i)",
      .gradient = "to the cosines: gamma (softmax - [i = j])",
      .kinks = zero_vectors,
      .edges = "a single row: 0",
      .paper = "Z. Zheng et al., Dual-path Convolutional Image-Text Embeddings with Instance Loss, 2020",
      .aliases = "PML InstanceLoss",
      .kind = "pairs",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[2.0, 0.0], [0.0, 3.0]], "gamma": 1.0})", 0.31326168751822286, "by hand: log(e + 1) - 1"}};
  Tensor compose(const Given& in) const {
    const Tensor& x = in[0][0];
    return cross_entropy_of_rows(scaled(cosines(x, x), gamma), to(arange(x.size(0)), x.device()));
  }
};

}  // namespace

std::vector<const LossEntry*> composing::margins() {
  return entries<InstanceLoss, LargeMarginSoftmax, NormalizedSoftmax, P2sGrad, SoftTriple, SphereFace,
                 SubcenterArcFace>();
}

}  // namespace gradus
