#include "gradus/ops/op_sample.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "gradus/core/random.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/sampling.h"

namespace gradus {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double aside = 0.25;  // of the distance between neighbours: what a draw keeps from a kink

DrawnFrom range_of(const OpCase& c, size_t input) {
  if (c.from.empty()) return {};
  return c.from.size() == 1 ? c.from[0] : c.from.at(input);
}

}  // namespace

Tensor in_memory_as(Layout layout, const std::vector<double>& values, const Shape& shape, Dtype dtype) {
  const Tensor from = tensor(values, shape, dtype);
  if (layout == Layout::dense || shape.rank() == 0) return from;
  Shape strides = dense_strides(shape);
  for (int d = 0; d < shape.rank(); ++d) strides[d] *= 2;
  if (layout == Layout::reversed) {
    int64_t step = 1;
    for (int d = 0; d < shape.rank(); step *= shape[d++]) strides[d] = step;
  }
  Tensor out = full({2 * shape.numel() + 3}, std::nan(""), dtype).alias(shape, strides, 3);
  copy_elements(from, out);
  return out;
}

OpSample OpSample::drawn(const OpCase& c, uint64_t seed) {
  OpSample sample(c);
  sample.draw(seed);
  sample.find_ties();
  return sample;
}

OpSample OpSample::with_ties(const OpCase& c, uint64_t seed) {
  OpSample sample(c);
  sample.draw(seed);
  auto& values = sample.values_;
  if (c.ordered)
    for (size_t k = 0; k < values.size(); ++k)
      for (size_t i = 0; i < values[k].size(); ++i) {
        if (k > 0 && c.shapes[k] == c.shapes[0] && i % 2 == 0) values[k][i] = values[0][i];
        else if (k == 0 && values.size() == 1 && i % 2 == 1) values[k][i] = values[k][i - 1];
      }
  for (size_t k = 0; k < values.size() && !c.kinks.empty(); ++k)
    for (size_t i = 0; i < values[k].size(); i += 2) values[k][i] = c.kinks[i / 2 % c.kinks.size()];
  sample.find_ties();
  return sample;
}

// Inputs of one range share it, so that no two of their elements are close.
void OpSample::draw(uint64_t seed) {
  values_ = case_.values;
  if (!values_.empty()) return;
  Generator generator(seed);
  std::map<std::pair<double, double>, std::vector<double*>> sharing;
  for (const Shape& shape : case_.shapes) values_.emplace_back(size_t(shape.numel()));
  for (size_t k = 0; k < values_.size(); ++k) {
    const DrawnFrom range = range_of(case_, k);
    for (double& v : values_[k]) sharing[{range.low, range.high}].push_back(&v);
  }
  for (auto& [range, elements] : sharing) {
    const auto n = int64_t(elements.size());
    const double gap = (range.second - range.first) / double(n);
    const std::vector<double> place = randperm(n, generator).to_vector(),
                              within = rand({n}, Dtype::float64, generator).to_vector();
    for (size_t i = 0; i < elements.size(); ++i) {
      double& v = *elements[i] = range.first + gap * (place[i] + 0.3 + 0.4 * within[i]);
      for (const std::vector<double>* list : {&case_.kinks, &case_.poles})
        for (double kink : *list)
          if (std::abs(v - kink) < aside * gap) v = kink + (v < kink ? -aside : aside) * gap;
    }
  }
}

void OpSample::find_ties() {
  std::map<double, int> count;
  for (const auto& input : values_)
    for (double v : input) ++count[v];
  ties_.clear();
  for (const auto& input : values_) {
    std::vector<bool>& ties = ties_.emplace_back();
    for (double v : input)
      ties.push_back((case_.ordered && count[v] > 1) ||
                     std::find(case_.kinks.begin(), case_.kinks.end(), v) != case_.kinks.end());
  }
}

std::vector<Tensor> OpSample::leaves(Dtype dtype, Layout layout) const {
  std::vector<Tensor> inputs;
  for (size_t k = 0; k < values_.size(); ++k)
    inputs.push_back(in_memory_as(layout, values_[k], case_.shapes[k], dtype).requires_grad(true));
  return inputs;
}

Reach OpSample::reach(const std::vector<Tensor>& direction) const {
  struct Moving {
    double value, speed;
    bool tie;
  };
  std::vector<Moving> elements;
  for (size_t k = 0; k < values_.size(); ++k) {
    const std::vector<double> d =
        direction[k].defined() ? direction[k].to_vector() : std::vector<double>(values_[k].size(), 0.0);
    for (size_t i = 0; i < d.size(); ++i) elements.push_back({values_[k][i], std::abs(d[i]), ties_[k][i]});
  }
  Reach reach;
  double room = infinity;
  for (const Moving& e : elements) {
    if (e.speed == 0) continue;
    reach.tie |= e.tie;
    for (const std::vector<double>* list : {&case_.kinks, &case_.poles})
      for (double kink : *list)
        if (const double distance = std::abs(e.value - kink); distance > 0) room = std::min(room, distance / e.speed);
    for (const Moving& other : elements)
      if (const double distance = std::abs(e.value - other.value); case_.ordered && distance > 0)
        room = std::min(room, distance / (e.speed + other.speed));
  }
  reach.down = reach.up = room;
  return reach;
}

double OpSample::clearance() const {
  double least = infinity;
  for (size_t k = 0; k < values_.size(); ++k)
    for (size_t i = 0; i < values_[k].size(); ++i) {
      std::vector<double> unit(values_[k].size(), 0.0);
      unit[i] = 1;
      std::vector<Tensor> direction(values_.size());
      direction[k] = tensor(unit, case_.shapes[k], Dtype::float64);
      least = std::min(least, reach(direction).up);
    }
  return least;
}

}  // namespace gradus
