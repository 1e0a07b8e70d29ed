#include "gradus/nn/init.h"

#include <fmt/core.h>

#include <cmath>

#include "gradus/core/error.h"

namespace gradus::init {
namespace {

template <class Fill> void fill(const char* op, Tensor& t, Fill f) {
  if (!computes(t.dtype()) || !t.is_contiguous())
    throw DtypeError(fmt::format("{}: got {}{}, wanted a dense float32 or float64 tensor; pass contiguous()", op,
                                 describe(t), t.is_contiguous() ? "" : " strided"));
  visit_floating(t.dtype(), [&]<class F>(Type<F>) { f(t.mutable_data<F>()); });
}

double kaiming_std(const Tensor& t, double a, Fan fan) {
  const Fans f = fans(t);
  return std::sqrt(2 / (1 + a * a)) / std::sqrt(double(fan == Fan::in ? f.in : f.out));
}
double xavier_std(const Tensor& t, double gain) {
  const Fans f = fans(t);
  return gain * std::sqrt(2 / double(f.in + f.out));
}
// The half width of the uniform distribution of this standard deviation.
double bound_of(double std) { return std::sqrt(3.0) * std; }

}  // namespace

Fans fans(const Tensor& t) {
  if (t.rank() < 2)
    throw ShapeError(fmt::format("fans: got shape {}, wanted (outputs, inputs, ...); initialise a bias with uniform()",
                                 text(t.shape())));
  const int64_t out = t.shape()[0], in = t.shape()[1], field = t.numel() > 0 ? t.numel() / (in * out) : 0;
  return {in * field, out * field};
}

void uniform(Tensor& t, double low, double high, Generator& generator) {
  fill("uniform", t, [&]<class F>(F* x) { fill_uniform(x, t.numel(), F(low), F(high), generator); });
}
void normal(Tensor& t, double mean, double std, Generator& generator) {
  fill("normal", t, [&]<class F>(F* x) { fill_normal(x, t.numel(), F(mean), F(std), generator); });
}
void kaiming_uniform(Tensor& t, double a, Generator& generator, Fan fan) {
  const double bound = bound_of(kaiming_std(t, a, fan));
  uniform(t, -bound, bound, generator);
}
void kaiming_normal(Tensor& t, double a, Generator& generator, Fan fan) {
  normal(t, 0, kaiming_std(t, a, fan), generator);
}
void xavier_uniform(Tensor& t, double gain, Generator& generator) {
  const double bound = bound_of(xavier_std(t, gain));
  uniform(t, -bound, bound, generator);
}
void xavier_normal(Tensor& t, double gain, Generator& generator) { normal(t, 0, xavier_std(t, gain), generator); }

}  // namespace gradus::init
