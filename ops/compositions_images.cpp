// Losses and measures of images and masks, made of tensor ops.
#include <fmt/core.h>

#include <cmath>

#include "gradus/core/error.h"
#include "gradus/ops/composition.h"
#include "gradus/ops/conv.h"

namespace gradus {
namespace {

using composing::Given;

// Neighbours' differences along `dim`.
Tensor differences(const Tensor& x, int64_t dim) { return sub(slice(x, dim, 1), slice(x, dim, 0, -1)); }
Tensor together(const Tensor& a, const Tensor& b) { return concat({flatten(a), flatten(b)}); }

// ---- smoothness ---------------------------------------------------------------------------------

struct TotalVariation {
  int64_t p = 1;
  double eps = 0;
  using Self = TotalVariation;
  static constexpr Input<Self> inputs[] = {array("input", "*HW")};
  static constexpr Option<Self> options[] = {option("p", &Self::p, Range{1, 2}),
                                             option("eps", &Self::eps, range::non_negative)};
  static constexpr About about = {
      .name = "total_variation_penalty",
      .family = "penalties",
      .tier = 3,
      .summary = "Asks for flat images with few edges: the differences of neighbours over the last two axes.",
      .formula =
          "p = 1: |x_(i+1,j) - x_ij| and |x_(i,j+1) - x_ij|; p = 2: sqrt(dx² + dy² + eps) where both exist.  The mean "
          "of "
          "p = 1 is the sum of both means",
      .gradient = "the differences' signs, or d / sqrt(dx² + dy² + eps), taken to both neighbours",
      .kinks = "slope 0 where neighbours are equal",
      .edges = "an image of one row or column has no differences along it",
      .paper = "L. Rudin, S. Osher, E. Fatemi, Nonlinear total variation based noise removal algorithms, 1992",
      .aliases = "tv_loss",
      .kind = "penalty",
      .reduction = Reduction::sum,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 1.0], [3.0, 3.0]]})", 6.0, "by hand: 3 + 2 and 1 + 0"},
      {R"({"input": [[0.0, 4.0], [3.0, 7.0]], "p": 2})", 5.0, "by hand: of 3 and 4"}};
  int choose(bool, Reduction reduction) const { return p == 1 && reduction == Reduction::mean; }
  Tensor compose(const Given& in) const {
    const Tensor& x = in[0][0];
    const Tensor dy = differences(x, -2), dx = differences(x, -1);
    if (p == 1) return together(abs(dy), abs(dx));
    const Tensor squares = shifted(add(square(slice(dy, -1, 0, -1)), square(slice(dx, -2, 0, -1))), eps);
    const Tensor flat = eq(squares.detach(), 0);
    return where(flat, 0, sqrt(where(flat, 1, squares)));
  }
};
// The sum of the means over both directions, which may differ in number.
struct MeanVariation : TotalVariation {
  static constexpr Input<MeanVariation> inputs[] = {array("input", "*HW")};
  static constexpr Option<MeanVariation> options[] = {
      option("p", static_cast<int64_t MeanVariation::*>(&TotalVariation::p), Range{1, 2}),
      option("eps", static_cast<double MeanVariation::*>(&TotalVariation::eps), range::non_negative)};
  explicit MeanVariation(const TotalVariation& same) : TotalVariation(same) {}
  MeanVariation() = default;
  Tensor compose(const Given& in) const {
    using composing::mean_or_zero;
    const Tensor& x = in[0][0];
    if (x.numel() == 0) return flatten(x);
    return add(mean_or_zero(abs(differences(x, -2))), mean_or_zero(abs(differences(x, -1))));
  }
};

struct GradientDifference {
  double alpha = 1;
  using Self = GradientDifference;
  static constexpr Input<Self> inputs[] = {array("input", "*HW"), array("target", "*HW")};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, Range{1, range::inf})};
  static constexpr About about = {
      .name = "gradient_difference_loss",
      .family = "images",
      .tier = 3,
      .summary = "Sharpens predicted images: edges shall be as steep as the target's, over the last two axes.",
      .formula = "||dx| - |dt||^alpha, d the differences of neighbours along both axes",
      .gradient = "alpha ||dx| - |dt||^(alpha - 1) sign(|dx| - |dt|) sign(dx), taken to both neighbours",
      .kinks = "slope 0 where neighbours are equal, and where both are equally steep",
      .edges = "an image of one row or column has no differences along it",
      .paper = "M. Mathieu et al., Deep multi-scale video prediction beyond mean square error, 2016",
      .aliases = "GDL",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 3.0]], "target": [[1.0, 0.0]], "alpha": 2.0})", 4.0, "by hand: (3 - 1)²"}};
  // A certificate draws checkers, whose neighbours are far from equal and not equally steep.
  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    for (int64_t i = 0; i < n; ++i)
      if ((i / e['W'] + i % e['W']) % 2) values[i] += k ? 90 : 30;
  }
  Tensor compose(const Given& in) const {
    const auto along = [&](int64_t dim) {
      return composing::abs_power(sub(abs(differences(in[0][0], dim)), abs(differences(in[1][0], dim))), alpha);
    };
    return together(along(-2), along(-1));
  }
};

