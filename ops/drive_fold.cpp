// The driver of row formulas: lanes, chunks, threads, checks and sums.
//
// Narrow: each lane takes a row of its own and columns follow one another; serves any class axis and any strides.
// Wide: lanes are columns of one long row.  Which of the two, and how rows and columns are cut, depends on shapes
// alone.  Where nothing but the label's column counts, each lane looks at that column of a row of its own.
#include <algorithm>
#include <vector>

#include "gradus/core/threads.h"
#include "gradus/ops/drive.h"
#include "gradus/ops/interleave.h"
#include "gradus/ops/staging.h"
#include "gradus/ops/streaming.h"

namespace gradus {
namespace {

constexpr int64_t narrow_chunk = 128;  // columns staged at a time
constexpr int64_t wide_chunk = 2048;   // columns of a long row at a time: their second round finds them in the cache
constexpr int64_t long_row = 1 << 17;  // from here on few rows are cut across threads
constexpr int64_t cached_columns =
    16384;                               // of so many columns the second round of several rows still finds them cached
constexpr int64_t kept_terms = 1 << 18;  // of longer rows the exps are not kept: computing them again is cheaper

void locate(Problem& problem, int input, double value, int64_t outer, int64_t column, int64_t inner) {
  problem.input = input;
  problem.value = value;
  problem.at[0] = outer, problem.at[1] = column, problem.at[2] = inner;
}

template <class S> S* element(const View& v, int64_t outer, int64_t column, int64_t inner) {
  return static_cast<S*>(v.data) + outer * v.stride[0] + column * v.stride[1] + inner * v.stride[2];
}

template <class F, class S> class FoldDriver {
 public:
  FoldDriver(const FormulaEntry& entry, const kernels::FoldKernel& kernel, const Call& call, bool tangent)
      : entry_(entry),
        kernel_(kernel),
        call_(call),
        columns_(call.extent[1]),
        rows_(call.extent[0] * call.extent[2]),
        group_(kernel.wide ? std::clamp<int64_t>(cached_columns / columns_, 1, kernel.lanes) : kernel.lanes) {
    for (int k = 0; k < entry.inputs; ++k) {
      facts_[k] = entry.input(k), wants_grad_ |= call.grad[k].data != nullptr;
      constant_[k] =
          (role(k) == Role::element || role(k) == Role::column) && is_constant(call.in[k]) && !call.direction[k].data;
      checked_[k] = !tangent && entry.checked(call.formula, k) && bounded(range_of(k));
    }
  }

  void run() {
    if (kernel_.wide && columns_ >= long_row && rows_ < 8) {
      std::vector<Outcome> outcomes(static_cast<size_t>(rows_));
      for (int64_t r = 0; r < rows_; ++r) long_wide_row(r, outcomes[r]);
      conclude(outcomes);
      return;
    }
    const int64_t groups = (rows_ + group_ - 1) / group_;
    const int64_t groups_a_task = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, group_ * columns_));
    const int64_t tasks = (groups + groups_a_task - 1) / groups_a_task;
    std::vector<Outcome> outcomes(static_cast<size_t>(tasks));
    if (kernel_.label_alone) check_columns(outcomes[0].problem);
    const auto rows = kernel_.wide          ? &FoldDriver::wide_rows
                      : kernel_.label_alone ? &FoldDriver::labelled_rows
                                            : &FoldDriver::narrow_rows;
    parallel_for(tasks, [&](int64_t t) {
      Buffers buffers(*this);
      for (int64_t g = t * groups_a_task; g < std::min(groups, (t + 1) * groups_a_task); ++g)
        (this->*rows)(g * group_, buffers, outcomes[t]);
    });
    conclude(outcomes);
  }

 private:
  struct Outcome {
    Totals totals;
    Problem problem;
  };

