#include "gradus/core/shape.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/core/error.h"

namespace gradus {

void Shape::too_many() {
  throw ShapeError(
      fmt::format("shape: got more than {0} dimensions, a tensor has at most {0}; flatten some", max_rank));
}

std::string text(const Shape& shape) {
  std::string out(1, '(');
  for (int i = 0; i < shape.rank(); ++i) {
    if (i) out.push_back(',');
    out.append(std::to_string(shape[i]));
  }
  out.push_back(')');
  return out;
}

Shape dense_strides(const Shape& shape) {
  Shape strides = shape;
  int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = step;
    step *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

int dimension(const char* op, int64_t dim, int rank, const char* name) {
  const int64_t limit = std::max(rank, 1);  // a number accepts dim 0 and -1, as in PyTorch
  if (dim < -limit || dim >= limit)
    throw IndexError(fmt::format("{}: {} is {}, a tensor of {} dimensions wants one in [{}, {})", op, name, dim, rank,
                                 -limit, limit));
  return int(dim < 0 ? dim + limit : dim);
}

Shape broadcast(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const int rank = std::max(a.rank(), b.rank());
  Shape out = Shape::filled(rank, 1);
  for (int i = 1; i <= rank; ++i) {
    const int64_t x = i <= a.rank() ? a[a.rank() - i] : 1, y = i <= b.rank() ? b[b.rank() - i] : 1;
    if (x != y && x != 1 && y != 1)
      throw ShapeError(
          fmt::format("{}: shapes {} and {} do not broadcast, extents {} and {} differ; reshape one of them", op,
                      text(a), text(b), x, y));
    out[rank - i] = x == 1 ? y : x;
  }
  return out;
}

}  // namespace gradus
