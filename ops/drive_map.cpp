// The driver of elementwise formulas: blocks, threads, checks and sums.
#include <algorithm>
#include <vector>

#include "gradus/core/threads.h"
#include "gradus/ops/drive.h"
#include "gradus/ops/staging.h"
#include "gradus/ops/streaming.h"

namespace gradus {
namespace {

template <class S> bool is_streamed(const int64_t (&extent)[3]) {
  return extent[0] * extent[1] * extent[2] * int64_t(sizeof(S)) >= streamed_bytes;
}

// One input of one task as dense blocks of F, whatever its strides; S is the type it is stored in.
template <class F, class S> class In {
 public:
  In() = default;
  In(const View& view, const int64_t (&extent)[3], F* buffer, int64_t room)
      : view_(&view), extent_(&extent), buffer_(buffer) {
    direct_ = std::is_same_v<F, S> && is_dense(view, extent);
    constant_ = is_constant(view);
    if (view.data && constant_) std::fill_n(buffer, room, F(*static_cast<const S*>(view.data)));
  }
  const F* block(int64_t start, int64_t n, int64_t padded) {
    if (direct_ && n == padded) return static_cast<const F*>(view_->data) + start;
    if (constant_) return buffer_;
    gather<F, S>(*view_, *extent_, start, n, buffer_);
    pad(buffer_, n, padded);
    return buffer_;
  }

 private:
  const View* view_ = nullptr;
  const int64_t (*extent_)[3] = nullptr;
  F* buffer_ = nullptr;
  bool direct_ = false, constant_ = false;
};

// One output of one task: written in place where it is dense, else through a buffer; past the caches where it is large.
template <class F, class S> class Out {
 public:
  Out() = default;
  Out(const View& view, const int64_t (&extent)[3], F* buffer) : view_(&view), extent_(&extent), buffer_(buffer) {
    const bool dense = std::is_same_v<F, S> && is_dense(view, extent);
    streams_ = dense && view.data && is_streamed<S>(extent);
    direct_ = dense && !streams_;
  }
  F* block(int64_t start, int64_t n, int64_t padded) {
    return block_ = view_->data && direct_ && n == padded ? static_cast<F*>(view_->data) + start : buffer_;
  }
  void finish(int64_t start, int64_t n) {
    if (!view_->data || block_ != buffer_) return;
    if (streams_) stream(buffer_, n, static_cast<F*>(view_->data) + start);
    else scatter<F, S>(buffer_, *view_, *extent_, start, n);
  }

 private:
  const View* view_ = nullptr;
  const int64_t (*extent_)[3] = nullptr;
  F *buffer_ = nullptr, *block_ = nullptr;
  bool direct_ = false, streams_ = false;
};

// Labels as integers of F's width; -1 where ignored or out of range.  Returns the first bad position, or -1.
template <class I>
int64_t stage_labels(const View& view, const int64_t (&extent)[3], int64_t start, int64_t n, int64_t padded,
                     int64_t classes, int64_t ignored, I* out) {
  int64_t raw[block_elements], bad = -1;
  gather<int64_t, int64_t>(view, extent, start, n, raw);
  for (int64_t j = 0; j < n; ++j) {
    const bool outside = raw[j] != ignored && (raw[j] < 0 || raw[j] >= classes);
    if (outside && bad < 0) bad = j;
    out[j] = outside || raw[j] == ignored ? I(-1) : I(raw[j]);
  }
  pad(out, n, padded);
  return bad;
}

template <class F, class S> class MapTask {
 public:
  MapTask(const FormulaEntry& entry, const kernels::MapKernel& kernel, const Call& call, bool tangent)
      : entry_(entry), kernel_(kernel), call_(call), tangent_(tangent), alike_(!tangent) {
    for (int k = 0; k < entry.inputs; ++k) {
      alike_ &= !entry.input(k)->in_count || is_constant(call.in[k]);
      checked_[k] = !tangent && bounded(entry.input(k)->range) && entry.checked(call.formula, k);
    }
  }

  void run(int64_t begin, int64_t end, Totals& totals, Problem& problem) {
    const size_t slots = size_t(3 * entry_.inputs + 3);
    // What is streamed passes through a buffer, which takes room in the first-level cache as well.
    const int64_t size = is_streamed<S>(call_.extent) ? block_elements / 2 : block_elements;
    const int64_t room = std::min(size, end - begin) + max_lanes;  // of a block and its padding
    const size_t slot = (size_t(room) * sizeof(F) + 63) / 64 * 64;
    const Scratch scratch(slots * slot);
    size_t used = 0;
    const auto buffer = [&] { return scratch.as<F>(used++ * slot); };
    In<F, S> in[max_inputs], direction[max_inputs];
    Out<F, S> grad[max_inputs];
    F* labels[max_inputs] = {};
    for (int k = 0; k < entry_.inputs; ++k) {
      if (entry_.input(k)->label) labels[k] = buffer();
      in[k] = {labels[k] ? none_ : call_.in[k], call_.extent, labels[k] ? nullptr : buffer(), room};
      direction[k] = {call_.direction[k], call_.extent, call_.direction[k].data ? buffer() : nullptr, room};
      grad[k] = {call_.grad[k], call_.extent, call_.grad[k].data ? buffer() : nullptr};
    }
    In<F, S> upstream(call_.upstream, call_.extent, call_.upstream.data ? buffer() : nullptr, room);
    Out<F, S> value(call_.value, call_.extent, buffer()), count(call_.count, call_.extent, buffer());

    double counted = 0;  // of the first element; of all, where they count alike
    kernels::MapBlock block;
    block.scale = call_.scale, block.count_scale = call_.count_scale;
    block.scale_tangent = call_.scale_tangent, block.count_scale_tangent = call_.count_scale_tangent;
    for (int64_t start = begin; start < end; start += size) {
      const int64_t n = std::min(size, end - start);
      block.packs = (n + kernel_.lanes - 1) / kernel_.lanes;
      block.valid = n;
      const int64_t padded = block.packs * kernel_.lanes;
      for (int k = 0; k < entry_.inputs; ++k) {
        if (labels[k]) {
          using I = IntBeside<F>;
          stage_labels(call_.in[k], call_.extent, start, n, padded, INT64_MAX, entry_.ignored_label(call_.formula, k),
                       reinterpret_cast<I*>(labels[k]));
          block.in[k] = labels[k];
        } else {
          const F* x = in[k].block(start, n, padded);
          block.in[k] = x;
          if (checked_[k] && problem.input < 0) check(k, x, start, n, problem);
        }
        block.direction[k] = call_.direction[k].data ? direction[k].block(start, n, padded) : nullptr;
        block.grad[k] = call_.grad[k].data ? grad[k].block(start, n, padded) : nullptr;
      }
      block.upstream = call_.upstream.data ? upstream.block(start, n, padded) : nullptr;
      block.value = value.block(start, n, padded);
      block.count = call_.count.data || !alike_ || start == begin ? count.block(start, n, padded) : nullptr;
      kernel_.run(call_.formula, block);
      if (entry_.weighed && start == begin) counted = double(*static_cast<const F*>(block.count));
      value.finish(start, n);
      if (call_.count.data) count.finish(start, n);
      for (int k = 0; k < entry_.inputs; ++k)
        if (call_.grad[k].data) grad[k].finish(start, n);
      if (call_.totals) {
        const BlockSums values = sums_of(static_cast<const F*>(block.value), n);
        totals.value += values.sum;
        totals.active += values.active;
        if (!entry_.weighed) totals.count += tangent_ ? 0.0 : double(n);
        else if (alike_) totals.count += double(n) * counted;
        else totals.count += sums_of(static_cast<const F*>(block.count), n).sum;
      }
    }
    finish_streaming();
  }

 private:
  void check(int k, const F* x, int64_t start, int64_t n, Problem& problem) const {
    if (is_constant(call_.in[k])) {
      if (start > 0) return;  // it is the same everywhere
      n = 1;
    }
    if (const int64_t bad = outside(x, n, entry_.input(k)->range); bad >= 0)
      problem = {k, double(x[bad]), {start + bad, 0, 0}};
  }

  static inline const View none_{};
  const FormulaEntry& entry_;
  const kernels::MapKernel& kernel_;
  const Call& call_;
  bool tangent_;
  bool alike_;  // does every element count the same?  A count depends on inputs in_count alone
  bool checked_[max_inputs];
};

template <class F, class S>
void drive(const FormulaEntry& entry, const kernels::MapKernel& kernel, const Call& call, bool tangent) {
  const int64_t n = call.extent[0] * call.extent[1] * call.extent[2];
  const int64_t tasks = (n + task_elements - 1) / task_elements;
  std::vector<Totals> totals(static_cast<size_t>(tasks));
  std::vector<Problem> problems(static_cast<size_t>(tasks));
  parallel_for(tasks, [&](int64_t t) {
    MapTask<F, S>(entry, kernel, call, tangent)
        .run(t * task_elements, std::min(n, (t + 1) * task_elements), totals[t], problems[t]);
  });
  if (call.totals)
    *call.totals = {tree_sum(0, tasks, [&](int64_t t) { return totals[t].value; }),
                    tree_sum(0, tasks, [&](int64_t t) { return totals[t].count; }),
                    tree_sum(0, tasks, [&](int64_t t) { return totals[t].active; })};
  if (call.problem)
    for (const Problem& p : problems)
      if (p.input >= 0) {
        *call.problem = p;
        break;
      }
}

}  // namespace

void drive_map(const FormulaEntry& entry, const kernels::MapKernel& single, const kernels::MapKernel& precise,
               const Call& call) {
  call.dtype == Dtype::float32 ? drive<float, float>(entry, single, call, false)
                               : drive<double, double>(entry, precise, call, false);
}

void drive_map_tangent(const FormulaEntry& entry, const kernels::MapKernel& probe, const Call& call) {
  call.dtype == Dtype::float32 ? drive<double, float>(entry, probe, call, true)
                               : drive<double, double>(entry, probe, call, true);
}

}  // namespace gradus