  // The scratch memory of one task: a chunk of every input and gradient, a state, and the rows' own values.
  struct Buffers {
    explicit Buffers(const FoldDriver& d)
        : inputs(d.entry_.inputs),
          chunk(d.kernel_.wide ? std::min(wide_chunk, d.columns_)
                               : std::min(narrow_chunk, d.columns_) * d.kernel_.lanes),
          slot((size_t(chunk + max_lanes) * sizeof(F) + 63) / 64 * 64),
          lane_slot(max_lanes * sizeof(double)),
          memory(slot * size_t(3 * inputs) + lane_slot * (2 * max_inputs + 6) + d.states_room() +
                 d.kernel_.constants_bytes + 64),
          terms(d.keeps_terms() ? size_t(d.group_ * d.terms_room()) * sizeof(F) : 0) {}
    F* input(int k) { return memory.as<F>(slot * size_t(k)); }
    F* direction(int k) { return memory.as<F>(slot * size_t(inputs + k)); }
    F* grad(int k) { return memory.as<F>(slot * size_t(2 * inputs + k)); }
    F* lanes(int i) {
      return memory.as<F>(slot * size_t(3 * inputs) + lane_slot * size_t(i));
    }  // [0, 2·max_inputs): row inputs
    char* states() { return memory.as<char>(slot * size_t(3 * inputs) + lane_slot * (2 * max_inputs + 6)); }
    void* constants(const FoldDriver& d) { return states() + d.states_room(); }
    int inputs;
    int64_t chunk;
    size_t slot, lane_slot;
    Scratch memory;
    Scratch terms;  // of a group of rows, and before those of each row what those of each chunk are relative to
    // What rows share (constants, values per column) is staged once: from which column on input k lies there; -1: not.
    int64_t staged[max_inputs] = {-1, -1, -1, -1, -1, -1, -1, -1};
    int64_t checked[max_inputs] = {};  // how many values per column of input k have been
  };
  static constexpr int value_lanes = 2 * max_inputs, count_lanes = value_lanes + 1, scale_lanes = value_lanes + 2,
                       scale_tangent_lanes = value_lanes + 3;

  // Are lanes read and written as they are stored, a native pack of them?
  static constexpr bool in_native_packs = std::is_same_v<F, float> && std::is_same_v<S, float>;

  bool keeps_terms() const { return kernel_.keeps_terms && wants_grad_ && columns_ <= kept_terms; }
  int64_t tops_room() const { return (columns_ / wide_chunk + 1) * max_lanes; }
  int64_t terms_room() const { return tops_room() + (columns_ + max_lanes - 1) / max_lanes * max_lanes; }
  size_t states_room() const {  // a narrow group has one State: its lanes are the rows
    return (kernel_.state_bytes * size_t(kernel_.wide ? group_ : 1) + 63) / 64 * 64;
  }
  Role role(int k) const { return facts_[k]->role; }

  Range range_of(int k) const {
    Range range = facts_[k]->range;
    if (facts_[k]->to_last_column) range.high = double(columns_ - 1);
    return range;
  }

  void check(int k, const F* x, int64_t n, Problem& problem, auto where) const {
    if (!checked_[k] || problem.input >= 0) return;
    if (const int64_t bad = outside(x, n, range_of(k)); bad >= 0) {
      const auto [outer, column, inner] = where(bad);
      locate(problem, k, double(x[bad]), outer, column, inner);
    }
  }

  IntBeside<F> checked_label(int k, int64_t outer, int64_t inner, Problem& problem) const {
    const int64_t y = *element<const int64_t>(call_.in[k], outer, 0, inner);
    if (y == entry_.ignored_label(call_.formula, k)) return -1;
    if (y >= 0 && y < columns_) return IntBeside<F>(y);
    if (problem.input < 0) locate(problem, k, double(y), outer, 0, inner);
    return -1;
  }

  struct Place {
    int64_t outer, column, inner;
  };

  // ---- rows -------------------------------------------------------------------------------------

