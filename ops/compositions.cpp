// Ops of tensors that have a name among the losses: maps to and from probabilities, a norm of singular values, gradient
// clipping.  Each is described like a loss, so that lists, vectors and checks know it.
#include <fmt/core.h>

#include <cmath>

#include "gradus/core/error.h"
#include "gradus/ops/composition.h"
#include "gradus/ops/registry.h"
#include "gradus/ops/svd.h"

namespace gradus {
namespace {

using composing::Given;

// ---- maps ---------------------------------------------------------------------------------------

constexpr About a_map(const char* name, const char* summary, const char* formula, const char* gradient,
                      const char* aliases, const char* edges = "") {
  return {.name = name,
          .family = "maps",
          .tier = 2,
          .summary = summary,
          .formula = formula,
          .gradient = gradient,
          .edges = edges,
          .aliases = aliases,
          .kind = "map",
          .reduction = Reduction::none,
          .fixed = true};
}
constexpr About a_row_map(const char* name, const char* summary, const char* formula, const char* gradient,
                          const char* aliases, const char* edges = "") {
  About a = a_map(name, summary, formula, gradient, aliases, edges);
  a.kind = "fold";
  return a;
}

struct AlongDim {
  int64_t dim = -1;
};

struct Softmax : AlongDim {
  static constexpr Input<Softmax> inputs[] = {array("input", "*C")};
  static constexpr Option<Softmax> options[] = {option("dim", static_cast<int64_t Softmax::*>(&AlongDim::dim))};
  static constexpr About about = a_row_map("softmax", "Scores as probabilities.", "exp(x) / Σ exp(x)", "p (g - Σ g p)",
                                           "nn.Softmax", "does not overflow at any finite x");
  static constexpr Example examples[] = {{R"({"input": [1.0]})", 1.0, "one class has probability one"}};
  Tensor compose(const Given& in) const { return softmax(in[0][0], dim); }
};
struct LogSoftmax : AlongDim {
  static constexpr Input<LogSoftmax> inputs[] = {array("input", "*C")};
  static constexpr Option<LogSoftmax> options[] = {option("dim", static_cast<int64_t LogSoftmax::*>(&AlongDim::dim))};
  static constexpr About about =
      a_row_map("log_softmax", "Scores as log-probabilities.", "x - log Σ exp(x)", "g - p Σ g", "nn.LogSoftmax");
  static constexpr Example examples[] = {{R"({"input": [1.0]})", 0.0, "one class has probability one"}};
  Tensor compose(const Given& in) const { return log_softmax(in[0][0], dim); }
};
struct Softmin : AlongDim {
  static constexpr Input<Softmin> inputs[] = {array("input", "*C")};
  static constexpr Option<Softmin> options[] = {option("dim", static_cast<int64_t Softmin::*>(&AlongDim::dim))};
  static constexpr About about = a_row_map("softmin", "Costs as probabilities: softmax(-x).", "exp(-x) / Σ exp(-x)",
                                           "-p (g - Σ g p)", "nn.Softmin");
  static constexpr Example examples[] = {{R"({"input": [1.0]})", 1.0, "one class has probability one"}};
  Tensor compose(const Given& in) const { return softmax(-in[0][0], dim); }
};
struct LogSumExp : AlongDim {
  static constexpr Input<LogSumExp> inputs[] = {array("input", "*C")};
  static constexpr Option<LogSumExp> options[] = {option("dim", static_cast<int64_t LogSumExp::*>(&AlongDim::dim))};
  static constexpr About about = a_row_map("logsumexp", "A smooth maximum.", "log Σ exp(x)", "g p, p = softmax(x)",
                                           "torch.logsumexp", "a row of only -infinity gives -infinity");
  static constexpr Example examples[] = {{R"({"input": [1.5]})", 1.5, "of one number: that number"},
                                         {R"({"input": [0.0, 0.0]})", 0.69314718055994531, "log 2"}};
  Tensor compose(const Given& in) const { return logsumexp(in[0][0], {dim}); }
};
struct Sigmoid {
  static constexpr Input<Sigmoid> inputs[] = {array("input", "~A")};
  static constexpr About about =
      a_map("sigmoid", "A logit as a probability.", "1 / (1 + exp(-x))", "g p (1 - p)", "nn.Sigmoid; expit");
  static constexpr Example examples[] = {{R"({"input": [0.0]})", 0.5, "by symmetry"}};
  Tensor compose(const Given& in) const { return sigmoid(in[0][0]); }
};
struct LogSigmoid {
  static constexpr Input<LogSigmoid> inputs[] = {array("input", "~A")};
  static constexpr About about = a_map("log_sigmoid", "A logit as a log-probability.", "-log(1 + exp(-x))",
                                       "g sigmoid(-x)", "nn.LogSigmoid; logsigmoid");
  static constexpr Example examples[] = {{R"({"input": [0.0]})", -0.69314718055994531, "-log 2"}};
  Tensor compose(const Given& in) const { return log_sigmoid(in[0][0]); }
};
struct Softplus {
  static constexpr Input<Softplus> inputs[] = {array("input", "~A")};
  static constexpr About about = a_map("softplus", "A smooth maximum of x and 0.", "log(1 + exp(x))", "g sigmoid(x)",
                                       "nn.Softplus without threshold");
  static constexpr Example examples[] = {{R"({"input": [0.0]})", 0.69314718055994531, "log 2"}};
  Tensor compose(const Given& in) const { return softplus(in[0][0], 1, range::inf); }
};

// ---- norms --------------------------------------------------------------------------------------

struct NuclearNorm {
  double rtol = std::nan("");
  static constexpr Input<NuclearNorm> inputs[] = {array("input", "*RC"), array("target", "*RC")};
  static constexpr Option<NuclearNorm> options[] = {
      tolerance(option("rtol", &NuclearNorm::rtol, range::non_negative, true))};
  static constexpr About about = {
      .name = "nuclear_norm_loss",
      .family = "distances",
      .summary = "Sum of the singular values of the difference: a convex stand-in for its rank.",
      .formula = "Σ s_i(x - t)",
      .gradient = "U Vᵀ of the singular vectors whose value exceeds rtol times the largest",
      .kinks =
          "where x - t loses rank, the sub-gradient of least norm is taken: 0 along the singular values that vanish",
      .edges = "rtol = none stands for max(R, C) eps; a batch (N,D) is one matrix, so the value couples its rows",
      .aliases = "torch.linalg.matrix_norm nuc; trace norm",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 0.0], [0.0, -4.0]], "target": [[0.0, 0.0], [0.0, 0.0]]})", 7.0, "by hand: 3 + 4"}};
  Tensor compose(const Given& in) const {
    const Tensor difference = in[0][0] - in[1][0];
    if (difference.numel() == 0) return sum(sum(difference, {-1}), {-1});
    const Tensor s = svd(difference).s;
    const double eps = difference.dtype() == Dtype::float32 ? 0x1p-23 : 0x1p-52;
    const double relative = std::isnan(rtol) ? double(std::max(difference.size(-1), difference.size(-2))) * eps : rtol;
    const Tensor largest = amax(s.detach(), {-1}, true);
    return sum(where(s.detach() > largest * relative, s, s.detach()), {-1});
  }
};

