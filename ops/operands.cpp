#include "gradus/ops/operands.h"

#include <fmt/core.h>

#include "gradus/core/error.h"

namespace gradus {

void check_alike(const char* op, std::initializer_list<Operand> operands) {
  const Operand& first = *operands.begin();
  if (!computes(first.tensor->dtype()))
    throw DtypeError(fmt::format("{}: {} is {}, wanted float32 or float64; convert it with to()", op, first.name,
                                 name_of(first.tensor->dtype())));
  for (const Operand& other : operands) {
    if (!other.tensor->defined()) continue;
    if (other.tensor->dtype() != first.tensor->dtype())
      throw DtypeError(fmt::format("{}: {} is {} but {} is {}, wanted one dtype; convert one with to()", op, other.name,
                                   name_of(other.tensor->dtype()), first.name, name_of(first.tensor->dtype())));
  }
  check_together(op, operands);
}

void check_together(const char* op, std::initializer_list<Operand> operands) {
  const Operand& first = *operands.begin();
  for (const Operand& other : operands)
    if (other.tensor->defined() && other.tensor->device() != first.tensor->device())
      throw DeviceError(fmt::format("{}: {} is on {} but {} is on {}; move one with to()", op, other.name,
                                    text(other.tensor->device()), first.name, text(first.tensor->device())));
}

}  // namespace gradus
