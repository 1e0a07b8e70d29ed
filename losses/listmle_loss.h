// ListMLE: the likelihood of the right order of a list, when items are drawn one after the other by softmax.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/simplex.h"

namespace gradus {

struct ListmleLoss {
  static constexpr Input<ListmleLoss> inputs[] = {array("input", "*L"), constant(array("target", "*L"))};

  static constexpr About about = {
      .name = "listmle_loss",
      .family = "ranking",
      .tier = 3,
      .summary = "Negative log-likelihood of the order by relevance under the Plackett-Luce model of the scores.",
      .formula =
          "Σ_i log Σ_{j >= i} exp(s_j) - s_i a list in descending order of relevance; mean divides by the number of "
          "lists",
      .gradient = "Σ_{k <= i} exp(s_i - lse_k) - 1, lse_k of the k-th and all later items",
      .edges = "items of equal relevance keep their order",
      .paper = "F. Xia et al., Listwise Approach to Learning to Rank, 2008",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, 0.5, 0.5]], "target": [[3.0, 1.0, 2.0]]})", 1.791759469228055, "by hand: log 3 + log 2"},
      {R"({"input": [[1.0, 2.0, 3.0]], "target": [[0.0, 1.0, 2.0]]})", 0.72086765196260314,
       "mpmath: the right order already"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t n = c.in[0].size();
    const int64_t* order = descending(c, c.in[1].data, n);
    const auto s = [&](int64_t i) { return c.in[0](order[i]); };
    T *top = c.scratch(2 * n), *rest = c.scratch(n);  // of the i-th and all later items: Σ exp(s) = exp(top) (1 + rest)
    int64_t* lead = c.integers(n);                    // whose the maximum is
    const auto take = [&](int64_t i) {
      const bool last = i == n - 1, leads = last || holds(s(i) >= top[i + 1]);
      lead[i] = leads ? i : lead[i + 1];
      top[i] = s(lead[i]);
      rest[i] = last    ? T(0.0)
                : leads ? exp_negative(top[i + 1] - top[i]) * (1.0 + rest[i + 1])
                        : rest[i + 1] + exp_negative(s(i) - top[i]);
    };
    c.once([&] {
      for (int64_t i = n - 1; i >= 0; --i) take(i);
    });
    c.value() = c.total(n, [&](int64_t i) { return log1p(rest[i]) + (top[i] - s(i)); });
    if (!c.grad[0]) return;
    T* earlier = top + n;  // Σ_{k < i} exp(top_i - lse_k)
    c.once([&] {
      for (int64_t i = 1; i < n; ++i)
        earlier[i] = (earlier[i - 1] + 1.0 / (1.0 + rest[i - 1])) * exp_negative(top[i] - top[i - 1]);
    });
    c.each(n, [&](int64_t i) {
      const T all = 1.0 + rest[i], weight = lead[i] == i ? T(1.0) : exp_negative(s(i) - top[i]);
      const T gap = lead[i] == i ? rest[i] / all : 1.0 - weight / all;  // 1 - exp(s_i - lse_i)
      c.grad[0](order[i]) = c.up() * (weight * earlier[i] - gap);
    });
  }
};
inline constexpr Loss<ListmleLoss> listmle_loss;

}  // namespace gradus
