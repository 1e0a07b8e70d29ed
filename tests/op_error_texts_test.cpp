// What a wrong call of an op is told, word for word: one text at least for every verb, and the same care for all of
// them: one sentence that begins with the verb, and inputs that stay as they were.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "gradus/gradus.h"
#include "gradus/ops/op_sample.h"
#include "gradus/ops/op_table.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

struct WrongCall {
  std::string op;
  std::function<void()> call;
  std::string text;  // after "op: "
};

Tensor f64(const Shape& shape) { return ones(shape, Dtype::float64); }
Tensor f32(const Shape& shape) { return ones(shape); }
Tensor whole(const Shape& shape) { return ones(shape, Dtype::int64); }
Tensor truths(const Shape& shape) { return ones(shape, Dtype::boolean); }

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);

// Functions of real numbers have nothing to say of integers.
std::vector<WrongCall> unary_calls() {
  const std::map<std::string, std::function<Tensor(const Tensor&)>> ops = {
      {"relu", Unary(relu)},
      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); }},
      {"elu", [](const Tensor& x) { return elu(x); }},
      {"tanh", Unary(tanh)},
      {"sigmoid", Unary(sigmoid)},
      {"log_sigmoid", Unary(log_sigmoid)},
      {"silu", Unary(silu)},
      {"softplus", [](const Tensor& x) { return softplus(x); }},
      {"gelu", [](const Tensor& x) { return gelu(x); }},
      {"exp", Unary(exp)},
      {"expm1", Unary(expm1)},
      {"log", Unary(log)},
      {"log1p", Unary(log1p)},
      {"sqrt", Unary(sqrt)},
      {"rsqrt", Unary(rsqrt)},
      {"reciprocal", Unary(reciprocal)},
      {"sin", Unary(sin)},
      {"cos", Unary(cos)},
      {"erf", Unary(erf)},
      {"round", Unary(round)},
      {"floor", Unary(floor)},
      {"ceil", Unary(ceil)},
      {"softmax", [](const Tensor& x) { return softmax(x, 0); }},
      {"log_softmax", [](const Tensor& x) { return log_softmax(x, 0); }},
      {"mean", [](const Tensor& x) { return mean(x); }},
      {"var", [](const Tensor& x) { return var(x); }},
      {"std", [](const Tensor& x) { return gradus::std(x); }},
      {"norm", [](const Tensor& x) { return norm(x); }},
      {"logsumexp", [](const Tensor& x) { return logsumexp(x, {0}); }},
      {"divided", [](const Tensor& x) { return divided(x, 2); }},
  };
  std::vector<WrongCall> calls;
  for (const auto& [name, op] : ops)
    calls.push_back({name, [f = op] { f(whole({2})); }, "got int64, wanted float32 or float64; convert it with to()"});
  const std::map<std::string, Unary> of_numbers = {
      {"neg", neg}, {"abs", Unary(abs)}, {"sign", sign}, {"square", square}};
  for (const auto& [name, op] : of_numbers)
    calls.push_back(
        {name, [f = op] { f(truths({2})); }, "got bool, wanted float32, float64 or int64; convert it with to()"});
  return calls;
}

std::vector<WrongCall> binary_calls() {
  const std::map<std::string, Binary> ops = {{"add", add},     {"sub", sub}, {"mul", mul},         {"div", div},
                                             {"atan2", atan2}, {"pow", pow}, {"maximum", maximum}, {"minimum", minimum},
                                             {"eq", eq},       {"ne", ne},   {"lt", lt},           {"le", le},
                                             {"gt", gt},       {"ge", ge}};
  std::vector<WrongCall> calls;
  for (const auto& [name, op] : ops) {
    calls.push_back({name, [f = op] { f(f32({2, 3}), f64({3})); },
                     "got float32 (2,3) and float64 (3), wanted one dtype; convert one with to()"});
    calls.push_back({name, [f = op] { f(f32({2, 3}), f32({4, 2})); },
                     "shapes (2,3) and (4,2) do not broadcast, extents 3 and 2 differ; reshape one of them"});
  }
  return calls;
}

