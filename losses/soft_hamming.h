// Soft Hamming distance: the Hamming distance of probabilities.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct SoftHamming {
  using Self = SoftHamming;
  static constexpr Input<Self> inputs[] = {element("input", range::unit), element("target", range::unit)};

  static constexpr About about = {
      .name = "soft_hamming",
      .family = "distances",
      .tier = 3,
      .summary = "How often two independent coins with these probabilities differ: a Hamming distance with a gradient.",
      .formula = "p (1 - t) + (1 - p) t",
      .gradient = "1 - 2 t",
      .edges = "for certain answers it is the Hamming distance",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.25, 1.0], "target": [1.0, 1.0], "reduction": "sum"})", 0.75, "by hand"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T p, T t) {
    return {p * (1.0 - t) + (1.0 - p) * t, {1.0 - 2.0 * t, 1.0 - 2.0 * p}};
  }
};
inline constexpr Loss<SoftHamming> soft_hamming;

}  // namespace gradus
