// Every loss that has a kernel, on the device: the same value and gradients as on the CPU, for every variant of its
// options, all reductions, both dtypes, strided inputs and parameters of every shape.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/certificate_samples.h"
#include "gradus/ops/device_losses.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/registry.h"

namespace {

using namespace gradus;

// On the device, with its dimensions in reversed order and gaps between, where `strided`.
Tensor moved(const Tensor& t, bool strided) {
  if (!t.defined()) return t;
  if (!strided || t.rank() == 0) return to(t, cuda());
  Shape strides = t.shape();
  int64_t step = 2;
  for (int d = 0; d < t.rank(); ++d) {
    strides[d] = step;
    step *= std::max<int64_t>(1, t.shape()[d]);
  }
  Tensor view = Tensor({step}, t.dtype(), cuda()).alias(t.shape(), strides);
  copy_elements(t, view);
  return view;
}

struct Result {
  std::string error;
  std::vector<double> value;
  std::vector<std::vector<double>> grads;  // of every input; empty where none flows
};

Result result_of(const LossPoint& point, std::vector<Tensor> inputs, Reduction reduction) {
  Result r;
  std::vector<Tensor> leaves;
  std::vector<size_t> which;
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (!inputs[k].defined() || !point.facts(int(k)).differentiable || !computes(inputs[k].dtype())) continue;
    inputs[k] = inputs[k].detach().requires_grad(true);
    leaves.push_back(inputs[k]);
    which.push_back(k);
  }
  try {
    const Tensor out = point.value(inputs, reduction);
    r.value = out.to_vector();
    r.grads.resize(inputs.size());
    if (leaves.empty() || !out.requires_grad() || out.numel() == 0) return r;
    Tensor upstream(out.shape(), out.dtype());
    Generator generator(7);
    visit_floating(upstream.dtype(), [&]<class F>(Type<F>) {
      fill_uniform(upstream.mutable_data<F>(), upstream.numel(), 0.5, 1.5, generator);
    });
    const std::vector<Tensor> grads = grad({out}, leaves, {to(upstream, out.device())});
    for (size_t i = 0; i < grads.size(); ++i)
      if (grads[i].defined()) r.grads[which[i]] = grads[i].to_vector();
  } catch (const Error& e) { r.error = e.what(); }
  return r;
}

// What is wrong, "" when nothing is.
std::string difference(const std::vector<double>& got, const std::vector<double>& want, double tolerance) {
  if (got.size() != want.size()) return std::to_string(got.size()) + " numbers, wanted " + std::to_string(want.size());
  double largest = 1;
  for (double w : want)
    if (std::isfinite(w)) largest = std::max(largest, std::abs(w));
  for (size_t i = 0; i < got.size(); ++i) {
    const bool same = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]));
    if (!same && !(std::abs(got[i] - want[i]) <= tolerance * largest))
      return "element " + std::to_string(i) + " is " + testing::PrintToString(got[i]) + ", wanted " +
             testing::PrintToString(want[i]);
  }
  return "";
}

std::string difference(const Result& device, const Result& host, const LossPoint& point, double tolerance) {
  if (device.error != host.error) return "error '" + device.error + "', wanted '" + host.error + "'";
  if (std::string d = difference(device.value, host.value, tolerance); !d.empty()) return "value: " + d;
  for (size_t k = 0; k < host.grads.size(); ++k)
    if (std::string d = difference(device.grads[k], host.grads[k], tolerance); !d.empty())
      return std::string("gradient of ") + point.facts(int(k)).name + ": " + d;
  return "";
}

constexpr Reduction reductions[] = {Reduction::none, Reduction::sum, Reduction::mean, Reduction::batchmean,
                                    Reduction::mean_active};

// Compares one drawn point in all reductions; what differs is a failure.
void compare(const LossEntry& loss, const LossVariant& variant, LossPoint& point, const Plan& plan) {
  const double tolerance = plan.dtype == Dtype::float64 ? 1e-10 : 1e-5;
  std::vector<Tensor> there;
  for (const Tensor& t : point.inputs) there.push_back(moved(t, plan.strided));
  for (const Reduction reduction : reductions) {
    const Result host = result_of(point, point.inputs, reduction), device = result_of(point, there, reduction);
    const std::string wrong = difference(device, host, point, tolerance);
    EXPECT_EQ(wrong, "") << loss.about->name << " " << variant.name << ", " << to_string(plan) << ", "
                         << name_of(reduction);
  }
}

bool on_device(const LossPoint& point) { return bool(device_kernel(point.about().name, point.entry(), cuda())); }

