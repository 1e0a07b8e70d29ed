// The table's ops that move elements: views, copies in another arrangement, access by index.
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/embedding.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/math.h"
#include "gradus/ops/op_table.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

using In = const std::vector<Tensor>&;
using Unary = std::function<Tensor(const Tensor&)>;

const Shape cube = {2, 3, 4};

// Squared, so that the second order is not zero everywhere.
OpCase squared(const Unary& f, const std::vector<Shape>& shapes) {
  return {[f](In x) { return square(f(x[0])); }, shapes};
}
OpCase squared(const TensorFunction& f, const std::vector<Shape>& shapes) {
  return {[f](In x) { return square(f(x)); }, shapes};
}
OpCase threaded(const TensorFunction& f, const std::vector<Shape>& shapes) {
  return {.call = f, .shapes = {}, .large = shapes};
}

// Of one input: on a cube, on nothing (`of_nothing` says what to call it with), and on many elements.
OpEntry arranged(const char* header, const char* name, const Unary& f, const Unary& of_nothing, const Unary& of_many) {
  return {name,
          header,
          {squared(f, {cube}), squared(of_nothing, {{0, 3}}),
           threaded([of_many](In x) { return of_many(x[0]); }, {{300, 70}})}};
}

std::vector<OpEntry> views() {
  const auto view_of = [](const char* name, const Unary& f, const Unary& of_nothing, const Unary& of_many) {
    return arranged("shape", name, f, of_nothing, of_many);
  };
  using T = const Tensor&;
  const auto second_part = [](T t) { return split(t, 2, 1)[1]; };
  OpEntry squeezed = view_of(
      "squeeze", [](T t) { return squeeze(unsqueeze(t, 2)); }, [](T t) { return squeeze(unsqueeze(t, 0)); },
      [](T t) { return squeeze(unsqueeze(t, 0)); });
  squeezed.cases.push_back(squared(Unary([](T t) { return squeeze(t, 1); }), {{3, 1, 2}}));
  OpEntry pieces = view_of("split", second_part, second_part, second_part);
  pieces.cases.push_back(squared(Unary([](T t) { return split(t, std::vector<int64_t>{1, 3}, 2)[1]; }), {cube}));
  return {
      view_of(
          "reshape", [](T t) { return reshape(t, {4, 6}); }, [](T t) { return reshape(t, {3, 0}); },
          [](T t) { return reshape(transpose(t, 0, 1), {-1}); }),
      view_of(
          "view", [](T t) { return view(t.contiguous(), {4, 6}); }, [](T t) { return view(t.contiguous(), {3, 0}); },
          [](T t) { return view(t, {-1}); }),
      view_of(
          "flatten", [](T t) { return flatten(t, 0, 1); }, [](T t) { return flatten(t); },
          [](T t) { return flatten(t); }),
      view_of(
          "expand", [](T t) { return expand(unsqueeze(t, 1), {2, 3, 3, 4}); }, [](T t) { return expand(t, {2, 0, 3}); },
          [](T t) { return expand(t, {9, -1, -1}); }),
      view_of(
          "transpose", [](T t) { return transpose(t, 0, 2); }, [](T t) { return transpose(t, 0, 1); },
          [](T t) { return transpose(t, 0, 1); }),
      view_of(
          "permute", [](T t) { return permute(t, {1, 2, 0}); }, [](T t) { return permute(t, {1, 0}); },
          [](T t) { return permute(t, {1, 0}); }),
      squeezed,
      view_of(
          "unsqueeze", [](T t) { return unsqueeze(t, 1); }, [](T t) { return unsqueeze(t, -1); },
          [](T t) { return unsqueeze(t, 0); }),
      view_of(
          "slice", [](T t) { return slice(t, 2, 1, 4, 2); }, [](T t) { return slice(t, 1, 1); },
          [](T t) { return slice(t, 0, 1, to_the_end, 3); }),
      view_of(
          "select", [](T t) { return select(t, 1, -2); }, [](T t) { return select(t, 1, 0); },
          [](T t) { return select(t, 1, 0); }),
      pieces,
      view_of(
          "diagonal", [](T t) { return diagonal(t, 2, 0); }, [](T t) { return diagonal(t); },
          [](T t) { return diagonal(t); }),
  };
}

std::vector<OpEntry> copies() {
  const auto copy_of = [](const char* name, const Unary& f, const Unary& of_any) {
    return arranged("rearrange", name, f, of_any, of_any);
  };
  using T = const Tensor&;
  OpEntry tiled = copy_of("repeat", [](T t) { return repeat(t, {2, 1, 2, 1}); }, [](T t) { return repeat(t, {2, 3}); });
  const TensorFunction side_by_side = [](In x) { return stack({x[0], x[1]}, 1); };
  return {
      {"concat",
       "rearrange",
       {squared(TensorFunction([](In x) { return concat({x[0], x[1], x[0]}, 1); }), {{2, 2}, {2, 3}}),
        squared(TensorFunction([](In x) { return concat({x[0], x[1]}); }), {{0, 2}, {3, 2}}),
        threaded([](In x) { return concat({x[0], x[1]}, -1); }, {{300, 70}, {300, 20}})}},
      {"stack",
       "rearrange",
       {squared(side_by_side, {{2, 2}, {2, 2}}), squared(side_by_side, {{0, 2}, {0, 2}}),
        threaded(side_by_side, {{300, 70}, {300, 70}})}},
      copy_of(
          "pad", [](T t) { return pad(t, {1, 2, -1, 1}, 3); }, [](T t) { return pad(t, {1, 2}); }),
      copy_of(
          "flip", [](T t) { return flip(t, {0, 2}); }, [](T t) { return flip(t, {0, 1}); }),
      tiled,
      copy_of(
          "tril", [](T t) { return tril(t, -1); }, [](T t) { return tril(t); }),
      copy_of(
          "triu", [](T t) { return triu(t, 1); }, [](T t) { return triu(t); }),
  };
}