// Where dims count, one that is not there; and what only the op itself can know.
std::vector<WrongCall> reducing_calls() {
  const std::map<std::string, std::function<void(const Tensor&)>> ops = {
      {"sum", [](const Tensor& x) { sum(x, {2}); }},
      {"mean", [](const Tensor& x) { mean(x, {2}); }},
      {"prod", [](const Tensor& x) { prod(x, {2}); }},
      {"var", [](const Tensor& x) { var(x, {2}); }},
      {"std", [](const Tensor& x) { gradus::std(x, {2}); }},
      {"norm", [](const Tensor& x) { norm(x, 2, {2}); }},
      {"logsumexp", [](const Tensor& x) { logsumexp(x, {2}); }},
      {"max", [](const Tensor& x) { max(x, 2); }},
      {"min", [](const Tensor& x) { min(x, 2); }},
      {"amax", [](const Tensor& x) { amax(x, {2}); }},
      {"amin", [](const Tensor& x) { amin(x, {2}); }},
      {"argmax", [](const Tensor& x) { argmax(x, 2); }},
      {"argmin", [](const Tensor& x) { argmin(x, 2); }},
      {"any", [](const Tensor& x) { any(x, {2}); }},
      {"all", [](const Tensor& x) { all(x, {2}); }},
      {"cumsum", [](const Tensor& x) { cumsum(x, 2); }},
      {"cumprod", [](const Tensor& x) { cumprod(x, 2); }},
      {"product_of_others", [](const Tensor& x) { product_of_others(x, 2); }},
      {"softmax", [](const Tensor& x) { softmax(x, 2); }},
      {"log_softmax", [](const Tensor& x) { log_softmax(x, 2); }},
      {"sort", [](const Tensor& x) { sort(x, 2); }},
      {"argsort", [](const Tensor& x) { argsort(x, 2); }},
      {"topk", [](const Tensor& x) { topk(x, 1, 2); }},
      {"flip", [](const Tensor& x) { flip(x, {2}); }},
      {"flatten", [](const Tensor& x) { flatten(x, 2); }},
      {"transpose", [](const Tensor& x) { transpose(x, 0, 2); }},
      {"squeeze", [](const Tensor& x) { squeeze(x, 2); }},
      {"slice", [](const Tensor& x) { slice(x, 2, 0); }},
      {"select", [](const Tensor& x) { select(x, 2, 0); }},
      {"split", [](const Tensor& x) { split(x, 1, 2); }},
      {"diagonal", [](const Tensor& x) { diagonal(x, 0, 2); }},
      {"concat", [](const Tensor& x) { concat({x, x}, 2); }},
      {"gather", [](const Tensor& x) { gather(x, 2, whole({2, 3})); }},
      {"scatter_add", [](const Tensor& x) { scatter_add(x, 2, whole({2, 3}), x); }},
      {"index_select", [](const Tensor& x) { index_select(x, 2, whole({1})); }},
      {"index_add", [](const Tensor& x) { index_add(x, 2, whole({1}), x); }},
  };
  std::vector<WrongCall> calls;
  for (const auto& [name, op] : ops)
    calls.push_back({name, [f = op] { f(f32({2, 3})); }, "dim is 2, a tensor of 2 dimensions wants one in [-2, 2)"});
  return calls;
}

const Tensor image = f32({1, 2, 5, 5}), row = f32({1, 2, 5});