// ---- likeness -----------------------------------------------------------------------------------

struct StructuralSimilarity {
  int64_t window_size = 11;
  double sigma = 1.5, data_range = 1, k1 = 0.01, k2 = 0.03;
  using Self = StructuralSimilarity;
  static constexpr Input<Self> inputs[] = {array("input", "NCHW"), array("target", "NCHW")};
  static constexpr Option<Self> options[] = {
      option("window_size", &Self::window_size, Range{1, range::inf}), option("sigma", &Self::sigma, range::positive),
      option("data_range", &Self::data_range, range::positive), option("k1", &Self::k1, range::positive),
      option("k2", &Self::k2, range::positive)};
  static constexpr About about = {
      .name = "ssim_loss",
      .family = "images",
      .tier = 3,
      .summary = "How much images differ to the eye: in brightness, contrast and structure within a Gaussian window.",
      .formula =
          "1 - mean (2 m_x m_t + c1) (2 s_xt + c2) / ((m_x² + m_t² + c1) (s_x² + s_t² + c2)), m, s² and s_xt the "
          "means, "
          "variances and covariance within the window, c = (k data_range)²",
      .gradient = "the quotient's, through the moments: a correlation with the window",
      .edges = "each channel for itself, no padding; an image smaller than the window is a ShapeError",
      .paper = "Z. Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004",
      .aliases = "1 - SSIM; MONAI SSIMLoss",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[[[1.0]]]], "target": [[[[0.0]]]], "window_size": 1, "k1": 1.0})", 0.5,
       "by hand: 1 - c1 / (1 + c1)"}};
  void deduce(Extents& e) const { e['N'] = e['C'] = 1, e['H'] = window_size + 1, e['W'] = window_size; }
  Tensor window(Dtype dtype, Device device) const {
    std::vector<double> weights;
    double all = 0;
    for (int64_t i = 0; i < window_size; ++i) {
      const double z = (double(i) - 0.5 * double(window_size - 1)) / sigma;
      weights.push_back(std::exp(-0.5 * z * z)), all += weights.back();
    }
    for (double& w : weights) w /= all;
    return to(tensor(weights, {window_size}, dtype), device);
  }
  Tensor compose(const Given& in) const {
    // Variances are differences of moments, for which float32 has too few digits.
    const Tensor x = to(in[0][0], Dtype::float64), t = to(in[1][0], Dtype::float64);
    if (x.size(2) < window_size || x.size(3) < window_size)
      throw ShapeError(
          fmt::format("ssim_loss: input has shape {}, wanted images of at least {} × {} as window_size "
                      "says; choose a smaller window",
                      text(x.shape()), window_size, window_size));
    const Tensor w = window(x.dtype(), x.device());
    const Tensor down = reshape(w, {1, 1, window_size, 1}), across = reshape(w, {1, 1, 1, window_size});
    const auto local = [&](const Tensor& image) {
      const Tensor one = reshape(image, {x.size(0) * x.size(1), 1, x.size(2), x.size(3)});
      return conv2d(conv2d(one, down), across);
    };
    const double c1 = k1 * data_range * k1 * data_range, c2 = k2 * data_range * k2 * data_range;
    const Tensor mx = local(x), mt = local(t), mm = mul(mx, mt), squares = add(square(mx), square(mt));
    const Tensor covariance = sub(local(mul(x, t)), mm);
    const Tensor variances = sub(local(add(square(x), square(t))), squares);
    const Tensor likeness = mul(div(shifted(scaled(mm, 2), c1), shifted(squares, c1)),
                                div(shifted(scaled(covariance, 2), c2), shifted(variances, c2)));
    return to(composing::mean_or_zero(shifted(neg(likeness), 1)), in[0][0].dtype());
  }
};

struct PeakSignalToNoise {
  double data_range = 1;
  using Self = PeakSignalToNoise;
  static constexpr Input<Self> inputs[] = {constant(array("input", "*")), constant(array("target", "*"))};
  static constexpr Option<Self> options[] = {option("data_range", &Self::data_range, range::positive)};
  static constexpr About about = {
      .name = "psnr",
      .family = "metrics",
      .tier = 3,
      .summary = "Peak signal-to-noise ratio in decibels: how close a reconstruction is.",
      .formula = "10 log10(data_range² / mean (x - t)²)",
      .gradient = "none",
      .edges = "infinity of equal images; NaN of nothing",
      .aliases = "skimage peak_signal_noise_ratio",
      .kind = "metric",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, 0.9], "target": [0.9, 1.0]})", 20.0, "by hand: 10 log10(1 / 0.01)"}};
  Tensor compose(const Given& in) const {
    const Tensor noise = mean(square(sub(in[0][0], in[1][0])));
    return scaled(shifted(neg(log(noise)), 2 * std::log(data_range)), 4.3429448190325183);
  }
};

