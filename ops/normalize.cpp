#include "gradus/ops/normalize.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/math.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

// How a dense tensor is normalised.  It is outer × groups × inner, with one mean and variance per group; and element i
// has the weight and bias of channel i / run % channels.  For batches groups are the channels; for layers a group is a
// row and run is 1; in group normalisation a group is several runs.
struct Layout {
  int64_t outer, groups, inner, channels, run;
  int64_t count() const { return outer * inner; }  // elements in a group
  int64_t numel() const { return outer * groups * inner; }
  Shape by_group() const { return {outer, groups, inner}; }
  Shape by_channel() const { return {numel() / std::max<int64_t>(1, channels * run), channels, run}; }
};

struct Options {
  const char* op;
  Layout layout;
  double eps;
  bool fixed;  // the statistics are given and have no gradient
};

// Two sums at once.
struct Sums {
  double first = 0, second = 0;
  Sums& operator+=(Sums more) {
    first += more.first, second += more.second;
    return *this;
  }
};

// Σ get(i) over 0 <= i < n in eight chains, so that the additions overlap.
template <class Get> Sums chained_sum(int64_t n, Get get) {
  double a[8] = {}, b[8] = {};
  const auto add_to = [&](int j, Sums more) { a[j] += more.first, b[j] += more.second; };
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; ++j) add_to(j, get(i + j));
  for (int j = 0; i < n; ++i, ++j) add_to(j, get(i));
  const auto join = [](const double* x) { return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7])); };
  return {join(a), join(b)};
}

// out[r] = Σ term(r)(i) over the elements i of the r-th of consecutive runs.
template <class Term> std::vector<Sums> sum_runs(int64_t runs, int64_t length, Term term) {
  std::vector<Sums> out(static_cast<size_t>(runs));
  const int64_t group = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, length));
  parallel_for((runs + group - 1) / group, [&](int64_t task) {
    for (int64_t r = task * group; r < std::min(runs, (task + 1) * group); ++r) {
      const auto get = term(r);
      out[size_t(r)] = chained_sum(length, [&](int64_t i) { return get(r * length + i); });
    }
  });
  return out;
}

// out[c] = Σ get(i, r, c) over the elements i = (r, c) of each column of a matrix.  Batches of rows are added apart and
// join in order.
template <class Get> std::vector<Sums> sum_columns(int64_t rows, int64_t columns, Get get) {
  constexpr int64_t batch = 128, width = 256;  // what a task takes: its sums stay in the first-level cache
  const int64_t batches = (rows + batch - 1) / batch, slices = (columns + width - 1) / width;
  std::vector<Sums> parts(static_cast<size_t>(batches * columns)), out(static_cast<size_t>(columns));
  parallel_for(batches * slices, [&](int64_t task) {
    const int64_t b = task / slices, first = task % slices * width, n = std::min(width, columns - first);
    double x[width] = {}, y[width] = {};
    for (int64_t r = b * batch; r < std::min(rows, (b + 1) * batch); ++r)
      for (int64_t k = 0; k < n; ++k) {
        const Sums more = get(r * columns + first + k, r, first + k);
        x[k] += more.first, y[k] += more.second;
      }
    for (int64_t k = 0; k < n; ++k) parts[size_t(b * columns + first + k)] = {x[k], y[k]};
  });
  for (size_t i = 0; i < parts.size(); ++i) out[i % size_t(columns)] += parts[i];
  return out;
}

// Calls f(element, group, channel) for all elements, along runs in which the compiler sees what stays the same.
template <class Fn> void each_element(const Layout& l, Fn f) {
  const int64_t rows = l.inner > 1 ? l.outer * l.groups : l.outer, length = l.inner > 1 ? l.inner : l.groups;
  const int64_t group = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, length));
  parallel_for((rows + group - 1) / group, [&](int64_t task) {
    for (int64_t row = task * group; row < std::min(rows, (task + 1) * group); ++row) {
      const int64_t start = row * length;
      if (l.inner == 1) {
        for (int64_t i = 0; i < length; ++i) f(start + i, i, l.groups == l.channels ? i : i / l.run % l.channels);
      } else if (l.run == 1 && l.inner == l.channels) {
        for (int64_t i = 0; i < length; ++i) f(start + i, row % l.groups, i);
      } else {
        for (int64_t from = start; from < start + length; from += l.run) {
          const int64_t g = row % l.groups, c = from / l.run % l.channels;
          for (int64_t i = from; i < from + l.run; ++i) f(i, g, c);
        }
      }
    }
  });
}