std::vector<WrongCall> other_calls() {
  return {
      {"adaptive_avg_pool2d", [] { adaptive_avg_pool2d(row, 2); },
       "input has shape (1,2,5), wanted (N,C,H,W); reshape it"},
      {"avg_pool1d", [] { avg_pool1d(row, 6); },
       "the kernel covers (1,6) but the padded input is (1,5), wanted an input at least as large; add padding or use a "
       "smaller kernel"},
      {"avg_pool2d", [] { avg_pool2d(image, 2, {.padding = 2}); },
       "padding (2,2) is more than half the kernel (2,2); a window would see padding alone"},
      {"batch_norm", [] { batch_norm(image, f32({3}), {}, {}, {}); }, "weight has shape (3), wanted (2)"},
      {"clamp", [] { clamp(f32({2}), 2, 1); }, "low is 2 and high is 1; choose low <= high"},
      {"concat", [] { concat({f32({2}), f64({2})}); },
       "tensor 1 is float64 but tensor 0 is float32, wanted one dtype; convert one with to()"},
      {"conv1d", [] { conv1d(row, f32({3, 1, 2})); },
       "input has shape (1,2,5) but weight has shape (3,1,2), wanted 1 input channels: 1 in each of 1 groups"},
      {"conv2d", [] { conv2d(image, f32({3, 2, 6, 6})); },
       "the kernel covers (6,6) but the padded input is (5,5), wanted an input at least as large; add padding or use a "
       "smaller kernel"},
      {"conv_transpose2d", [] { conv_transpose2d(image, f32({3, 2, 2, 2})); },
       "weight has shape (3,2,2,2) but input has shape (1,2,5,5), wanted 3 input channels"},
      {"dropout", [] { dropout(f32({2}), 1.5, true); }, "p is 1.5, wanted a probability from 0 to 1"},
      {"einsum", [] { einsum("ij,jk->ik", {f32({2, 3}), f64({3, 2})}); },
       "operand 1 is float64 but operand 0 is float32, wanted one dtype; convert one with to()"},
      {"embedding", [] { embedding(f32({4, 2}), tensor({0, 4}, {2}, Dtype::int64)); },
       "index 4 at position 1 is outside [0, 4)"},
      {"expand", [] { expand(f32({2, 3}), {2, 4}); },
       "float32 (2,3) does not expand to (2,4); only extents of 1 repeat"},
      {"fold", [] { fold(f32({1, 6, 7}), {3, 4}, {2, 3}); },
       "columns have shape (1,6,7), wanted (N, a multiple of 6, 4) for image (3,4) and kernel (2,3)"},
      {"gather", [] { gather(f32({2, 3}), 1, tensor({0, 3}, {1, 2}, Dtype::int64)); },
       "index 3 at position 1 is outside [0, 3)"},
      {"group_norm", [] { group_norm(image, 3); }, "2 channels do not divide into 3 groups; choose a divisor"},
      {"index_add", [] { index_add(f32({2, 3}), 0, whole({1}), f32({2, 3})); },
       "source has shape (2,3), wanted (1,3): the input's (2,3) with 1 indices in dim 0"},
      {"index_select", [] { index_select(f32({2, 3}), 0, tensor({-3}, {1}, Dtype::int64)); },
       "index -3 at position 0 is outside [0, 2)"},
      {"interpolate", [] { interpolate(image, 0); }, "size is (0,0), wanted at least (1,1)"},
      {"layer_norm", [] { layer_norm(f32({2, 3}), {2}); }, "input has shape (2,3), wanted one that ends in (2)"},
      {"linear", [] { linear(f32({2, 3}), f32({4, 2})); },
       "weight has shape (4,2) but input has shape (2,3), wanted 2 features in its last dimension"},
      {"logical_and", [] { logical_and(truths({2, 3}), f32({4, 2})); },
       "shapes (2,3) and (4,2) do not broadcast, extents 3 and 2 differ; reshape one of them"},
      {"logical_or", [] { logical_or(f32({2, 3}), truths({4, 2})); },
       "shapes (2,3) and (4,2) do not broadcast, extents 3 and 2 differ; reshape one of them"},
      {"masked_fill", [] { masked_fill(f32({2}), f32({2}), 0); }, "mask is float32, wanted bool; convert it with to()"},
      {"masked_select", [] { masked_select(f32({2}), whole({2})); },
       "mask is int64, wanted bool; convert it with to()"},
      {"matmul", [] { matmul(f32({2, 3}), f32({2, 3})); },
       "got shapes (2,3) and (2,3), wanted (N,K) and (K,M); transpose or reshape one"},
      {"max", [] { max(f32({0})); }, "got shape (0), wanted at least one element to choose from"},
      {"min", [] { min(f32({0})); }, "got shape (0), wanted at least one element to choose from"},
      {"argmax", [] { argmax(f32({0})); }, "got shape (0), wanted at least one element to choose from"},
      {"amax", [] { amax(f32({2, 0}), {1}); }, "got shape (2,0), wanted at least one element to choose from"},
      {"max_pool1d", [] { max_pool1d(row, 2, {.padding = 2}); },
       "padding (0,2) is more than half the kernel (1,2); a window would see padding alone"},
      {"max_pool2d", [] { max_pool2d(image, 0); }, "kernel size is (0,0), wanted at least 1"},
      {"minmax", [] { minmax(whole({2, 3})); }, "input is int64, wanted float32 or float64; convert it with to()"},
      {"mul", [] { whole({2}) * 0.5; },
       "got int64 and the number 0.5, wanted a whole one; convert the tensor with to()"},
      {"one_hot", [] { one_hot(tensor({0, 3}, {2}, Dtype::int64), 3); }, "label 3 at position 1 is outside [0, 3)"},
      {"pad", [] { pad(f32({2}), {1}); },
       "got 1 amounts for float32 (2), wanted pairs (before, after) for at most 1 dimensions"},
      {"permute", [] { permute(f32({2, 3}), {0, 0}); },
       "got dims (0,0) for float32 (2,3), wanted each of its 2 dimensions once"},
      {"pow", [] { pow(whole({2}), 0.5); }, "got int64, wanted float32 or float64; convert it with to()"},
      {"repeat", [] { repeat(f32({2, 3}), {2}); },
       "got 1 numbers for float32 (2,3), wanted at least one per dimension"},
      {"reshape", [] { reshape(f32({2, 3}), {4, -1}); },
       "float32 (2,3) has 6 elements, which do not fill shape (4,-1); choose extents whose product is 6"},
      {"scaled", [] { scaled(truths({2}), 2); }, "got bool, wanted float32, float64 or int64; convert it with to()"},
      {"scatter_add", [] { scatter_add(f32({2, 3}), 1, whole({1, 2}), f32({2, 2})); },
       "source has shape (2,2) but index has shape (1,2), wanted one shape; slice the source"},
      {"select", [] { select(f32({2, 3}), 1, 3); }, "index 3 in dim 1 of float32 (2,3) is outside [0, 3)"},
      {"shifted", [] { shifted(truths({2}), 2); }, "got bool, wanted float32, float64 or int64; convert it with to()"},
      {"slice", [] { slice(f32({2, 3}), 1, 0, 2, 0); }, "step 0 is not positive; flip() reverses a dimension"},
      {"split", [] { split(f32({5}), std::vector<int64_t>{2, 2}); },
       "the sizes sum to 4, wanted sizes >= 0 that sum to 5, the extent of dim 0 of float32 (5)"},
      {"stack", [] { stack({f32({2}), f64({2})}); },
       "tensor 1 is float64 but tensor 0 is float32, wanted one dtype; convert one with to()"},
      {"stack", [] { stack({f32({2})}, 2); }, "dim is 2, a tensor of 2 dimensions wants one in [-2, 2)"},
      {"standardize", [] { standardize(truths({2, 3})); },
       "input is bool, wanted float32 or float64; convert it with to()"},
      {"svd", [] { svd(f32({3})); }, "input has shape (3), wanted a matrix (M,N) or a batch of them"},
      {"topk", [] { topk(f32({3}), 4); }, "k is 4, wanted 0 to 3, the extent of dim 0"},
      {"tril", [] { tril(f32({3})); }, "got float32 (3), wanted at least two dimensions"},
      {"triu", [] { triu(f32({3})); }, "got float32 (3), wanted at least two dimensions"},
      {"unfold", [] { unfold(image, 6); },
       "the kernel covers (6,6) but the padded input is (5,5), wanted an input at least as large; add padding or use a "
       "smaller kernel"},
      {"unsqueeze", [] { unsqueeze(f32({2}), 3); }, "dim is 3, a tensor of 2 dimensions wants one in [-2, 2)"},
      {"view", [] { view(transpose(f32({2, 3}), 0, 1), {6}); },
       "float32 (3,2) with strides (1,3) cannot be seen as (6) without a copy; use reshape() instead"},
      {"view", [] { view(f32({2, 3}), {5}); },
       "float32 (2,3) has 6 elements, which do not fill shape (5); choose extents whose product is 6"},
      {"where", [] { where(f32({2}), f32({2}), f32({2})); },
       "got a mask of float32, wanted bool; make one with a comparison"},
  };
}

