// Instance discrimination by noise-contrastive estimation: each thing is its own class, kept in a memory bank.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct InstanceDiscriminationNceLoss {
  Param temperature = 0.07;
  double bank_size = 1.0, log_z = 0.0, proximal = 0.0;

  using Self = InstanceDiscriminationNceLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), constant(array("bank_positive", "ND")),
                                           constant(array("bank_negative", "NKD")),
                                           scalar("temperature", &Self::temperature, range::positive)};
  static constexpr Option<Self> options[] = {option("bank_size", &Self::bank_size, range::positive),
                                             option("log_z", &Self::log_z),
                                             option("proximal", &Self::proximal, range::non_negative)};

  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "instance_discrimination_nce_loss",
      .family = "contrastive",
      .summary =
          "Each vector is to be told to come from its own entry of a memory bank and not from K entries drawn at "
          "random.",
      .formula =
          "l(u) = v·u / temperature - log_z - log(K / bank_size);  softplus(-l(bank_positive)) + Σ_k "
          "softplus(l(bank_negative_k)) + proximal |v - bank_positive|²",
      .gradient = "(-σ(-l⁺) u⁺ + Σ_k σ(l_k) u_k) / temperature + 2 proximal (v - u⁺); the bank has none",
      .edges = "K = 0: log(K / bank_size) is -infinity and the loss is the penalty alone",
      .paper =
          "Z. Wu, Y. Xiong, S. Yu, D. Lin, Unsupervised Feature Learning via Non-Parametric Instance Discrimination, "
          "2018",
      .aliases = "NPID",
      .kind = "pairs",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 0.0]], "bank_positive": [[0.0, 1.0]], "bank_negative": [[[0.0, 2.0]]], "temperature": 1.0, "proximal": 0.5})",
       2.386294361119891, "by hand: all scores are 0: twice log 2, and half of |(1, -1)|²"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t rows = c.in[2].extent[0], noise = c.in[2].extent[1], d = c.in[2].extent[2];
    const T temperature = c.in[3](), shift = log_z + log(T(double(noise) / bank_size));
    T along = 0;
    for (int64_t i = 0; i < rows; ++i) {
      const T *v = c.in[0].data + i * d, *old = c.in[1].data + i * d, *noises = c.in[2].data + i * noise * d;
      T *g = c.grad[0] ? c.grad[0].data + i * d : nullptr, value = 0;
      const auto meet = [&](const T* u, double sign) {  // -1 for what is to score high
        const T s = c.total(d, [&](int64_t k) { return v[k] * u[k]; }), l = sign * (s / temperature - shift);
        const T slope = sign * c.up(i) * sigmoid(l);
        value += softplus(l);
        along += slope * s;
        if (g) c.each(d, [&](int64_t k) { g[k] += slope / temperature * u[k]; });
      };
      meet(old, -1.0);
      for (int64_t j = 0; j < noise; ++j) meet(noises + j * d, 1.0);
      if (proximal != 0) {
        value += proximal * c.total(d, [&](int64_t k) { return square(v[k] - old[k]); });
        if (g) c.each(d, [&](int64_t k) { g[k] += 2.0 * proximal * c.up(i) * (v[k] - old[k]); });
      }
      c.value(i) = value;
    }
    if (c.grad[3]) c.add(c.grad[3](), -along / temperature / temperature);
  }
};
inline constexpr Loss<InstanceDiscriminationNceLoss> instance_discrimination_nce_loss;

}  // namespace gradus