  // Where the rows of a group lie; the last one fills the lanes that are left.
  struct Rows {
    int valid;
    int64_t outer[max_lanes], inner[max_lanes];
  };
  Rows rows_from(int64_t first) const {
    Rows rows;
    rows.valid = int(std::min(group_, rows_ - first));
    for (int l = 0; l < kernel_.lanes; ++l) {
      const int64_t r = first + std::min(l, rows.valid - 1);
      rows.outer[l] = call_.extent[2] == 1 ? r : r / call_.extent[2];
      rows.inner[l] = r - rows.outer[l] * call_.extent[2];
    }
    return rows;
  }

  // The block of a group of rows: what each row has of its own, a lane a row.
  kernels::FoldBlock row_block(const Rows& rows, Buffers& buffers, Problem& problem) {
    const int lanes = kernel_.lanes;
    kernels::FoldBlock block;
    block.total = columns_;
    block.rows = rows.valid;
    block.count_scale = call_.count_scale, block.count_scale_tangent = call_.count_scale_tangent;
    for (int k = 0; k < entry_.inputs; ++k) {
      block.direction[k] = nullptr;
      block.grad[k] = nullptr;
      block.step[k] = block.grad_step[k] = lanes;
      if (role(k) == Role::element || role(k) == Role::column) continue;
      F* to = buffers.lanes(k);
      if (facts_[k]->label) {
        for (int l = 0; l < lanes; ++l)
          reinterpret_cast<IntBeside<F>*>(to)[l] = checked_label(k, rows.outer[l], rows.inner[l], problem);
      } else {
        for (int l = 0; l < lanes; ++l) to[l] = F(*element<const S>(call_.in[k], rows.outer[l], 0, rows.inner[l]));
        check(k, to, rows.valid, problem, [&](int64_t l) { return Place{rows.outer[l], 0, rows.inner[l]}; });
      }
      block.in[k] = to;
      if (call_.direction[k].data) {
        F* d = buffers.lanes(max_inputs + k);
        for (int l = 0; l < lanes; ++l)
          d[l] = F(*element<const S>(call_.direction[k], rows.outer[l], 0, rows.inner[l]));
        block.direction[k] = d;
      }
    }
    F *scale = buffers.lanes(scale_lanes), *scale_tangent = buffers.lanes(scale_tangent_lanes);
    for (int l = 0; l < lanes; ++l) {
      const double up =
          call_.upstream.data ? double(*element<const S>(call_.upstream, rows.outer[l], 0, rows.inner[l])) : 1.0;
      scale[l] = F(call_.scale * up);
      scale_tangent[l] = F(call_.scale_tangent * up);
    }
    block.scale = scale;
    block.scale_tangent = scale_tangent;
    return block;
  }

  // From the rows' states to their constants, and their values to where they go.
  void finish(const Rows& rows, const kernels::FoldBlock& block, Buffers& buffers, void* states, void* constants,
              Totals& totals) {
    F *value = buffers.lanes(value_lanes), *count = buffers.lanes(count_lanes);
    kernel_.finish(call_.formula, block, states, constants, value, count);
    for (int l = 0; l < rows.valid; ++l) {
      if (call_.value.data) *element<S>(call_.value, rows.outer[l], 0, rows.inner[l]) = S(value[l]);
      if (call_.count.data) *element<S>(call_.count, rows.outer[l], 0, rows.inner[l]) = S(count[l]);
      totals.value += double(value[l]);
      totals.count += double(count[l]);
      totals.active += value[l] != F(0);
    }
  }

  // ---- narrow -----------------------------------------------------------------------------------

