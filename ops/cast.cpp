#include "gradus/ops/cast.h"

#include <algorithm>

#include "gradus/autograd/node.h"
#include "gradus/core/convert.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/recorded_step.h"
#include "gradus/core/threads.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

template <class From, class To> void convert_all(const From* x, To* y, int64_t n) {
  parallel_for((n + task_elements - 1) / task_elements, [=](int64_t t) {
    for (int64_t i = t * task_elements, end = std::min(n, i + task_elements); i < end; ++i) y[i] = convert<To>(x[i]);
  });
}

}  // namespace

Tensor to(const Tensor& x, Dtype dtype) {
  if (x.dtype() == dtype) return x;
  Tensor out(x.shape(), dtype, x.device());
  if (on_cpu(x)) {
    const Tensor from = dense(x);
    visit(x.dtype(), [&]<class From>(Type<From>) {
      visit(dtype, [&]<class To>(Type<To>) { convert_all(from.data<From>(), out.mutable_data<To>(), x.numel()); });
    });
  } else {
    copy_elements(x, out);
  }
  if (computes(dtype) && recording(x))
    record("to", out, {&x}, [before = x.dtype()](const Tensor& g, Gradients& slots) { slots[0] = to(g, before); });
  return out;
}

Tensor to(const Tensor& x, Device device) {
  if (x.device() == device) return x;
  Tensor out(x.shape(), x.dtype(), device);
  copy_elements(x, out);
  if (recording(x))
    record("to", out, {&x}, [before = x.device()](const Tensor& g, Gradients& slots) { slots[0] = to(g, before); });
  return out;
}

Tensor on_the_cpu(const char* op, const Tensor& x) {
  if (!on_cpu(x)) RecordedStep::refuse(op, "looks at its input on the CPU");
  return to(x, cpu);
}

}  // namespace gradus
