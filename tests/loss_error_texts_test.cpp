// What wrong calls are told, word for word: some that declarations refuse, and those that only a formula can.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "gradus/cli/loss_json.h"
#include "gradus/core/error.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

struct Refusal {
  const char *loss, *call, *kind, *text;
};
const Refusal refusals[] = {
    {"cross_entropy", R"({"input": [[[1, 2], [3, 4], [5, 6]]], "target": [[0, 5]]})", "IndexError",
     "cross_entropy: label 5 at (0,1) is outside [0, 3)"},
    {"cross_entropy", R"({"input": [[1, 2]], "target": [0], "weight": [1, -2]})", "ParamError",
     "cross_entropy: weight is -2 at class 1, wanted a value >= 0"},
    {"cross_entropy", R"({"input": [[1, 2]], "target": [0], "weight": [1, 2, 3]})", "ShapeError",
     "cross_entropy: weight has shape (3) but input has shape (1,2), wanted (2) or what broadcasts to it"},
    {"cross_entropy", R"({"input": [[1, 2]], "target": [[0.5, 0.5]], "label_smoothing": 2})", "ParamError",
     "cross_entropy: label_smoothing is 2, wanted a value in [0, 1]"},
    {"cross_entropy", R"({"input": [[1, 2]], "target": [0], "weight_norm": "sometimes"})", "ParamError",
     "cross_entropy: weight_norm is 'sometimes', wanted one of torch, never, always"},
    {"cross_entropy", R"({"input": 3, "target": 0})", "ShapeError",
     "cross_entropy: input has shape (), wanted at least one dimension; unsqueeze it"},
    {"categorical_cross_entropy", R"({"input": [[1, 1], [0, 0]], "target": [[0.5, 0.5], [0, 1]]})", "DomainError",
     "categorical_cross_entropy: input is 0 at (1,0), wanted a row whose sum is not 0"},
    {"hinge_loss", R"({"input": [1.0, 2.0], "target": [1, 0]})", "DomainError",
     "hinge_loss: target is 0 at element 1, wanted -1 or 1"},
    {"hinge_loss", R"({"input": [1.0, 2.0], "target": [1, -1], "labels": "01"})", "DomainError",
     "hinge_loss: target is -1 at element 1, wanted 0 or 1"},
    {"gaussian_nll_loss", R"({"input": [1.0, 2.0], "target": [1.0, 2.0], "var": [1.0, -0.5]})", "DomainError",
     "gaussian_nll_loss: var is -0.5 at element 1, wanted a value >= 0"},
    {"poisson_nll_loss", R"({"input": [1.0, -2.0], "target": [1.0, 2.0], "log_input": false})", "DomainError",
     "poisson_nll_loss: input is -2 at element 1, wanted a value >= 0"},
    {"distribution_focal_loss", R"({"input": [[1.0, 2.0, 3.0]], "target": [2.5]})", "DomainError",
     "distribution_focal_loss: target is 2.5 at row 0, wanted a value in [0, 2]"},
    {"multilabel_margin_loss", R"({"input": [[1.0, 2.0, 3.0]], "target": [[0, 3, -1]]})", "IndexError",
     "multilabel_margin_loss: target is 3 at (0,1), wanted a class, or -1 after the last one"},
    {"anchor_focal_loss", R"({"input": [[0.5, 0.5]], "target": [[1, 0, 0.5]]})", "DomainError",
     "anchor_focal_loss: target is 0.5 at (0,2), wanted a state of -1, 0 or 1"},
    {"anchor_focal_loss", R"({"input": [[0.5, 0.5]], "target": [[1, 0, 0]]})", "DomainError",
     "anchor_focal_loss: target is 1 at (0,0), wanted 0, as all labels of a background anchor"},
    {"iou_loss", R"({"input": [[0, 0, 1, 1], [2, 0, 1, 1]], "target": [[0, 0, 1, 1], [0, 0, 1, 1]]})", "DomainError",
     "iou_loss: input holds the box (2, 0, 1, 1) at row 1, wanted x1 <= x2 and y1 <= y2"},
    {"giou_loss", R"({"input": [[0, 0, 1]], "target": [[0, 0, 1]]})", "ShapeError",
     "giou_loss: input has shape (1,3), wanted (…,D) with D = 4"},
    {"ctc_loss",
     R"({"log_probs": [[[-1, -1]], [[-1, -1]]], "targets": [[1, 1]], "input_lengths": [3], "target_lengths": [1]})",
     "IndexError", "ctc_loss: input_lengths is 3 at row 0, wanted a whole number from 0 to 2"},
    {"ctc_loss",
     R"({"log_probs": [[[-1, -1]], [[-1, -1]]], "targets": [[1, 0]], "input_lengths": [2], "target_lengths": [2]})",
     "IndexError", "ctc_loss: targets is 0 at (0,1), wanted a class that is not the blank"},
    {"ctc_loss",
     R"({"log_probs": [[[-1, -1]], [[-1, -1]]], "targets": [[1, 0]], "input_lengths": [2], "target_lengths": [2], "blank": 2})",
     "ParamError", "ctc_loss: blank is 2, wanted less than 2"},
    {"cross_entropy", R"({"input": [[1, 2]], "target": [0], "class_dim": 7})", "IndexError",
     "cross_entropy: class_dim is 7, a tensor of 2 dimensions wants one in [-2, 2)"},
    {"ctc_loss",
     R"({"log_probs": [[[-1, -1]], [[-1, -1]]], "targets": [[1, 1], [1, 1]], "input_lengths": [2], "target_lengths": [1]})",
     "ShapeError", "ctc_loss: targets has shape (2,2), wanted (N,S) with N = 1, the number of problems"},
    {"ctc_loss",
     R"({"log_probs": [[[-1, -1], [-1, -1]], [[-1, -1], [-1, -1]]], "targets": [1, 1], "input_lengths": [2, 2], "target_lengths": [1, 2]})",
     "IndexError", "ctc_loss: target_lengths is 2 at row 1, wanted lengths that add up to no more than the targets"},
    {"ctc_loss_with_logits",
     R"({"input": [[[-1, -1], [-1, -1]]], "targets": [[1], [1]], "input_lengths": [1], "target_lengths": [1]})",
     "ShapeError",
     "ctc_loss_with_logits: input_lengths has shape (1), wanted (2) with the batch of input of shape (1,2,2)"},
    {"nt_xent_loss", R"({"input": [[1, 0], [0, 1], [1, 1]]})", "ShapeError",
     "nt_xent_loss: input has shape (3,2), wanted an even number of rows: i and i + N/2 are a pair"},
    {"nt_xent_loss", R"({"input": [[1, 0], [0, 1], [1, 1]], "labels": [1]})", "ShapeError",
     "nt_xent_loss: labels has shape (1), wanted (N) with N = 3 as input of shape (3,2) has"},
    {"vicreg_loss", R"({"x1": [[1, 2]], "x2": [[1, 2]]})", "ShapeError",
     "vicreg_loss: x1 has shape (1,2), wanted at least two rows, for a variance"},
    {"info_nce_loss", R"({"query": [[1, 0]], "positive_key": [[1, 0, 0]]})", "ShapeError",
     "info_nce_loss: positive_key has shape (1,3), wanted (N,D) with D = 2 as query of shape (1,2) has"},
    {"info_nce_loss", R"({"query": [[1, 0]], "positive_key": [[1, 0]], "temperature": 0})", "ParamError",
     "info_nce_loss: temperature is 0, wanted a value > 0"},
    {"crf_nll_loss",
     R"({"emissions": [[[1, 2]], [[1, 2]]], "tags": [[0], [2]], "transitions": [[0, 0], [0, 0]], "start": [0, 0], "end": [0, 0]})",
     "IndexError", "crf_nll_loss: tags is 2 at (1,0), wanted a tag that is a class"},
    {"frobenius_norm_loss", R"({"input": [[1, 2], [3, 4]], "target": [1, 2, 3, 4]})", "ShapeError",
     "frobenius_norm_loss: target has shape (4) but input has shape (2,2), wanted (2,2); reshape it to (2,2)"},
    {"rmse_loss", R"({"input": [[1], [3]], "target": [1, 2]})", "ShapeError",
     "rmse_loss: target has shape (2) but input has shape (2,1), wanted (2,1); reshape it to (2,1)"},
    {"nuclear_norm_loss", R"({"input": [[[1, 2]], [[3, 4]]], "target": [[[1, 2]]]})", "ShapeError",
     "nuclear_norm_loss: target has shape (1,1,2), wanted (2,R,C) with the batch of input of shape (2,1,2)"},
    {"nuclear_norm_loss", R"({"input": [[1, 2]], "target": [[1, 2]], "reduction": "mean_per_row"})", "ParamError",
     "nuclear_norm_loss: reduction is 'mean_per_row', wanted one of none, sum, mean, batchmean, mean_active"},
    {"masked_reduce", R"({"input": [[1, 2]], "mask": [[1, 1, 1]]})", "ShapeError",
     "masked_reduce: mask has shape (1,3) but input has shape (1,2), wanted (1,2) or what broadcasts to it"},
    {"mse_loss", R"({"input": [1, 2], "target": [1, 2], "reduction": "mean_per_row"})", "ParamError",
     "mse_loss: reduction is 'mean_per_row', wanted one of none, sum, mean, batchmean, mean_active"},
    {"mse_loss", R"({"input": [], "target": [], "empty": "error"})", "DomainError",
     "mse_loss: nothing to average, the count is 0; pass at least one element that counts, or Empty::zero"},
    {"mse_loss", R"({"input": [1, 2], "target": [1, 2], "empty": "void"})", "ParamError",
     "mse_loss: empty is 'void', wanted one of zero, nan, error"},
    {"mse_loss", R"({"input": [1, 2], "target": 2})", "ShapeError",
     "mse_loss: target has shape () but input has shape (2), wanted (2)"},
    {"mse_loss", R"({"input": [1, 2], "target": [1, 2], "input2": [1, 2]})", "ParamError",
     "mse_loss: there is no input 'input2'; did you mean 'input'?"},
    {"huber_loss", R"({"input": [1, 2], "target": [1, 2], "delta": "nan"})", "ParamError",
     "huber_loss: delta is nan, wanted a value > 0"},
    {"vector_norm_loss", R"({"input": [1, 2], "target": [1, 2], "dim": 0.5})", "ParamError",
     "vector_norm_loss: dim is 0.5, wanted a whole number"},
    {"triplet_margin_loss", R"({"anchor": [[1, 2]], "positive": [[1, 2]], "negative": [[1, 2]], "swap": 2})",
     "ParamError", "triplet_margin_loss: swap is 2, wanted 0 or 1"},
    {"adaptive_log_softmax_with_loss",
     R"({"input": [[0.0]], "target": [2], "head_weight": [[1.0], [2.0]], "tail_0_0_weight": [[1.0]], "tail_0_1_weight": [[1.0]], "cutoffs": [1], "n_classes": 2})",
     "IndexError", "adaptive_log_softmax_with_loss: label 2 at row 0 is outside [0, 2)"},
    {"adaptive_log_softmax_with_loss",
     R"({"input": [[0.0]], "target": [0], "head_weight": [[1.0], [2.0]], "tail_0_0_weight": [[1.0]], "tail_0_1_weight": [[1.0]], "cutoffs": [2], "n_classes": 2})",
     "ParamError",
     "adaptive_log_softmax_with_loss: cutoff 0 is 2, wanted increasing numbers from 1 to n_classes - 1 = 1"},
    {"adaptive_log_softmax_with_loss",
     R"({"input": [[0.0]], "target": [0], "head_weight": [[1.0], [2.0]], "tail_0_0_weight": [[1.0, 2.0]], "tail_0_1_weight": [[1.0]], "cutoffs": [1], "n_classes": 2})",
     "ShapeError", "adaptive_log_softmax_with_loss: tail_0_0_weight has shape (1,2), wanted (1,1)"},
    {"clip_grad_norm", R"({"max_norm": 1.0})", "ParamError",
     "clip_grad_norm: input 'grad{i}' is missing, wanted grad{i}, max_norm, norm_type, eps, error_if_nonfinite"},
    {"clip_grad_norm", R"({"grad0": [1.0, "nan"], "error_if_nonfinite": true})", "DomainError",
     "clip_grad_norm: the norm of all gradients is nan, wanted a finite one; look for the op that made it with "
     "check_finite"},
    {"softmax", R"({"input": [[1, 2]], "dim": 2})", "IndexError",
     "softmax: dim is 2, a tensor of 2 dimensions wants one in [-2, 2)"},
    {"cdist", R"({"x1": [[1, 2]], "x2": [[1, 2, 3]]})", "ShapeError",
     "cdist: x2 has shape (1,3), wanted (…,M,K) with K = 2 as x1 of shape (1,2) has"},
};