// ---- masks --------------------------------------------------------------------------------------

struct Boundary {
  static constexpr Input<Boundary> inputs[] = {array("input", "*"), constant(array("target", "*"))};
  static constexpr About about = {
      .name = "boundary_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Charges every pixel of a mask its signed distance from the true boundary, negative inside.",
      .formula = "phi p, phi = target the signed distance",
      .gradient = "phi",
      .edges = "no gradient flows to target",
      .paper = "H. Kervadec et al., Boundary loss for highly unbalanced segmentation, 2019",
      .aliases = "surface loss",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.5, 1.0], "target": [2.0, -1.0], "reduction": "sum"})", 0.0, "by hand: 1 - 1"}};
  Tensor compose(const Given& in) const { return mul(in[0][0], in[1][0]); }
};

struct HausdorffTransforms {
  double alpha = 2;
  using Self = HausdorffTransforms;
  static constexpr Input<Self> inputs[] = {array("input", "*"), constant(array("target", "*")),
                                           constant(array("dt_input", "*", range::non_negative)),
                                           constant(array("dt_target", "*", range::non_negative))};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, range::positive)};
  static constexpr About about = {
      .name = "hausdorff_dt_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Makes the largest distance between two masks small, by their distance transforms.",
      .formula = "(p - y)² (dt_input^alpha + dt_target^alpha)",
      .gradient = "2 (p - y) (dt_input^alpha + dt_target^alpha)",
      .edges = "no gradient flows but to input",
      .paper = "D. Karimi, S. Salcudean, Reducing the Hausdorff Distance in Medical Image Segmentation, 2019",
      .aliases = "MONAI HausdorffDTLoss",
      .kind = "map",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.5], "target": [1.0], "dt_input": [2.0], "dt_target": [0.0]})", 1.0, "by hand: 0.25 · 4"}};
  Tensor compose(const Given& in) const {
    return mul(square(sub(in[0][0], in[1][0])), add(pow(in[2][0], alpha), pow(in[3][0], alpha)));
  }
};

struct MatthewsCorrelation {
  using Self = MatthewsCorrelation;
  static constexpr Input<Self> inputs[] = {array("input", "B*", range::unit),
                                           constant(array("target", "B*", range::unit))};
  static constexpr About about = {
      .name = "mcc_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "One less the correlation of a soft mask with the true one, which unbalanced masks do not flatter.",
      .formula = "1 - (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)), of each mask",
      .gradient =
          "-(s - N/2 (1/(TP + FP) - 1/(TN + FN)))/Q, s = y (TN + FP) - (1 - y) (TP + FN), N over Q the correlation",
      .kinks = "1 without a slope where a factor of the root is 0",
      .edges = "of (B,C,…) each channel is a mask, of (B,M) each row; no gradient flows to target",
      .paper = "K. Abhishek, G. Hamarneh, Matthews Correlation Coefficient Loss for Deep Convolutional Networks, 2021",
      .aliases = "Matthews correlation loss",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {{R"({"input": [[1.0, 0.0, 0.0, 1.0]], "target": [[1.0, 0.0, 1.0, 1.0]]})",
                                          0.42264973081037424, "by hand: 1 - 2 / sqrt(2 · 3 · 1 · 2)"}};
  Tensor compose(const Given& in) const {
    const Tensor &p = in[0][0], &y = in[1][0];
    if (!(p.shape() == y.shape()))
      throw ShapeError(fmt::format("mcc_loss: target has shape {}, wanted {} as input has; reshape it", text(y.shape()),
                                   text(p.shape())));
    std::vector<int64_t> dims;
    for (int64_t d = y.rank() > 2 ? 2 : 1; d < y.rank(); ++d) dims.push_back(d);
    if (p.numel() == 0) return flatten(p);  // a mean over nothing
    const auto total = [&](const Tensor& x) { return dims.empty() ? x : sum(x, dims); };
    const Tensor no_p = shifted(neg(p), 1), no_y = shifted(neg(y), 1);
    const Tensor tp = total(mul(p, y)), fp = total(mul(p, no_y)), fn = total(mul(no_p, y)), tn = total(mul(no_p, no_y));
    const Tensor product = mul(mul(add(tp, fp), add(tp, fn)), mul(add(tn, fp), add(tn, fn)));
    const Tensor off = le(product.detach(), 0);
    const Tensor correlation = div(sub(mul(tp, tn), mul(fp, fn)), sqrt(where(off, 1, product)));
    return where(off, 1, shifted(neg(correlation), 1));
  }
};

}  // namespace

std::vector<const LossEntry*> composing::images() {
  std::vector<const LossEntry*> all = entries<Boundary, GradientDifference, HausdorffTransforms, MatthewsCorrelation,
                                              PeakSignalToNoise, StructuralSimilarity>();
  all.push_back(&entry<TotalVariation, MeanVariation>());
  return all;
}

}  // namespace gradus