  void narrow_rows(int64_t first_row, Buffers& buffers, Outcome& outcome) {
    const int lanes = kernel_.lanes;
    const Rows rows = rows_from(first_row);
    kernels::FoldBlock block = row_block(rows, buffers, outcome.problem);
    const auto &outer = rows.outer, &inner = rows.inner;

    const auto stage = [&](int64_t first, bool checking) {
      block.first = first;
      block.columns = std::min(narrow_chunk, columns_ - first);
      const int64_t n = block.columns;
      const auto copy = [&](const View& v, F* to) {
        const S* from[max_lanes];
        for (int l = 0; l < lanes; ++l) from[l] = element<const S>(v, outer[l], first, inner[l]);
        if constexpr (in_native_packs)
          if (v.stride[1] == 1) return interleave<pack_lanes<float>>(from, n, to);
        for (int l = 0; l < lanes; ++l)
          for (int64_t c = 0; c < n; ++c) to[c * lanes + l] = F(from[l][c * v.stride[1]]);
      };
      for (int k = 0; k < entry_.inputs; ++k) {
        if (stage_constant(k, block, buffers, outcome.problem)) {
        } else if (role(k) == Role::element) {
          copy(call_.in[k], buffers.input(k));
          block.in[k] = buffers.input(k);
          if (checking)
            check(k, buffers.input(k), n * lanes, outcome.problem,
                  [&](int64_t i) { return Place{outer[i % lanes], first + i / lanes, inner[i % lanes]}; });
          if (call_.direction[k].data) {
            copy(call_.direction[k], buffers.direction(k));
            block.direction[k] = buffers.direction(k);
          }
        } else if (role(k) == Role::column) {
          stage_columns(k, block, buffers, outcome.problem, checking);
        }
        block.grad[k] = call_.grad[k].data ? buffers.grad(k) : nullptr;
      }
    };

    void *state = buffers.states(), *constants = buffers.constants(*this);
    kernel_.start(state);
    for (int64_t first = 0; first < columns_; first += narrow_chunk) {
      stage(first, true);
      kernel_.lift(call_.formula, block, state);
    }
    finish(rows, block, buffers, state, constants, outcome.totals);
    if (!wants_grad_) return;
    for (int64_t first = 0; first < columns_; first += narrow_chunk) {
      if (columns_ > narrow_chunk) stage(first, false);
      kernel_.grad(call_.formula, block, constants);
      for (int k = 0; k < entry_.inputs; ++k) {
        if (call_.grad[k].data) store_narrow(call_.grad[k], rows, block, buffers.grad(k));
      }
    }
  }

  void store_narrow(const View& grad, const Rows& rows, const kernels::FoldBlock& block, const F* from) const {
    const int lanes = kernel_.lanes;
    S* to[max_lanes];  // lanes without a row of their own hold what the last row holds
    for (int l = 0; l < lanes; ++l) to[l] = element<S>(grad, rows.outer[l], block.first, rows.inner[l]);
    if constexpr (in_native_packs)
      if (grad.stride[1] == 1) return separate<pack_lanes<float>>(from, block.columns, to);
    for (int l = 0; l < rows.valid; ++l)
      for (int64_t c = 0; c < block.columns; ++c) to[l][c * grad.stride[1]] = S(from[c * lanes + l]);
  }

  // ---- the label's column alone -----------------------------------------------------------------

  // One column of each row, a lane a row: that of its label, or the first where it has none.
  void labelled_rows(int64_t first_row, Buffers& buffers, Outcome& outcome) {
    const Rows rows = rows_from(first_row);
    kernels::FoldBlock block = row_block(rows, buffers, outcome.problem);
    block.columns = 1;
    int64_t column[max_lanes];
    for (int l = 0; l < kernel_.lanes; ++l) column[l] = std::max<int64_t>(0, label_of(block, l));
    for (int k = 0; k < entry_.inputs; ++k) {
      if (stage_constant(k, block, buffers, outcome.problem)) {
      } else if (role(k) == Role::element || role(k) == Role::column) {
        const bool own = role(k) == Role::element;
        F* to = buffers.input(k);
        for (int l = 0; l < kernel_.lanes; ++l)
          to[l] = F(*element<const S>(call_.in[k], own ? rows.outer[l] : 0, column[l], own ? rows.inner[l] : 0));
        block.in[k] = to;
        if (own)
          check(k, to, rows.valid, outcome.problem,
                [&](int64_t l) { return Place{rows.outer[l], column[l], rows.inner[l]}; });
      }
      block.grad[k] = call_.grad[k].data ? buffers.grad(k) : nullptr;
    }
    void *state = buffers.states(), *constants = buffers.constants(*this);
    kernel_.start(state);
    kernel_.lift(call_.formula, block, state);
    finish(rows, block, buffers, state, constants, outcome.totals);
    if (!wants_grad_) return;
    kernel_.grad(call_.formula, block, constants);
    for (int k = 0; k < entry_.inputs; ++k) {
      if (!call_.grad[k].data) continue;
      clear(call_.grad[k], rows);
      for (int l = 0; l < rows.valid; ++l)
        *element<S>(call_.grad[k], rows.outer[l], column[l], rows.inner[l]) = S(buffers.grad(k)[l]);
    }
  }

