// The table's ops that fold or order the elements along dimensions.
#include <limits>

#include "gradus/ops/arithmetic.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/math.h"
#include "gradus/ops/op_table.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/rescale.h"
#include "gradus/ops/scan.h"
#include "gradus/ops/softmax.h"
#include "gradus/ops/sort.h"

namespace gradus {
namespace {

using In = const std::vector<Tensor>&;
using Dims = std::vector<int64_t>;
using Reduction = std::function<Tensor(const Tensor&, const Dims&, bool keepdim)>;

constexpr double infinity = std::numeric_limits<double>::infinity();
const Shape cube = {2, 3, 4};

struct How {
  bool of_nothing = true;   // does no dimension at all make sense?
  bool needs_some = false;  // is an empty dimension refused?
  DrawnFrom from = {-1.9, 1.9};
  std::vector<double> kinks = {}, poles = {};
  bool ordered = false;
};

// Over every choice of dimensions, and of nothing.
OpEntry over_dims(const char* header, const char* name, const Reduction& f, const How& how = {}) {
  OpEntry entry = {name, header, {}};
  const auto add = [&](const Dims& dims, const Shape& shape) {
    const bool keepdim = dims.size() == 1;
    entry.cases.push_back(
        {[=](In x) { return f(x[0], dims, keepdim); }, {shape}, {how.from}, {}, how.kinks, how.poles, how.ordered});
  };
  for (const Dims& dims : {Dims{2}, Dims{0}, Dims{1}, Dims{0, 2}, Dims{0, 1, 2}, Dims{}})
    if (!dims.empty() || how.of_nothing) add(dims, cube);
  add({1}, {0, 3});
  if (!how.needs_some) add({1}, {3, 0});
  entry.cases[0].large = entry.cases[1].large = {{30, 17, 300}};
  entry.cases.push_back({.call = [=](In x) { return f(x[0], {0}, false); }, .shapes = {}, .large = {{70001}}});
  return entry;
}
OpEntry also(OpEntry entry, const std::vector<OpCase>& more) {
  entry.cases.insert(entry.cases.end(), more.begin(), more.end());
  return entry;
}
OpEntry also(OpEntry entry, const OpCase& more) { return also(std::move(entry), std::vector<OpCase>{more}); }

std::vector<OpEntry> reductions() {
  const auto norm_over = [](double p) {
    return [p](const Tensor& x, const Dims& dims, bool keepdim) { return norm(x, p, dims, keepdim); };
  };
  OpEntry norms = over_dims("reduce", "norm", norm_over(2));
  const auto norms_of = [&](double p, const How& how) {
    norms = also(norms, over_dims("reduce", "norm", norm_over(p), how).cases);
  };
  norms_of(1, {.kinks = {0}});
  norms_of(3, {});
  norms_of(1.5, {.poles = {0}});
  norms_of(0.5, {.from = {0.3, 1.9}});
  norms_of(infinity, {.needs_some = true, .from = {0.3, 1.9}, .ordered = true});
  norms = also(norms, {[](In x) { return norm(x[0], infinity); }, {{4}}, {}, {{0.5, -1.5, 0.25, 1}}});
  norms = also(norms, {[](In x) { return norm(x[0]); }, {{4}}});
  OpEntry products = over_dims("reduce", "prod", [](const Tensor& x, const Dims& d, bool k) { return prod(x, d, k); });
  for (const std::vector<double>& zeros :
       std::vector<std::vector<double>>{{2, 0, 3, -1, 0.5, 2}, {2, 0, 3, 0, 0.5, 2}, {0, 0, 0, 1, 2, 3}}) {
    products = also(products, {[](In x) { return prod(x[0]); }, {{2, 3}}, {}, {zeros}});
    products = also(products, {[](In x) { return prod(x[0], {0}); }, {{2, 3}}, {}, {zeros}});
  }
  const auto var_over = [](double correction) {
    return [=](const Tensor& x, const Dims& d, bool k) { return var(x, d, k, correction); };
  };
  const auto std_over = [](double correction) {
    return [=](const Tensor& x, const Dims& d, bool k) { return gradus::std(x, d, k, correction); };
  };
  const How not_of_one = {.of_nothing = false, .needs_some = true};
  return {
      also(over_dims("reduce", "sum", [](const Tensor& x, const Dims& d, bool k) { return sum(square(x), d, k); }),
           {[](In x) { return sum(x[0]); }, {{2, 3}}}),
      also(over_dims("reduce", "mean", [](const Tensor& x, const Dims& d, bool k) { return mean(square(x), d, k); },
                     {.needs_some = true}),
           {[](In x) { return mean(x[0]); }, {{2, 3}}}),
      products,
      also(also(over_dims("reduce", "var", var_over(1), not_of_one),
                over_dims("reduce", "var", var_over(0), not_of_one).cases),
           {[](In x) { return var(x[0]); }, {{2, 3}}}),
      also(also(over_dims("reduce", "std", std_over(1), not_of_one),
                over_dims("reduce", "std", std_over(0), not_of_one).cases),
           {[](In x) { return gradus::std(x[0]); }, {{2, 3}}}),
      over_dims("reduce", "logsumexp", [](const Tensor& x, const Dims& d, bool k) { return logsumexp(x, d, k); }),
      norms,
      {"sum_of_repeats",
       "reduce",
       {{[](In x) { return sum_of_repeats(square(x[0]), {3, 1}); }, {cube}},
        {[](In x) { return sum_of_repeats(x[0], {1}); }, {{0, 3}}},
        {.call = [](In x) { return sum_of_repeats(x[0], {70}); }, .shapes = {}, .large = {{300, 70}}}}},
      {"sum_to",
       "reduce",
       {{[](In x) { return sum_to(square(x[0]), {1, 4}); }, {cube}},
        {[](In x) { return sum_to(square(x[0]), {2, 3}); }, {{2, 3}}},
        {[](In x) { return sum_to(x[0], {}); }, {{0, 3}}},
        {.call = [](In x) { return sum_to(x[0], {300, 1}); }, .shapes = {}, .large = {{300, 70}}}}},
  };
}

std::vector<OpEntry> extremes() {
  const How how = {.needs_some = true, .ordered = true};
  const auto one_dim = [](const char* name, auto f) {
    const auto at = [&](const Shape& shape, int64_t dim, bool keepdim) {
      return OpCase{[=](In x) { return square(f(x[0], dim, keepdim).values); }, {shape}, {}, {}, {}, {}, true};
    };
    OpEntry entry = {
        name, "extreme", {at({2, 3}, 1, false), at({2, 3}, 0, true), at({2, 3, 4}, -1, false), at({0, 3}, 1, false)}};
    entry.cases.push_back({.call = [=](In x) { return f(x[0], 0, false).values; }, .shapes = {}, .large = {{3, 9000}}});
    return entry;
  };
  return {
      also(one_dim("max", [](const Tensor& x, int64_t d, bool k) { return max(x, d, k); }),
           {[](In x) { return max(x[0]); }, {{2, 3}}, {}, {}, {}, {}, true}),
      also(one_dim("min", [](const Tensor& x, int64_t d, bool k) { return min(x, d, k); }),
           {[](In x) { return min(x[0]); }, {{2, 3}}, {}, {}, {}, {}, true}),
      over_dims(
          "extreme", "amax", [](const Tensor& x, const Dims& d, bool k) { return amax(x, d, k); }, how),
      over_dims(
          "extreme", "amin", [](const Tensor& x, const Dims& d, bool k) { return amin(x, d, k); }, how),
  };
}

std::vector<OpEntry> scans() {
  const auto along = [](const char* name, auto f) {
    OpEntry entry = {name, "scan", {}};
    for (int64_t dim : {0, 1, -1}) entry.cases.push_back({[=](In x) { return f(x[0], dim); }, {cube}});
    entry.cases[0].large = entry.cases[2].large = {{3, 9000}};
    entry.cases.push_back({[=](In x) { return f(x[0], 0); }, {{6}}});
    entry.cases.push_back({[=](In x) { return f(x[0], 1); }, {{3, 0}}});
    return entry;
  };
  const auto with_zeros = [](OpEntry entry, auto f) {
    for (const std::vector<double>& zeros :
         std::vector<std::vector<double>>{{2, 0, 3, -1, 0.5, 2}, {2, 0, 3, 0, 0.5, 2}, {0, 0, 0, 1, 2, 3}}) {
      for (int64_t dim : {0, 1}) entry = also(entry, {[=](In x) { return f(x[0], dim); }, {{2, 3}}, {}, {zeros}});
      entry = also(entry, {[=](In x) { return f(x[0], 0); }, {{6}}, {}, {zeros}});
    }
    return entry;
  };
  return {
      also(along("cumsum", cumsum), {[](In x) { return cumsum(square(x[0]), 1); }, {{2, 3, 2}}}),
      with_zeros(along("cumprod", cumprod), cumprod),
      with_zeros(along("product_of_others", product_of_others), product_of_others),
  };
}

std::vector<OpEntry> softmaxes() {
  const auto along = [](const char* name, auto f) {
    OpEntry entry = {name, "softmax", {}};
    for (int64_t dim : {0, 1, 2}) entry.cases.push_back({[=](In x) { return f(x[0], dim); }, {cube}});
    entry.cases[0].large = entry.cases[1].large = {{130, 333}};
    entry.cases.push_back({[=](In x) { return f(x[0], 0); }, {{}}});
    entry.cases.push_back({[=](In x) { return f(x[0], 0); }, {{0, 3}}});
    return entry;
  };
  return {along("softmax", softmax), along("log_softmax", log_softmax)};
}

std::vector<OpEntry> orders() {
  const auto at = [](TensorFunction call, const Shape& shape, std::vector<Shape> large = {}) {
    return OpCase{std::move(call), {shape}, {{-2, 3}}, {}, {}, {}, true, std::move(large)};
  };
  return {
      {"sort",
       "sort",
       {at([](In x) { return square(sort(x[0], 0).values); }, {4, 2}, {{300, 70}}),
        at([](In x) { return square(sort(x[0], 1, true).values); }, {2, 4}),
        at([](In x) { return sort(x[0]).values; }, {}), at([](In x) { return sort(x[0]).values; }, {0, 3})}},
      {"topk",
       "sort",
       {at([](In x) { return square(topk(x[0], 2).values); }, {2, 4}, {{300, 70}}),
        at([](In x) { return square(topk(x[0], 1, 0, false).values); }, {2, 4}),
        at([](In x) { return topk(x[0], 2).values; }, {0, 4}), at([](In x) { return topk(x[0], 0).values; }, {2, 0})}},
  };
}

std::vector<OpEntry> scales() {
  const auto rescaled = [](const char* name, auto f, bool ordered) {
    const TensorFunction columns = [=](In x) { return f(x[0], Dims{0}); },
                         planes = [=](In x) { return f(x[0], Dims{0, 2}); };
    return OpEntry{name,
                   "rescale",
                   {{columns, {{4, 3}}, {}, {}, {}, {}, ordered, {{300, 70}}},
                    {planes, {cube}, {}, {}, {}, {}, ordered},
                    {columns, {{0, 3}}}}};
  };
  return {rescaled("standardize", standardize, false), rescaled("minmax", minmax, true)};
}

}  // namespace

std::vector<OpEntry> reducing_op_entries() {
  std::vector<OpEntry> all;
  for (auto part : {reductions, extremes, scales, scans, softmaxes, orders})
    for (OpEntry& entry : part()) all.push_back(std::move(entry));
  return all;
}

}  // namespace gradus
