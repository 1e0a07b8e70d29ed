// Hinge loss: nothing beyond the margin on the right side, linear before it.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Hinge {
  enum Labels : uint8_t { signs, zero_one };
  static constexpr const char* conventions[] = {"pm1", "01"};

  Param margin = 1.0;
  uint8_t labels = signs;  // what targets look like: -1 and 1, or 0 and 1

  static constexpr Input<Hinge> inputs[] = {element("input"), element("target", range::signs),
                                            scalar("margin", &Hinge::margin)};
  static constexpr Option<Hinge> options[] = {option("labels", &Hinge::labels, conventions)};

  static constexpr About about = {
      .name = "hinge_loss",
      .family = "classification",
      .summary = "The support vector machine's loss: a score shall be on the right side of 0 by a margin.",
      .formula = "[margin - t s]+, t = -1 or 1; with labels=01 targets are 0 or 1 and t = 2 y - 1",
      .gradient = "-t where t s < margin, else 0",
      .kinks = "at t s = margin: 0",
      .edges = "other targets are a DomainError: which convention is meant is never guessed",
      .paper = "C. Cortes, V. Vapnik, Support-Vector Networks, 1995",
      .aliases = "OX hinge_loss; KE Hinge",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0, 0.5, -0.3, -2.0], "target": [1, 1, -1, 1], "reduction": "sum"})", 4.2,
       "by hand: 0 + 0.5 + 0.7 + 3"},
      {R"({"input": [0.25, 0.5], "target": [0, 1], "labels": "01", "margin": 2.0})", 1.875,
       "by hand: (2.25 + 1.5) / 2"},
  };

  int choose(bool) const { return labels; }

  template <class T> GRADUS_FN static Scored<T, 3> eval(T s, T t, T m) {
    T short_by = m - t * s;
    auto off = short_by <= 0.0;
    return {positive(short_by), {select(off, 0.0, -t), select(off, 0.0, -s), select(off, T(0.0), 1.0)}};
  }
};

struct HingeOfBits {
  Param margin = 1.0;

  static constexpr Input<HingeOfBits> inputs[] = {element("input"), element("target", range::zero_or_one),
                                                  scalar("margin", &HingeOfBits::margin)};

  HingeOfBits() = default;
  explicit HingeOfBits(const Hinge& h) : margin(h.margin) {}

  template <class T> GRADUS_FN static Scored<T, 3> eval(T s, T y, T m) {
    Scored<T, 3> h = Hinge::eval(s, 2.0 * y - 1.0, m);
    return {h.value, {h.grad[0], 2.0 * h.grad[1], h.grad[2]}};
  }
};
inline constexpr Loss<Hinge, HingeOfBits> hinge_loss;

}  // namespace gradus
