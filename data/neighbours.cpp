#include "gradus/data/neighbours.h"

#include <algorithm>
#include <utility>

#include "gradus/autograd/node.h"
#include "gradus/core/threads.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

constexpr int64_t chunk = 256;  // queries whose distances are held at a time

Tensor as_rows(const Tensor& t) {
  return dense(reshape(t, {t.shape()[0], t.shape()[0] ? t.numel() / t.shape()[0] : 0}));
}

template <class F> std::vector<double> squared_norms(const Tensor& rows) {
  const int64_t n = rows.shape()[0], width = rows.shape()[1];
  std::vector<double> norms(static_cast<size_t>(n));
  const F* x = rows.data<F>();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < width; ++j) norms[size_t(i)] += double(x[i * width + j]) * double(x[i * width + j]);
  return norms;
}

// From products with the query; the query's own norm does not change the order.
template <class F>
Neighbours nearest(const F* products, const std::vector<double>& norms, int64_t k, int64_t left_out) {
  std::vector<std::pair<double, int64_t>> all;
  for (int64_t i = 0; i < int64_t(norms.size()); ++i)
    if (i != left_out) all.emplace_back(norms[size_t(i)] - 2 * double(products[i]), i);
  k = std::min(k, int64_t(all.size()));
  std::partial_sort(all.begin(), all.begin() + k, all.end());
  Neighbours positions;
  for (int64_t i = 0; i < k; ++i) positions.push_back(all[size_t(i)].second);
  return positions;
}

}  // namespace

void for_each_neighbours(const Tensor& queries, const Tensor& references, Self self,
                         const std::function<int64_t(int64_t)>& wanted,
                         const std::function<void(int64_t, const Neighbours&)>& visit) {
  const NoGrad quiet;
  const Tensor from = as_rows(queries), to = as_rows(references);
  const int64_t n = from.shape()[0], m = to.shape()[0], width = from.shape()[1];
  visit_floating(to.dtype(), [&]<class F>(Type<F>) {
    const std::vector<double> norms = squared_norms<F>(to);
    const Tensor columns = transpose(to, 0, 1);
    for (int64_t begin = 0; begin < n; begin += chunk) {
      const int64_t rows = std::min(chunk, n - begin);
      const Tensor products = matmul(from.alias({rows, width}, {width, 1}, begin * width), columns);
      const F* p = products.data<F>();
      parallel_for(rows, [&](int64_t r) {
        const int64_t query = begin + r;
        visit(query, nearest(p + r * m, norms, wanted(query), self == Self::left_out ? query : -1));
      });
    }
  });
}

}  // namespace gradus
