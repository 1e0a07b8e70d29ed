#include "gradus/ops/sort.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <vector>

#include "gradus/core/convert.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/order.h"
#include "gradus/core/threads.h"
#include "gradus/ops/index.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

// order = the places of the `keep` first of n values, in order.
template <class T> void order_of(const T* values, int64_t n, int64_t keep, bool descending, int64_t* order) {
  const auto before = [=](int64_t i, int64_t j) { return precedes(values[i], i, values[j], j, descending); };
  std::iota(order, order + n, int64_t{0});
  if (keep < n) std::nth_element(order, order + keep, order + n, before);
  std::sort(order, order + keep, before);
}

// The first `keep` places of every line along `dim`.
Tensor order_along(const Tensor& x, int dim, int64_t keep, bool descending) {
  if (!on_cpu(x)) {
    Shape shape = x.shape();
    if (x.rank()) shape[dim] = keep;
    Tensor out(shape, Dtype::int64, x.device());
    device_order("sort", x, dim, descending, out);
    return out;
  }
  const Tensor lines = dense(x.rank() ? transpose(x.detach(), dim, -1) : x.detach());
  const int64_t n = x.rank() ? x.shape()[dim] : 1, count = n ? lines.numel() / n : 0;
  Shape shape = lines.shape();
  if (x.rank()) shape[x.rank() - 1] = keep;
  Tensor out(shape, Dtype::int64);
  int64_t* to = out.mutable_data<int64_t>();
  const int64_t group = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, n));
  visit(x.dtype(), [&]<class E>(Type<E>) {
    using T = std::conditional_t<sizeof(E) == 2, float, E>;  // float16 and bfloat16 compare as float32
    parallel_for((count + group - 1) / group, [&](int64_t task) {
      std::vector<int64_t> order(static_cast<size_t>(n));
      std::vector<T> widened(sizeof(E) == 2 ? size_t(n) : 0);
      for (int64_t l = task * group; l < std::min(count, (task + 1) * group); ++l) {
        const E* line = lines.data<E>() + l * n;
        if constexpr (sizeof(E) == 2) {
          std::transform(line, line + n, widened.begin(), [](E v) { return convert<float>(v); });
          order_of(widened.data(), n, keep, descending, order.data());
        } else {
          order_of(line, n, keep, descending, order.data());
        }
        std::copy_n(order.data(), keep, to + l * keep);
      }
    });
  });
  return x.rank() ? transpose(out, dim, -1) : out;
}

}  // namespace

Sorted sort(const Tensor& x, int64_t dim, bool descending) {
  const int d = dimension("sort", dim, x.rank());
  const Tensor order = dense(order_along(x, d, x.rank() ? x.shape()[d] : 1, descending));
  return {gather(x, d, order), order};
}

Tensor argsort(const Tensor& x, int64_t dim, bool descending) {
  const int d = dimension("argsort", dim, x.rank());
  return dense(order_along(x, d, x.rank() ? x.shape()[d] : 1, descending));
}

Sorted topk(const Tensor& x, int64_t k, int64_t dim, bool largest) {
  const int d = dimension("topk", dim, x.rank());
  const int64_t n = x.rank() ? x.shape()[d] : 1;
  if (k < 0 || k > n) throw ParamError(fmt::format("topk: k is {}, wanted 0 to {}, the extent of dim {}", k, n, d));
  if (x.rank() == 0 && k == 0) throw ParamError("topk: k is 0 for a tensor of shape (), wanted 1");
  const Tensor order = dense(order_along(x, d, k, largest));
  return {gather(x, d, order), order};
}

}  // namespace gradus