// ---- labels, checks, clipping -------------------------------------------------------------------

struct SmoothLabels {
  double epsilon = 0.1;
  static constexpr Input<SmoothLabels> inputs[] = {array("input", "*C")};
  static constexpr Option<SmoothLabels> options[] = {option("epsilon", &SmoothLabels::epsilon, range::unit)};
  static constexpr About about = {.name = "smooth_labels",
                                  .family = "transforms",
                                  .summary = "Moves probability mass epsilon from the labels to all classes evenly.",
                                  .formula = "(1 - epsilon) q + epsilon / C",
                                  .gradient = "(1 - epsilon) g",
                                  .paper = "C. Szegedy et al., Rethinking the Inception Architecture, 2016",
                                  .aliases = "OX smooth_labels",
                                  .kind = "map",
                                  .reduction = Reduction::none,
                                  .fixed = true};
  static constexpr Example examples[] = {{R"({"input": [1.0], "epsilon": 0.3})", 1.0, "one class keeps everything"}};
  Tensor compose(const Given& in) const {
    const Tensor& q = in[0][0];
    return q * (1 - epsilon) + epsilon / double(std::max<int64_t>(1, q.size(-1)));
  }
};

struct CheckFinite {
  static constexpr Input<CheckFinite> inputs[] = {constant(array("input", "~A"))};
  static constexpr About about = {
      .name = "check_finite",
      .family = "transforms",
      .summary = "Whether every number is finite; anomaly mode names the op that made the first one that is not.",
      .formula = "all(isfinite(x))",
      .gradient = "none",
      .aliases = "anomaly detection",
      .kind = "metric",
      .reduction = Reduction::none,
      .fixed = true,
      .logical = true};
  static constexpr Example examples[] = {{R"({"input": [1.0, 2.0]})", 1.0, "both are finite"}};
  Tensor compose(const Given& in) const { return all(isfinite(in[0][0])); }
};

