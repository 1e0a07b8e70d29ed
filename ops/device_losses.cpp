#include "gradus/ops/device_losses.h"

#include <fmt/core.h>

#include <cstring>
#include <unordered_map>

#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/recorded_step.h"
#include "gradus/ops/registered.h"

namespace gradus {
namespace {

using Kernels = std::unordered_map<const FormulaEntry*, DeviceKernel>;

Kernels kernels_of(const char* op, const Backend& b) {
  Kernels kernels;
  bool same = b.loss_count == registered::count;
  for (int i = 0; i < registered::count && same; ++i) {
    const LossEntry& entry = **registered::all[i];
    const DeviceLoss& loss = *b.losses[i];
    same = !strcmp(loss.name, entry.about->name) && loss.formulas == entry.formula_count;
    for (int f = 0; f < entry.formula_count && same; ++f)
      if (loss.run[f]) kernels[entry.formula(f)] = {&loss, f};
  }
  if (!same)
    throw DeviceError(fmt::format(
        "{}: the module of the {} knows other losses than this program; build both from one list", op, b.name));
  return kernels;
}

// Every byte is 255, in a recorded step before its first replay.
Tensor new_report(Device device) {
  const Shape shape{int64_t(sizeof(LossReport))};
  if (RecordedStep* recording = RecordedStep::active()) return recording->lasting(shape, Dtype::uint8, 255);
  Tensor report(shape, Dtype::uint8, device);
  fill_elements(report, 255);
  return report;
}

}  // namespace

DeviceKernel device_kernel(const char* op, const FormulaEntry& formula, Device device) {
  static const Kernels kernels = kernels_of(op, backend(op, device));
  const auto found = kernels.find(&formula);
  return found == kernels.end() ? DeviceKernel{} : found->second;
}

DeviceRun::DeviceRun(const DeviceKernel& kernel, Device device, const DeviceCall& call)
    : kernel_(kernel),
      device_(device),
      call_(call),
      report_(new_report(device)),
      recorded_(RecordedStep::active() != nullptr) {
  const char* op = kernel.loss->name;
  call_.name = op;
  call_.device = device.index;
  call_.report = static_cast<LossReport*>(report_.state()->data);
  for (const View& v : {call_.value, call_.count}) note_maker(op, device, v.data);
  for (const View& v : call_.grad) note_maker(op, device, v.data);
  check_device(op, device, backend(op, device).run(*kernel.loss, kernel.formula, call_));
}

void DeviceRun::settle() {
  if (settled_ && !recorded_) return;
  RecordedStep::refuse(kernel_.loss->name, "waits for its value");
  problem_ = {};
  call_.totals = &totals_, call_.problem = &problem_;
  const char* op = kernel_.loss->name;
  check_device(op, device_, backend(op, device_).settle(*kernel_.loss, kernel_.formula, call_));
  settled_ = true;
  if (recorded_ && problem_.input >= 0) fill_elements(report_, 255);  // it is told once
}
const Totals& DeviceRun::totals() { return settle(), totals_; }
const Problem& DeviceRun::problem() { return settle(), problem_; }

}  // namespace gradus
