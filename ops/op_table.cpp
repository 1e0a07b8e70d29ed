#include "gradus/ops/op_table.h"

#include <algorithm>
#include <iterator>

namespace gradus {

const std::vector<OpEntry>& differentiable_ops() {
  static const std::vector<OpEntry> all = [] {
    std::vector<OpEntry> entries;
    for (auto part : {elementwise_op_entries, reducing_op_entries, arranging_op_entries, layer_op_entries})
      for (OpEntry& entry : part()) entries.push_back(std::move(entry));
    std::stable_sort(entries.begin(), entries.end(),
                     [](const OpEntry& a, const OpEntry& b) { return a.header < b.header; });
    return entries;
  }();
  return all;
}

const OpEntry* find_op(const std::string& name) {
  for (const OpEntry& entry : differentiable_ops())
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace gradus
