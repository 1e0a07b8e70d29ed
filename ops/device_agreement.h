// Does a device compute what the CPU does?  Values, gradients and error texts of a loss or an op at drawn points, whose
// gradients the certificates prove on the CPU.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gradus/core/device.h"
#include "gradus/core/formula.h"
#include "gradus/ops/op_table.h"

namespace gradus {

struct DeviceAgreement {
  std::string name;
  int64_t cases = 0;                  // points, dtypes, layouts and reductions
  double worst = 0;                   // |device - cpu| / max(1, largest of the CPU's)
  std::vector<std::string> failures;  // what differs by more than 1e-10 in float64, 1e-5 in float32
};

// Every variant of the options, every reduction; dense, strided and broadcast inputs; parameters as tensors.
DeviceAgreement agreement(const LossEntry&, Device);
// Every case of the table, in three layouts.
DeviceAgreement agreement(const OpEntry&, Device);

// "huber_loss  as on the CPU at 360 points, worst 2.2e-16", or what differs.
std::string to_string(const DeviceAgreement&);

}  // namespace gradus
