// The transducer (RNN-T): at every frame it may emit labels, and a blank moves on to the next frame.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/sequence.h"

namespace gradus {

struct RnntLoss {
  int64_t blank = 0;

  static constexpr Input<RnntLoss> inputs[] = {array("input", "*TU+1V"), indices<RnntLoss>("targets", "*U", 'V')};
  static constexpr Option<RnntLoss> options[] = {below('V', option("blank", &RnntLoss::blank, range::non_negative))};

  static constexpr About about = {
      .name = "rnnt_loss",
      .family = "sequences",
      .tier = 3,
      .summary =
          "Negative log-likelihood of a label sequence under a transducer, from logits for every frame and every "
          "label so far.",
      .formula =
          "-log Σ over paths Π softmax(input[t, u])_k from (0, 0) to beyond the last frame, a step being the blank (t "
          "+ 1) or the next label (u + 1); mean divides by the batch",
      .gradient = "γ(t, u) softmax - the probability that the path makes step k at (t, u)",
      .edges = "no labels: only blanks; infinite without frames",
      .paper = "A. Graves, Sequence Transduction with Recurrent Neural Networks, 2012",
      .aliases = "torchaudio rnnt_loss (full lengths)",
      .kind = "sequence",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[[[0.0, 0.0]], [[0.0, 0.0]]]], "targets": [[]]})", 1.3862943611198906,
       "by hand: two blanks, 2 log 2"},
      {R"({"input": [[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]], "targets": [[1]]})", 1.3862943611198906,
       "by hand: two paths of three steps, log(8 / 2)"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t frames = c.in[0].extent[0], width = c.in[0].extent[1], classes = c.in[0].extent[2],
                  cells = frames * width;
    const T none = -T::infinity();
    if (frames == 0) {
      c.value() = -none;
      return;
    }
    T *log_probs = c.scratch(cells * classes), *stay = c.scratch(cells),
      *go = c.scratch(cells);  // of the blank and of the next label
    c.each(cells, [&](int64_t i) {
      T* p = log_probs + i * classes;
      log_softmax(c.in[0].data + i * classes, classes, p);
      stay[i] = p[blank];
      go[i] = i % width < width - 1 ? p[c.whole[1](i % width)] : none;
    });
    // Relative to the most likely way along each diagonal, on which t + u is the same: all paths cross all of them.
    const int64_t diagonals = frames + width - 1;
    T *a = c.scratch(cells), *b = c.scratch(cells), *shift = c.scratch(diagonals);
    T* line = c.scratch(width);
    T *by_stay = c.grad[0] ? c.scratch(cells) : nullptr, *by_go = c.grad[0] ? c.scratch(cells) : nullptr;
    const auto along = [&](int64_t d, auto visit) {
      const int64_t first = d < frames ? 0 : d - frames + 1, end = d < width ? d + 1 : width;
      c.each(end - first, [&](int64_t j) {
        const int64_t u = first + j, t = d - u;
        visit(j, t * width + u, t, u);
      });
      return end - first;
    };
    const auto settle = [&](int64_t d, T* x) {
      const int64_t n = along(d, [&](int64_t j, int64_t i, int64_t, int64_t) { line[j] = x[i]; });
      const T largest = take_largest(c, line, n);
      along(d, [&](int64_t j, int64_t i, int64_t, int64_t) { x[i] = line[j]; });
      return largest;
    };
    const auto then = [&](T from, T step) { return never(from) || never(step) ? none : from + step; };
    for (int64_t d = 0; d < diagonals; ++d) {
      along(d, [&](int64_t, int64_t i, int64_t t, int64_t u) {
        a[i] = d == 0 ? T(0.0) : none;
        if (t > 0) a[i] = then(a[i - width], stay[i - width]);
        if (u > 0) a[i] = log_either(a[i], then(a[i - 1], go[i - 1]));
      });
      shift[d] = settle(d, a);
    }
    const T nll = -(c.total(diagonals, [&](int64_t d) { return shift[d]; }) + then(a[cells - 1], stay[cells - 1]));
    c.value() = nll;
    if (!c.grad[0] || never(-nll)) return;
    for (int64_t d = diagonals - 1; d >= 0; --d) {
      along(d, [&](int64_t, int64_t i, int64_t t, int64_t u) {  // of the ways on by either step
        by_stay[i] = t + 1 < frames ? then(b[i + width], stay[i]) : i == cells - 1 ? stay[i] : none;
        by_go[i] = u + 1 < width ? then(b[i + 1], go[i]) : none;
        b[i] = log_either(by_stay[i], by_go[i]);
      });
      const T top = settle(d, b);
      const int64_t n = along(d, [&](int64_t j, int64_t i, int64_t, int64_t) {
        line[j] = never(a[i]) || never(b[i]) ? none : a[i] + b[i];
      });
      const T most = take_largest(c, line, n);
      const T sum = c.total(n, [&](int64_t j) { return never(line[j]) ? T(0.0) : exp_negative(line[j]); });
      along(d, [&](int64_t, int64_t i, int64_t, int64_t u) {
        const auto share = [&](T way) {
          return never(way) || never(a[i]) ? T(0.0) : exp(a[i] + (way - top) - most) / sum;
        };
        const T blanks = c.up() * share(by_stay[i]), labels = c.up() * share(by_go[i]);
        T* g = c.grad[0].data + i * classes;
        for (int64_t k = 0; k < classes; ++k) g[k] = (blanks + labels) * exp_negative(log_probs[i * classes + k]);
        g[blank] -= blanks;
        if (u < width - 1) g[c.whole[1](u)] -= labels;
      });
    }
  }
};
inline constexpr Loss<RnntLoss> rnnt_loss;

}  // namespace gradus
