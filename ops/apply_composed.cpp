// Applying what is made of tensor ops: the checks that its declarations ask for, its values, and the reduction.
#include <fmt/core.h>

#include <cmath>
#include <optional>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/application.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/dims.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

struct Checks {
  const About& about;
  const FormulaEntry& entry;
  Dtype dtype = Dtype::float32;
  Device device = cpu;
  std::string first = {}, first_on = {};  // the names of the first tensor that is not whole numbers, and of any
  Extents extents = {};
  std::string binder[26] = {};
  std::optional<Shape> batched =
      {};  // the batch axes of the first input that has some, that input's name and its shape
  std::string batched_by = {};
  Shape of_batch = {};

  void dtype_of(const InputFacts& f, const std::string& name, const Tensor& t) {
    if (f.integer) {
      if (is_floating(t.dtype()))
        throw DtypeError(fmt::format("{}: {} is {}, wanted integers; convert it with to(Dtype::int64)", about.name,
                                     name, name_of(t.dtype())));
      return;
    }
    if (!computes(t.dtype()))
      throw DtypeError(fmt::format("{}: {} is {}, wanted float32 or float64; convert it with to()", about.name, name,
                                   name_of(t.dtype())));
    if (first.empty()) dtype = t.dtype(), first = name;
    if (t.dtype() != dtype)
      throw DtypeError(fmt::format("{}: {} is {} but {} is {}, wanted the same; convert one with to()", about.name,
                                   name, name_of(t.dtype()), first, name_of(dtype)));
  }

  void device_of(const std::string& name, const Tensor& t) {
    if (first_on.empty()) device = t.device(), first_on = name;
    if (t.device() != device)
      throw DeviceError(fmt::format("{}: {} is on {} but {} is on {}; move one with to()", about.name, name,
                                    text(t.device()), first_on, text(device)));
  }

  void range_of(const InputFacts& f, const std::string& name, const Tensor& t) {
    if (f.integer || !bounded(f.range)) return;
    const std::vector<double> values = t.to_vector();
    const int64_t bad = outside(values.data(), int64_t(values.size()), f.range);
    if (bad < 0) return;
    int64_t linear = bad;
    std::string place = t.rank() ? fmt::format(" at element {}", linear) : "";
    if (t.rank() > 1) {
      Shape at = t.shape();
      for (int d = t.rank() - 1; d >= 0; --d) at[d] = linear % t.shape()[d], linear /= t.shape()[d];
      place = " at " + text(at);
    }
    throw DomainError(fmt::format("{}: {} is {}{}, wanted {}", about.name, name, number(values[size_t(bad)]), place,
                                  wanted(f.range)));
  }

  void shape_of(const InputFacts& f, const std::string& name, const Tensor& t) {
    const Dims d = dims_for(f.dims, t.rank());
    if (d.flat) return;
    const int letters = int(d.letters.size()), batch = t.rank() - letters;
    const auto misfit = [&](const std::string& why, const Shape* of = nullptr) {
      throw ShapeError(
          fmt::format("{}: {} has shape {}, wanted {}{}", about.name, name, text(t.shape()), readable(d, of), why));
    };
    if (d.batch_at >= 0 ? batch < 0 : batch != 0) misfit("; reshape it");
    if (std::string(f.name).find('{') != std::string::npos) return;  // each of a list has extents of its own
    if (d.batch_at >= 0) {
      Shape mine;
      for (int i = 0; i < batch; ++i) mine.push_back(t.shape()[d.batch_at + i]);
      if (!batched) batched = mine, batched_by = name, of_batch = t.shape();
      else if (!(*batched == mine))
        misfit(fmt::format(" with the batch of {} of shape {}", batched_by, text(of_batch)), &*batched);
    }
    for (int i = 0; i < letters; ++i) {
      const int64_t extent = t.shape()[d.batch_at >= 0 && i >= d.batch_at ? i + batch : i];
      const size_t letter = size_t(d.letters[size_t(i)] - 'A');
      const std::string me = name + " of shape " + text(t.shape());
      if (binder[letter].empty()) binder[letter] = me, extents.of[letter] = extent;
      else if (extents.of[letter] != extent && binder[letter] == me)
        misfit(fmt::format(" with the same {} everywhere", d.letters[size_t(i)]));
      else if (extents.of[letter] != extent)
        misfit(fmt::format(" with {} = {} as {} has", d.letters[size_t(i)], extents.of[letter], binder[letter]));
    }
  }

