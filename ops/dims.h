// The notation in which a Block says which axes an input has: "*NK", "T*C", "C+1", "MD|NMD", "~A" (see InputFacts).
// Where other inputs have a '*', N is the number of problems: an input that all of them share may have a row for each.
#pragma once
#include <string>
#include <vector>

#include "gradus/core/shape.h"

namespace gradus {

struct Dims {
  std::string letters;    // without the '*'
  std::vector<int> plus;  // what is added to the extent of each letter
  int batch_at = -1;      // before which letter the batch axes stand; -1: none
  bool flat = false;      // all axes as one
};

Dims parse_dims(const std::string& text);  // one alternative
std::vector<Dims> alternatives(const char* text);
// The alternative that a tensor of this rank fits; the first one where none does.
Dims dims_for(const char* text, int rank);
std::string readable(const Dims&, const Shape* batch = nullptr);  // "(…,N,K)"; for a batch (2,3) "(2,3,N,K)"

}  // namespace gradus