// What the call of a loss was told: the kind of error, and its text.
std::pair<std::string, std::string> refusal_of(const std::string& loss, const std::string& call) {
  try {
    evaluate(loss_named(loss), loss_arguments(loss_named(loss), call));
  } catch (const Error& e) { return {e.kind(), e.what()}; }
  return {"nothing", ""};
}

// Beside those above, a wrong call for each of the other losses.
nlohmann::json wrong_calls_in_file() {
  return nlohmann::json::parse(std::ifstream(GRADUS_SOURCE_DIR "/tests/data/wrong_loss_calls.json"));
}

TEST(LossErrorTexts, SayThisWordForWord) {
  for (const Refusal& r : refusals) {
    const auto [kind, text] = refusal_of(r.loss, r.call);
    EXPECT_EQ(kind, r.kind) << r.loss << " " << r.call;
    EXPECT_EQ(text, r.text);
  }
  for (const auto& r : wrong_calls_in_file()) {
    const std::string loss = r["loss"], call = r["call"].dump();
    const auto [kind, text] = refusal_of(loss, call);
    EXPECT_EQ(kind, r["kind"].get<std::string>()) << loss << " " << call;
    EXPECT_EQ(text, loss + ": " + r["text"].get<std::string>());
  }
}

TEST(LossErrorTexts, AreThereForEveryLoss) {
  std::set<std::string> told, all;
  for (const Refusal& r : refusals) told.insert(r.loss);
  for (const auto& r : wrong_calls_in_file()) told.insert(r["loss"].get<std::string>());
  for (const LossEntry* loss : losses()) all.insert(loss->about->name);
  EXPECT_EQ(told, all);
}