// ---- statistics ---------------------------------------------------------------------------------

struct Statistics {
  Tensor mean, variance;  // (groups), float64
};

// out[g] = Σ term(g)(i).first over the elements of each group, divided by their number.
template <class Term> Tensor group_means(const Layout& l, Term term) {
  Tensor out = zeros({l.groups}, Dtype::float64);
  double* mean = out.mutable_data<double>();
  const bool columns = l.inner == 1 && l.outer > 1;
  const std::vector<Sums> sums =
      columns ? sum_columns(l.outer, l.groups, [=](int64_t i, int64_t, int64_t g) { return term(g)(i); })
              : sum_runs(l.outer * l.groups, l.inner, [=](int64_t r) { return term(r % l.groups); });
  for (size_t r = 0; r < sums.size(); ++r) mean[int64_t(r) % l.groups] += sums[r].first;
  for (int64_t g = 0; g < l.groups; ++g) mean[g] /= double(l.count());
  return out;
}

Statistics measured(const Tensor& x, const Layout& l) {
  Statistics s;
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    const F* v = x.data<F>();
    s.mean = group_means(l, [=](int64_t) { return [=](int64_t i) { return Sums{double(v[i]), 0}; }; });
    s.variance = group_means(l, [=, mean = s.mean.data<double>()](int64_t g) {
      return [=, m = mean[g]](int64_t i) { return Sums{(double(v[i]) - m) * (double(v[i]) - m), 0}; };
    });
  });
  return s;
}

// The mean and 1 / standard deviation of every group in the precision of the elements.
template <class F> struct Scales {
  std::vector<F> mean, rate;
  Scales(const Statistics& s, double eps) {
    for (int64_t g = 0; g < s.mean.numel(); ++g) {
      mean.push_back(F(s.mean.data<double>()[g]));
      rate.push_back(F(1 / std::sqrt(s.variance.data<double>()[g] + eps)));
    }
  }
};

// ---- value and plain gradient -------------------------------------------------------------------

template <class F>
void normalize_into(const Options& o, const Statistics& s, const F* x, const F* weight, const F* bias, F* out) {
  const Scales<F> scales(s, o.eps);
  each_element(o.layout, [=, mean = scales.mean.data(), rate = scales.rate.data()](int64_t i, int64_t g, int64_t c) {
    out[i] = (x[i] - mean[g]) * rate[g] * weight[c] + bias[c];
  });
}

// Σ g and Σ g x̂ per channel; the same of g times the weight per group.
struct GradientSums {
  std::vector<Sums> channel, group;
};

template <class F>
GradientSums gradient_sums(const Layout& l, const Scales<F>& scales, const F* x, const F* weight, const F* g) {
  const F *mean = scales.mean.data(), *rate = scales.rate.data();
  const auto term = [=](F upstream, int64_t i, F m, F r) {
    return Sums{double(upstream), double(upstream) * double((x[i] - m) * r)};
  };
  GradientSums sums{std::vector<Sums>(size_t(l.channels)), std::vector<Sums>(size_t(l.groups))};
  if (l.run == 1 && l.groups == l.channels && l.outer > 1) {  // a batch of vectors: a group is a column
    sums.channel =
        sum_columns(l.outer, l.groups, [=](int64_t i, int64_t, int64_t c) { return term(g[i], i, mean[c], rate[c]); });
    for (size_t c = 0; c < sums.channel.size(); ++c)
      sums.group[c] = {double(weight[c]) * sums.channel[c].first, double(weight[c]) * sums.channel[c].second};
  } else if (l.run == 1 && l.inner == l.channels) {  // layers: a group is a row, a channel a column
    sums.channel = sum_columns(l.groups, l.channels,
                               [=](int64_t i, int64_t r, int64_t) { return term(g[i], i, mean[r], rate[r]); });
    sums.group = sum_runs(l.groups, l.inner, [=](int64_t r) {
      return [=, w = weight - r * l.inner, m = mean[r], s = rate[r]](int64_t i) { return term(g[i] * w[i], i, m, s); };
    });
  } else {  // runs within one group and one channel
    const auto group_of = [=](int64_t run) { return run * l.run / l.inner % l.groups; };
    const std::vector<Sums> runs = sum_runs(l.numel() / std::max<int64_t>(1, l.run), l.run, [=](int64_t r) {
      return [=, m = mean[group_of(r)], s = rate[group_of(r)]](int64_t i) { return term(g[i], i, m, s); };
    });
    for (size_t r = 0; r < runs.size(); ++r) {
      const int64_t c = int64_t(r) % l.channels;
      sums.channel[size_t(c)] += runs[r];
      sums.group[size_t(group_of(int64_t(r)))] +=
          {double(weight[c]) * runs[r].first, double(weight[c]) * runs[r].second};
    }
  }
  return sums;
}

