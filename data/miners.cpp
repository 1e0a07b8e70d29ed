#include "gradus/data/miners.h"

#include <fmt/core.h>

#include <limits>
#include <vector>

#include "gradus/core/error.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"

namespace gradus {
namespace {

using Positions = std::vector<int64_t>;

Tensor as_tensor(const Positions& list, Device device) {
  return to(from_data(list.data(), {int64_t(list.size())}), device);
}

// The distances and labels of a batch, checked and readable.
struct Batch {
  Batch(const char* miner, const Tensor& distances, const Tensor& labels)
      : n(labels.defined() && labels.rank() == 1 ? labels.numel() : -1) {
    if (n < 0 || is_floating(labels.dtype()))
      throw DtypeError(fmt::format("{}: labels are {}, wanted integers of shape (N)", miner,
                                   labels.defined() ? describe(labels) : "undefined"));
    if (!(distances.shape() == Shape{n, n}))
      throw ShapeError(fmt::format("{}: distances have shape {}, wanted ({},{}) as there are {} labels", miner,
                                   text(distances.shape()), n, n, n));
    device = distances.device();
    d = distances.to_vector();
    for (double l : labels.to_vector()) label.push_back(int64_t(l));
  }
  double distance(int64_t i, int64_t j) const { return d[size_t(i * n + j)]; }
  bool positive(int64_t i, int64_t j) const { return i != j && label[size_t(i)] == label[size_t(j)]; }
  bool negative(int64_t i, int64_t j) const { return label[size_t(i)] != label[size_t(j)]; }

  int64_t n;
  Device device;  // of the distances, where the triplets are made
  std::vector<double> d;
  Positions label;
};

bool is(Hardness hardness, double to_positive, double to_negative, double margin) {
  switch (hardness) {
    case Hardness::hard: return to_negative < to_positive;
    case Hardness::semi_hard: return to_negative >= to_positive && to_negative < to_positive + margin;
    case Hardness::easy: return to_negative >= to_positive + margin;
    default: return true;
  }
}

// The position of the smallest value(j) among those wanted, or -1.
template <class Wanted, class Value> int64_t first_least(int64_t n, Wanted wanted, Value value) {
  int64_t best = -1;
  for (int64_t j = 0; j < n; ++j)
    if (wanted(j) && (best < 0 || value(j) < value(best))) best = j;
  return best;
}

struct Collected {
  Device device;
  Positions anchor = {}, positive = {}, negative = {};
  void add(int64_t a, int64_t p, int64_t n) { anchor.push_back(a), positive.push_back(p), negative.push_back(n); }
  operator Triplets() const {
    return {as_tensor(anchor, device), as_tensor(positive, device), as_tensor(negative, device)};
  }
};

}  // namespace

Triplets mine_triplets(const Tensor& distances, const Tensor& labels, Hardness hardness, double margin) {
  const Batch b("mine_triplets", distances, labels);
  Collected triplets{b.device};
  for (int64_t a = 0; a < b.n; ++a)
    for (int64_t p = 0; p < b.n; ++p) {
      if (!b.positive(a, p)) continue;
      for (int64_t n = 0; n < b.n; ++n)
        if (b.negative(a, n) && is(hardness, b.distance(a, p), b.distance(a, n), margin)) triplets.add(a, p, n);
    }
  return triplets;
}

Triplets batch_hard_triplets(const Tensor& distances, const Tensor& labels) {
  const Batch b("batch_hard_triplets", distances, labels);
  Collected triplets{b.device};
  for (int64_t a = 0; a < b.n; ++a) {
    const int64_t p =
        first_least(b.n, [&](int64_t j) { return b.positive(a, j); }, [&](int64_t j) { return -b.distance(a, j); });
    const int64_t n =
        first_least(b.n, [&](int64_t j) { return b.negative(a, j); }, [&](int64_t j) { return b.distance(a, j); });
    if (p >= 0 && n >= 0) triplets.add(a, p, n);
  }
  return triplets;
}

Triplets easy_positive_triplets(const Tensor& distances, const Tensor& labels, Hardness negative, double margin) {
  const Batch b("easy_positive_triplets", distances, labels);
  Collected triplets{b.device};
  for (int64_t a = 0; a < b.n; ++a) {
    const auto to = [&](int64_t j) { return b.distance(a, j); };
    const int64_t p = first_least(b.n, [&](int64_t j) { return b.positive(a, j); }, to);
    if (p < 0) continue;
    int64_t n = first_least(b.n, [&](int64_t j) { return b.negative(a, j) && is(negative, to(p), to(j), margin); }, to);
    if (n < 0) n = first_least(b.n, [&](int64_t j) { return b.negative(a, j); }, to);
    if (n >= 0) triplets.add(a, p, n);
  }
  return triplets;
}

Pairs mine_pairs(const Tensor& distances, const Tensor& labels, double pos_margin, double neg_margin) {
  const Batch b("mine_pairs", distances, labels);
  Positions anchor, positive, other_anchor, negative;
  for (int64_t i = 0; i < b.n; ++i)
    for (int64_t j = 0; j < b.n; ++j) {
      if (b.positive(i, j) && b.distance(i, j) > pos_margin) anchor.push_back(i), positive.push_back(j);
      if (b.negative(i, j) && b.distance(i, j) < neg_margin) other_anchor.push_back(i), negative.push_back(j);
    }
  const auto there = [&](const Positions& list) { return as_tensor(list, b.device); };
  return {there(anchor), there(positive), there(other_anchor), there(negative)};
}

}  // namespace gradus
