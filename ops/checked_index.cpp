#include "gradus/ops/checked_index.h"

#include <fmt/core.h>

#include "gradus/autograd/node.h"
#include "gradus/core/backend.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/recorded_step.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

// The op and what it calls the index, as errors say it.
struct Asked {
  const char *op, *name;
  int64_t extent;
};

// Of an index on the CPU.
void check(const Asked& asked, const Tensor& index) {
  const auto* i = index.data<int64_t>();
  for (int64_t k = 0; k < index.numel(); ++k)
    if (i[k] < 0 || i[k] >= asked.extent)
      throw IndexError(
          fmt::format("{}: {} {} at position {} is outside [0, {})", asked.op, asked.name, i[k], k, asked.extent));
}

Tensor inside(const Asked& asked, const Tensor& index) {
  const NoGrad quiet;
  const Tensor safe = clamp(index, 0, double(asked.extent - 1));
  Tensor outside = sum(to(ne(safe, index), Dtype::int64));
  RecordedStep* const recorded = RecordedStep::active();
  if (recorded) {  // what any of its replays found
    Tensor ever = recorded->lasting({}, Dtype::int64, 0);
    device_add(ever, outside);
    outside = ever;
  }
  defer_check(index.device(), [asked, index, outside, recorded]() mutable {
    if (outside.item_integer() == 0) return;
    if (recorded) fill_elements(outside, 0);  // it is told once
    check(asked, to(index, cpu));
    throw IndexError(fmt::format("{}: {} was outside [0, {}) when it was used, and has been changed since", asked.op,
                                 asked.name, asked.extent));
  });
  return safe;
}

}  // namespace

Tensor checked_index(const char* op, const char* name, const Tensor& index, int64_t extent) {
  if (index.dtype() != Dtype::int64)
    throw DtypeError(fmt::format("{}: {} is {}, wanted int64; convert it with to()", op, name, name_of(index.dtype())));
  const Tensor flat = dense(index);
  if (!on_cpu(flat) && extent > 0) return inside({op, name, extent}, flat);
  check({op, name, extent}, on_the_cpu(op, flat));
  return flat;
}

}  // namespace gradus