void plain_gradient(const Options& o, const Statistics& s, const Tensor& x, const Tensor& weight,
                    const Shape& bias_shape, const Tensor& g, Gradients& to) {
  const Layout& l = o.layout;
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    const Scales<F> scales(s, o.eps);
    const F *xs = x.data<F>(), *gs = g.data<F>(), *w = weight.data<F>(), *mean = scales.mean.data(),
            *rate = scales.rate.data();
    const GradientSums sums = gradient_sums(l, scales, xs, w, gs);
    Tensor weight_gradient(weight.shape(), x.dtype()), bias_gradient(bias_shape, x.dtype());
    for (size_t c = 0; c < sums.channel.size(); ++c) {
      weight_gradient.mutable_data<F>()[c] = F(sums.channel[c].second);
      bias_gradient.mutable_data<F>()[c] = F(sums.channel[c].first);
    }
    if (to.wants(1)) to[1] = weight_gradient;
    if (to.wants(2)) to[2] = bias_gradient;
    if (!to.wants(0)) return;
    Tensor out(x.shape(), x.dtype());
    F* gx = out.mutable_data<F>();
    std::vector<F> means, means_x;  // of g w and g w x̂ in each group; zero where the statistics do not depend on x
    for (Sums v : sums.group) {
      means.push_back(o.fixed ? F(0) : F(v.first / double(l.count())));
      means_x.push_back(o.fixed ? F(0) : F(v.second / double(l.count())));
    }
    each_element(l, [=, m = means.data(), mx = means_x.data()](int64_t i, int64_t group, int64_t c) {
      gx[i] = rate[group] * (gs[i] * w[c] - m[group] - (xs[i] - mean[group]) * rate[group] * mx[group]);
    });
    to[0] = out;
  });
}

// ---- the same gradient as tensor ops, to be differentiated --------------------------------------

void recorded_gradient(const Options& o, const Statistics& s, const Tensor& x, const Tensor& weight,
                       const Shape& bias_shape, const Tensor& g, Gradients& to) {
  const Layout& l = o.layout;
  const std::vector<int64_t> in_group = {0, 2};
  const Tensor values = reshape(x, l.by_group());
  const auto given = [&](const Tensor& t) {
    Tensor copy({1, l.groups, 1}, x.dtype());
    copy_elements(t.alias({1, l.groups, 1}, {0, 1, 0}), copy);
    return copy;
  };
  const Tensor centered = sub(values, o.fixed ? given(s.mean) : mean(values, in_group, true));
  const Tensor variance = o.fixed ? given(s.variance) : mean(mul(centered, centered), in_group, true);
  const Tensor rate = rsqrt(shifted(variance, o.eps)), normal = mul(centered, rate);
  const Tensor by_channel = reshape(g, l.by_channel());
  const Tensor weighted = reshape(mul(by_channel, reshape(weight, {1, l.channels, 1})), l.by_group());
  if (to.wants(0)) {
    Tensor inner = weighted;
    if (!o.fixed)
      inner = sub(sub(inner, mean(inner, in_group, true)), mul(normal, mean(mul(inner, normal), in_group, true)));
    to[0] = reshape(mul(inner, rate), x.shape());
  }
  if (to.wants(1)) to[1] = reshape(sum(mul(by_channel, reshape(normal, l.by_channel())), {0, 2}), weight.shape());
  if (to.wants(2)) to[2] = reshape(sum(by_channel, {0, 2}), bias_shape);
}