TEST(LossErrorTexts, OfDtypesSayThisWordForWord) {
  const auto said = [](const char* loss, const LossArguments& call) -> std::string {
    try {
      evaluate(loss_named(loss), call);
    } catch (const DtypeError& e) { return e.what(); }
    return "no DtypeError";
  };
  const Tensor wide = ones({2, 2}, Dtype::float64), narrow = ones({2, 2}), whole = ones({2, 2}, Dtype::int64),
               truth = ones({2}, Dtype::boolean);
  EXPECT_EQ(said("kl_div", {{{"input", wide}, {"target", narrow}}, {}}),
            "kl_div: target is float32 but input is float64, wanted the same; convert one with to()");
  EXPECT_EQ(said("nll_loss", {{{"input", wide}, {"target", truth}}, {}}),
            "nll_loss: target is bool, wanted integer labels; convert it with to(Dtype::int64)");
  EXPECT_EQ(said("softmax", {{{"input", whole}}, {}}),
            "softmax: input is int64, wanted float32 or float64; convert it with to()");
  EXPECT_EQ(said("clip_grad_norm", {{{"grad0", narrow}, {"grad1", wide}}, {}}),
            "clip_grad_norm: grad1 is float64 but grad0 is float32, wanted the same; convert one with to()");
}

// An undefined tensor is no number: it used to stand for 0.
TEST(LossErrorTexts, AnUndefinedParameterIsNoNumber) {
  const LossArguments call{{{"input", ones({2})}, {"target", ones({2})}, {"weight", Tensor()}}, {}};
  try {
    evaluate(loss_named("huber_loss"), call);
    FAIL();
  } catch (const ParamError& e) { EXPECT_STREQ(e.what(), "huber_loss: weight is an undefined tensor; pass a tensor"); }
  EXPECT_TRUE(std::isnan(Param(Tensor()).number()));
}

}  // namespace
}  // namespace gradus