  void clear(const View& grad, const Rows& rows) const {
    S* first = element<S>(grad, rows.outer[0], 0, rows.inner[0]);
    if (call_.extent[2] == 1 && is_dense(grad, call_.extent)) {
      std::fill_n(first, rows.valid * columns_, S(0));
      return;
    }
    const S zero = 0;
    for (int l = 0; l < rows.valid; ++l)
      copy_run(&zero, 0, columns_, element<S>(grad, rows.outer[l], 0, rows.inner[l]), grad.stride[1]);
  }

  // What rows share is checked whole, whatever columns they look at.
  void check_columns(Problem& problem) const {
    for (int k = 0; k < entry_.inputs; ++k) {
      const View& v = call_.in[k];
      if (role(k) != Role::column || is_constant(v)) continue;
      for (int64_t c = 0; c < columns_; ++c) {
        const F x = F(*element<const S>(v, 0, c, 0));
        check(k, &x, 1, problem, [&](int64_t) { return Place{0, c, 0}; });
      }
    }
  }

  int64_t label_of(const kernels::FoldBlock& block, int lane) const {
    int k = 0;
    while (!facts_[k]->label) ++k;
    return static_cast<const IntBeside<F>*>(block.in[k])[lane];
  }

  // An input of elements or columns that is one number everywhere fills its buffer once, and is checked once.
  bool stage_constant(int k, kernels::FoldBlock& block, Buffers& buffers, Problem& problem) {
    if (!constant_[k]) return false;
    F* to = buffers.input(k);
    if (buffers.staged[k] < 0) {
      std::fill_n(to, buffers.chunk + max_lanes, F(*static_cast<const S*>(call_.in[k].data)));
      check(k, to, 1, problem, [](int64_t) { return Place{0, 0, 0}; });
      buffers.staged[k] = 0;
    }
    block.in[k] = to;
    return true;
  }

  void stage_columns(int k, kernels::FoldBlock& block, Buffers& buffers, Problem& problem, bool checking) {
    const int64_t n = block.columns;
    const auto check_new = [&](const F* x) {
      if (!checking || block.first < buffers.checked[k]) return;
      check(k, x, n, problem, [&](int64_t c) { return Place{0, block.first + c, 0}; });
      buffers.checked[k] = block.first + n;
    };
    if (kernel_.wide && std::is_same_v<F, S> && call_.in[k].stride[1] == 1) {
      const void* from = element<const S>(call_.in[k], 0, block.first, 0);
      block.in[k] = from;
      return check_new(static_cast<const F*>(from));
    }
    block.in[k] = buffers.input(k);
    if (call_.direction[k].data) block.direction[k] = buffers.direction(k);
    if (buffers.staged[k] == block.first) return;  // another row had the same columns
    buffers.staged[k] = block.first;
    const auto copy = [&](const View& v, F* to) {
      copy_run(static_cast<const S*>(v.data) + block.first * v.stride[1], v.stride[1], n, to);
    };
    copy(call_.in[k], buffers.input(k));
    check_new(buffers.input(k));
    if (call_.direction[k].data) copy(call_.direction[k], buffers.direction(k));
  }

  // ---- wide -------------------------------------------------------------------------------------