// ---- on a device --------------------------------------------------------------------------------

// x less the mean of its group, (outer, groups, inner), and the variance of each group.
struct Deviation {
  Tensor centered, variance;
};
Deviation deviation(const Options& o, const Tensor& x, const Statistics& s) {
  const Layout& l = o.layout;
  const Tensor values = reshape(x, l.by_group());
  const auto given = [&](const Tensor& t) { return to(reshape(t, {1, l.groups, 1}), x.dtype()); };
  const Tensor centered = sub(values, o.fixed ? given(s.mean) : mean(values, {0, 2}, true));
  return {centered, o.fixed ? given(s.variance) : mean(square(centered), {0, 2}, true)};
}

// As recorded ops.
Tensor normalized_there(const Options& o, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Statistics& s) {
  const auto [centered, variance] = deviation(o, x, s);
  const Tensor normal = reshape(mul(centered, rsqrt(shifted(variance, o.eps))), o.layout.by_channel());
  const auto each = [&](const Tensor& t) { return reshape(t, {1, o.layout.channels, 1}); };
  return reshape(add(mul(normal, each(weight)), each(bias)), x.shape());
}

Statistics measured_there(const Tensor& x, const Layout& l) {
  NoGrad quiet;
  const Tensor by_group = reshape(x.detach(), l.by_group()), m = mean(by_group, {0, 2}, true);
  const Tensor variance = mean(square(sub(by_group, m)), {0, 2});
  return {to(reshape(m, {l.groups}), Dtype::float64), to(variance, Dtype::float64)};
}

// ---- one node for all three ---------------------------------------------------------------------

Tensor normalized(const Options& o, const Tensor& x, const Tensor& weight, const Tensor& bias, const Statistics& s) {
  if (!on_cpu(x)) return normalized_there(o, x, weight, bias, s);
  Tensor out(x.shape(), x.dtype());
  const Tensor xd = dense(x), wd = dense(weight), bd = dense(bias);
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    normalize_into<F>(o, s, xd.data<F>(), wd.data<F>(), bd.data<F>(), out.mutable_data<F>());
  });
  if (recording(x, weight, bias))
    record(o.op, out, {&x, &weight, &bias},
           [o, s, x = Saved(x), weight = Saved(weight), bias_shape = bias.shape()](const Tensor& g, Gradients& to) {
             if (NoGrad::active()) plain_gradient(o, s, dense(x()), dense(weight()), bias_shape, dense(g), to);
             else recorded_gradient(o, s, x(), weight(), bias_shape, g, to);
           });
  return out;
}

// A weight or bias for x, which may have been left out.
Tensor or_constant(const Tensor& t, const Shape& shape, double value, const Tensor& x) {
  return t.defined() ? t : full(shape, value, x.dtype(), x.device());
}

// The statistics that normalise x; on a device normalized() measures them as part of the graph.
Statistics statistics_of(const Tensor& x, const Layout& l) { return on_cpu(x) ? measured(dense(x), l) : Statistics(); }

void check_shape(const char* op, const char* name, const Tensor& t, const Shape& wanted) {
  if (t.defined() && !(t.shape() == wanted))
    throw ShapeError(fmt::format("{}: {} has shape {}, wanted {}", op, name, text(t.shape()), text(wanted)));
}

void check_channels(const char* op, const Tensor& x) {
  if (x.rank() < 2)
    throw ShapeError(fmt::format("{}: input has shape {}, wanted (N,C) or (N,C,…)", op, text(x.shape())));
}

int64_t after_channels(const Tensor& x) {
  int64_t n = 1;
  for (int d = 2; d < x.rank(); ++d) n *= x.shape()[d];
  return n;
}