// Where the first input lies.
Tensor beside(In x, const Tensor& t) { return to(t, x[0].device()); }
Tensor indices(In x, const std::vector<int64_t>& values, const Shape& shape) {
  return beside(x, from_data(values.data(), shape));
}
Tensor third_first_third(In x) { return beside(x, labels({2, 0, 2})); }
Tensor wide(In x) { return indices(x, {0, 3, 3, 1, 2, 2, 0, 0}, {2, 2, 2}); }
Tensor shown(In x) { return beside(x, tensor({{1, 0}, {1, 1}, {0, 0}}, Dtype::boolean)); }
Tensor none_shown(In x) { return beside(x, zeros({0, 2}, Dtype::boolean)); }
Tensor no_labels(In x) { return beside(x, labels({})); }
// Numbers below `below` that jump about.
Tensor many_indices(In x, const Shape& shape, int64_t below) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < shape.numel(); ++i) values.push_back((i * i + 7 * i) % below);
  return indices(x, values, shape);
}

std::vector<OpEntry> accesses() {
  using F = TensorFunction;
  const auto threads_of = [](const F& f, const std::vector<Shape>& shapes) { return threaded(f, shapes); };
  return {
      {"index_select",
       "index",
       {squared(F([](In x) { return index_select(x[0], 1, third_first_third(x)); }), {{2, 3, 2}}),
        squared(F([](In x) { return index_select(x[0], -1, third_first_third(x)); }), {{2, 3}}),
        squared(F([](In x) { return index_select(x[0], 0, no_labels(x)); }), {{3, 2}}),
        squared(F([](In x) { return index_select(x[0], 1, third_first_third(x)); }), {{0, 3}}),
        threads_of([](In x) { return index_select(x[0], 0, many_indices(x, {2000}, 40)); }, {{40, 70}})}},
      {"index_add",
       "index",
       {squared(F([](In x) { return index_add(x[0], 0, third_first_third(x), x[1]); }), {{3, 2}, {3, 2}}),
        squared(F([](In x) { return index_add(x[0], 0, no_labels(x), x[1]); }), {{3, 2}, {0, 2}}),
        threads_of([](In x) { return index_add(x[0], 0, many_indices(x, {2000}, 40), x[1]); },
                   {{40, 70}, {2000, 70}})}},
      {"gather",
       "index",
       {squared(F([](In x) { return gather(x[0], 1, wide(x)); }), {{3, 4, 2}}),
        squared(F([](In x) { return gather(x[0], 0, indices(x, {}, {0, 2})); }), {{3, 2}}),
        squared(F([](In x) { return gather(x[0], 1, indices(x, {}, {0, 2})); }), {{0, 2}}),
        threads_of([](In x) { return gather(x[0], 1, many_indices(x, {40, 50}, 40)); }, {{40, 40}})}},
      {"scatter_add",
       "index",
       {squared(F([](In x) { return scatter_add(x[0], 1, wide(x), x[1]); }), {{3, 4, 2}, {2, 2, 2}}),
        squared(F([](In x) { return scatter_add(x[0], 0, indices(x, {}, {0, 2}), x[1]); }), {{3, 2}, {0, 2}}),
        threads_of([](In x) { return scatter_add(x[0], 1, many_indices(x, {40, 50}, 40), x[1]); },
                   {{40, 40}, {40, 50}})}},
      {"masked_fill",
       "index",
       {squared(F([](In x) { return masked_fill(x[0], shown(x), 3); }), {{2, 3, 2}}),
        squared(F([](In x) { return masked_fill(x[0], none_shown(x), 3); }), {{0, 2}}),
        threads_of([](In x) { return masked_fill(x[0], x[0] < 0.1, 3); }, {{300, 70}})}},
      {"masked_select",
       "index",
       {squared(F([](In x) { return masked_select(x[0], shown(x)); }), {{2, 3, 2}}),
        squared(F([](In x) { return masked_select(x[0], shown(x)); }), {{3, 1}}),
        squared(F([](In x) { return masked_select(x[0], none_shown(x)); }), {{0, 2}}),
        threads_of([](In x) { return masked_select(x[0], x[0] < 0.1); }, {{300, 70}})}},
      {"embedding",
       "embedding",
       {{[](In x) { return embedding(x[0], beside(x, labels({2, 0, 2, 1}))); }, {{4, 3}}},
        squared(F([](In x) { return embedding(x[0], no_labels(x)); }), {{4, 3}}),
        squared(F([](In x) { return embedding(x[0], beside(x, labels({0, 1}))); }), {{4, 0}}),
        threads_of([](In x) { return embedding(x[0], many_indices(x, {3000}, 50)); }, {{50, 100}})}},
  };
}

}  // namespace

std::vector<OpEntry> arranging_op_entries() {
  std::vector<OpEntry> all;
  for (auto part : {views, copies, accesses})
    for (OpEntry& entry : part()) all.push_back(std::move(entry));
  return all;
}

}  // namespace gradus