struct ClipGradNorm {
  double max_norm = 1, norm_type = 2, eps = 1e-6;
  bool error_if_nonfinite = false;
  static constexpr Input<ClipGradNorm> inputs[] = {constant(array("grad{i}", "~A"))};
  static constexpr Option<ClipGradNorm> options[] = {option("max_norm", &ClipGradNorm::max_norm, range::non_negative),
                                                     option("norm_type", &ClipGradNorm::norm_type, range::positive),
                                                     option("eps", &ClipGradNorm::eps, range::non_negative),
                                                     option("error_if_nonfinite", &ClipGradNorm::error_if_nonfinite)};
  static constexpr About about = {
      .name = "clip_grad_norm",
      .family = "transforms",
      .summary = "Scales all gradients together so that their common norm is at most max_norm.",
      .formula = "T = ||all gradients||_p;  g min(1, max_norm / (T + eps)).  The value is T",
      .gradient = "none: it acts on gradients, in optim/clip.h",
      .edges = "a NaN makes the norm and every gradient NaN",
      .paper = "R. Pascanu et al., On the difficulty of training recurrent neural networks, 2013",
      .aliases = "clip_grad_norm_",
      .kind = "tensor",
      .reduction = Reduction::none,
      .fixed = true};
  static constexpr Example examples[] = {{R"({"grad0": [3.0, 4.0]})", 5.0, "by hand"}};
  Tensor compose(const Given& in) const {
    std::vector<Tensor> norms;
    for (const Tensor& g : in[0]) norms.push_back(norm(g, norm_type));
    if (norms.empty()) throw ParamError("clip_grad_norm: no gradients, wanted grad0, grad1, …; pass at least one");
    const Tensor all = norm(stack(norms), norm_type);
    if (error_if_nonfinite && !std::isfinite(all.item()))
      throw DomainError(
          fmt::format("clip_grad_norm: the norm of all gradients is {:g}, wanted a finite one; look for the op that "
                      "made it with check_finite",
                      all.item()));
    return all;
  }
};

struct ClipGradValue {
  double clip_value = 1;
  static constexpr Input<ClipGradValue> inputs[] = {constant(array("grad{i}", "~A"))};
  static constexpr Option<ClipGradValue> options[] = {
      option("clip_value", &ClipGradValue::clip_value, range::non_negative)};
  static constexpr About about = {
      .name = "clip_grad_value",
      .family = "transforms",
      .summary = "Clamps every element of every gradient.",
      .formula = "clamp(g, -clip_value, clip_value).  The value is the first gradient, clamped",
      .gradient = "none: it acts on gradients, in optim/clip.h",
      .aliases = "clip_grad_value_",
      .kind = "map",
      .reduction = Reduction::none,
      .fixed = true};
  static constexpr Example examples[] = {{R"({"grad0": [3.0]})", 1.0, "by hand"}};
  Tensor compose(const Given& in) const {
    if (in[0].empty()) throw ParamError("clip_grad_value: no gradients, wanted grad0, grad1, …; pass at least one");
    return clamp(in[0][0], -clip_value, clip_value);
  }
};