  void labels_of(const InputFacts& f, const Tensor& t) {
    if (!f.label || !f.below) return;
    const int64_t classes = extents.of[f.below - 'A'];
    const std::vector<double> labels = t.to_vector();
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] < 0 || labels[i] >= double(classes))
        throw IndexError(
            fmt::format("{}: label {} at row {} is outside [0, {})", about.name, int64_t(labels[i]), i, classes));
  }
};

// "tail_{i}_weight" for the i-th.
std::string numbered(std::string name, size_t i) {
  if (const size_t at = name.find("{i}"); at != std::string::npos) name.replace(at, 3, std::to_string(i));
  return name;
}

Tensor reduced(const About& about, const Tensor& values, Reduction reduction, Empty empty) {
  switch (reduction) {
    case Reduction::none: return values;
    case Reduction::sum: return sum(values);
    default: break;
  }
  double n = double(values.numel());
  if (reduction == Reduction::batchmean) n = values.rank() ? double(values.size(0)) : 1;
  if (reduction == Reduction::mean_active) n = sum(values.detach() != 0.0).item();
  if (n > 0) return sum(values) / n;
  if (empty == Empty::error)
    throw DomainError(fmt::format(
        "{}: nothing to average, the count is 0; pass at least one element that counts, or Empty::zero", about.name));
  return sum(values) * 0.0 + (empty == Empty::nan ? std::nan("") : 0.0);
}

}  // namespace

Tensor apply_composed(const About& about, const Formula& formula, const std::vector<std::vector<Tensor>>& lists,
                      Reduction reduction, Empty empty) {
  const FormulaEntry& entry = formula.entry();
  check_options(about, entry, formula.get());
  if (reduction == Reduction::mean_per_row || reduction == Reduction::sum_over_pos)
    throw ParamError(fmt::format(
        "{}: reduction is '{}', which this op does not offer, wanted none, sum, mean, batchmean or mean_active",
        about.name, reduction == Reduction::mean_per_row ? "mean_per_row" : "sum_over_pos"));
  Checks checks{.about = about, .entry = entry};
  std::vector<Tensor> given;
  std::vector<int> counts;
  for (int k = 0; k < entry.inputs; ++k) {
    const InputFacts& f = *entry.input(k);
    counts.push_back(int(lists[size_t(k)].size()));
    for (size_t i = 0; i < lists[size_t(k)].size(); ++i) {
      const Tensor& t = lists[size_t(k)][i];
      const std::string name = numbered(f.name, i);
      if (!t.defined()) throw ParamError(fmt::format("{}: {} is an undefined tensor; pass a tensor", about.name, name));
      checks.device_of(name, t);
      checks.dtype_of(f, name, t);
      checks.shape_of(f, name, t);
      given.push_back(f.differentiable ? t : t.detach());
    }
  }
  for (int k = 0; k < entry.inputs; ++k)
    for (size_t i = 0; i < lists[size_t(k)].size(); ++i) {
      const InputFacts& f = *entry.input(k);
      checks.range_of(f, numbered(f.name, i), lists[size_t(k)][i]);
      checks.labels_of(f, lists[size_t(k)][i]);
    }
  std::vector<const Tensor*> flat;
  for (const Tensor& t : given) flat.push_back(&t);
  return reduced(about, entry.compose(formula.get(), flat.data(), counts.data()), reduction, empty);
}

}  // namespace gradus
