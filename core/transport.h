// Optimal transport with an entropy: how n weighted points are moved to m others at the least cost.
#pragma once
#include <vector>

#include "gradus/core/pairs.h"
#include "gradus/core/simplex.h"

namespace gradus {

// max over f, h of Σ a f + Σ b h - ε Σ a_i b_j (E_ij - 1), E_ij = exp((f_i + h_j - C_ij) / ε), Σ a = Σ b = 1.  At the
// maximum a_i b_j E_ij is the plan, which takes a_i from i and brings b_j to j.  The potentials f and h are found in
// doubles, by Sinkhorn's iterations in the log domain and Newton's steps between them; T adds their derivatives.  From
// points to themselves, f = h.
template <class T> class Transport {
 public:
  T value = 0.0;
  T *f, *h;
  double error = 0;     // Σ_j |b_j - Σ_i plan_ij|
  double rounding = 0;  // below which it may not come, the costs being so large

  Transport(Case<T>& c, const Array<T>& cost, const T* a, const T* b, double epsilon, double tol)
      : f(c.scratch(cost.extent[0])),
        h(c.scratch(cost.extent[1])),
        a_(a),
        b_(b),
        density_(c.array(cost.extent[0], cost.extent[1])),
        n_(cost.extent[0]),
        m_(cost.extent[1]),
        epsilon_(epsilon) {
    prepare(rows_, a, n_);
    prepare(columns_, b, m_);
    for (int64_t i = 0; i < n_; ++i)
      for (int64_t j = 0; j < m_; ++j)
        rows_.cost[size_t(i * m_ + j)] = columns_.cost[size_t(j * n_ + i)] = std::min(plainly(cost(i, j)), 1e300);
    find_potentials(tol);
    const auto& [u, v] = std::pair(rows_.potential.data(), columns_.potential.data());
    for (int64_t i = 0; i < n_; ++i) f[i] = (u[i] + epsilon * rows_.rest[size_t(i)]).v;
    for (int64_t j = 0; j < m_; ++j) h[j] = (v[j] + epsilon * columns_.rest[size_t(j)]).v;
    fill_density(cost);
    value = (total<Double>(n_, [&](int64_t i) { return rows_.weight[size_t(i)] * u[i]; }) +
             total<Double>(m_, [&](int64_t j) {
               return columns_.weight[size_t(j)] * v[j];
             })).v;
    if constexpr (!std::is_same_v<T, typename T::Plain>) {  // a step of Newton carries the derivatives to the maximum
      T *df = c.scratch(n_), *dh = c.scratch(m_);
      newton(density_, a, b, df, dh);
      for (int64_t i = 0; i < n_; ++i) f[i] += movement(epsilon_ * df[i]);
      for (int64_t j = 0; j < m_; ++j) h[j] += movement(epsilon_ * dh[j]);
      fill_density(cost);
      const T missed = total<T>(
          n_, [&](int64_t i) { return a[i] * total<T>(m_, [&](int64_t j) { return b[j] * (density_(i, j) - 1.0); }); });
      value += movement(total<T>(n_, [&](int64_t i) { return a[i] * f[i]; }) +
                        total<T>(m_, [&](int64_t j) { return b[j] * h[j]; }) - epsilon_ * missed);
    }
  }
  T plan(int64_t i, int64_t j) const { return a_[i] * b_[j] * density_(i, j); }

 private:
  using Double = Num<double, 1>;
  using Doubles = std::vector<Double>;
  static double plainly(T x) { return double(plain(x).lane(0)); }
  bool onto_itself() const { return a_ == b_; }

  // The points on one side, in doubles.  shifted: potential + ε log weight; cost: a row for each of them; rest: what
  // the potential has no digits for, in units of ε.
  struct Side {
    Doubles weight, potential, rest, shifted, cost;
  };
  void prepare(Side& side, const T* weight, int64_t n) {
    side.weight.resize(size_t(n)), side.cost.resize(size_t(n_ * m_));
    side.potential.assign(size_t(n), 0.0), side.rest.assign(size_t(n), 0.0);
    const Double sum = total<Double>(n, [&](int64_t i) { return plainly(weight[i]); });  // in floats hardly 1
    for (int64_t i = 0; i < n; ++i) side.weight[size_t(i)] = Double(plainly(weight[i])) / sum;
  }
  void shift(Side& side) const {
    side.shifted.resize(side.potential.size());
    for (size_t i = 0; i < side.potential.size(); ++i)
      side.shifted[i] = side.potential[i] + epsilon_ * log(side.weight[i]);
  }
  // A part of the way to the best potentials for those of the other side.  Returns by how much the plan missed this
  // side's weights before.
  double improve(Side& side, const Side& other, double part = 1) const {
    const int64_t m = int64_t(other.weight.size());
    Doubles scores(size_t(m), 0.0), share(size_t(m), 0.0);
    double missed = 0;
    for (size_t i = 0; i < side.weight.size(); ++i) {
      const Double *cost = side.cost.data() + int64_t(i) * m, *from = other.shifted.data();
      Double* s = scores.data();
      along_row<Double>(m, [&](auto l) { l.put(s, l(from) - l(cost)); });
      const LogSum<Double> all(Case<Double>(), s, m, 1 / epsilon_, share.data(), [](auto j) { return j >= 0; });
      const Double best = -(all.top + epsilon_ * all.above(all.top));
      if (side.weight[i].v != 0) missed += (side.weight[i] * abs(expm1((side.potential[i] - best) / epsilon_))).v;
      side.potential[i] = part == 1 ? best : side.potential[i] + part * (best - side.potential[i]);
    }
    shift(side);
    return missed;
  }

  // From an ε as large as the costs down to the one that is asked for: each makes the next one's iterations few.  In
  // the end as exact as doubles are, where that takes little more than to come within tol.
  void find_potentials(double tol) {
    const double wanted = epsilon_;
    double largest = 0;
    for (const Double& x : rows_.cost) largest = std::max(largest, x.v);
    for (epsilon_ = std::max(largest, wanted); epsilon_ > wanted; epsilon_ = std::max(epsilon_ / 4, wanted))
      iterate(1e-3, 1e-3, 200);
    iterate(std::min(tol, 1e-9), 1e-15, 20'000);
    rounding = 0x1p-48 * largest / wanted;
    if (error <= tol + rounding && small()) polish();
  }
  // Newton's steps for the digits that the potentials have no room for, as long as they bring the plan nearer.
  void polish() {
    const auto missed = [this] {
      double sum = 0;
      for (int64_t i = 0; i < n_; ++i) {
        Double row = 0.0;
        for (int64_t j = 0; j < m_; ++j) row += columns_.weight[size_t(j)] * exp(exponent(i, j));
        sum += (rows_.weight[size_t(i)] * abs(row - 1.0)).v;
      }
      for (int64_t j = 0; j < m_; ++j) {
        Double column = 0.0;
        for (int64_t i = 0; i < n_; ++i) column += rows_.weight[size_t(i)] * exp(exponent(i, j));
        sum += (columns_.weight[size_t(j)] * abs(column - 1.0)).v;
      }
      return sum;
    };
    double best = missed();
    for (int k = 0; k < 3; ++k) {
      const Doubles f_before = rows_.rest, h_before = columns_.rest;
      step_of_newton([this](const Doubles& df, const Doubles& dh) {
        for (size_t i = 0; i < df.size(); ++i) rows_.rest[i] += df[i];
        for (size_t j = 0; j < dh.size(); ++j) columns_.rest[j] += dh[j];
      });
      const double now = missed();
      if (!(now < best)) {
        rows_.rest = f_before, columns_.rest = h_before;
        return;
      }
      best = now;
    }
  }
  void iterate(double enough, double exact, int64_t most) {
    const int64_t patience = 1 + m_ / 8;  // between Newton's steps, which take the cube of m
    int64_t polished = 0;
    shift(columns_);
    for (int64_t k = 1; k <= most && polished < 3 * patience; ++k) {
      if (onto_itself()) {
        error = improve(rows_, columns_, 0.5);  // the whole way would swing
        columns_.potential = rows_.potential;
        shift(columns_);
      } else {
        improve(rows_, columns_);
        if (k % patience == 0 && small()) ascend();
        error = improve(columns_, rows_);
      }
      if (!(error > exact)) break;
      polished += error <= enough;
    }
    improve(rows_, columns_);  // whose weight is 0 or tiny is not in the error
    if (onto_itself()) columns_.potential = rows_.potential;
  }
  // A step of Newton for h, f being the best for it, as far as Σ a f + Σ b h grows with it.
  void ascend() {
    const Doubles before = columns_.potential;
    const auto height = [this] {
      const auto part = [](const Side& side) {
        return total<Double>(int64_t(side.weight.size()),
                             [&](int64_t i) { return side.weight[size_t(i)] * side.potential[size_t(i)]; });
      };
      return (part(rows_) + part(columns_)).v;
    };
    const double ground = height();
    Doubles step;
    step_of_newton([&](const Doubles&, const Doubles& dh) { step = dh; });
    // Between parts of the plan that hardly touch, the way is long and a step of Newton far longer.
    for (double longest : {HUGE_VAL, 64.0, 16.0, 4.0, 1.0}) {
      for (size_t j = 0; j < before.size(); ++j)
        columns_.potential[j] = before[j] + epsilon_ * min(max(step[j], -longest), longest);
      shift(columns_);
      improve(rows_, columns_);
      if (height() >= ground) return;
    }
    columns_.potential = before;
    shift(columns_);
    improve(rows_, columns_);
  }
  bool small() const { return n_ + m_ <= 1000; }

  // E, whose values are as exact as the doubles are; no more than all of a point can go to another.
  void fill_density(const Array<T>& cost) {
    for (int64_t i = 0; i < n_; ++i)
      for (int64_t j = 0; j < m_; ++j)
        density_(i, j) = exp(T(exponent(i, j).v) + movement(f[i] + h[j] - cost(i, j)) / epsilon_);
  }
  Double exponent(int64_t i, int64_t j) const {
    const size_t k = size_t(i), l = size_t(j);
    const Double whole = (rows_.potential[k] + columns_.potential[l] - rows_.cost[size_t(i * m_ + j)]) / epsilon_;
    const Double most =
        min(sizeof(typename T::Scalar) == 4 ? 80.0 : 700.0, -log(max(rows_.weight[k], columns_.weight[l])));
    return min(most, whole + (rows_.rest[k] + columns_.rest[l]));
  }

  // By how much the potentials are to change, in units of ε, for Σ_j b_j E_ij = 1 and Σ_i a_i E_ij = 1 to hold:
  //   ρ_i df_i + Σ_j b_j E_ij dh_j = 1 - ρ_i,  κ_j dh_j + Σ_i a_i E_ij df_i = 1 - κ_j,  ρ and κ those sums.
  // Points without weight follow the others.
  template <class U> void newton(const Array<U>& density, const U* a, const U* b, U* df, U* dh) const {
    const auto e = [&](int64_t i, int64_t j) { return number(density(i, j)); };
    std::vector<double> rho(size_t(n_), 0.0);
    for (int64_t i = 0; i < n_; ++i) {
      df[i] = 1.0 - total<U>(m_, [&](int64_t j) { return b[j] * density(i, j); });
      rho[size_t(i)] = 1 - number(df[i]);
    }
    std::vector<double> s(size_t(m_ * m_), 0.0);
    if (onto_itself()) {
      for (int64_t i = 0; i < n_; ++i) {
        for (int64_t j = 0; j < n_; ++j) s[size_t(i * n_ + j)] = number(a[i]) * number(a[j]) * e(i, j);
        s[size_t(i * n_ + i)] += number(a[i]) == 0 ? 1 : number(a[i]) * rho[size_t(i)];
        dh[i] = a[i] * df[i];
      }
      solve_positive(s, dh);
    } else {  // put into the columns' equations times b, the rows' leave a symmetric matrix
      for (int64_t j = 0; j < m_; ++j) {
        const auto share = [&](int64_t i) { return number(a[i]) * number(b[j]) * e(i, j) / rho[size_t(i)]; };
        for (int64_t i = 0; i < n_; ++i)
          for (int64_t k = 0; k < m_; ++k) s[size_t(j * m_ + k)] += share(i) * number(b[k]) * e(i, k);
        dh[j] = b[j] * (1.0 - total<U>(n_, [&](int64_t i) { return a[i] * density(i, j); })) -
                total<U>(n_, [&](int64_t i) { return share(i) * df[i]; });
      }
      solve_flow(s, dh);
    }
    for (int64_t i = 0; i < n_; ++i)
      df[i] = (df[i] - total<U>(m_, [&](int64_t j) { return number(b[j]) * e(i, j) * dh[j]; })) / rho[size_t(i)];
    for (int64_t j = 0; j < m_; ++j) {
      if (number(b[j]) != 0) continue;
      const U kappa = total<U>(n_, [&](int64_t i) { return a[i] * density(i, j); });
      dh[j] = (1.0 - kappa - total<U>(n_, [&](int64_t i) { return number(a[i]) * e(i, j) * df[i]; })) / number(kappa);
    }
  }
  template <class U> static double number(U x) { return double(plain(x).lane(0)); }

  // Σ_k w_jk (x_j - x_k) = x_j before, for symmetric weights w >= 0, by eliminations without a difference, which keep
  // the digits of the smallest weights.  The last point of each part that hangs together gets 0.
  template <class U> void solve_flow(std::vector<double>& weights, U* x) const {
    const auto w = [&](int64_t j, int64_t k) -> double& { return weights[size_t(j * m_ + k)]; };
    std::vector<double> whole(size_t(m_), 0.0);
    for (int64_t j = 0; j < m_; ++j) {
      for (int64_t k = j + 1; k < m_; ++k) whole[size_t(j)] += w(j, k);
      if (whole[size_t(j)] == 0) continue;
      for (int64_t k = j + 1; k < m_; ++k) {
        const double part = w(j, k) / whole[size_t(j)];
        for (int64_t l = j + 1; l < m_; ++l) w(k, l) += part * w(j, l);
        x[k] = x[k] + part * x[j];
      }
    }
    for (int64_t j = m_ - 1; j >= 0; --j) {
      if (whole[size_t(j)] == 0) x[j] = 0.0;
      else x[j] = (x[j] + total<U>(m_ - j - 1, [&](int64_t k) { return w(j, k) * x[k]; }, j + 1)) / whole[size_t(j)];
    }
  }
  // s x = x before, s positive definite.
  template <class U> void solve_positive(std::vector<double>& matrix, U* x) const {
    const auto s = [&](int64_t j, int64_t k) -> double& { return matrix[size_t(j * m_ + k)]; };
    for (int64_t j = 0; j < m_; ++j)
      for (int64_t k = j + 1; k < m_; ++k) {
        const double part = s(k, j) / s(j, j);
        for (int64_t l = j + 1; l < m_; ++l) s(k, l) -= part * s(j, l);
        x[k] = x[k] - part * x[j];
      }
    for (int64_t j = m_ - 1; j >= 0; --j)
      x[j] = (x[j] - total<U>(m_ - j - 1, [&](int64_t k) { return s(j, k) * x[k]; }, j + 1)) / s(j, j);
  }

  // Passes on a step for both sides, in units of ε, where it is one.
  template <class Take> void step_of_newton(Take take) {
    Doubles e(size_t(n_ * m_)), df(size_t(n_), 0.0), dh(size_t(m_), 0.0);
    for (int64_t i = 0; i < n_; ++i)
      for (int64_t j = 0; j < m_; ++j) e[size_t(i * m_ + j)] = exp(exponent(i, j));
    newton(Array<Double>{e.data(), 2, {n_, m_, 1, 1}}, rows_.weight.data(), columns_.weight.data(), df.data(),
           dh.data());
    for (Doubles* d : {&df, &dh})
      for (Double& x : *d) x = abs(x).v < HUGE_VAL ? x : Double(0.0);
    take(df, dh);
  }

  const T *a_, *b_;
  Array<T> density_;  // of the plan, in relation to a bᵀ
  Side rows_, columns_;
  int64_t n_, m_;
  double epsilon_;
};

}  // namespace gradus