  // Points the block at columns [first, first + n) of row r; what is not dense is copied.  Rows are wide only where
  // nothing lies within a column: they are the outer extent.
  void stage_wide(int64_t r, int64_t first, int64_t n, kernels::FoldBlock& block, Buffers& buffers, Problem& problem,
                  bool checking) {
    block.first = first;
    block.columns = n;
    for (int k = 0; k < entry_.inputs; ++k) {
      if (stage_constant(k, block, buffers, problem)) {
      } else if (role(k) == Role::element) {
        const View& v = call_.in[k];
        const S* from = element<const S>(v, r, first, 0);
        if (v.stride[1] == 1 && std::is_same_v<F, S>) block.in[k] = from;
        else {
          copy_run(from, v.stride[1], n, buffers.input(k));
          block.in[k] = buffers.input(k);
        }
        if (checking)
          check(k, static_cast<const F*>(block.in[k]), n, problem, [&](int64_t c) { return Place{r, first + c, 0}; });
      } else if (role(k) == Role::column) {
        stage_columns(k, block, buffers, problem, checking);
      }
      const View& g = call_.grad[k];
      if (g.data)
        block.grad[k] = g.stride[1] == 1 && std::is_same_v<F, S> && !streams_
                            ? static_cast<void*>(element<S>(g, r, first, 0))
                            : buffers.grad(k);
    }
  }

  void store_wide(int64_t r, const kernels::FoldBlock& block, Buffers& buffers) {
    for (int k = 0; k < entry_.inputs; ++k) {
      if (!call_.grad[k].data || block.grad[k] != buffers.grad(k)) continue;
      S* to = element<S>(call_.grad[k], r, block.first, 0);
      if constexpr (std::is_same_v<F, S>)
        if (streams_ && call_.grad[k].stride[1] == 1) {
          stream(buffers.grad(k), block.columns, to);
          continue;
        }
      copy_run(buffers.grad(k), 1, block.columns, to, call_.grad[k].stride[1]);
    }
  }

  // Rows one by one up to their states, which finish together, and again one by one for their gradients.
  void wide_rows(int64_t first_row, Buffers& buffers, Outcome& outcome) {
    const Rows rows = rows_from(first_row);
    kernels::FoldBlock block = row_block(rows, buffers, outcome.problem);
    char* states = buffers.states();
    void* constants = buffers.constants(*this);
    for (block.row = 0; block.row < rows.valid; ++block.row) {
      void* state = states + size_t(block.row) * kernel_.state_bytes;
      kernel_.start(state);
      each_chunk(0, columns_, [&](int64_t first, int64_t n) {
        stage_wide(first_row + block.row, first, n, block, buffers, outcome.problem, true);
        place_terms(first, block, buffers);
        kernel_.lift(call_.formula, block, state);
      });
    }
    finish(rows, block, buffers, states, constants, outcome.totals);
    if (!wants_grad_) return;
    for (block.row = 0; block.row < rows.valid; ++block.row) {
      each_chunk(0, columns_, [&](int64_t first, int64_t n) {
        if (n < columns_ || rows.valid > 1)
          stage_wide(first_row + block.row, first, n, block, buffers, outcome.problem, false);
        place_terms(first, block, buffers);
        kernel_.grad(call_.formula, block, constants);
        store_wide(first_row + block.row, block, buffers);
      });
    }
    finish_streaming();
  }

  // What is left over and fills no pack of its own goes with the last chunk.
  void each_chunk(int64_t first, int64_t last, auto work) const {
    while (first < last) {
      const int64_t left = last - first, n = left < wide_chunk + kernel_.lanes ? left : wide_chunk;
      work(first, n);
      first += n;
    }
  }

  void place_terms(int64_t first, kernels::FoldBlock& block, Buffers& buffers) const {
    F* of_row = buffers.terms.template as<F>() + block.row * terms_room();
    block.terms = keeps_terms() ? of_row + tops_room() + first : nullptr;
    block.tops = keeps_terms() ? of_row + first / wide_chunk * max_lanes : nullptr;
  }