// ---- adaptive softmax ---------------------------------------------------------------------------

struct AdaptiveLogSoftmax {
  Param cutoffs = std::nan("");
  int64_t n_classes = 0;
  double div_value = 4;
  using Self = AdaptiveLogSoftmax;
  static constexpr Input<Self> inputs[] = {array("input", "ND"),
                                           Input<Self>(integers("target", "N")),
                                           array("head_weight", "HD"),
                                           array("tail_{i}_0_weight", "PD"),
                                           array("tail_{i}_1_weight", "OP"),
                                           optional(array("head_bias", "H")),
                                           Input<Self>(integers("cutoffs", "K"), &Self::cutoffs)};
  static constexpr Option<Self> options[] = {option("n_classes", &Self::n_classes, Range{1, range::inf}),
                                             option("div_value", &Self::div_value, range::positive)};
  static constexpr About about = {
      .name = "adaptive_log_softmax_with_loss",
      .family = "classification",
      .tier = 2,
      .summary =
          "Cross-entropy over very many classes: frequent ones in a short head, rare ones in tails that are reached "
          "through it.",
      .formula =
          "-log softmax(head)[y] for y below the first cutoff; else -log softmax(head)[cluster] - log softmax(tail)[y "
          "- cutoff], "
          "tail = (x P) O with P of size D / div_value^(i+1).  The value is the mean over the rows",
      .gradient = "cross-entropy's in the head and in the tails that are used; 0 in the others",
      .edges = "a tail that no target reaches gets a gradient of zeros",
      .paper = "E. Grave et al., Efficient softmax approximation for GPUs, 2017",
      .aliases = "nn.AdaptiveLogSoftmaxWithLoss",
      .kind = "fold",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0]], "target": [0], "head_weight": [[1.0], [2.0]], "tail_0_0_weight": [[1.0]], "tail_0_1_weight": [[1.0]], "cutoffs": [1], "n_classes": 2})",
       0.69314718055994531, "log 2: a zero input makes both entries of the head even"}};

  // A certificate draws one tail behind half of the classes.
  void deduce(Extents& e) const { e['K'] = 1, e['H'] = n_classes / 2 + 1, e['O'] = n_classes - n_classes / 2; }
  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    const bool labels = k == 1, cutoffs = k == 6;
    for (int64_t i = 0; i < n; ++i)
      if (labels) values[i] = double((int64_t(values[i]) + i) % n_classes);
      else if (cutoffs) values[i] = double(e['H'] - 1);
  }

  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &target = in[1][0], &head_weight = in[2][0];
    const size_t tails = in[3].size();
    if (in[6].empty())
      throw ParamError(
          "adaptive_log_softmax_with_loss: cutoffs are missing, wanted an increasing list of class numbers");
    std::vector<int64_t> ends;
    for (double c : in[6][0].to_vector()) ends.push_back(int64_t(c));
    for (size_t i = 0; i < ends.size(); ++i)
      if (ends[i] <= (i ? ends[i - 1] : 0) || ends[i] >= n_classes)
        throw ParamError(fmt::format(
            "adaptive_log_softmax_with_loss: cutoff {} is {}, wanted increasing numbers from 1 to n_classes - 1 = {}",
            i, ends[i], n_classes - 1));
    if (tails != ends.size() || in[4].size() != tails)
      throw ShapeError(fmt::format(
          "adaptive_log_softmax_with_loss: {} cutoffs but {} and {} tail weights, wanted two weights for each cutoff",
          ends.size(), tails, in[4].size()));
    const int64_t shortlist = ends[0], head = shortlist + int64_t(tails);
    if (head_weight.size(0) != head)
      throw ShapeError(fmt::format("adaptive_log_softmax_with_loss: head_weight has shape {}, wanted ({},{})",
                                   text(head_weight.shape()), head, x.size(1)));
    ends.push_back(n_classes);
    const std::vector<double> labels = target.to_vector();
    std::vector<double> in_head(labels.size());
    std::vector<std::vector<double>> rows(tails), classes(tails);
    for (size_t r = 0; r < labels.size(); ++r) {
      if (labels[r] < 0 || labels[r] >= double(n_classes))
        throw IndexError(fmt::format("adaptive_log_softmax_with_loss: label {} at row {} is outside [0, {})",
                                     int64_t(labels[r]), r, n_classes));
      in_head[r] = labels[r];
      for (size_t t = 0; t < tails; ++t)
        if (labels[r] >= double(ends[t]) && labels[r] < double(ends[t + 1])) {
          in_head[r] = double(shortlist) + double(t);
          rows[t].push_back(double(r));
          classes[t].push_back(labels[r] - double(ends[t]));
        }
    }
    const auto integers_of = [&](const std::vector<double>& v) {
      return to(tensor(v, {int64_t(v.size())}, Dtype::int64), x.device());
    };
    const auto picked = [&](const Tensor& scores,
                            const std::vector<double>& at) {  // -log softmax(scores)[at], a row each
      return -squeeze(gather(log_softmax(scores, 1), 1, unsqueeze(integers_of(at), 1)), 1);
    };
    Tensor scores = matmul(x, transpose(head_weight, 0, 1));
    if (!in[5].empty()) scores = scores + in[5][0];
    Tensor loss = sum(picked(scores, in_head));
    for (size_t t = 0; t < tails; ++t) {
      if (in[3][t].size(1) != x.size(1))
        throw ShapeError(fmt::format("adaptive_log_softmax_with_loss: tail_{}_0_weight has shape {}, wanted ({},{})", t,
                                     text(in[3][t].shape()), in[3][t].size(0), x.size(1)));
      if (in[4][t].size(0) != ends[t + 1] - ends[t] || in[4][t].size(1) != in[3][t].size(0))
        throw ShapeError(fmt::format("adaptive_log_softmax_with_loss: tail_{}_1_weight has shape {}, wanted ({},{})", t,
                                     text(in[4][t].shape()), ends[t + 1] - ends[t], in[3][t].size(0)));
      const Tensor mine = index_select(x, 0, integers_of(rows[t]));
      const Tensor tail = matmul(matmul(mine, transpose(in[3][t], 0, 1)), transpose(in[4][t], 0, 1));
      loss = loss + sum(picked(tail, classes[t]));
    }
    return loss / double(std::max<size_t>(1, labels.size()));
  }
};

