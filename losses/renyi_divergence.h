// Rényi's divergence of order alpha of two distributions.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct Renyi {
  double alpha = 0.5;

  static constexpr Input<Renyi> inputs[] = {element("p", range::unit), element("q", range::unit)};
  static constexpr Option<Renyi> options[] = {option("alpha", &Renyi::alpha, range::positive)};

  static constexpr About about = {
      .name = "renyi_divergence",
      .family = "information",
      .tier = 3,
      .summary =
          "A family of divergences around Kullback-Leibler's: alpha = 1/2 is twice the Bhattacharyya distance, alpha "
          "= 1 KL.",
      .formula = "log Σ p^alpha q^(1-alpha) / (alpha - 1) over the last dimension; alpha = 1: Σ p log(p / q)",
      .gradient =
          "alpha / (alpha - 1) (p / q)^(alpha-1) / S, and -(p / q)^alpha / S to q, S = Σ p^alpha q^(1-alpha); alpha = "
          "1: log(p / q) + 1 and -p / q",
      .edges =
          "infinity, with gradient 0, where q = 0 < p and alpha >= 1, or where p and q share nothing; 0 is returned "
          "where the slope at p = 0 or q = 0 is infinite; in log space, so that powers neither overflow nor underflow",
      .paper = "A. Rényi, On measures of entropy and information, 1961",
  };
  static constexpr Example examples[] = {
      {R"({"p": [[0.5, 0.5]], "q": [[1.0, 0.0]]})", 0.69314718055994531, "by hand: log 2"},
      {R"({"p": [[0.1, 0.2, 0.7]], "q": [[0.3, 0.3, 0.4]], "alpha": 1.7})", 0.29875538914839526, "mpmath"},
      {R"({"p": [[0.1, 0.2, 0.7]], "q": [[0.3, 0.3, 0.4]], "alpha": 1})", 0.20077680106635203, "mpmath"},
  };

  template <class T> struct State {
    RunningSoftmax<T> logs;  // of alpha log p + (1 - alpha) log q
    T sum = 0;               // of p log(p / q), for alpha = 1
    T impossible = 0;        // how many q are 0 where p is not
  };
  template <class T> struct Constants { T log_sum, infinite; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T q) const {
    auto no_p = p == 0.0, no_q = q == 0.0;
    T log_p = log(select(no_p, 1.0, p)), log_q = log(select(no_q, 1.0, q));
    State<T> s;
    if (alpha >= 1) s.impossible = select(no_q & !no_p, T(1.0), 0.0);
    if (alpha == 1) s.sum = p * (log_p - log_q);  // 0 where p is
    else s.logs = RunningSoftmax<T>::of(select(no_p | no_q, -T::infinity(), alpha * log_p + (1 - alpha) * log_q));
    return s;
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    State<T> s;
    if (alpha != 1) s.logs = RunningSoftmax<T>::merge(a.logs, b.logs).total;
    s.sum = a.sum + b.sum;
    s.impossible = a.impossible + b.impossible;
    return s;
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    auto infinite = s.impossible > 0.0;
    if (alpha == 1) return {select(infinite, T::infinity(), s.sum), 1.0, {0.0, select(infinite, T(1.0), 0.0)}};
    auto apart = s.logs.rest < 0.0;  // not one p q > 0
    T log_sum = s.logs.max + log1p(select(apart, 0.0, s.logs.rest));
    T value = select(apart, alpha < 1 ? T::infinity() : -T::infinity(), log_sum / (alpha - 1));
    return {select(infinite, T::infinity(), value), 1.0, {log_sum, select(infinite | apart, T(1.0), 0.0)}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T p, T q) const {
    auto off = (p == 0.0) | (q == 0.0) | (c.infinite > 0.0);
    T ratio = log(select(off, 1.0, p)) - log(select(off, 1.0, q)), dp, dq;
    if (alpha == 1) {
      dp = ratio + 1.0;
      dq = -exp(ratio);
    } else {
      dp = alpha / (alpha - 1) * exp((alpha - 1) * ratio - c.log_sum);
      dq = -exp(alpha * ratio - c.log_sum);
    }
    return {{select(off, 0.0, dp), select(off, 0.0, dq)}};
  }
};
inline constexpr Loss<Renyi> renyi_divergence;

}  // namespace gradus