  // One row cut into chunks that threads share; their states join in order.
  void long_wide_row(int64_t r, Outcome& outcome) {
    const int64_t tasks = columns_ / task_elements;
    const size_t state_room = (kernel_.state_bytes + 63) / 64 * 64;
    const Scratch states(state_room * size_t(tasks));
    std::vector<Problem> problems(static_cast<size_t>(tasks));
    const auto last = [&](int64_t task) { return task + 1 < tasks ? (task + 1) * task_elements : columns_; };
    parallel_for(tasks, [&](int64_t t) {
      Buffers buffers(*this);
      kernels::FoldBlock block = row_block(rows_from(r), buffers, problems[t]);
      void* state = states.as<char>(state_room * size_t(t));
      kernel_.start(state);
      each_chunk(t * task_elements, last(t), [&](int64_t first, int64_t n) {
        stage_wide(r, first, n, block, buffers, problems[t], true);
        kernel_.lift(call_.formula, block, state);
      });
    });
    for (int64_t t = 1; t < tasks; ++t)
      kernel_.join(call_.formula, states.as<char>(), states.as<char>(state_room * size_t(t)));
    for (const Problem& p : problems)
      if (p.input >= 0 && outcome.problem.input < 0) outcome.problem = p;
    Buffers buffers(*this);
    const Rows rows = rows_from(r);
    const kernels::FoldBlock block = row_block(rows, buffers, outcome.problem);
    void* constants = buffers.constants(*this);
    finish(rows, block, buffers, states.as<char>(), constants, outcome.totals);
    if (!wants_grad_) return;
    parallel_for(tasks, [&](int64_t t) {
      Buffers own(*this);
      Problem ignored;
      kernels::FoldBlock mine = row_block(rows_from(r), own, ignored);
      each_chunk(t * task_elements, last(t), [&](int64_t first, int64_t n) {
        stage_wide(r, first, n, mine, own, ignored, false);
        kernel_.grad(call_.formula, mine, constants);
        store_wide(r, mine, own);
      });
      finish_streaming();
    });
  }

  void conclude(const std::vector<Outcome>& outcomes) const {
    const int64_t n = int64_t(outcomes.size());
    if (call_.totals)
      *call_.totals = {tree_sum(0, n, [&](int64_t t) { return outcomes[t].totals.value; }),
                       tree_sum(0, n, [&](int64_t t) { return outcomes[t].totals.count; }),
                       tree_sum(0, n, [&](int64_t t) { return outcomes[t].totals.active; })};
    if (!call_.problem) return;
    for (const Outcome& o : outcomes)
      if (o.problem.input >= 0) {
        *call_.problem = o.problem;
        return;
      }
  }

  const FormulaEntry& entry_;
  const kernels::FoldKernel& kernel_;
  const Call& call_;
  const InputFacts* facts_[max_inputs];
  bool constant_[max_inputs];  // one number everywhere, with no direction
  bool checked_[max_inputs];   // are its values to lie in a range?
  bool wants_grad_ = false;
  const int64_t columns_, rows_;
  const bool streams_ = columns_ * rows_ * int64_t(sizeof(F)) >= streamed_bytes;  // the gradients of wide rows
  const int64_t group_;  // how many rows are finished together, a lane each
};

}  // namespace

void drive_fold(const FormulaEntry& entry, const kernels::FoldKernel& single, const kernels::FoldKernel* wide,
                const kernels::FoldKernel& precise, const Call& call) {
  if (call.dtype != Dtype::float32) return FoldDriver<double, double>(entry, precise, call, false).run();
  const bool lanes_are_columns = wide && call.extent[2] == 1 && call.extent[1] >= 4 * wide->lanes;
  FoldDriver<float, float>(entry, lanes_are_columns ? *wide : single, call, false).run();
}

void drive_fold_tangent(const FormulaEntry& entry, const kernels::FoldKernel& probe, const Call& call) {
  if (call.dtype == Dtype::float32) FoldDriver<double, float>(entry, probe, call, true).run();
  else FoldDriver<double, double>(entry, probe, call, true).run();
}

}  // namespace gradus
