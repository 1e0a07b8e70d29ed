// Negative log-likelihood: minus the log-probability that the model gave to the right class.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"
#include "gradus/core/scores.h"

namespace gradus {

struct NegativeLogLikelihood {
  Param weight = 1.0;
  int64_t ignore_index = -100;
  double check = none;  // by how much the probabilities of a row may miss 1

  using Self = NegativeLogLikelihood;
  static constexpr Input<Self> inputs[] = {element("input"), label("target", &Self::ignore_index),
                                           in_count(column("weight", &Self::weight, range::non_negative))};
  static constexpr Option<Self> options[] = {option("ignore_index", &Self::ignore_index),
                                             option("check", &Self::check, range::positive, true)};

  static constexpr About about = {
      .name = "nll_loss",
      .family = "classification",
      .summary = "Minus the log-probability of the right class, for a model that ends in log_softmax.",
      .formula = "-w_y x_y over the classes of dimension 1.  mean divides by Σ w_y over the rows not ignored",
      .gradient = "-w_y at the class y, 0 at the others",
      .edges =
          "ignored rows have value and gradient exactly 0; the input is taken as it is, normalised or not, unless "
          "check says by how much its probabilities may miss 1; log-probability -infinity gives infinity",
      .aliases = "nn.NLLLoss; NLLLoss2d",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[-0.5, -1.0, -3.0], [-2.0, -0.25, -4.0]], "target": [1, 0]})", 1.5, "by hand: (1 + 2) / 2"},
      {R"({"input": [[-0.5, -1.0], [-2.0, -0.25], [-1.0, -1.0]], "target": [1, 0, -100], "weight": [3.0, 1.0]})", 1.75,
       "by hand: (1 * 1 + 3 * 2) / 4"},
  };

  int64_t class_axis() const { return 1; }
  int choose(bool) const { return check == check; }
  static constexpr bool only_the_label = true;  // adds anything, or has a gradient

  template <class T> struct State {
    T score = 0, weight = 0;
  };  // of the target class
  template <class T> struct Constants {};

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y, T w) const {
    auto hit = at.index == y;
    return {select(hit, x, 0.0), select(hit, w, 0.0)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {a.score + b.score, a.weight + b.weight};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>) const {
    return {times(s.weight, -s.score), s.weight, {}};  // of an ignored row nothing was found
  }
  template <class T> GRADUS_FN CountedGrads<T, 2> grad(Constants<T>, Column<T> at, T x, Index<T> y, T w) const {
    auto hit = at.index == y;
    return {{select(hit, -w, 0.0), select(hit, -x, 0.0)}, {0.0, select(hit, T(1.0), 0.0)}};
  }
};

// The same for rows that must be log-probabilities.
struct NegativeLogLikelihoodChecked {
  Param weight = 1.0;
  int64_t ignore_index = -100;
  double check = none;

  NegativeLogLikelihoodChecked() = default;
  explicit NegativeLogLikelihoodChecked(const NegativeLogLikelihood& n)
      : weight(n.weight), ignore_index(n.ignore_index), check(n.check) {}

  using Self = NegativeLogLikelihoodChecked;
  using Parameters = NegativeLogLikelihood;
  static constexpr Input<Self> inputs[] = {array("input", "*C"), indices<Self>("target", "*", 'C', &Self::ignore_index),
                                           in_count(array("weight", "C", &Self::weight, range::non_negative))};
  int64_t class_axis() const { return 1; }

  // Certificates: rows become log-probabilities.
  void make_acceptable(int k, double* values, int64_t n, const Extents& e) const {
    const int64_t classes = e['C'];
    if (k != 0 || classes == 0) return;
    for (int64_t row = 0; row + classes <= n; row += classes) {
      double sum = 0;
      for (int64_t i = 0; i < classes; ++i) sum += __builtin_exp(values[row + i]);
      for (int64_t i = 0; i < classes; ++i) values[row + i] -= __builtin_log(sum);
    }
  }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Array<T>& x = c.in[0];
    const int64_t y = c.whole[1](), classes = x.size();
    c.count() = 0.0;
    if (y < 0) return;
    const T sum = c.total(classes, [&](int64_t k) { return exp(x(k)); });
    if (!holds(abs(sum - 1.0) <= check)) {
      const int64_t top = place_of_largest(x.data, classes);
      return c.reject(0, top, double(plain(x(top)).lane(0)),
                      "a row of log-probabilities, which as probabilities add up to 1; apply log_softmax first");
    }
    const T w = c.in[2](y);
    c.value() = times(w, -x(y));
    c.count() = w;
    if (c.grad[0]) c.grad[0](y) = -c.up() * w;
    if (c.grad[2]) c.grad[2](y) = c.count_up - c.up() * x(y);
  }
};
inline constexpr Loss<NegativeLogLikelihood, NegativeLogLikelihoodChecked> nll_loss;

}  // namespace gradus
