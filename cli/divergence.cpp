#include "gradus/cli/divergence.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <type_traits>

#include "gradus/autograd/anomaly.h"
#include "gradus/autograd/engine.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"

namespace gradus {
namespace {

// By the bits, which compilers do many at a time: all ones in the exponent.
template <class F> bool finite(const F* x, int64_t n) {
  using Bits = std::conditional_t<sizeof(F) == 4, uint32_t, uint64_t>;
  constexpr Bits exponent = sizeof(F) == 4 ? Bits{0x7f800000} : Bits(0x7ff0000000000000);
  Bits bad = 0;
  for (int64_t i = 0; i < n; ++i) bad |= Bits((std::bit_cast<Bits>(x[i]) & exponent) == exponent);
  return bad == 0;
}

}  // namespace

StepStart::StepStart(Module& model, Generator* random) {
  for (Generator* generator : {&default_generator(), random})
    if (generator) generators_.emplace_back(generator, generator->state());
  for (const auto& [name, t] : model.named_buffers()) {
    Tensor copy(t.shape(), t.dtype(), t.device());
    copy_elements(t, copy);
    buffers_.emplace_back(t, copy);
  }
}

void StepStart::restore() {
  for (auto& [generator, state] : generators_) generator->set_state(state);
  for (auto& [buffer, copy] : buffers_) copy_elements(copy, buffer);
}

bool is_finite(const Tensor& t) {
  if (!on_cpu(t) || !computes(t.dtype())) return true;
  const Tensor d = dense(t);
  return visit_floating(d.dtype(),
                        [&]<class F>(Type<F>) { return finite(static_cast<const F*>(d.bytes()), d.numel()); });
}

bool finite_gradients(const NamedTensors& parameters) {
  return std::all_of(parameters.begin(), parameters.end(), [](const auto& entry) {
    const Tensor gradient = entry.second.grad();
    return !gradient.defined() || is_finite(gradient);
  });
}

std::string origin_of(const NamedTensors& parameters, const std::function<Tensor()>& loss) {
  for (const auto& [name, t] : parameters)
    if (!is_finite(t)) return fmt::format("the parameter {} was no longer finite before it", name);
  const AnomalyMode looking(Anomaly::non_finite);
  try {
    backward(loss());
  } catch (const DomainError& error) { return error.what(); }
  return "";
}

}  // namespace gradus
