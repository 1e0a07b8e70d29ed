// SigLIP: every pair of two views is its own yes-or-no question.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct SigLipLoss {
  using Self = SigLipLoss;
  static constexpr Input<Self> inputs[] = {array("x1", "ND"), array("x2", "ND"), array("log_t", ""), array("bias", "")};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "siglip_loss",
      .family = "contrastive",
      .tier = 3,
      .summary =
          "Whether two views belong together is asked of each pair alone, by a logistic loss, so that no row needs "
          "the others.",
      .formula =
          "mean over i of Σ_j softplus(-z_ij (exp(log_t) cos(x1_i, x2_j) + bias)), z_ij = 1 where i = j, else -1",
      .gradient = "to the logits: -z σ(-z logit); to log_t: Σ of that times exp(log_t) cos; to bias: Σ of that",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges = "exp(log_t) ends where a product of two such numbers would overflow no more than the dtype by 2^27",
      .paper = "X. Zhai, B. Mustafa, A. Kolesnikov, L. Beyer, Sigmoid Loss for Language Image Pre-Training, 2023",
      .aliases = "SigLIP",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [[1.0, 0.0], [0.0, 1.0]], "x2": [[2.0, 0.0], [0.0, 3.0]], "log_t": 0.0, "bias": 0.0})",
       1.0064088680781682, "by hand: log(1 + 1/e) + log 2"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true), y(c, 1, true);
    const int64_t n = x.n;
    const Array<T> s = dots(c, x, y);
    const T most = 0x1p-27 * T::highest(), grown = exp(c.in[2]()), bias = c.in[3]();
    const auto beyond = grown > most;  // so that no sum of gradients is infinity less infinity
    const T t = select(beyond, most, grown);
    T along_t = 0, along_bias = 0;
    for (int64_t i = 0; i < n; ++i) {
      T* row = s.data + i * n;
      const auto wrong = [&](int64_t j) { return (j == i ? -1.0 : 1.0) * (t * row[j] + bias); };
      c.value(i) = c.total(n, [&](int64_t j) { return softplus(wrong(j)); });
      const auto g = [&](int64_t j) { return (j == i ? -1.0 : 1.0) * c.up(i) * sigmoid(wrong(j)); };
      along_t += c.total(n, [&](int64_t j) { return g(j) * row[j]; });
      along_bias += c.total(n, g);
      c.each(n, [&](int64_t j) { row[j] = g(j) * t; });
    }
    dots_back(c, s, x, y);
    x.settle(c), y.settle(c);
    if (c.grad[2]) c.add(c.grad[2](), select(beyond, 0.0, along_t * t));
    if (c.grad[3]) c.add(c.grad[3](), along_bias);
  }
};
inline constexpr Loss<SigLipLoss> siglip_loss;

}  // namespace gradus
