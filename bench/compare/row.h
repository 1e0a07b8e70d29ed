// One line of the comparison: the same work for gradus and for the peer.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "gradus/core/device.h"

namespace gradus::bench {

struct Row {
  std::string family;           // what the line counts among: "elementwise losses", "models", …
  std::string name;             // as the table shows it
  std::string peer;             // the same work in the words of torch_peer.py
  double bytes = 0, flops = 0;  // the least that must be moved and computed, for the floor; 0: not stated
  std::function<std::function<void()>(Device)> prepare;  // makes the inputs there and returns one repetition
};

std::vector<Row> loss_rows();
std::vector<Row> training_rows();  // models with their optimiser, and optimisers alone

}  // namespace gradus::bench