std::vector<WrongCall> wrong_calls() {
  std::vector<WrongCall> all;
  for (const auto& part : {unary_calls(), binary_calls(), reducing_calls(), other_calls()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

// A number beside a tensor is told of as the operator that it was written with.
std::string spoken_name(const std::string& op) {
  const std::map<std::string, std::string> written = {{"scaled", "mul"}, {"shifted", "add"}, {"divided", "div"}};
  const auto found = written.find(op);
  return found == written.end() ? op : found->second;
}

TEST(OpErrorTexts, SayWhatWasWrongWithTheCall) {
  for (const WrongCall& wrong : wrong_calls())
    EXPECT_EQ(error_of(wrong.call), spoken_name(wrong.op) + ": " + wrong.text);
}

TEST(OpErrorTexts, AreThereForEveryOpThatCanBeCalledWrongly) {
  std::set<std::string> told, ops;
  for (const WrongCall& wrong : wrong_calls()) told.insert(wrong.op);
  // `to` refuses only a device (device_test); the others add up gradients, for shapes that an op has checked.
  const std::set<std::string> never_wrong = {"to", "sum_of_repeats", "sum_to"};
  for (const OpEntry& op : differentiable_ops())
    if (!never_wrong.count(op.name)) ops.insert(op.name);
  for (const char* op : {"eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "any", "all", "argmax",
                         "argmin", "argsort", "one_hot"})
    ops.insert(op);
  EXPECT_EQ(told, ops);
}

// ---- every op of the table, every input ---------------------------------------------------------

const OpCase& first_case(const OpEntry& op) {
  return *std::find_if(op.cases.begin(), op.cases.end(), [](const OpCase& c) { return !c.shapes.empty(); });
}

TEST(OpErrorTexts, AnUndefinedTensorIsNamedAsSuch) {
  for (const OpEntry& op : differentiable_ops()) {
    const OpCase& c = first_case(op);
    const std::vector<Tensor> right = OpSample::drawn(c, 1).leaves();
    for (size_t k = 0; k < right.size(); ++k) {
      std::vector<Tensor> inputs = right;
      inputs[k] = Tensor();
      const std::string said = error_of<StateError>([&] { c.call(inputs); });
      if (k > 0 && said == "nothing was thrown") continue;  // a weight or bias that may be left out
      EXPECT_EQ(said,
                "tensor: there is none, as where grad() was asked before backward() gave a leaf its gradient; ask "
                "defined() first")
          << op.name << " input " << k;
    }
  }
}

// Of a wrong dtype or shape: one sentence by an error of ours, or a result; the inputs stay as they were.
TEST(OpErrorTexts, AFailedCallChangesNothing) {
  int failed = 0;
  for (const OpEntry& op : differentiable_ops()) {
    const OpCase& c = first_case(op);
    const std::vector<Tensor> right = OpSample::drawn(c, 1).leaves();
    for (size_t k = 0; k < right.size(); ++k) {
      Shape longer = right[k].shape();
      longer.push_back(7);
      const Tensor x = right[k].detach();
      for (const Tensor& wrong : {to(x, Dtype::int64), to(x, Dtype::boolean), to(x, Dtype::float32),
                                  ones(longer, x.dtype()), ones({}, x.dtype()), ones({0}, x.dtype())}) {
        std::vector<Tensor> inputs = right;
        inputs[k] = wrong;
        std::vector<std::vector<double>> before;
        std::vector<uint32_t> versions;
        for (const Tensor& t : inputs) before.push_back(t.to_vector()), versions.push_back(t.version());
        const std::string said = error_of([&] { c.call(inputs); });
        if (said == "nothing was thrown") continue;
        ++failed;
        SCOPED_TRACE(op.name + " input " + std::to_string(k) + ": " + said);
        EXPECT_EQ(said.find("another error"), said.npos);
        EXPECT_TRUE(said.find('\n') == said.npos && said.find(". ") == said.npos && said.back() != '.');
        for (size_t i = 0; i < inputs.size(); ++i) {
          EXPECT_EQ(inputs[i].to_vector(), before[i]);
          EXPECT_EQ(inputs[i].version(), versions[i]);
          EXPECT_EQ(inputs[i].grad().defined(), false);
        }
      }
    }
  }
  EXPECT_GT(failed, 200);
}

}  // namespace
}  // namespace gradus
