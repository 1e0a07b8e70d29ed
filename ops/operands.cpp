#include "gradus/ops/operands.h"

#include <fmt/core.h>

#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"

namespace gradus {

void check_computes(const char* op, std::initializer_list<Operand> operands) {
  const Operand& first = *operands.begin();
  if (!computes(first.tensor->dtype()))
    throw DtypeError(fmt::format("{}: {} is {}, wanted float32 or float64; convert it with to()", op, first.name,
                                 name_of(first.tensor->dtype())));
  for (const Operand& o : operands)
    if (o.tensor->defined()) check_on_cpu(op, *o.tensor);
  for (const Operand& other : operands)
    if (other.tensor->defined() && other.tensor->dtype() != first.tensor->dtype())
      throw DtypeError(fmt::format("{}: {} is {} but {} is {}, wanted one dtype; convert one with to()", op, other.name,
                                   name_of(other.tensor->dtype()), first.name, name_of(first.tensor->dtype())));
}

}  // namespace gradus
