// Products and sums of tensors in Einstein's notation.
#pragma once
#include <string>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

// One letter per dimension, operands separated by commas: "ij,jk->ik".  A letter twice in an operand takes the
// diagonal; a letter that is not in the output is summed over; without "->" the output is every letter that occurs
// once, in alphabetical order.  Several operands are contracted from left to right.
Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands);

}  // namespace gradus
