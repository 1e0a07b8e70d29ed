// The table's ops of layers: products of matrices, convolutions, pooling, normalisation, images.
#include "gradus/ops/cast.h"
#include "gradus/ops/conv_cases.h"
#include "gradus/ops/dropout.h"
#include "gradus/ops/einsum.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/interpolate.h"
#include "gradus/ops/linear.h"
#include "gradus/ops/math.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/normalize.h"
#include "gradus/ops/op_table.h"
#include "gradus/ops/pooling.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/svd.h"
#include "gradus/ops/unfold.h"

namespace gradus {
namespace {

using In = const std::vector<Tensor>&;
using Shapes = std::vector<Shape>;

OpCase threaded(const TensorFunction& f, const Shapes& shapes) { return {.call = f, .shapes = {}, .large = shapes}; }

// One call on many shapes.
OpEntry on_shapes(const char* header, const char* name, const TensorFunction& f, const std::vector<Shapes>& shapes) {
  OpEntry entry = {name, header, {}};
  for (const Shapes& s : shapes) entry.cases.push_back({f, s});
  return entry;
}
OpEntry also(OpEntry entry, std::vector<OpCase> more) {
  for (OpCase& one : more) entry.cases.push_back(std::move(one));
  return entry;
}

// All of a decomposition that does not depend on the signs of the singular vectors.
Tensor without_signs(const Svd& f) {
  return concat(
      {flatten(square(f.u)), flatten(f.s), flatten(square(f.v)), flatten(matmul(f.u, transpose(f.v, -2, -1)))});
}

std::vector<OpEntry> products() {
  const TensorFunction product = [](In x) { return matmul(x[0], x[1]); },
                       affine = [](In x) { return linear(x[0], x[1], x[2]); };
  const auto sums = [](const char* equation) { return [=](In x) { return einsum(equation, x); }; };
  return {
      also(on_shapes("matmul", "matmul", product,
                     {{{2, 3}, {3, 4}},
                      {{3, 3}, {3, 3}},
                      {{3}, {3}},
                      {{3}, {3, 2}},
                      {{2, 3}, {3}},
                      {{2, 2, 3}, {3, 2}},
                      {{2, 1, 2, 3}, {2, 3, 2}},
                      {{2, 3}, {2, 3, 2}},
                      {{0, 3}, {3, 2}},
                      {{2, 0}, {0, 2}}}),
           {threaded(product, {{300, 70}, {70, 150}}), threaded(product, {{7, 30, 70}, {7, 70, 50}})}),
      also(on_shapes("linear", "linear", affine,
                     {{{2, 3}, {4, 3}, {4}}, {{2, 2, 3}, {1, 3}, {1}}, {{3}, {2, 3}, {2}}, {{0, 3}, {2, 3}, {2}}}),
           {{[](In x) { return linear(x[0], x[1]); }, {{2, 1}, {4, 1}}},
            threaded(affine, {{300, 70}, {150, 70}, {150}})}),
      {"einsum",
       "einsum",
       {{sums("bij,jbk->ki"), {{2, 2, 3}, {3, 2, 2}}},
        {sums("iij,jk->ik"), {{2, 2, 3}, {3, 2}}},
        {sums("ij,jk,ki->k"), {{2, 3}, {3, 2}, {2, 2}}},
        {sums("ij,jk"), {{0, 3}, {3, 2}}},
        threaded(sums("bij,jbk->ki"), {{9, 40, 30}, {30, 9, 50}})}},
      also(on_shapes("svd", "svd", [](In x) { return without_signs(svd(x[0])); },
                     {{{3, 2}}, {{2, 3}}, {{3, 3}}, {{2, 3, 2}}, {{0, 3}}, {{2, 3, 0}}}),
           {threaded([](In x) { return svd(x[0]).s; }, {{40, 5, 6}})}),
  };
}

std::vector<OpEntry> convolutions() {
  OpEntry conv = {"conv2d", "conv", {}};
  for (const ConvCase& c : conv_cases)
    conv.cases.push_back(
        {[options = c.options](In x) { return conv2d(x[0], x[1], x[2], options); }, {c.x, c.w, {c.w[0]}}});
  conv.cases.push_back({[](In x) { return conv2d(x[0], x[1]); }, {{1, 2, 3, 3}, {2, 2, 2, 2}}});
  return {
      also(conv, {threaded([](In x) { return conv2d(x[0], x[1], x[2], {.padding = 1}); },
                           {{20, 8, 17, 17}, {16, 8, 3, 3}, {16}}),
                  threaded([](In x) { return conv2d(x[0], x[1], x[2]); }, {{1, 64, 40, 40}, {130, 64, 1, 1}, {130}})}),
      {"conv1d",
       "conv",
       {{[](In x) { return conv1d(x[0], x[1], x[2], {.stride = 2, .padding = 1}); }, {{2, 2, 5}, {3, 2, 3}, {3}}},
        {[](In x) { return conv1d(x[0], x[1]); }, {{0, 2, 5}, {3, 2, 3}}},
        threaded([](In x) { return conv1d(x[0], x[1]); }, {{20, 8, 170}, {16, 8, 3}})}},
      {"conv_transpose2d",
       "conv",
       {{[](In x) {
           return conv_transpose2d(x[0], x[1], x[2],
                                   {.stride = 2, .padding = 1, .output_padding = {0, 1}, .groups = 2});
         },
         {{2, 4, 3, 2}, {4, 1, 3, 3}, {2}}},
        {[](In x) { return conv_transpose2d(x[0], x[1]); }, {{2, 3, 3, 2}, {3, 2, 1, 1}}},
        {[](In x) { return conv_transpose2d(x[0], x[1]); }, {{0, 3, 3, 2}, {3, 2, 1, 1}}},
        threaded([](In x) { return conv_transpose2d(x[0], x[1], x[2], {.stride = 2}); },
                 {{9, 8, 17, 17}, {8, 16, 3, 3}, {16}})}},
  };
}

std::vector<OpEntry> poolings() {
  struct Pool {
    Shape x;
    Size2 kernel, stride, padding;
  };
  OpEntry largest = {"max_pool2d", "pooling", {}}, average = {"avg_pool2d", "pooling", {}};
  for (const Pool& p : {Pool{{2, 3, 6, 6}, 2, 2, 0},
                        {{1, 2, 7, 5}, {3, 2}, {2, 1}, {1, 1}},
                        {{1, 1, 5, 9}, 3, {1, 3}, 1},
                        {{2, 1, 4, 4}, 4, 4, 0},
                        {{1, 2, 5, 5}, {1, 5}, {2, 2}, {0, 2}},
                        {{1, 1, 6, 21}, {2, 3}, {2, 2}, 1},
                        {{0, 1, 4, 4}, 2, 2, 0}}) {
    const OpCase compared = {
        [=](In x) { return max_pool2d(x[0], p.kernel, {.stride = p.stride, .padding = p.padding}); }, {p.x}, {{-9, 9}}};
    largest.cases.push_back(compared.where_ordered());
    for (bool count : {true, false})
      average.cases.push_back(
          {[=](In x) {
             return avg_pool2d(x[0], p.kernel, {.stride = p.stride, .padding = p.padding, .count_include_pad = count});
           },
           {p.x}});
  }
  const TensorFunction adaptive = [](In x) { return adaptive_avg_pool2d(x[0], {3, 2}); };
  return {
      also(largest,
           {threaded([](In x) { return max_pool2d(x[0], 3, {.stride = 2, .padding = 1}); }, {{5, 7, 33, 31}})}),
      also(average,
           {threaded([](In x) { return avg_pool2d(x[0], 3, {.stride = 2, .padding = 1}); }, {{5, 7, 33, 31}})}),
      {"max_pool1d",
       "pooling",
       {OpCase{[](In x) { return max_pool1d(x[0], 3, {.stride = 2, .padding = 1}); }, {{2, 3, 9}}, {{-3, 3}}}
            .where_ordered(),
        {[](In x) { return max_pool1d(x[0], 2); }, {{0, 3, 9}}},
        threaded([](In x) { return max_pool1d(x[0], 3, {.stride = 1}); }, {{20, 8, 170}})}},
      {"avg_pool1d",
       "pooling",
       {{[](In x) { return avg_pool1d(x[0], 3, {.stride = 2, .padding = 1, .count_include_pad = false}); },
         {{2, 3, 9}}},
        {[](In x) { return avg_pool1d(x[0], 2); }, {{0, 3, 9}}},
        threaded([](In x) { return avg_pool1d(x[0], 3, {.stride = 1}); }, {{20, 8, 170}})}},
      {"adaptive_avg_pool2d",
       "pooling",
       {{adaptive, {{2, 2, 7, 5}}}, {adaptive, {{0, 2, 7, 5}}}, threaded(adaptive, {{5, 7, 33, 31}})}},
  };
}

std::vector<OpEntry> normalisations() {
  const TensorFunction in_training = [](In x) { return batch_norm(x[0], x[1], x[2], {}, {}, {.eps = 0.1}); },
                       usual = [](In x) { return batch_norm(x[0], x[1], x[2], {}, {}); },
                       fixed =
                           [](In x) {
                             return batch_norm(x[0], x.size() > 1 ? x[1] : Tensor(), x.size() > 1 ? x[2] : Tensor(),
                                               to(to(tensor({0.25, -0.5}), x[0].dtype()), x[0].device()),
                                               to(to(tensor({0.5, 2}), x[0].dtype()), x[0].device()),
                                               {.training = false});
                           },
                       grouped = [](In x) { return group_norm(x[0], 2, x[1], x[2], 0.1); };
  OpEntry batch = {"batch_norm", "normalize", {}}, groups = {"group_norm", "normalize", {}};
  for (const Shape& s : {Shape{4, 2, 3}, Shape{5, 3}, Shape{3, 2, 2, 2}, Shape{1, 2, 4}})
    batch.cases.push_back({in_training, {s, {s[1]}, {s[1]}}});
  for (const Shape& s : {Shape{2, 4, 3}, Shape{2, 4}, Shape{2, 2}, Shape{0, 4, 2}})
    groups.cases.push_back({grouped, {s, {s[1]}, {s[1]}}});
  return {
      also(batch, {{fixed, {{3, 2, 2}, {2}, {2}}},
                   {fixed, {{3, 2}}},
                   {fixed, {{0, 2, 2}, {2}, {2}}},
                   threaded(usual, {{40, 5, 9, 31}, {5}, {5}}),
                   threaded(usual, {{500, 133}, {133}, {133}})}),
      {"layer_norm",
       "normalize",
       {{[](In x) { return layer_norm(x[0], {5}, x[1], x[2], 0.1); }, {{3, 5}, {5}, {5}}},
        {[](In x) { return layer_norm(x[0], {2, 3}, x[1], {}, 0.1); }, {{2, 2, 3}, {2, 3}}},
        {[](In x) { return layer_norm(x[0], {1}, x[1], x[2], 0.1); }, {{3, 1}, {1}, {1}}},
        {[](In x) { return layer_norm(x[0], {3}, x[1]); }, {{0, 3}, {3}}},
        threaded([](In x) { return layer_norm(x[0], {133}, x[1], x[2]); }, {{500, 133}, {133}, {133}})}},
      also(groups, {threaded([](In x) { return group_norm(x[0], 3, x[1], x[2]); }, {{40, 6, 9, 31}, {6}, {6}})}),
  };
}

std::vector<OpEntry> images() {
  OpEntry resized = {"interpolate", "interpolate", {}};
  for (const Size2 size : {Size2(5, 4), Size2(2, 2), Size2(1, 1)}) {
    resized.cases.push_back({[=](In x) { return interpolate(x[0], size); }, {{1, 2, 3, 3}}});
    for (bool align : {false, true})
      resized.cases.push_back(
          {[=](In x) { return interpolate(x[0], size, Interpolation::bilinear, align); }, {{1, 2, 3, 3}}});
  }
  resized =
      also(resized, {{[](In x) { return interpolate(x[0], 4, Interpolation::bilinear); }, {{0, 2, 3, 3}}},
                     threaded([](In x) { return interpolate(x[0], 40, Interpolation::bilinear); }, {{5, 7, 33, 31}})});
  const UnfoldOptions options = {.stride = {2, 1}, .padding = 1};
  const TensorFunction patches = [=](In x) { return unfold(x[0], {2, 3}, options); },
                       image = [=](In x) { return fold(x[0], {3, 4}, {2, 3}, options); }, dropped = [](In x) {
                         Generator generator(9);
                         return dropout(x[0], 0.4, true, generator);
                       };
  return {
      resized,
      {"unfold",
       "unfold",
       {{patches, {{2, 1, 3, 4}}}, {patches, {{0, 1, 3, 4}}}, threaded(patches, {{20, 8, 17, 17}})}},
      {"fold", "unfold", {{image, {{2, 6, 8}}}, {image, {{0, 6, 8}}}, threaded(image, {{300, 60, 8}})}},
      {"dropout", "dropout", {{dropped, {{3, 7}}}, {dropped, {{0, 7}}}, threaded(dropped, {{100003}})}},
  };
}

}  // namespace

std::vector<OpEntry> layer_op_entries() {
  std::vector<OpEntry> all;
  for (auto part : {products, convolutions, poolings, normalisations, images})
    for (OpEntry& entry : part()) all.push_back(std::move(entry));
  return all;
}

}  // namespace gradus
