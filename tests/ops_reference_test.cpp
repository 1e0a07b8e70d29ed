// Values and gradients of tensor ops against numbers that PyTorch 1.13 computed (data/make_ops_reference.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "gradus/ops/conv.h"
#include "gradus/ops/einsum.h"
#include "gradus/ops/embedding.h"
#include "gradus/ops/index.h"
#include "gradus/ops/interpolate.h"
#include "gradus/ops/linear.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/normalize.h"
#include "gradus/ops/pooling.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/sort.h"
#include "gradus/ops/svd.h"
#include "gradus/ops/unfold.h"
#include "op_check.h"

namespace gradus {
namespace {

using namespace op_check;

Tensor read(const nlohmann::json& json) {
  Shape shape;
  for (int64_t extent : json["shape"]) shape.push_back(extent);
  return tensor(json["values"].get<std::vector<double>>(), shape, Dtype::float64);
}

Tensor table_of(const std::vector<int64_t>& values, const Shape& shape) { return from_data(values.data(), shape); }

Tensor signless(const Svd& f) {
  return concat({flatten(mul(f.u, f.u)), f.s, flatten(mul(f.v, f.v)), flatten(matmul(f.u, transpose(f.v, 0, 1)))});
}

Tensor first_and_third() {
  Tensor mask({3}, Dtype::boolean);
  for (int i : {0, 1, 2}) mask.set({i}, i != 1);
  return mask;
}

const std::map<std::string, Op>& calls() {
  static const Tensor index = table_of({0, 2, 2, 1, 1, 0}, {2, 3}), words = table_of({1, 3, 0, 1}, {2, 2});
  static const std::map<std::string, Op> table = {
      {"conv2d",
       [](const Inputs& in) {
         return conv2d(in[0], in[1], in[2], {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2});
       }},
      {"conv1d",
       [](const Inputs& in) { return conv1d(in[0], in[1], in[2], {.stride = 2, .padding = 1, .dilation = 2}); }},
      {"conv_transpose2d",
       [](const Inputs& in) {
         return conv_transpose2d(in[0], in[1], in[2],
                                 {.stride = 2, .padding = 1, .output_padding = {1, 0}, .groups = 2});
       }},
      {"max_pool2d", [](const Inputs& in) { return max_pool2d(in[0], {3, 2}, {.stride = {2, 1}, .padding = {1, 0}}); }},
      {"max_pool2d of ties", [](const Inputs& in) { return max_pool2d(in[0], 3, {.stride = 1, .padding = 1}); }},
      {"avg_pool2d", [](const Inputs& in) { return avg_pool2d(in[0], 3, {.stride = 2, .padding = 1}); }},
      {"avg_pool2d without padding",
       [](const Inputs& in) { return avg_pool2d(in[0], 3, {.stride = 2, .padding = 1, .count_include_pad = false}); }},
      {"adaptive_avg_pool2d", [](const Inputs& in) { return adaptive_avg_pool2d(in[0], {3, 2}); }},
      {"max_pool1d", [](const Inputs& in) { return max_pool1d(in[0], 3, {.stride = 2, .padding = 1}); }},
      {"avg_pool1d", [](const Inputs& in) { return avg_pool1d(in[0], 3, {.stride = 2, .padding = 1}); }},
      {"unfold",
       [](const Inputs& in) { return unfold(in[0], {2, 3}, {.stride = {2, 1}, .padding = 1, .dilation = {1, 2}}); }},
      {"fold", [](const Inputs& in) { return fold(in[0], {4, 5}, {2, 3}, {.stride = {2, 1}, .padding = 1}); }},
      {"batch_norm", [](const Inputs& in) { return batch_norm(in[0], in[1], in[2], {}, {}); }},
      {"layer_norm", [](const Inputs& in) { return layer_norm(in[0], {3, 2}, in[1], in[2]); }},
      {"group_norm", [](const Inputs& in) { return group_norm(in[0], 2, in[1], in[2]); }},
      {"bilinear", [](const Inputs& in) { return interpolate(in[0], {5, 3}, Interpolation::bilinear); }},
      {"bilinear, corners aligned",
       [](const Inputs& in) { return interpolate(in[0], {5, 3}, Interpolation::bilinear, true); }},
      {"nearest", [](const Inputs& in) { return interpolate(in[0], {5, 3}); }},
      {"embedding", [](const Inputs& in) { return embedding(in[0], words, 0); }},
      {"linear", [](const Inputs& in) { return linear(in[0], in[1], in[2]); }},
      {"matmul", [](const Inputs& in) { return matmul(in[0], in[1]); }},
      {"einsum", [](const Inputs& in) { return einsum("bij,jbk->ki", in); }},
      {"svd", [](const Inputs& in) { return signless(svd(in[0])); }},
      {"gather", [](const Inputs& in) { return gather(in[0], 1, index); }},
      {"scatter_add", [](const Inputs& in) { return scatter_add(in[0], 0, index, in[1]); }},
      {"index_select", [](const Inputs& in) { return index_select(in[0], 1, labels({2, 0, 2})); }},
      {"masked_select", [](const Inputs& in) { return masked_select(in[0], first_and_third()); }},
      {"pad", [](const Inputs& in) { return pad(in[0], {1, -1, 0, 2}, 0.5); }},
      {"topk", [](const Inputs& in) { return topk(in[0], 2, 0, false).values; }},
      {"sort", [](const Inputs& in) { return sort(in[0], 1, true).values; }},
      {"repeat", [](const Inputs& in) { return repeat(in[0], {2, 1, 2}); }},
      {"tril", [](const Inputs& in) { return tril(in[0], -1); }},
      {"diagonal", [](const Inputs& in) { return diagonal(in[0], 0, 2); }},
  };
  return table;
}

void expect_near(const Tensor& got, const Tensor& expected) {
  ASSERT_EQ(text(got.shape()), text(expected.shape()));
  const auto a = got.to_vector(), b = expected.to_vector();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-11 * (1 + std::abs(b[i]))) << "element " << i;
}

TEST(OpsReference, ValuesAndGradientsAgreeWithPyTorch) {
  std::ifstream file(GRADUS_SOURCE_DIR "/tests/data/ops_reference.json");
  const nlohmann::json cases = nlohmann::json::parse(file);
  EXPECT_EQ(cases.size(), calls().size());
  for (const auto& reference : cases) {
    SCOPED_TRACE(reference["name"].get<std::string>());
    Inputs inputs;
    for (const auto& input : reference["inputs"]) inputs.push_back(read(input).requires_grad(true));
    const Tensor out = calls().at(reference["name"])(inputs);
    expect_near(out, read(reference["output"]));
    const std::vector<Tensor> gradients = grad({sum(mul(out, read(reference["weights"])))}, inputs);
    for (size_t i = 0; i < inputs.size(); ++i) expect_near(gradients[i], read(reference["gradients"][i]));
  }
}

}  // namespace
}  // namespace gradus
