#include "gradus/ops/dropout.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/philox.h"
#include "gradus/core/recorded_step.h"
#include "gradus/core/threads.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

// A mask is never stored: element i is kept where its random word says so.
template <class F> void thin(const F* x, int64_t n, const MaskCall& mask, F* y) {
  static_assert(task_elements % 4 == 0);  // a task begins with a block of random words
  const uint64_t bound = bernoulli_bound(mask.keep);
  const F scale = mask.keep > 0 ? F(1 / mask.keep) : F(0);
  parallel_for((n + task_elements - 1) / task_elements, [&](int64_t task) {
    const int64_t end = std::min(n, (task + 1) * task_elements);
    for (int64_t i = task * task_elements; i < end; i += 4) {
      const Philox4 random = philox(mask.seed, mask.stream, uint64_t(i) / 4);
      for (int64_t k = 0; k < std::min<int64_t>(4, end - i); ++k)
        y[i + k] = bernoulli_from(random.word[k], bound) ? x[i + k] * scale : F(0);
    }
  });
}

// Linear in x, and its own adjoint.
Tensor thinned(const Tensor& x, const MaskCall& mask) {
  const Tensor from = dense(x);
  Tensor out = on_cpu(x) ? Tensor(x.shape(), x.dtype()) : device_thin("dropout", from, mask);
  if (on_cpu(x))
    visit_floating(x.dtype(), [&]<class F>(Type<F>) { thin(from.data<F>(), x.numel(), mask, out.mutable_data<F>()); });
  if (recording(x)) record("dropout", out, {&x}, [mask](const Tensor& g, Gradients& to) { to[0] = thinned(g, mask); });
  return out;
}

// Where the words of a recorded step's mask are drawn from, on the device.
const void* words_there(RecordedStep& recording, uint64_t seed, uint64_t stream) {
  const uint64_t words[] = {seed, stream};
  return recording.varying(words, sizeof words);
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, Generator& generator) {
  check_alike("dropout", {{"input", &x}});
  if (!(p >= 0 && p <= 1)) throw ParamError(fmt::format("dropout: p is {}, wanted a probability from 0 to 1", p));
  if (!training || p == 0) return x;
  MaskCall mask = {generator.seed(), generator.next_stream(), 1 - p};
  if (RecordedStep* recording = RecordedStep::active(); recording && !on_cpu(x)) {
    mask.words_there = words_there(*recording, mask.seed, mask.stream);
    recording->before_each(
        [recording, &generator] { words_there(*recording, generator.seed(), generator.next_stream()); });
  }
  return thinned(x, mask);
}

}  // namespace gradus
