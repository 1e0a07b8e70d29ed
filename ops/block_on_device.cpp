#include "gradus/ops/block_on_device.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <map>
#include <mutex>
#include <vector>

#include "gradus/ops/factories.h"

namespace gradus {
namespace {

// A number that the range allows, a different one for every i.
double plausible(const Range& r, int64_t i) {
  const double part = 0.25 + 0.5 * std::fmod(0.618 * double(i), 1.0);
  if (r.only_ends) return i % 2 ? r.low : r.high;
  if (std::isinf(r.low)) return std::isinf(r.high) ? 4 * part - 2 : r.high - part;
  return std::isinf(r.high) ? r.low + part : r.low + part * (r.high - r.low);
}

// One problem of the call's extents on the CPU, of numbers that the formula accepts, and lengths as long as they can
// be.
class Rehearsal {
 public:
  Rehearsal(const Application& a, const BlockOnDevice& there) : a_(a), call_(there.call) {
    call_.problems = 1;
    call_.upstream = nullptr;
    for (int k = 0; k < a.entry->inputs; ++k) {
      BlockOperand& o = call_.in[k];
      if (!o.data) continue;
      const int64_t n = size_of(o);
      std::vector<double> x(static_cast<size_t>(n));
      for (int64_t i = 0; i < n; ++i) x[size_t(i)] = value(there.bounds[k], k, i);
      const bool length = a.facts(k).up_to;
      if (a.entry->make_acceptable && !length)
        a.entry->make_acceptable(a.formula->get(), k, x.data(), n, a.layout.extents);
      tensors_.push_back(tensor(x, {n}, a.facts(k).integer ? Dtype::int64 : call_.dtype));
      o.data = tensors_.back().address();
      if (!o.grad) continue;
      tensors_.push_back(zeros({n}, call_.dtype));
      o.grad = tensors_.back().address();
    }
    tensors_.push_back(zeros({size_of(call_.value)}, call_.dtype));
    call_.value.data = tensors_.back().address();
  }
  // The bytes of scratch memory that it takes.
  int64_t room() {
    int64_t room = 0;
    Totals totals;
    BlockCall::Refusal refusal;
    call_.room = &room, call_.totals = &totals, call_.refusal = &refusal;
    a_.entry->solve(call_);
    return room;
  }

 private:
  static int64_t size_of(const BlockOperand& o) { return o.extent[0] * o.extent[1] * o.extent[2] * o.extent[3]; }

  double value(const BlockBounds& b, int k, int64_t i) const {
    const InputFacts& f = a_.facts(k);
    if (f.boxes) return i % 4 < 2 ? 0 : 1;
    if (!f.integer) return plausible(f.range, i);
    if (f.up_to) return double(b.end - 1);
    if (f.below) return double(i % std::max<int64_t>(1, b.end));
    return bounded(f.range) ? f.range.low + double(i % 2) : double(i % 2);
  }

  const Application& a_;
  BlockCall call_;
  std::vector<Tensor> tensors_;
};

// What the scratch memory of a problem depends on; numbers by their bits, for an option may be NaN.
std::vector<int64_t> key_of(const Application& a, const BlockCall& call) {
  std::vector<int64_t> key{int64_t(call.dtype), int64_t(call.reduction)};
  for (int i = 0; i < a.entry->options; ++i) key.push_back(std::bit_cast<int64_t>(a.entry->get(a.formula->get(), i)));
  const auto add = [&](const BlockOperand& o) {
    key.push_back(o.data ? o.rank : -1);
    key.insert(key.end(), std::begin(o.extent), std::end(o.extent));
    key.push_back(o.grad ? 1 : 0);
  };
  for (int k = 0; k < a.entry->inputs; ++k) add(call.in[k]);
  add(call.value);
  return key;
}

int64_t room_for(const Application& a, const BlockOnDevice& there) {
  static std::mutex mutex;
  static std::map<const FormulaEntry*, std::map<std::vector<int64_t>, int64_t>> known;
  const std::lock_guard lock(mutex);
  const auto [entry, fresh] = known[a.entry].try_emplace(key_of(a, there.call));
  if (fresh) entry->second = Rehearsal(a, there).room();
  return entry->second;
}

}  // namespace

std::shared_ptr<DeviceRun> start_block(const Application& a, BlockOnDevice there) {
  constexpr int threads = 256, warp = 32, most_blocks = 512;  // as of the kernels
  constexpr int64_t most_memory = int64_t{64} << 20, few = 16, some = 4096;
  const auto size_of = [](const BlockOperand& o) { return o.extent[0] * o.extent[1] * o.extent[2] * o.extent[3]; };
  int64_t labels = 0, largest = size_of(there.call.value);
  for (int k = 0; k < a.entry->inputs; ++k) {
    const BlockOperand& o = there.call.in[k];
    if (!o.data) continue;
    largest = std::max(largest, size_of(o));
    if (there.bounds[k].label) labels += (size_of(o) * int64_t(sizeof(int64_t)) + 63) / 64 * 64;
  }
  there.room = room_for(a, there) + labels;  // the kernel keeps its own labels
  there.team = largest <= few ? 1 : largest <= some ? warp : threads;
  if (there.room * (threads / there.team) > most_memory) there.team = threads;
  const int64_t in_a_block = threads / there.team,
                fit = std::max<int64_t>(1, most_memory / (there.room * in_a_block + 1));
  const int64_t blocks = std::min({(there.call.problems + in_a_block - 1) / in_a_block, fit, int64_t{most_blocks}});
  there.teams = int(blocks * in_a_block);
  Tensor memory({there.teams * there.room}, Dtype::uint8, a.device());
  there.memory = memory.address();
  DeviceCall call;
  call.dtype = there.call.dtype;
  call.block = there;
  return std::make_shared<DeviceRun>(device_kernel(a.name(), *a.entry, a.device()), a.device(), call);
}

}  // namespace gradus
