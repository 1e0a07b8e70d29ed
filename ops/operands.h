// Operands: the check that the tensors of one op compute, and with one dtype.
#pragma once
#include <initializer_list>

#include "gradus/core/tensor.h"

namespace gradus {

struct Operand {
  const char* name;
  const Tensor* tensor;  // an undefined one (a bias left out) is passed over
};

// DtypeError naming op and operand unless all are float32 or all are float64; DeviceError unless all lie on one device.
void check_alike(const char* op, std::initializer_list<Operand> operands);
// DeviceError naming op and operand unless all lie on one device.
void check_together(const char* op, std::initializer_list<Operand> operands);

}  // namespace gradus