void compare_all(const LossEntry& loss) {
  Generator generator(1);
  for (const LossVariant& variant : variants_of(loss, 3)) {
    LossPoint point(loss, variant);
    if (!on_device(point)) continue;
    const int rank = std::max(point.least_rank(), 2);
    for (const Dtype dtype : {Dtype::float64, Dtype::float32}) {
      std::vector<Plan> plans = {{.style = Style::smooth, .space = space_of(point, rank, 5, 40), .dtype = dtype}};
      if (variant.name == "defaults") {
        plans.push_back({.style = Style::ties, .space = space_of(point, rank, 3, 20), .strided = true, .dtype = dtype});
        plans.push_back(
            {.style = Style::smooth, .space = space_of(point, rank + 1, 4, 9), .broadcast = true, .dtype = dtype});
        plans.push_back({.space = space_of(point, rank, 9, 33), .tensors = false, .defaults = true, .dtype = dtype});
        if (point.entry().fold && dtype == Dtype::float64)  // rows that are cut into parts
          plans.push_back({.style = Style::smooth, .space = space_of(point, rank, 2, 17000), .dtype = dtype});
      }
      for (const Plan& plan : plans)
        if (draw_finite(point, plan, generator)) compare(loss, variant, point, plan);
    }
  }
}

class DeviceLosses : public testing::TestWithParam<const LossEntry*> {};

TEST_P(DeviceLosses, AreAsOnTheCpu) { compare_all(*GetParam()); }

std::vector<const LossEntry*> losses_with_kernels() {
  std::vector<const LossEntry*> found;
  for (const LossEntry* loss : losses())
    for (int f = 0; f < loss->formula_count; ++f)
      if (loss->formula(f)->run) {  // a Map or a Fold
        found.push_back(loss);
        break;
      }
  return found;
}

INSTANTIATE_TEST_SUITE_P(Every, DeviceLosses, testing::ValuesIn(losses_with_kernels()),
                         [](const auto& info) { return std::string(info.param->about->name); });

// Which formulas of a loss have a kernel: "+" and "-" in their order.
std::string kernels_of(const LossEntry& loss) {
  std::string kernels;
  for (int f = 0; f < loss.formula_count; ++f) kernels += device_kernel("test", *loss.formula(f), cuda()) ? '+' : '-';
  return kernels;
}

// The losses that a device lacks, all of them or the formulas marked "-": Blocks and what is made of tensor ops.
const char* const lacking = R"(
adaptive_log_softmax_with_loss anchor_focal_loss approx_ndcg_loss arcface_loss barlow_twins_loss
batch_hard_triplet_loss brier_score_loss:+- categorical_cross_entropy:-+ cdist center_loss check_finite ciou_loss
circle_loss clip_grad_norm clip_grad_value clip_loss cosface_loss crf_nll_loss ctc_loss ctc_loss_with_logits
curl_bilinear_info_nce debiased_contrastive_loss decoupled_contrastive_loss diou_loss entmax entmax15 entmax15_loss
entmax_loss giou_loss hard_negative_contrastive_loss in_top_k info_nce_loss instance_discrimination_nce_loss iou_loss
js_divergence_with_logits jsd_mutual_information_loss lifted_structured_loss linear_cross_entropy listmle_loss
listnet_loss log_sigmoid log_softmax logsumexp lovasz_hinge_loss lovasz_softmax_loss mmd_loss multi_margin_loss
multi_similarity_loss multiclass_hinge_loss:+-+ multilabel_margin_loss n_pair_loss nca_loss nll_loss:+- nt_xent_loss
nuclear_norm_loss pairwise_hamming pdist proxy_anchor_loss proxy_nca_loss ranknet_loss rnnt_loss
sequence_cross_entropy siglip_loss sigmoid smooth_labels soft_dtw_loss soft_nearest_neighbor_loss softmax
softmax_focal_loss:+- softmin softplus sparse_categorical_cross_entropy:-+ sparsemax sparsemax_loss sup_con_loss
swav_swapped_prediction_loss topk_softmax_cross_entropy uniformity_loss vicreg_loss
)";

TEST(DeviceCoverage, TheLossesWithoutAKernelAreThese) {
  std::set<std::string> found, expected, registered;
  for (const LossEntry* loss : losses()) {
    const std::string kernels = kernels_of(*loss), name = loss->about->name;
    registered.insert(name);
    if (kernels.find('-') == std::string::npos) continue;
    found.insert(kernels.find('+') == std::string::npos ? name : name + ":" + kernels);
  }
  std::istringstream entries(lacking);
  for (std::string entry; entries >> entry;)  // a build of fewer losses lacks fewer
    if (registered.count(entry.substr(0, entry.find(':')))) expected.insert(entry);
  std::string wrong, table = "loss: cpu, device\n";
  for (const std::string& name : found)
    if (!expected.count(name)) wrong += name + " has no kernel and is not in the list\n";
  for (const std::string& name : expected)
    if (!found.count(name)) wrong += name + " is in the list and has a kernel\n";
  for (const LossEntry* loss : losses())
    table += std::string(loss->about->name) + ": " + std::string(size_t(loss->formula_count), '+') + ", " +
             kernels_of(*loss) + "\n";
  EXPECT_EQ(wrong, "") << table;
}

TEST(DeviceCoverage, EveryMapAndFoldHasAKernel) {
  for (const LossEntry* loss : losses())
    for (int f = 0; f < loss->formula_count; ++f)
      EXPECT_EQ(bool(device_kernel("test", *loss->formula(f), cuda())), loss->formula(f)->run != nullptr)
          << loss->about->name << ", formula " << f;
}

}  // namespace
