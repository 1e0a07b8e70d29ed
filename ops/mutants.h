// Mutants: deliberate mistakes in gradients, made at run time, to prove that a gradient check would find them.
#pragma once
#include <vector>

#include "gradus/autograd/gradcheck.h"

namespace gradus {

enum class Mutation : uint8_t {
  none,
  sign,              // every gradient times -1
  times_n,           // times the number of its elements
  over_n,            // divided by it
  dropped_upstream,  // the gradient that arrives is taken for ones
  swapped_inputs,    // the gradients of two inputs of equal shape change places
  shifted_index,     // element i receives the gradient of i + 1
  at_ties,           // wrong only where an input lies on a change of branch
  in_tail,           // wrong only in the last elements, those beyond the last full pack
  slightly_off,      // times 1 + 1e-6
};
inline constexpr Mutation mutations[] = {
    Mutation::sign,          Mutation::times_n, Mutation::over_n,  Mutation::dropped_upstream, Mutation::swapped_inputs,
    Mutation::shifted_index, Mutation::at_ties, Mutation::in_tail, Mutation::slightly_off};
const char* name_of(Mutation);

// f with the mistake in its gradients.  `ties` says which elements of each input lie on a tie (empty: none);
// `changed`, unless null, is set as soon as a gradient comes out different from the right one: a mutant that never
// changes anything is equivalent to the original.  Only float64 inputs are touched.
TensorFunction mutant(TensorFunction f, Mutation, std::vector<std::vector<bool>> ties = {}, bool* changed = nullptr);

}  // namespace gradus