// ---- combined losses of segmentation ------------------------------------------------------------

// dice_loss of probabilities p, whose complements are given so that none cancels: the mean over the groups.
Tensor dice_of(const Tensor& p, const Tensor& complement, const Tensor& y, double smooth) {
  std::vector<int64_t> dims;
  for (int64_t d = y.rank() > 2 ? 2 : 1; d < y.rank(); ++d) dims.push_back(d);
  const Tensor none = shifted(neg(y), 1), both = sum(mul(p, y), dims);
  const Tensor apart = scaled(sum(add(mul(p, none), mul(complement, y)), dims), 0.5);
  const Tensor all = shifted(add(both, apart), 0.5 * smooth), empty = eq(all.detach(), 0);
  return mean(where(empty, 0, div(apart, where(empty, 1, all))));
}

struct BceDice {
  double bce_weight = 1, dice_weight = 1, smooth = 1;
  using Self = BceDice;
  static constexpr Input<Self> inputs[] = {array("input", "B*"), constant(array("target", "B*", range::unit))};
  static constexpr Option<Self> options[] = {option("bce_weight", &Self::bce_weight, range::non_negative),
                                             option("dice_weight", &Self::dice_weight, range::non_negative),
                                             option("smooth", &Self::smooth, range::non_negative)};
  static constexpr About about = {
      .name = "bce_dice_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Every pixel by cross-entropy, and the mask as a whole by Dice; input holds logits.",
      .formula = "bce_weight mean [(1 - y) softplus(x) + y softplus(-x)] + dice_weight mean dice_loss(sigmoid(x), y)",
      .gradient = "bce_weight (sigmoid(x) - y) / n + dice_weight times dice_loss's, through the sigmoid",
      .edges = "two empty masks and smooth 0 add nothing",
      .aliases = "combo loss; BCEDiceLoss",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {{R"({"input": [[0.0, 0.0]], "target": [[1.0, 0.0]], "smooth": 0.0})",
                                          1.1931471805599453, "by hand: log 2 + 1/2"}};
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &y = in[1][0];
    if (!(x.shape() == y.shape()))
      throw ShapeError(fmt::format("bce_dice_loss: target has shape {}, wanted {} as input has; reshape it",
                                   text(y.shape()), text(x.shape())));
    const Tensor bce = mean(add(mul(shifted(neg(y), 1), softplus(x)), mul(y, softplus(neg(x)))));
    return add(scaled(bce, bce_weight), scaled(dice_of(sigmoid(x), sigmoid(neg(x)), y, smooth), dice_weight));
  }
};

