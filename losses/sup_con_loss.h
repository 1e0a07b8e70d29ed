// Supervised contrastive loss: all rows of a label are positives of each other.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct SupConLoss {
  enum Form : uint8_t { out, in };
  static constexpr const char* forms[] = {"out", "in"};
  Param temperature = 0.1;
  double base_temperature = none;
  uint8_t form = out;

  using Self = SupConLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), integers("labels", "N"),
                                           scalar("temperature", &Self::temperature, range::positive)};
  static constexpr Option<Self> options[] = {option("base_temperature", &Self::base_temperature, range::positive, true),
                                             option("form", &Self::form, forms)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "sup_con_loss",
      .family = "contrastive",
      .summary =
          "Each row is to be more similar to the rows of its label than to all others; views of one thing are rows of "
          "one label.",
      .formula =
          "s_ij = cos(x_i, x_j) / temperature, P the other rows of i's label;  out: logΣexp_{k≠i} s_ik - mean_P "
          "s_ip;  in: logΣexp_{k≠i} s_ik - logΣexp_P s_ip + log|P|;  times temperature / base_temperature where that "
          "is given; mean over the rows that have positives",
      .gradient = "out: softmax_{k≠i} - [P] / |P|; in: softmax_{k≠i} - softmax_P",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges = "rows without positives are left out; none has any: a mean over nothing, 0",
      .paper = "P. Khosla et al., Supervised Contrastive Learning, 2020",
      .aliases = "SupCon; PML SupConLoss; supcon_loss",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]], "labels": [7, 7, 3], "temperature": 1.0})",
       0.31326168751822286, "by hand: log(1 + 1/e) of two rows; the third has no positive"},
      {R"({"input": [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]], "labels": [1, 1, 1], "temperature": 1.0, "form": "in"})",
       0.693147180559945, "by hand: no negatives, so log 2 everywhere"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true);
    const int64_t n = x.n, *y = c.whole[1].data;
    const Array<T> s = dots(c, x, x);
    const T temperature = c.in[2](), beta = 1.0 / temperature;
    const bool based = base_temperature == base_temperature;
    const T factor = based ? temperature / base_temperature : T(1.0);
    T *room = c.scratch(2 * n), slope = 0, all = 0;
    for (int64_t i = 0; i < n; ++i) {
      T* row = s.data + i * n;
      const auto other = [&](int64_t j) { return j != i; };
      const auto positive = [&](int64_t j) { return j != i && y[j] == y[i]; };
      int64_t positives = 0;
      for (int64_t j = 0; j < n; ++j) positives += positive(j);
      const T up = factor * c.up(i);
      T value;
      if (positives == 0) {
        c.count(i) = 0.0;
        value = 0.0;
        c.each(n, [&](int64_t j) { row[j] = 0.0; });
      } else if (form == in) {
        const Contrast<T> r = contrast(c, row, n, beta, up, room, positive, [&](int64_t j) { return y[j] != y[i]; });
        value = r.value + log(T(double(positives)));
        slope += r.beta;
      } else {
        const LogSum<T> among(c, row, n, beta, room, other);
        const double each = 1.0 / double(positives);
        T* g = room + n;
        const T behind = c.total(n, [&](int64_t j) { return positive(j) ? each * (among.top - row[j]) : T(0.0); });
        value = beta * behind + log1p(among.rest);
        c.each(n, [&](int64_t j) { g[j] = up * (among.share[j] - (positive(j) ? each : 0.0)); });
        slope += c.total(n, [&](int64_t j) { return g[j] * (row[j] - among.top); });
        c.each(n, [&](int64_t j) { row[j] = beta * g[j]; });
      }
      c.value(i) = factor * value;
      all += c.up(i) * value;
    }
    dots_back(c, s, x, x);
    x.settle(c);
    if (c.grad[2]) c.add(c.grad[2](), (based ? all / base_temperature : T(0.0)) - slope * beta / temperature);
  }
};
inline constexpr Loss<SupConLoss> sup_con_loss;

}  // namespace gradus
