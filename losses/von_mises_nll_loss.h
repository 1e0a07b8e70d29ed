// Von Mises negative log-likelihood: regression of angles.
#pragma once
#include "gradus/core/bessel.h"
#include "gradus/core/formula.h"

namespace gradus {

struct VonMisesNll {
  bool full = false;

  using Self = VonMisesNll;
  static constexpr Input<Self> inputs[] = {element("input"), element("kappa", range::non_negative), element("target")};
  static constexpr Option<Self> options[] = {option("full", &Self::full)};

  static constexpr About about = {
      .name = "von_mises_nll_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Regression of an angle in radians, whose noise is as round as the circle; kappa is its precision.",
      .formula = "-kappa cos(t - mu) + log I0(kappa) (+ log 2π with full), mu = input",
      .gradient = "-kappa sin(t - mu);  of kappa: I1(kappa)/I0(kappa) - cos(t - mu)",
      .edges = "a turn more is the same; keeps its digits for a large kappa, where it is a normal likelihood",
      .paper = "R. von Mises, 1918",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.0], "kappa": [2.0], "target": [1.0]})", -0.25661107025332315, "mpmath"},
      {R"({"input": [0.0], "kappa": [100.0], "target": [0.25], "full": true})", 1.7263675852874507, "mpmath"},
  };

  template <class T> GRADUS_FN Scored<T, 3> eval(T mu, T kappa, T t) const {
    const BesselI0<T> bessel(kappa);
    T d = t - mu, half = sin(0.5 * d), away = 2.0 * half * half;  // 1 - cos d
    T value = kappa * away + bessel.log_scaled + (full ? 1.8378770664093455 : 0.0), turn = kappa * sin(d);
    return {value, {-turn, away - bessel.lack, turn}};
  }
};
inline constexpr Loss<VonMisesNll> von_mises_nll_loss;

}  // namespace gradus