struct DiceCe {
  double ce_weight = 1, dice_weight = 1, smooth = 1;
  using Self = DiceCe;
  static constexpr Input<Self> inputs[] = {array("input", "NC*"), Input<Self>(integers("target", "N*"))};
  static constexpr Option<Self> options[] = {option("ce_weight", &Self::ce_weight, range::non_negative),
                                             option("dice_weight", &Self::dice_weight, range::non_negative),
                                             option("smooth", &Self::smooth, range::non_negative)};
  static constexpr About about = {
      .name = "dice_ce_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Every pixel by cross-entropy, and the mask of each class by Dice; input holds logits.",
      .formula =
          "ce_weight cross_entropy(x, y) + dice_weight mean dice_loss(softmax(x), one_hot(y)), classes in axis 1",
      .gradient = "ce_weight (softmax(x) - one_hot(y)) / pixels + dice_weight times dice_loss's, through the softmax",
      .edges = "two empty masks and smooth 0 add nothing",
      .aliases = "MONAI DiceCELoss",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {{R"({"input": [[[0.0], [0.0]]], "target": [[0]], "smooth": 0.0})",
                                          1.3598138472266120, "by hand: log 2 + (1/3 + 1) / 2"}};
  Tensor compose(const Given& in) const {
    const Tensor &x = in[0][0], &target = in[1][0];
    const std::vector<double> labels = target.to_vector();
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] < 0 || labels[i] >= double(x.size(1)))
        throw IndexError(
            fmt::format("dice_ce_loss: label {} at element {} is outside [0, {})", int64_t(labels[i]), i, x.size(1)));
    const Tensor moved = transpose(unsqueeze(one_hot(target, x.size(1), x.dtype()), 1), 1, -1);
    const Tensor y = squeeze(moved, -1), logs = log_softmax(x, 1);
    const Tensor ce = divided(neg(sum(where(eq(y, 1), logs, 0))), double(std::max<int64_t>(1, target.numel())));
    return add(scaled(ce, ce_weight), scaled(dice_of(exp(logs), neg(expm1(logs)), y, smooth), dice_weight));
  }
};

}  // namespace

std::vector<const LossEntry*> composing::general() {
  return entries<AdaptiveLogSoftmax, BceDice, CheckFinite, ClipGradNorm, ClipGradValue, DiceCe, LogSigmoid, LogSoftmax,
                 LogSumExp, NuclearNorm, Sigmoid, SmoothLabels, Softmax, Softmin, Softplus>();
}

std::vector<const LossEntry*> compositions() {
  std::vector<const LossEntry*> all;
  for (const auto& unit :
       {composing::general(), composing::classification(), composing::distillation(), composing::images(),
        composing::margins(), composing::metric_learning(), composing::policies(), composing::regularisers()})
    all.insert(all.end(), unit.begin(), unit.end());
  return all;
}

}  // namespace gradus
