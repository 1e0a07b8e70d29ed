// NT-Xent, the loss of SimCLR: the two views of each thing find each other among all other rows.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct NtXentLoss {
  Param labels = none, temperature = 0.5;

  using Self = NtXentLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"),
                                           Input<Self>(optional(integers("labels", "N")), &Self::labels),
                                           scalar("temperature", &Self::temperature, range::positive)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "nt_xent_loss",
      .family = "contrastive",
      .summary = "Each row is to find its positives by the cosine, each of them alone among the rows that are not.",
      .formula =
          "s_ij = cos(x_i, x_j) / temperature;  mean over all positive pairs (i, p) of log(exp(s_ip) + Σ_n exp(s_in)) "
          "- s_ip, n over the negatives of i.  Rows i and i + N/2 are a pair; with labels all others of the same "
          "label are positives",
      .gradient =
          "q_ip = 1 - exp(-loss_ip);  G_ip = -q_ip, G_in = Σ_p q_ip softmax_n(s_in), divided by temperature and the "
          "number of pairs",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges =
          "no positive pair: a mean over nothing, 0; a pair without negatives: 0; without labels the number of rows "
          "is even",
      .paper =
          "T. Chen, S. Kornblith, M. Norouzi, G. Hinton, A Simple Framework for Contrastive Learning of Visual "
          "Representations, 2020",
      .aliases = "SimCLR; PML NTXentLoss; OX ntxent",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 3.0]], "temperature": 1.0})", 0.5514447139320511,
       "by hand: cosine 1 with the partner, 0 with two others, so log(1 + 2/e)"},
      {R"({"input": [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]], "labels": [7, 7, 3], "temperature": 1.0})",
       0.31326168751822286, "by hand: log(1 + 1/e) of both pairs; the third row has no positive"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true);
    const int64_t n = x.n, *y = c.whole[1].data;
    if (!y && n % 2) return c.reject(0, -1, 0, "an even number of rows: i and i + N/2 are a pair");
    const auto alike = [&](int64_t i, int64_t j) { return y ? y[i] == y[j] : (i - j) % (n / 2) == 0; };
    const Array<T> s = dots(c, x, x);
    const T temperature = c.in[2](), beta = 1.0 / temperature;
    T *share = c.scratch(n), *row = c.scratch(n), slope = 0;
    for (int64_t i = 0; i < n; ++i) {
      const T* of = s.data + i * n;
      const LogSum<T> negatives(c, of, n, beta, share, [&](int64_t j) { return !alike(i, j); });
      const auto pair = [&](int64_t j) { return j != i && alike(i, j); };
      const auto of_pairs = [&](auto f) {
        return c.total(n, [&](int64_t j) { return pair(j) ? f(negatives.above(of[j])) : T(0.0); });
      };
      c.value(i) = of_pairs([](T above) { return softplus(above); });
      c.count(i) = of_pairs([](T) { return T(1.0); });
      const T pull = of_pairs([&](T above) { return c.up(i) * sigmoid(above); });
      c.each(n, [&](int64_t j) {
        row[j] = pull * share[j] - (pair(j) ? c.up(i) * sigmoid(negatives.above(of[j])) : T(0.0));
      });
      slope += c.total(n, [&](int64_t j) { return row[j] * (of[j] - negatives.top); });
      c.each(n, [&](int64_t j) { s(i, j) = beta * row[j]; });
    }
    dots_back(c, s, x, x);
    x.settle(c);
    if (c.grad[2]) c.add(c.grad[2](), -slope * beta / temperature);
  }
};
inline constexpr Loss<NtXentLoss> nt_xent_loss;

}  // namespace gradus
