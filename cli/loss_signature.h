// How a loss is called: its inputs and parameters with defaults and allowed values, as the command shows them.
#pragma once
#include <string>
#include <vector>

#include "gradus/core/formula.h"

namespace gradus {

// One entry of a loss's signature: an input, or a parameter with its default.
struct Line {
  std::string name, kind;  // kind: "element", "row", "column", "label", "number" …
  bool input = false, required = false;
  std::string value = "null";  // the default of a parameter, as JSON
  std::string values = "";     // which are allowed
};

std::vector<Line> signature(const LossEntry& entry);
std::string default_text(const Line& line);    // "required", "none", "0.5" …
const char* class_of(const LossEntry& entry);  // "map", "fold", "block", "metric", …
std::string as_json(const LossEntry& entry);   // one object

}  // namespace gradus
