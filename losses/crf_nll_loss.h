// Linear-chain conditional random field: labels of a sequence that depend on their neighbours.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/sequence.h"

namespace gradus {

struct CrfNllLoss {
  Param mask = 1.0;
  bool all_tags = false;  // are tags checked where the mask is 0?

  using Self = CrfNllLoss;
  static constexpr Input<Self> inputs[] = {array("emissions", "T*K"),
                                           array("transitions", "KK"),
                                           array("start", "K"),
                                           array("end", "K"),
                                           checked_if(indices<Self>("tags", "T*", 'K'), &Self::all_tags),
                                           constant(array("mask", "T*", &Self::mask, range::zero_or_one))};

  static constexpr About about = {
      .name = "crf_nll_loss",
      .family = "sequences",
      .tier = 3,
      .summary = "Negative log-likelihood of a tag sequence whose neighbouring tags have a score together.",
      .formula =
          "log Z - score, score = start[y_1] + Σ_t emissions[t, y_t] + Σ_t transitions[y_{t-1}, y_t] + end[y_last], Z "
          "the sum of exp(score) over all tag sequences; mean divides by the batch",
      .gradient = "the probability of a tag, or of two neighbours, less what the tags have",
      .edges = "steps with mask 0 are left out, their gradient is 0; a sequence without steps is 0",
      .paper = "J. Lafferty et al., Conditional Random Fields, 2001",
      .aliases = "crf_nll; linear-chain CRF",
      .kind = "sequence",
  };
  static constexpr Example examples[] = {
      {R"({"emissions": [[[0.0, 0.0]], [[0.0, 0.0]]], "transitions": [[0.0, 0.0], [0.0, 0.0]], "start": [0.0, 0.0], "end": [0.0, 0.0], "tags": [[0], [1]]})",
       1.3862943611198906, "by hand: one of four sequences"},
      {R"({"emissions": [[[1.0, 0.0]]], "transitions": [[5.0, 5.0], [5.0, 5.0]], "start": [0.5, 0.0], "end": [0.0, 0.5], "tags": [[1]]})",
       1.3132616875182228, "by hand: softplus(1.5 - 0.5)"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto &emission = c.in[0], &step = c.in[1], &start = c.in[2], &end = c.in[3], &mask = c.in[5];
    const auto& tag = c.whole[4];
    const int64_t n = emission.extent[1];
    const int64_t frames = emission.extent[0];
    int64_t *at = c.integers(frames), steps = 0;  // the steps that are there
    Array<T> a = c.array(frames, n);              // of the ways to tag k at step t, relative to the most likely
    T *shift = c.scratch(frames + 1), *ways = c.scratch(n);
    T *b = c.scratch(n), *next = c.scratch(n), *p = c.scratch(n);  // b: of the ways on from tag k
    T* both = c.wants_grad ? c.scratch(n * n) : nullptr;
    for (int64_t t = 0; t < frames; ++t)
      if (holds(mask(t) != 0.0)) at[steps++] = t;
    for (int64_t t = 0; t < steps; ++t)
      if (tag(at[t]) < 0 || tag(at[t]) >= n) return c.reject(4, at[t], double(tag(at[t])), "a tag that is a class");
    if (steps == 0) return;
    const auto sum_of = [&](auto way) {  // log Σ_i exp(way(i))
      c.each(n, [&](int64_t i) { ways[i] = way(i); });
      const T top = take_largest(c, ways, n);
      return never(top)
                 ? top
                 : top + log(c.total(n, [&](int64_t i) { return never(ways[i]) ? T(0.0) : exp_negative(ways[i]); }));
    };
    // Each step's score is taken relative to that of its tag: what is left is small where the tags are likely.
    for (int64_t t = 0; t < steps; ++t) {
      const int64_t y = tag(at[t]);
      const auto own = [&](int64_t k) { return emission(at[t], k) - emission(at[t], y); };
      for (int64_t k = 0; k < n; ++k)
        a(t, k) =
            own(k) + (t == 0 ? start(k) - start(y)
                             : sum_of([&](int64_t i) { return a(t - 1, i) + (step(i, k) - step(tag(at[t - 1]), y)); }));
      shift[t] = take_largest(c, &a(t, 0), n);
    }
    const int64_t last = tag(at[steps - 1]);
    shift[steps] = sum_of([&](int64_t i) { return a(steps - 1, i) + (end(i) - end(last)); });
    c.value() = c.total(steps + 1, [&](int64_t t) { return shift[t]; });
    if (!c.wants_grad) return;
    c.each(n, [&](int64_t k) { b[k] = end(k) - end(last); });
    const auto add = [&](int input, int64_t i, T g) {
      if (c.grad[input]) c.grad[input].data[i] += c.up() * g;
    };
    const auto shares = [&](T* x, int64_t m) {  // softmax in place
      take_largest(c, x, m);
      const T sum = c.total(m, [&](int64_t i) { return x[i] = never(x[i]) ? T(0.0) : exp_negative(x[i]); });
      c.each(m, [&](int64_t i) { x[i] = x[i] / sum; });
    };
    for (int64_t t = steps - 1; t >= 0; --t) {
      const int64_t y = tag(at[t]);
      c.each(n, [&](int64_t k) { p[k] = a(t, k) + b[k]; });
      shares(p, n);
      c.each(n, [&](int64_t k) {
        const T g = k == y ? -total<T>(n, [&](int64_t i) { return i == y ? T(0.0) : p[i]; }) : p[k];
        add(0, at[t] * n + k, g);
        if (t == 0) add(2, k, g);
        if (t == steps - 1) add(3, k, g);
      });
      if (t == 0) break;
      const int64_t before = tag(at[t - 1]);
      const auto on = [&](int64_t i, int64_t k) {
        return (step(i, k) - step(before, y)) + (emission(at[t], k) - emission(at[t], y)) + b[k];
      };
      c.each(n * n, [&](int64_t i) { both[i] = a(t - 1, i / n) + on(i / n, i % n); });
      shares(both, n * n);
      c.each(n * n, [&](int64_t i) { add(1, i, both[i] - (i == before * n + y ? 1.0 : 0.0)); });
      for (int64_t i = 0; i < n; ++i) next[i] = sum_of([&](int64_t k) { return on(i, k); });
      take_largest(c, next, n);
      c.each(n, [&](int64_t i) { b[i] = next[i]; });
    }
  }
};
inline constexpr Loss<CrfNllLoss> crf_nll_loss;

}  // namespace gradus
