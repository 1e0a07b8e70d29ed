// The driver of Blocks: problems over threads, scratch memory, checks and sums.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "gradus/core/threads.h"
#include "gradus/ops/drive.h"
#include "gradus/ops/gemm.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace kernels {

template <class F>
void block_product(int64_t n, int64_t m, int64_t k, const void* a, int64_t a_row, int64_t a_column, const void* b,
                   int64_t b_row, int64_t b_column, void* c, bool add) {
  gemm<F>(n, m, k, {a, a_row, a_column}, {b, b_row, b_column}, static_cast<F*>(c), m, add);
}
template void block_product<float>(int64_t, int64_t, int64_t, const void*, int64_t, int64_t, const void*, int64_t,
                                   int64_t, void*, bool);
template void block_product<double>(int64_t, int64_t, int64_t, const void*, int64_t, int64_t, const void*, int64_t,
                                    int64_t, void*, bool);

BlockRoom::~BlockRoom() {
  for (const Piece& p : pieces_) pool::release(p.data, p.bytes, pool::Kind::data);
}
void* BlockRoom::take(size_t bytes) {
  constexpr size_t least = 1 << 16;
  bytes = (bytes + 63) / 64 * 64;
  most_ = std::max(most_, taken_ += bytes);
  for (; current_ < pieces_.size(); ++current_) {
    Piece& p = pieces_[current_];
    if (p.bytes - p.used < bytes) continue;
    void* at = static_cast<char*>(p.data) + p.used;
    p.used += bytes;
    return at;
  }
  pieces_.reserve(pieces_.size() + 1);
  const size_t size = std::max(bytes, least);
  pieces_.push_back({pool::allocate(size, pool::Kind::data), size, bytes});
  return pieces_.back().data;
}
void BlockRoom::reset() {
  current_ = taken_ = 0;
  for (Piece& p : pieces_) p.used = 0;
}

}  // namespace kernels

namespace {

int64_t size_of(const BlockOperand& o) { return o.extent[0] * o.extent[1] * o.extent[2] * o.extent[3]; }

template <class F> void drive(const kernels::BlockKernel& kernel, const BlockCall& call) {
  const int64_t values = size_of(call.value), all = values * call.problems;
  int64_t work = values;
  for (int k = 0; k < kernel.inputs; ++k) work += call.in[k].data ? size_of(call.in[k]) : 0;
  const int64_t together =
      std::clamp<int64_t>(task_elements / 8 / std::max<int64_t>(1, work), 1, 1024);  // problems a task takes
  const int64_t tasks = (call.problems + together - 1) / together;
  const Scratch counts(size_t(all) * sizeof(F));
  std::vector<BlockCall::Refusal> refusals(static_cast<size_t>(tasks));
  parallel_for(tasks, [&](int64_t t) {
    kernels::BlockRoom room;
    for (int64_t i = t * together; i < std::min(call.problems, (t + 1) * together); ++i) {
      room.reset();
      kernel.solve(call.formula, {&call, i, kernel.inputs, kernel.input, &room, counts.as<F>(), &refusals[t]});
    }
    if (call.room) *call.room = int64_t(room.most());
  });
  const F* value = static_cast<const F*>(call.value.data);
  const auto sums = [&](const F* x, double BlockSums::* which) {
    const int64_t parts = (all + task_elements - 1) / task_elements;
    return tree_sum(0, parts, [&](int64_t p) {
      return sums_of(x + p * task_elements, std::min(task_elements, all - p * task_elements)).*which;
    });
  };
  if (call.totals)
    *call.totals = {sums(value, &BlockSums::sum), sums(counts.as<F>(), &BlockSums::sum),
                    sums(value, &BlockSums::active)};
  for (const BlockCall::Refusal& r : refusals)
    if (r.input >= 0) {
      *call.refusal = r;
      return;
    }
}

}  // namespace

void drive_block(const kernels::BlockKernel& single, const kernels::BlockKernel& precise, const BlockCall& call) {
  call.dtype == Dtype::float32 ? drive<float>(single, call) : drive<double>(precise, call);
}
void drive_block_tangent(const kernels::BlockKernel& probe, const BlockCall& call) { drive<double>(probe, call); }

}  // namespace gradus
