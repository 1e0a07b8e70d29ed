#include "gradus/data/dataset.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "gradus/core/error.h"
#include "gradus/core/random.h"

namespace gradus {
namespace {

Tensor rows_of(const Tensor& t, const Indices& indices) {
  const Tensor from = dense(t);
  Shape shape = t.shape();
  shape[0] = int64_t(indices.size());
  Tensor out(shape, t.dtype());
  const size_t bytes = from.shape()[0] ? size_t(from.numel() / from.shape()[0] * size_of(t.dtype())) : 0;
  char* to = static_cast<char*>(out.mutable_bytes());
  for (int64_t i : indices) {
    std::memcpy(to, static_cast<const char*>(from.bytes()) + size_t(i) * bytes, bytes);
    to += bytes;
  }
  return out;
}

// The samples, a list per class; one list where there are no classes.
std::vector<Indices> strata(const Dataset& data, const std::string& stratify) {
  std::map<int64_t, Indices> by_class;
  const Tensor labels = stratify.empty() ? Tensor() : dense(data[stratify]);
  for (int64_t i = 0; i < data.size(); ++i) by_class[labels.defined() ? labels.data<int64_t>()[i] : 0].push_back(i);
  std::vector<Indices> lists;
  for (auto& [label, list] : by_class) lists.push_back(std::move(list));
  return lists;
}

Indices shuffled(const Indices& from, Generator& generator) {
  Indices order(from.size());
  permutation(order.data(), int64_t(order.size()), generator);
  for (int64_t& i : order) i = from[size_t(i)];
  return order;
}

}  // namespace

Dataset::Dataset(NamedTensors fields) : fields_(std::move(fields)) {
  if (fields_.empty()) throw ParamError("Dataset: got no field, wanted at least one; pass {{\"features\", x}}");
  for (size_t i = 0; i < fields_.size(); ++i) {
    const auto& [name, t] = fields_[i];
    for (size_t j = 0; j < i; ++j)
      if (fields_[j].first == name)
        throw ParamError(fmt::format("Dataset: got two fields named '{}'; give each its own name", name));
    if (t.rank() < 1 || t.shape()[0] != fields_[0].second.shape()[0])
      throw ShapeError(
          fmt::format("Dataset: field '{}' has shape {}, field '{}' has shape {}, wanted one first extent; check the "
                      "number of samples",
                      name, text(t.shape()), fields_[0].first, text(fields_[0].second.shape())));
  }
}

const Tensor& Dataset::operator[](const std::string& name) const {
  std::vector<std::string> known;
  for (const auto& [field, t] : fields_) {
    if (field == name) return t;
    known.push_back(field);
  }
  throw ParamError(fmt::format("Dataset: there is no field '{}'; known are {}", name, fmt::join(known, ", ")));
}

Dataset Dataset::rows(const Indices& indices) const {
  for (int64_t i : indices)
    if (i < 0 || i >= size())
      throw IndexError(fmt::format("Dataset: sample {} is outside [0, {}); check the indices", i, size()));
  NamedTensors taken;
  for (const auto& [name, t] : fields_) taken.emplace_back(name, rows_of(t, indices));
  return Dataset(std::move(taken));
}

Dataset Dataset::to(Dtype dtype) const {
  NamedTensors converted;
  for (const auto& [name, t] : fields_) {
    converted.emplace_back(name, t);
    if (!is_floating(t.dtype()) || t.dtype() == dtype) continue;
    converted.back().second = Tensor(t.shape(), dtype);
    copy_elements(t, converted.back().second);
  }
  return Dataset(std::move(converted));
}

Split split(const Dataset& data, double test_share, uint64_t seed, const std::string& stratify) {
  if (!(test_share > 0 && test_share < 1) || data.size() < 2)
    throw ParamError(fmt::format(
        "split: got a test share of {} for {} samples, wanted a share between 0 and 1 and two samples; try 0.2",
        test_share, data.size()));
  Generator generator(seed);
  Indices train, test;
  for (const Indices& list : strata(data, stratify)) {
    const Indices order = shuffled(list, generator);
    const auto cut = order.begin() + std::lround(test_share * double(order.size()));
    test.insert(test.end(), order.begin(), cut);
    train.insert(train.end(), cut, order.end());
  }
  if (test.empty()) test.push_back(train.back()), train.pop_back();
  if (train.empty()) train.push_back(test.back()), test.pop_back();
  return {data.rows(shuffled(train, generator)), data.rows(shuffled(test, generator))};
}

}  // namespace gradus
