// Every differentiable op: its certificate is complete, a second set of differences agrees, and no verb is forgotten.
#include "gradus/ops/op_certificate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "gradus/autograd/custom_function.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/math.h"
#include "gradus/ops/op_sample.h"
#include "gradus/tests/op_check.h"

namespace gradus {
namespace {

class Ops : public testing::TestWithParam<size_t> {
 protected:
  const OpEntry& op() const { return differentiable_ops()[GetParam()]; }
};

TEST_P(Ops, HaveACompleteCertificate) {  // coverage 5.2
  const OpCertificate c = certify(op());
  EXPECT_TRUE(c.complete) << to_string(c);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t one_in = 4;  // everything is ten times slower: try fewer cases
#else
constexpr size_t one_in = 1;
#endif

// Differences of another kind than the certificate's, of every element and every second derivative.
TEST_P(Ops, AgreeWithDifferencesOfEveryElement) {
  for (size_t i = 0; i < op().cases.size(); i += one_in) {
    const OpCase& c = op().cases[i];
    if (c.shapes.empty()) continue;
    SCOPED_TRACE("case " + std::to_string(i));
    const OpSample sample = OpSample::drawn(c, 1);
    op_check::check_gradients_at(c.call, c.shapes, sample.values(),
                                 {.tolerance = 1e-7, .step = std::min(0.05, 0.12 * sample.clearance())});
  }
}

INSTANTIATE_TEST_SUITE_P(Table, Ops, testing::Range(size_t{0}, differentiable_ops().size()),
                         [](const auto& info) { return differentiable_ops()[info.param].name; });

// ---- the table against the headers --------------------------------------------------------------

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The functions of a header that make tensors from tensors.
std::set<std::string> verbs_in(const std::string& header) {
  static const std::regex declaration(
      R"((^|\n)(inline )?(Tensor|std::vector<Tensor>|Extreme|Sorted|Svd) (\w+)\(([^;]*?)\)\s*[;{])");
  std::set<std::string> verbs;
  for (std::sregex_iterator m(header.begin(), header.end(), declaration), end; m != end; ++m)
    if ((*m)[5].str().find("Tensor") != std::string::npos && !(*m)[4].str().starts_with("operator"))
      verbs.insert((*m)[4]);
  return verbs;
}

TEST(OpTable, HoldsEveryDifferentiableVerbOfTheHeaders) {
  // What gives no gradient: integers, truths, or numbers that do not depend on the input's.
  const std::set<std::string> without_gradient = {
      "eq",     "ne",       "lt",          "le",         "gt",         "ge",        "isnan",
      "isinf",  "isfinite", "logical_and", "logical_or", "any",        "all",       "logical_not",
      "argmax", "argmin",   "argsort",     "one_hot",    "zeros_like", "ones_like", "on_the_cpu"};
  // Drivers and what runs the losses, below the verbs.
  const std::set<std::string> inner = {
      "application", "apply",     "block_kernel", "compile",        "differentiable",   "elementwise",  "fold",
      "kernels",     "op_sample", "op_table",     "registry",       "columns",          "composition",  "geometry",
      "operands",    "windows",   "conv_form",    "conv_on_device", "device_agreement", "checked_index"};
  std::set<std::string> in_headers, in_table;
  for (const auto& file : std::filesystem::directory_iterator(GRADUS_SOURCE_DIR "/ops")) {
    if (file.path().extension() != ".h" || inner.count(file.path().stem().string())) continue;
    for (const std::string& verb : verbs_in(text_of(file.path())))
      if (!without_gradient.count(verb)) in_headers.insert(file.path().stem().string() + ".h: " + verb);
  }
  for (const OpEntry& op : differentiable_ops()) {
    EXPECT_TRUE(in_table.insert(op.header + ".h: " + op.name).second) << op.name << " stands twice in the table";
    EXPECT_EQ(find_op(op.name), &op);
  }
  EXPECT_GT(in_headers.size(), 90u);
  EXPECT_EQ(in_headers, in_table);
  EXPECT_EQ(find_op("relux"), nullptr);
}

// ---- certificates can fail ----------------------------------------------------------------------

// x², whose gradient is multiplied by a factor.
OpCase square_with(double factor, std::vector<Shape> shapes) {
  const CustomFunction f = {
      .name = "square_with",
      .forward =
          [](FunctionContext& context, const std::vector<Tensor>& in) {
            context.save(in[0]);
            return square(in[0]);
          },
      .backward = [factor](const FunctionContext& context, const Tensor& g) -> std::vector<Tensor> {
        return {g * (2 * factor) * context.saved(0)};
      }};
  return {f, std::move(shapes)};
}

TEST(OpCertificates, AreCompleteForWhatIsRight) {
  OpCase right = square_with(1, {{2, 3}});
  right.large = {{1000}};
  const OpCertificate c = certify(OpEntry{"square", "own", {right, square_with(1, {{0, 2}})}});
  EXPECT_TRUE(c.complete) << to_string(c);
  const std::string text = to_string(c);
  EXPECT_TRUE(text.starts_with("square (ops/own.h): complete\n  differences                    6 cases, worst "))
      << text;
  EXPECT_NE(text.find("zero size"), std::string::npos);
}

TEST(OpCertificates, FailForAWrongGradientAndForWhatWasNotTried) {
  const OpCertificate c = certify(OpEntry{"square", "own", {square_with(1.001, {{2, 3}})}});
  EXPECT_FALSE(c.complete);
  ASSERT_EQ(c.failures.size(), 4u) << to_string(c);
  EXPECT_TRUE(c.failures[0].starts_with("on (2,3) gradcheck failed")) << c.failures[0];
  EXPECT_TRUE(c.failures[0].ends_with("off by a factor 1.001")) << c.failures[0];
  EXPECT_EQ(c.failures[1], "no case was tried for second order");
  EXPECT_EQ(c.failures[3], "no case was tried for threads");
}

TEST(OpCertificates, FailWhereADeclaredKinkIsNone) {
  OpCase smooth = square_with(1, {{2, 3}});
  smooth.large = {{1000}};
  smooth.kinks = {0.5};
  const OpCertificate c = certify(OpEntry{"square", "own", {smooth, square_with(1, {{0, 2}})}});
  EXPECT_EQ(c.failures, std::vector<std::string>{"no kink was met at the declared ties"});
}

TEST(OpCertificates, FailWhereALayoutOrAThreadChangesTheResult) {
  const auto failures = [](const TensorFunction& f, std::vector<Shape> large) {
    OpCase c = {f, {{2, 3}}};
    c.large = std::move(large);
    return certify(OpEntry{"own", "own", {c, {f, {{0, 2}}}}}).failures;
  };
  const auto dense_only = failures(
      [](const std::vector<Tensor>& in) { return in[0].is_contiguous() ? in[0] * 1.0 : in[0] * 2.0; }, {{1000}});
  ASSERT_FALSE(dense_only.empty());
  EXPECT_TRUE(dense_only[0].starts_with("on (2,3) strides column-major: the output is off by ")) << dense_only[0];
  const auto by_threads =
      failures([](const std::vector<Tensor>& in) { return in[0] * (in[0].numel() > 6 ? threads() : 1.0); }, {{1000}});
  ASSERT_FALSE(by_threads.empty());
  EXPECT_EQ(by_threads[0], "on (1000) the output has other bits with 2 threads");
}

}  // namespace
}  // namespace gradus
