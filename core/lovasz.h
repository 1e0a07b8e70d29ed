// The Lovász extension of the Jaccard loss: set differences made continuous, by sorting errors.
#pragma once
#include "gradus/core/simplex.h"

namespace gradus {

// Σ Δ_k cost_k over the errors in descending order, Δ_k by how much the Jaccard loss rises when the k-th too is wrong.
// slope[i] becomes the Δ of element i; `order` is room for n places.
template <class T, class Fn>
GRADUS_ANYWHERE T lovasz(Case<T>& c, const T* error, const T* cost, Fn is_positive, int64_t n, int64_t* order,
                         T* slope) {
  sort_descending(c, error, n, order);
  tell_order(error, order, n);
  double positives = 0;
  for (int64_t i = 0; i < n; ++i) positives += is_positive(i);
  double both = positives, either = positives;  // the intersection and the union of what is right
  c.once([&] {
    for (int64_t k = 0; k < n; ++k) {
      const int64_t i = order[k];
      if (is_positive(i)) {
        slope[i] = 1 / either;  // the intersection loses one
        both -= 1;
      } else {
        slope[i] = either == 0 ? 1 : both / either / (either + 1);  // the union gains one
        either += 1;
      }
    }
  });
  return c.total(n, [&](int64_t k) { return slope[order[k]] * cost[order[k]]; });
}

}  // namespace gradus
