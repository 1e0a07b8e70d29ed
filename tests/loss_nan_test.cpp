// A NaN that reaches a loss is seen: its value is NaN as well, or the call is refused.  What a loss leaves out by
// definition may hold anything.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "gradus/core/error.h"
#include "gradus/ops/certificate_samples.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

using Numbers = std::vector<double>;
const double nan = std::nan("");

// The losses that do not look at every number, and why.
const std::map<std::string, const char*> leaves_out = {
    {"batch_hard_triplet_loss", "rows without a triplet"},
    {"categorical_cross_entropy", "classes that are not allowed"},
    {"cdist", "p = 0 counts what differs"},
    {"center_loss", "centers of classes that no row has"},
    {"circle_loss", "rows without a pair"},
    {"cross_entropy", "ignored rows, classes that are not allowed"},
    {"crf_nll_loss", "masked steps"},
    {"ctc_loss", "steps after the end, classes on no path"},
    {"ctc_loss_with_logits", "steps after the end"},
    {"debiased_contrastive_loss", "the extra positives where eta_plus = 0"},
    {"entmax15_loss", "ignored rows"},
    {"entmax_loss", "ignored rows"},
    {"fast_ap_loss", "the diagonal, rows without a pair"},
    {"generalized_lifted_structure_loss", "rows without a pair"},
    {"grpo_loss", "masked tokens"},
    {"hard_negative_contrastive_loss", "the extra positives where eta_plus = 0"},
    {"info_nce_loss", "the weight of another similarity"},
    {"js_divergence_with_logits", "beta = 0 leaves out one side"},
    {"lifted_structured_loss", "rows without a pair"},
    {"linear_cross_entropy", "ignored rows"},
    {"multilabel_margin_loss", "rows without a label"},
    {"nca_loss", "rows without a pair"},
    {"nll_loss", "ignored rows, classes that are not the label"},
    {"pairwise_distance", "p = 0 counts what differs"},
    {"pdist", "p = 0 counts what differs"},
    {"pnp_loss", "the diagonal, rows without a pair"},
    {"ranked_list_loss", "the diagonal"},
    {"smooth_ap_loss", "the diagonal, rows without a pair"},
    {"softmax_focal_loss", "ignored rows"},
    {"sparsemax_loss", "ignored rows"},
    {"total_variation_penalty", "the last corner where p = 2"},
    {"vector_norm_loss", "p = 0 counts what differs"},
};

bool sees_nan(const LossPoint& point, Reduction reduction) {
  try {
    for (double x : point.value(point.inputs, reduction).to_vector())
      if (std::isnan(x)) return true;
    return false;
  } catch (const Error&) { return true; }  // refused
}

struct Sight {
  int tried = 0, seen = 0;
};

// Puts a NaN in each place of each differentiable input in turn, for every variant of the loss.
Sight sight_of(const LossEntry& loss, std::string& blind) {
  Sight all;
  Generator generator(20);
  for (const LossVariant& v : variants_of(loss, 7)) {
    LossPoint point(loss, v);
    try {
      if (!draw_accepted(point, {.space = space_of(point, 3, 3, 4), .tensors = true, .defaults = true}, generator))
        continue;
    } catch (const Error&) { continue; }  // a variant of options that do not go together
    for (size_t k = 0; k < point.inputs.size(); ++k) {
      const Tensor right = point.inputs[k];
      if (!right.defined() || !computes(right.dtype()) || !point.facts(int(k)).differentiable) continue;
      for (int64_t i = 0; i < right.numel(); ++i) {
        Numbers numbers = right.to_vector();
        numbers[size_t(i)] = nan;
        point.inputs[k] = tensor(numbers, right.shape(), right.dtype());
        const bool seen = sees_nan(point, v.reduction);
        ++all.tried, all.seen += seen;
        if (!seen) blind = std::string(point.facts(int(k)).name) + " of variant " + v.name;
      }
      point.inputs[k] = right;
    }
  }
  return all;
}

