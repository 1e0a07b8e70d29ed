// Distance of paired rows, as PyTorch has it and without its asymmetry.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct PairwiseDistance {
  static constexpr const char* eps_modes[] = {"torch", "none", "inside_sqrt"};
  enum : uint8_t { torch, without, inside };

  double p = 2, eps = 1e-6;
  bool keepdim = false;
  uint8_t eps_mode = torch;

  using Self = PairwiseDistance;
  static constexpr Input<Self> inputs[] = {element("x1"), element("x2")};
  static constexpr Option<Self> options[] = {
      option("p", &Self::p, range::non_negative), option("eps", &Self::eps, range::non_negative),
      option("keepdim", &Self::keepdim), option("eps_mode", &Self::eps_mode, eps_modes)};

  static constexpr About about = {
      .name = "pairwise_distance",
      .family = "distances",
      .summary = "How far each row of x1 lies from the same row of x2, in any p-norm over the last dimension.",
      .formula =
          "||x1 - x2 + eps||_p;  eps_mode none: ||x1 - x2||_p;  inside_sqrt: (Σ |x1 - x2|^p + eps^p)^(1/p), for p = 2 "
          "sqrt(Σ (x1 - x2)² + eps²)",
      .gradient = "sign(e) (|e| / d)^(p-1), e = x1 - x2 + eps, d the distance; 0 for p = 0",
      .kinks =
          "0 at distance 0, and for p <= 1 in each coordinate that is 0; where p = infinity ties, the maxima share",
      .edges =
          "with eps_mode torch the distance is not symmetric, that of equal rows is eps D^(1/p), and its gradient is "
          "not 0; neither overflows nor underflows",
      .aliases = "nn.PairwiseDistance; PML LpDistance",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [3.0, 4.0], "x2": [0.0, 0.0], "eps": 0.0})", 5.0, "by hand"},
      {R"({"x1": [1.0, 2.0, 3.0], "x2": [1.5, 0.0, 3.0]})", 2.0615535404163046,
       "mpmath, torch.nn.functional.pairwise_distance 1.13"},
      {R"({"x1": [1.0, 1.0], "x2": [1.0, 1.0], "eps": 0.25, "eps_mode": "inside_sqrt"})", 0.25,
       "by hand: sqrt(0 + 1/16)"},
  };

  bool keeps_axis() const { return keepdim; }

  template <class T> struct State { RunningNorm<T> norm; };
  template <class T> struct Constants {
    RunningNorm<T> norm;
    T length;
  };

  template <class T> GRADUS_FN T difference(T x, T y) const { return eps_mode == torch ? x - y + eps : x - y; }
  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T y) const {
    return {RunningNorm<T>::of(difference(x, y), p)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningNorm<T>::merge(a.norm, b.norm, p)};
  }
  template <class T, class Columns> GRADUS_FN State<T> lift_all(Columns columns) const {
    return {RunningNorm<T>::of_all([&](auto add) { columns.each([&](Column<T>, T x, T y) { add(difference(x, y)); }); },
                                   p)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    if (eps_mode == inside)
      s.norm = RunningNorm<T>::merge(s.norm, RunningNorm<T>::of(eps, p), p);  // eps is one more coordinate
    T length = s.norm.norm(p);
    return {length, 1.0, {s.norm, length}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T y) const {
    T g = c.norm.slope(difference(x, y), c.length, p);
    return {{g, -g}};
  }
};
inline constexpr Loss<PairwiseDistance> pairwise_distance;

}  // namespace gradus
