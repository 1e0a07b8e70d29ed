// Mixture density network: regression whose answer may have several humps.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct MixtureDensityNll {
  using Self = MixtureDensityNll;
  static constexpr Input<Self> inputs[] = {element("logits"), element("mu"), element("log_sigma", Range{-300, 300}),
                                           row("target")};

  static constexpr About about = {
      .name = "mixture_density_nll_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary =
          "A network predicts K normal distributions and how likely each is; the target is drawn from the mixture.",
      .formula =
          "-log Σ_k π_k N(t; mu_k, sigma_k²), π = softmax(logits) over the last dimension, sigma = exp(log_sigma)",
      .gradient =
          "with r_k the share of component k in the density, z = (mu - t) / sigma:  π - r;  r z / sigma;  r (1 - z²);  "
          "of the target -Σ r z / sigma",
      .edges =
          "a component too far to be seen adds nothing; logits of -infinity have no share; log_sigma beyond ±300 is an "
          "error",
      .paper = "C. Bishop, Mixture Density Networks, 1994",
      .aliases = "mdn_loss; MDN",
  };
  static constexpr Example examples[] = {
      {R"({"logits": [[0.0, 0.0]], "mu": [[1.0, 1.0]], "log_sigma": [[0.0, 0.0]], "target": [1.0]})",
       0.91893853320467278, "by hand: log(2π)/2, the two components are one"},
      {R"({"logits": [[0.0, 1.0]], "mu": [[0.0, 2.0]], "log_sigma": [[0.0, -1.0]], "target": [0.5]})",
       2.355147757261002, "mpmath"},
  };

  template <class T> struct State { RunningSoftmax<T> prior, joint; };
  template <class T> struct Constants { T prior_max, prior_total, joint_max, joint_total; };
  template <class T> struct Component { T z, inverse, joint; };  // log of π_k N(t) but for the constants

  template <class T> GRADUS_FN static Component<T> component(T logit, T mu, T log_sigma, T t) {
    T inverse = exp(-log_sigma), z = times(mu - t, inverse);
    return {z, inverse, logit - log_sigma - 0.5 * (z * z)};
  }
  template <class T> GRADUS_FN State<T> lift(Column<T>, T logit, T mu, T log_sigma, T t) const {
    return {RunningSoftmax<T>::of(logit), RunningSoftmax<T>::of(component(logit, mu, log_sigma, t).joint)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningSoftmax<T>::merge(a.prior, b.prior).total, RunningSoftmax<T>::merge(a.joint, b.joint).total};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, T) const {
    T prior = log1p(s.prior.rest), joint = log1p(s.joint.rest);
    auto unseen = s.joint.rest == -1.0;  // by every component: the target is too far for all of them
    return {(s.prior.max - s.joint.max) + (prior - joint) + 0.91893853320467274,
            1.0,
            {s.prior.max, 1.0 + s.prior.rest, s.joint.max, 1.0 + select(unseen, 0.0, s.joint.rest)}};
  }
  template <class T> GRADUS_FN Grads<T, 4> grad(Constants<T> c, Column<T>, T logit, T mu, T log_sigma, T t) const {
    const Component<T> k = component(logit, mu, log_sigma, t);
    T share = exp_negative(k.joint - c.joint_max) / c.joint_total, pull = times(share, times(k.z, k.inverse));
    return {{exp_negative(logit - c.prior_max) / c.prior_total - share, pull, share - times(share, k.z * k.z), -pull}};
  }
};
inline constexpr Loss<MixtureDensityNll> mixture_density_nll_loss;

}  // namespace gradus
