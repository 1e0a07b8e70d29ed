// Losses at magnitudes from 1e-8 to 1e38 (float32) and 1e300 (float64), values and gradients against their definitions
// in mpmath (data/make_stability.py).  Nothing that is representable may come out as infinity or NaN, and everything is
// as near to the exact number as its condition lets it: where one rounding of every input moves the number by less than
// 1e-12 (2e-5 in float32) over 32, the problem is well conditioned and the error at most that; elsewhere it may be as
// large as 32 roundings of the inputs make it.  Errors are relative to the number itself; only in gradients that are
// differences of things of size 1 (CTC, the cosine, triplets) to the largest number of the row.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "gradus/autograd/engine.h"
#include "gradus/cli/loss_json.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

using nlohmann::json;

struct Precision {
  double rounding, well, smallest, largest;
  explicit Precision(bool single)
      : rounding(single ? 0x1p-24 : 0x1p-53),
        well(single ? 2e-5 : 1e-12),
        smallest(single ? 0x1p-126 : 0x1p-1022),
        largest(single ? double(std::numeric_limits<float>::max()) : std::numeric_limits<double>::max()) {}
};

struct Tally {
  int compared = 0, well = 0;
};

double number_of(const json& x) { return x.is_string() ? std::numeric_limits<double>::infinity() : x.get<double>(); }

void compare(const std::string& what, const std::vector<double>& got, const json& exact, const json& conditions,
             size_t row, const Precision& p, Tally& tally) {
  ASSERT_EQ(got.size(), exact.size()) << what;
  for (size_t i = 0; i < got.size(); ++i) {
    const double want = number_of(exact[i]), condition = conditions[i].get<double>();
    if (std::abs(want) > p.largest) continue;
    EXPECT_TRUE(std::isfinite(got[i])) << what << " " << i << " is " << got[i] << ", wanted " << want;
    const double tolerance = std::max(p.well, 32 * p.rounding * condition);
    double size = std::abs(want);
    for (size_t k = i / row * row; k < (i / row + 1) * row; ++k) size = std::max(size, std::abs(number_of(exact[k])));
    EXPECT_LE(std::abs(got[i] - want), tolerance * size + p.smallest)
        << what << " " << i << " is " << got[i] << ", wanted " << want << ", condition " << condition;
    ++tally.compared;
    tally.well += tolerance == p.well;
  }
}

class Stability : public testing::TestWithParam<std::string> {};

json all_cases() {
  std::ifstream file(GRADUS_SOURCE_DIR "/tests/data/stability.json");
  return json::parse(file);
}

TEST_P(Stability, IsAsNearToTheDefinitionAsTheInputsTell) {
  static const json cases = all_cases();
  Tally tally;
  for (const json& c : cases) {
    if (c["loss"] != GetParam()) continue;
    const LossEntry& loss = loss_named(c["loss"]);
    const bool single = c["dtype"] == "float32";
    json call = c["call"];
    if (!loss.about->fixed) call["reduction"] = "none";
    LossArguments arguments = loss_arguments(loss, call.dump(), single ? Dtype::float32 : Dtype::float64);
    for (auto& [name, t] : arguments.inputs)
      if (c["grads"].contains(name)) t.requires_grad(true);
    const Tensor values = evaluate(loss, arguments);
    backward(sum(values));
    json options = c["call"];
    for (const auto& [name, t] : arguments.inputs) options.erase(name);
    const std::string what = c["loss"].get<std::string>() + " " + options.dump() + " " + c["dtype"].get<std::string>();
    const Precision precision(single);
    compare(what, values.to_vector(), c["values"], c["value_conditions"], 1, precision, tally);
    for (const auto& [name, t] : arguments.inputs)
      if (c["grads"].contains(name))
        compare(what + ", gradient of " + name, t.grad().to_vector(), c["grads"][name], c["grad_conditions"][name],
                c["normwise"] ? size_t(t.numel()) / c["values"].size() : 1, precision, tally);
  }
  EXPECT_GT(tally.compared, 50);
  EXPECT_GT(tally.well, tally.compared / 3);  // most of these are well conditioned
}

INSTANTIATE_TEST_SUITE_P(Losses, Stability,
                         testing::Values("cross_entropy", "nll_loss", "softmax_focal_loss", "kl_div_with_logits",
                                         "entropy_with_logits", "sparsemax_loss", "entmax15_loss",
                                         "binary_cross_entropy_with_logits", "sigmoid_focal_loss",
                                         "binary_cross_entropy", "hinge_loss", "soft_margin_loss", "log_cosh_loss",
                                         "huber_loss", "smooth_l1_loss", "poisson_nll_loss", "vector_norm_loss",
                                         "triplet_margin_loss", "cosine_similarity", "nt_xent_loss", "sup_con_loss",
                                         "info_nce_loss", "ctc_loss_with_logits", "cauchy_loss", "charbonnier_loss",
                                         "student_t_nll_loss", "welsch_loss", "barron_general_loss",
                                         "binary_entropy_with_logits", "bpr_loss", "margin_ranking_loss",
                                         "zlpr_multilabel_loss", "multilabel_soft_margin_loss", "msle_loss"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace gradus
