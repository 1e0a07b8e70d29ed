#include "gradus/ops/einsum.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "gradus/core/error.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

bool contains(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

// The labels of `from` that satisfy the condition, in order.
template <class Condition> std::string filtered(const std::string& from, Condition condition) {
  std::string kept;
  std::copy_if(from.begin(), from.end(), std::back_inserter(kept), condition);
  return kept;
}

// ---- the equation -------------------------------------------------------------------------------

struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

std::string implicit_output(const std::vector<std::string>& inputs) {
  std::map<char, int> count;
  for (const std::string& labels : inputs)
    for (char label : labels) ++count[label];
  std::string output;
  for (const auto& [label, times] : count)
    if (times == 1) output += label;
  return output;
}

void check_output(const std::string& equation, const Equation& e) {
  for (size_t i = 0; i < e.output.size(); ++i) {
    const char label = e.output[i];
    if (e.output.find(label, i + 1) != std::string::npos)
      throw ParamError(fmt::format("einsum: '{}' names output index {} twice, wanted it once", equation, label));
    if (std::none_of(e.inputs.begin(), e.inputs.end(),
                     [=](const std::string& labels) { return contains(labels, label); }))
      throw ParamError(fmt::format("einsum: '{}' has output index {}, which no operand has", equation, label));
  }
}

Equation parse(const std::string& equation) {
  const std::string text = filtered(equation, [](char c) { return c != ' '; });
  const size_t arrow = text.find("->");
  Equation e{{""}, ""};
  for (char c : text.substr(0, arrow)) {
    if (c == ',') e.inputs.emplace_back();
    else e.inputs.back() += c;
  }
  e.output = arrow == std::string::npos ? implicit_output(e.inputs) : text.substr(arrow + 2);
  for (const std::string& labels : e.inputs)
    for (char c : labels + e.output)
      if (!std::isalpha(static_cast<unsigned char>(c)))
        throw ParamError(fmt::format("einsum: '{}' contains '{}', wanted letters, commas and one '->'", equation, c));
  check_output(equation, e);
  return e;
}

void check_extents(const Equation& e, const std::vector<Tensor>& operands) {
  std::map<char, std::pair<int64_t, size_t>> known;  // extent, and the operand that has it
  for (size_t i = 0; i < operands.size(); ++i) {
    const Tensor& t = operands[i];
    if (int(e.inputs[i].size()) != t.rank())
      throw ShapeError(fmt::format("einsum: operand {} has shape {} but indices '{}', wanted one index per dimension",
                                   i, text(t.shape()), e.inputs[i]));
    for (int d = 0; d < t.rank(); ++d) {
      const char label = e.inputs[i][size_t(d)];
      const auto [found, fresh] = known.insert({label, {t.shape()[d], i}});
      if (!fresh && found->second.first != t.shape()[d])
        throw ShapeError(fmt::format("einsum: index {} is {} in operand {} but {} in operand {}, wanted one extent",
                                     label, t.shape()[d], i, found->second.first, found->second.second));
    }
  }
}

// ---- contraction --------------------------------------------------------------------------------

// A tensor whose dimensions have names, each once.
struct Labelled {
  Tensor tensor;
  std::string labels;

  int64_t extent(const std::string& some) const {
    int64_t n = 1;
    for (char label : some) n *= tensor.shape()[int(labels.find(label))];
    return n;
  }
};

Labelled without_repeats(Tensor t, std::string labels) {
  for (size_t i = 0; i < labels.size();) {
    const size_t again = labels.find(labels[i], i + 1);
    if (again == std::string::npos) {
      ++i;
      continue;
    }
    t = diagonal(t, int64_t(i), int64_t(again));
    labels = labels.substr(0, i) + labels.substr(i + 1, again - i - 1) + labels.substr(again + 1) + labels[i];
  }
  return {t, labels};
}

Labelled summed_to(const Labelled& x, const std::string& kept) {
  std::vector<int64_t> dims;
  for (size_t i = 0; i < x.labels.size(); ++i)
    if (!contains(kept, x.labels[i])) dims.push_back(int64_t(i));
  if (dims.empty()) return x;
  return {sum(x.tensor, dims), filtered(x.labels, [&](char label) { return contains(kept, label); })};
}

Tensor arranged(const Labelled& x, const std::string& order) {
  std::vector<int64_t> dims;
  for (char label : order) dims.push_back(int64_t(x.labels.find(label)));
  return order == x.labels ? x.tensor : permute(x.tensor, dims);
}

// Multiplies two tensors and sums over what they share and `kept` does not name: one batched matrix product.
Labelled contracted(const Labelled& x, const Labelled& y, const std::string& kept) {
  const Labelled a = summed_to(x, kept + y.labels), b = summed_to(y, kept + x.labels);
  const std::string batch = filtered(a.labels, [&](char l) { return contains(b.labels, l) && contains(kept, l); });
  const std::string inner = filtered(a.labels, [&](char l) { return contains(b.labels, l) && !contains(kept, l); });
  const std::string rows = filtered(a.labels, [&](char l) { return !contains(b.labels, l); });
  const std::string columns = filtered(b.labels, [&](char l) { return !contains(a.labels, l); });
  const Tensor left = reshape(arranged(a, batch + rows + inner), {a.extent(batch), a.extent(rows), a.extent(inner)});
  const Tensor right =
      reshape(arranged(b, batch + inner + columns), {b.extent(batch), b.extent(inner), b.extent(columns)});
  Shape shape;
  for (char label : batch + rows) shape.push_back(a.extent(std::string(1, label)));
  for (char label : columns) shape.push_back(b.extent(std::string(1, label)));
  return {reshape(matmul(left, right), shape), batch + rows + columns};
}

}  // namespace

Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands) {
  const Equation e = parse(equation);
  if (e.inputs.size() != operands.size())
    throw ParamError(fmt::format("einsum: '{}' has {} operands but {} tensors were given", equation, e.inputs.size(),
                                 operands.size()));
  for (size_t i = 0; i < operands.size(); ++i)
    check_alike("einsum", {{"operand 0", &operands[0]}, {("operand " + std::to_string(i)).c_str(), &operands[i]}});
  check_extents(e, operands);
  Labelled result = without_repeats(operands[0], e.inputs[0]);
  for (size_t i = 1; i < operands.size(); ++i) {
    std::string kept = e.output;
    for (size_t later = i + 1; later < operands.size(); ++later) kept += e.inputs[later];
    result = contracted(result, without_repeats(operands[i], e.inputs[i]), kept);
  }
  return arranged(summed_to(result, e.output), e.output);
}

}  // namespace gradus
