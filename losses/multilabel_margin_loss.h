// Multi-label margin loss: every right class shall lead every wrong one by 1.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

struct MultilabelMarginLoss {
  using Self = MultilabelMarginLoss;
  static constexpr Input<Self> inputs[] = {array("input", "*C"), integers("target", "*C", Range{-1, range::inf})};

  static constexpr About about = {
      .name = "multilabel_margin_loss",
      .family = "classification",
      .tier = 2,
      .summary = "A hinge between all right and all wrong classes of a row that may have several right ones.",
      .formula =
          "(1/C) Σ_{j in T} Σ_{k not in T} [1 - x_j + x_k]+ a row, T the classes listed in target up to the first -1; "
          "mean divides by the number of rows",
      .gradient = "(1/C) for the wrong class and -(1/C) for the right one of every active pair",
      .kinks = "where a pair is exactly 1 apart; there it is inactive",
      .edges = "a class that is listed twice counts twice; a row without classes, or with all of them, is 0",
      .paper = "",
      .aliases = "nn.MultiLabelMarginLoss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.1, 0.2, 0.4, 0.8]], "target": [[3, 0, -1, 1]]})", 0.85,
       "the example of torch.nn.MultiLabelMarginLoss"},
      {R"({"input": [[1.0, 0.0], [0.0, 2.0]], "target": [[1, -1], [0, 1]]})", 0.5, "by hand: (1/2) [1 - 0 + 1]+ and 0"},
  };

  int64_t class_axis() const { return -1; }

  // Certificates: classes, and -1 among them.
  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    for (int64_t i = 0; k == 1 && i < n; ++i) values[i] = values[i] >= double(e['C']) || i % 5 == 3 ? -1.0 : values[i];
  }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto& x = c.in[0];
    const auto& target = c.whole[1];
    const int64_t classes = x.size();
    int64_t listed = 0;
    int64_t* right = c.integers(classes);
    T* active =
        c.scratch(classes);  // how often a class is the wrong one of an active pair, less how often the right one
    for (int64_t i = 0; i < classes; ++i)
      if (target(i) >= classes) return c.reject(1, i, double(target(i)), "a class, or -1 after the last one");
    for (; listed < classes && target(listed) >= 0; ++listed) right[target(listed)] = 1;
    const double each = 1.0 / double(classes);
    const T sum = c.total(listed, [&](int64_t i) {
      return total<T>(classes, [&](int64_t k) { return right[k] ? T(0.0) : positive(1.0 - x(target(i)) + x(k)); });
    });
    for (int64_t i = 0; i < listed && c.wants_grad; ++i) {
      const int64_t j = target(i);
      const T pairs = c.total(classes, [&](int64_t k) {
        if (right[k]) return T(0.0);
        const T one = select(1.0 - x(j) + x(k) > 0.0, T(1.0), 0.0);
        active[k] = active[k] + one;
        return one;
      });
      c.add(active[j], -pairs);
    }
    c.value() = sum * each;
    if (!c.grad[0]) return;
    c.each(classes, [&](int64_t k) { c.grad[0](k) = c.up() * each * active[k]; });
  }
};
inline constexpr Loss<MultilabelMarginLoss> multilabel_margin_loss;

}  // namespace gradus
