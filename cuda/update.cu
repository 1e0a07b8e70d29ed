#include "gradus/cuda/update.h"

#include "gradus/core/number.h"
#include "gradus/core/update_rules.h"
#include "gradus/cuda/axes.h"

namespace gradus::cuda_kernels {
namespace {

// The rule of a recorded step changes from replay to replay, and lies on the device.
template <class Rule, class F>
__global__ void __launch_bounds__(threads, 1) update_kernel(const Rule given, const UpdateCall a) {
  if (a.only_if && !simt::read(a.only_if)) return;
  const Rule rule = a.rule_there ? simt::read(static_cast<const Rule*>(a.rule_there)) : given;
  F* const parameter = static_cast<F*>(a.parameter);
  for (int64_t i = first_element(); i < a.count; i += next_element()) {
    Num<F> p = Num<F>::raw(simt::read(parameter, i)), s[UpdateCall::most_buffers];
    for (int k = 0; k < Rule::buffers; ++k) s[k] = Num<F>::raw(simt::read(static_cast<F*>(a.buffer[k]), i));
    rule(p, Num<F>::raw(simt::read(static_cast<const F*>(a.gradient), i)), s);
    simt::write(parameter, i, p.v);
    for (int k = 0; k < Rule::buffers; ++k) simt::write(static_cast<F*>(a.buffer[k]), i, s[k].v);
  }
}

template <class Rule> void run(const void* rule, const UpdateCall& call) {
  if (!call.count) return;
  simt::launch("step", call.dtype == Dtype::float32 ? update_kernel<Rule, float> : update_kernel<Rule, double>,
               blocks_of(call.count), threads, *static_cast<const Rule*>(rule), call);
}

template <class List> struct Updating;
template <class... Rules> struct Updating<TypeList<Rules...>> {
  static constexpr void (*runners[])(const void*, const UpdateCall&) = {run<Rules>...};
};

}  // namespace

void update(int place, const void* rule, const UpdateCall& call) {
  check_place<update_rules::All>(place);
  Updating<update_rules::All>::runners[place](rule, call);
}

}  // namespace gradus::cuda_kernels
