// ListNet: the scores of a list, as softmax probabilities, shall be those of the relevances.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/folds.h"

namespace gradus {

struct ListnetLoss {
  static constexpr Input<ListnetLoss> inputs[] = {array("input", "*L"), array("target", "*L")};

  static constexpr About about = {
      .name = "listnet_loss",
      .family = "ranking",
      .tier = 3,
      .summary = "Cross-entropy between the top-one probabilities of the relevances and of the scores of a list.",
      .formula = "-Σ_i softmax(r)_i log softmax(s)_i a list; mean divides by the number of lists",
      .gradient = "softmax(s) - softmax(r); to r: q (nll - Σ q nll), q = softmax(r), nll = -log softmax(s)",
      .edges = "an empty list is 0",
      .paper = "Z. Cao et al., Learning to Rank: From Pairwise Approach to Listwise Approach, 2007",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 0.0, 0.0]], "target": [[3.0, 1.0, 0.0, 2.0]]})", 1.3862943611198906, "by hand: log 4"},
      {R"({"input": [[1.0, 0.0]], "target": [[0.0, 1.0]]})", 1.0443202661482277,
       "mpmath: softplus(-1) + 1 / (1 + 1/e)"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t n = c.in[0].size();
    if (n == 0) return;
    const Probabilities<T> p(c, c.in[0]), q(c, c.in[1]);
    const T mean = c.total(n, [&](int64_t i) { return select(q.p[i] == 0.0, 0.0, q.p[i] * p.nll[i]); });
    c.value() = mean;
    c.each(n, [&](int64_t i) {
      if (c.grad[0]) c.grad[0](i) = c.up() * (p.p[i] - q.p[i]);
      if (c.grad[1]) c.grad[1](i) = c.up() * select(q.p[i] == 0.0, 0.0, q.p[i] * (p.nll[i] - mean));
    });
  }

 private:
  template <class T> struct Probabilities {
    T *p, *nll;
    GRADUS_ANYWHERE Probabilities(Case<T>& c, const Array<T>& x) : p(c.scratch(x.size())), nll(c.scratch(x.size())) {
      RunningSoftmax<T> all;
      for (int64_t i = 0; i < x.size(); ++i) all = RunningSoftmax<T>::merge(all, RunningSoftmax<T>::of(x(i))).total;
      const T log_total = log1p(all.rest);
      c.each(x.size(), [&](int64_t i) {
        nll[i] = log_total + (all.max - x(i));
        p[i] = exp_negative(x(i) - all.max) / (1.0 + all.rest);
      });
    }
  };
};
inline constexpr Loss<ListnetLoss> listnet_loss;

}  // namespace gradus
