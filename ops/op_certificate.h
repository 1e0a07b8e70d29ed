// The certificate of a tensor op: its gradient is that of the differences, to second order and at ties, the same in
// float32, for every layout in memory, for tensors without elements, and on any number of threads.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gradus/ops/mutants.h"
#include "gradus/ops/op_table.h"

namespace gradus {

enum class OpStep : uint8_t { differences, second_order, ties, single_precision, layouts, zero_size, threads };
const char* name_of(OpStep);
inline constexpr std::array op_steps = {OpStep::differences,      OpStep::second_order, OpStep::ties,
                                        OpStep::single_precision, OpStep::layouts,      OpStep::zero_size,
                                        OpStep::threads};

struct OpCertificate {
  struct Row {
    int64_t cases = 0;  // numbers compared
    double worst = 0;   // the largest disagreement, relative to the largest derivative
  };
  std::string op, header;
  bool complete = false;  // every step was taken, and nothing failed
  bool mutated = false;   // a mutation changed a gradient
  int64_t kinks = 0;      // elements where the derivative jumps; the gradient lies between both sides
  std::array<Row, op_steps.size()> rows;
  std::vector<std::string> failures;

  Row& row(OpStep step) { return rows[size_t(step)]; }
  const Row& row(OpStep step) const { return rows[size_t(step)]; }
};

struct OpCertifyOptions {
  uint64_t seed = 0;
  Mutation mutation = Mutation::none;  // with one, only differences, second order and ties are tried, up to a failure
};

OpCertificate certify(const OpEntry& op, const OpCertifyOptions& options = {});
std::string to_string(const OpCertificate& certificate);

}  // namespace gradus