TEST(NaN, IsSeenByEveryLoss) {
  int losses_seen = 0;
  for (const LossEntry* loss : losses()) {
    const std::string name = loss->about->name;
    std::string blind;
    const Sight sight = sight_of(*loss, blind);
    losses_seen += sight.tried > 0;
    const auto reason = leaves_out.find(name);
    if (reason == leaves_out.end()) {
      EXPECT_EQ(sight.seen, sight.tried) << name << " does not see a NaN in " << blind;
    } else {
      EXPECT_GT(sight.seen, 0) << name;
      EXPECT_LT(sight.seen, sight.tried) << name << " sees every NaN; it does not leave out " << reason->second;
    }
  }
  EXPECT_GT(losses_seen, 230);
}

Tensor call(const char* name, const std::vector<std::pair<std::string, Tensor>>& inputs,
            const std::vector<std::pair<std::string, std::variant<double, std::string>>>& options = {}) {
  return evaluate(*find_loss(name), {inputs, options});
}

TEST(NaN, IsNoDistanceOfZero) {
  const Tensor x = tensor(Numbers{1, nan}, {1, 2}, Dtype::float64), y = tensor(Numbers{1, 7}, {1, 2}, Dtype::float64);
  for (double p : {0.5, 1.0, 2.0, 3.0, double(INFINITY)}) {
    EXPECT_TRUE(std::isnan(call("pairwise_distance", {{"x1", x}, {"x2", y}}, {{"p", p}, {"eps", 0.0}}).item())) << p;
    EXPECT_TRUE(std::isnan(call("cdist", {{"x1", x}, {"x2", y}}, {{"p", p}}).item())) << p;
    EXPECT_TRUE(
        std::isnan(call("triplet_margin_loss", {{"anchor", x}, {"positive", y}, {"negative", y}}, {{"p", p}}).item()))
        << p;
  }
  EXPECT_EQ(call("cdist", {{"x1", x}, {"x2", y}}, {{"p", 0.0}}).item(), 1);  // it differs
}

TEST(NaN, InOneLogitIsSeenByItsRow) {
  const Tensor z = tensor(Numbers{1, 2, nan, 0, 1, 2}, {2, 3}, Dtype::float64);
  const Tensor labels = tensor(Numbers{0, 1}, {2}, Dtype::int64);
  const Tensor shares = full({2, 3}, 1.0 / 3, Dtype::float64);
  const auto rows = [&](const char* name, const char* target, const Tensor& t, double from_logits) {
    std::vector<std::pair<std::string, std::variant<double, std::string>>> options{{"reduction", std::string("none")}};
    if (from_logits) options.emplace_back("from_logits", 1.0);
    const Numbers each = call(name, {{"input", z}, {target, t}}, options).to_vector();
    EXPECT_TRUE(std::isnan(each.front())) << name;
    EXPECT_TRUE(std::isfinite(each.back())) << name;
  };
  for (const char* name : {"cross_entropy", "softmax_focal_loss", "sparsemax_loss", "entmax15_loss", "entmax_loss",
                           "multiclass_hinge_loss", "multi_margin_loss", "topk_softmax_cross_entropy"})
    rows(name, "target", labels, 0);
  rows("categorical_cross_entropy", "target", shares, 1);
}

TEST(NaN, AmongTheEmbeddingsIsSeenByTheMiners) {
  for (double bad : {0.0, 1.0}) {
    const Tensor x = tensor(bad ? Numbers{0, 1, nan, 3} : Numbers{nan, nan, nan, nan}, {4, 1}, Dtype::float64);
    const Tensor labels = tensor(Numbers{0, 0, 1, 1}, {4}, Dtype::int64);
    for (const char* name : {"batch_hard_triplet_loss", "lifted_structured_loss", "circle_loss", "nca_loss",
                             "generalized_lifted_structure_loss"})
      EXPECT_TRUE(std::isnan(call(name, {{"input", x}, {"labels", labels}}).item())) << name;
    EXPECT_TRUE(std::isnan(call("lifted_structured_loss", {{"input", x}, {"labels", labels}}, {{"hard", 1.0}}).item()));
  }
}

}  // namespace
}  // namespace gradus