// running += momentum (measured - running).
void move_towards(Tensor& running, const Tensor& measured, double momentum, double factor) {
  if (!running.defined()) return;
  if (!on_cpu(running)) {
    NoGrad quiet;
    const Tensor before = to(running.detach(), Dtype::float64);
    return copy_elements(add(scaled(before, 1 - momentum), scaled(measured, momentum * factor)), running);
  }
  visit_floating(running.dtype(), [&]<class F>(Type<F>) {
    F* r = running.mutable_data<F>();
    for (int64_t c = 0; c < running.numel(); ++c)
      r[c * running.strides()[0]] =
          F((1 - momentum) * double(r[c * running.strides()[0]]) + momentum * factor * measured.data<double>()[c]);
  });
}

Tensor as_double(const Tensor& t) {
  Tensor wide(t.shape(), Dtype::float64, t.device());
  copy_elements(t, wide);
  return wide;
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor running_mean, Tensor running_var,
                  const BatchNormOptions& options) {
  constexpr const char* op = "batch_norm";
  check_alike(op, {{"input", &x},
                   {"weight", &weight},
                   {"bias", &bias},
                   {"running mean", &running_mean},
                   {"running variance", &running_var}});
  check_channels(op, x);
  const int64_t channels = x.shape()[1], spread = after_channels(x);
  const Shape wanted = {channels};
  check_shape(op, "weight", weight, wanted), check_shape(op, "bias", bias, wanted);
  check_shape(op, "running mean", running_mean, wanted), check_shape(op, "running variance", running_var, wanted);
  const Layout layout = {x.shape()[0], channels, spread, channels, spread};
  const Tensor w = or_constant(weight, wanted, 1, x), b = or_constant(bias, wanted, 0, x);
  if (!options.training) {
    if (!running_mean.defined() || !running_var.defined())
      throw StateError("batch_norm: no running statistics were given outside training; pass them or set training");
    return normalized({op, layout, options.eps, true}, x, w, b, {as_double(running_mean), as_double(running_var)});
  }
  if (layout.count() < 2 && channels > 0)
    throw ShapeError(fmt::format("batch_norm: input has shape {}, wanted more than one value per channel in training",
                                 text(x.shape())));
  const Statistics s = on_cpu(x) ? measured(dense(x), layout) : measured_there(x, layout);
  const Tensor out = normalized({op, layout, options.eps, false}, x, w, b, s);
  const double count = double(layout.count());
  move_towards(running_mean, s.mean, options.momentum, 1);
  move_towards(running_var, s.variance, options.momentum, count / (count - 1));
  return out;
}

Tensor layer_norm(const Tensor& x, const Shape& shape, const Tensor& weight, const Tensor& bias, double eps) {
  check_alike("layer_norm", {{"input", &x}, {"weight", &weight}, {"bias", &bias}});
  bool fits = shape.rank() > 0 && shape.rank() <= x.rank();
  for (int d = 0; fits && d < shape.rank(); ++d) fits = shape[d] == x.shape()[x.rank() - shape.rank() + d];
  if (!fits)
    throw ShapeError(
        fmt::format("layer_norm: input has shape {}, wanted one that ends in {}", text(x.shape()), text(shape)));
  check_shape("layer_norm", "weight", weight, shape), check_shape("layer_norm", "bias", bias, shape);
  const int64_t width = shape.numel(), rows = Shape(x.shape().begin(), x.shape().end() - shape.rank()).numel();
  const Options options = {"layer_norm", {1, rows, width, width, 1}, eps, false};
  return normalized(options, x, or_constant(weight, shape, 1, x), or_constant(bias, shape, 0, x),
                    statistics_of(x, options.layout));
}

Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  check_alike("group_norm", {{"input", &x}, {"weight", &weight}, {"bias", &bias}});
  check_channels("group_norm", x);
  const int64_t channels = x.shape()[1], spread = after_channels(x);
  if (groups < 1 || channels % groups)
    throw ParamError(
        fmt::format("group_norm: {} channels do not divide into {} groups; choose a divisor", channels, groups));
  check_shape("group_norm", "weight", weight, {channels}), check_shape("group_norm", "bias", bias, {channels});
  const Options options = {
      "group_norm", {1, x.shape()[0] * groups, channels / groups * spread, channels, spread}, eps, false};
  return normalized(options, x, or_constant(weight, {channels}, 1, x), or_constant(bias, {channels}, 0, x),
                    statistics_of(x, options.layout));
}

}  // namespace gradus
