#include "gradus/ops/mutants.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "gradus/autograd/node.h"
#include "gradus/core/number.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

using Ties = std::vector<std::vector<bool>>;

double largest(const Tensor& t) {
  double m = 0;
  for (double v : t.to_vector()) m = std::max(m, std::abs(v));
  return m;
}

// The elements beyond the last full pack times -1.
Tensor tail_reversed(const Tensor& g) {
  std::vector<double> factor(size_t(g.numel()), 1.0);
  for (size_t i = factor.size() - factor.size() % size_t(pack_lanes<double>); i < factor.size(); ++i) factor[i] = -1;
  return g * tensor(factor, g.shape(), g.dtype());
}

// Element i takes what element i + 1 had, the last what the first had.
Tensor rotated(const Tensor& g) {
  const int64_t n = g.numel();
  if (n == 0) return g;
  std::vector<double> next(size_t(n * n), 0.0);
  for (int64_t i = 0; i < n; ++i) next[size_t(i * n + (i + 1) % n)] = 1;
  return reshape(matmul(tensor(next, {n, n}, g.dtype()), reshape(g, {n, 1})), g.shape());
}

// More than the largest gradient is added at each tie, so that no sub-gradient could be meant.
Tensor wrong_at(const Tensor& g, const std::vector<bool>& ties) {
  if (int64_t(ties.size()) != g.numel()) return g;
  std::vector<double> more(ties.size());
  const double amount = 2 * largest(g) + 1;
  for (size_t i = 0; i < more.size(); ++i) more[i] = ties[i] ? amount : 0.0;
  return g + tensor(more, g.shape(), g.dtype());
}

Tensor mutated(const Tensor& g, Mutation mutation, const std::vector<bool>& ties) {
  switch (mutation) {
    case Mutation::sign: return -g;
    case Mutation::times_n: return g * double(g.numel());
    case Mutation::over_n: return g / double(std::max<int64_t>(1, g.numel()));
    case Mutation::shifted_index: return rotated(g);
    case Mutation::at_ties: return wrong_at(g, ties);
    case Mutation::in_tail: return tail_reversed(g);
    case Mutation::slightly_off: return g * (1 + 1e-6);
    default: return g;
  }
}

void note_change(const Tensor& before, const Tensor& after, bool* changed) {
  if (changed && !*changed) *changed = before.to_vector() != after.to_vector();
}

Tensor same_elements(const Tensor& t) { return t.detach().alias(t.shape(), t.strides()); }

// The tensor itself, whose backward makes the mistake.
Tensor passage(const Tensor& x, Mutation mutation, const std::vector<bool>& ties, bool* changed) {
  Tensor out = same_elements(x);
  if (recording(x))
    record("mutant", out, {&x}, [mutation, ties = std::vector<bool>(ties), changed](const Tensor& g, Gradients& to) {
      to[0] = mutated(g, mutation, ties);
      note_change(g, to[0], changed);
    });
  return out;
}

// a, where backward hands what arrives for a to b.  `met` holds the gradient that crossed first, to compare the two.
Tensor crossing(const Tensor& a, const Tensor& b, const std::shared_ptr<Tensor>& met, bool* changed) {
  Tensor out = same_elements(a);
  record("mutant", out, {&b}, [met, changed](const Tensor& g, Gradients& to) {
    if (met->defined()) note_change(*met, g, changed);
    *met = met->defined() ? Tensor() : g.detach();
    to[0] = g;
  });
  return out;
}

void swap_two(std::vector<Tensor>& inputs, bool* changed) {
  for (size_t a = 0; a < inputs.size(); ++a)
    for (size_t b = a + 1; b < inputs.size(); ++b) {
      if (!inputs[a].defined() || !inputs[b].defined() || !recording(inputs[a]) || !recording(inputs[b])) continue;
      if (!(inputs[a].shape() == inputs[b].shape()) || inputs[a].dtype() != inputs[b].dtype()) continue;
      const auto met = std::make_shared<Tensor>();
      const Tensor first = crossing(inputs[a], inputs[b], met, changed),
                   second = crossing(inputs[b], inputs[a], met, changed);
      inputs[a] = first, inputs[b] = second;
      return;
    }
}

Tensor deaf(const Tensor& y, bool* changed) {
  Tensor out = same_elements(y);
  if (recording(y))
    record("mutant", out, {&y}, [changed](const Tensor& g, Gradients& to) {
      to[0] = ones_like(g);
      note_change(g, to[0], changed);
    });
  return out;
}

}  // namespace

const char* name_of(Mutation m) {
  constexpr const char* names[] = {"none",           "sign",          "times N", "over N",  "dropped upstream",
                                   "swapped inputs", "shifted index", "at ties", "in tail", "slightly off"};
  return names[int(m)];
}

TensorFunction mutant(TensorFunction f, Mutation mutation, Ties ties, bool* changed) {
  if (mutation == Mutation::none) return f;
  return [f = std::move(f), mutation, ties = std::move(ties), changed](const std::vector<Tensor>& given) {
    std::vector<Tensor> inputs = given;
    if (mutation == Mutation::swapped_inputs) swap_two(inputs, changed);
    for (size_t k = 0; k < inputs.size(); ++k)
      if (inputs[k].defined() && inputs[k].dtype() == Dtype::float64)
        inputs[k] = passage(inputs[k], mutation, k < ties.size() ? ties[k] : std::vector<bool>(), changed);
    Tensor out = f(inputs);
    return mutation == Mutation::dropped_upstream ? deaf(out, changed) : out;
  };
}

}  // namespace gradus
