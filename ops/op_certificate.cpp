#include "gradus/ops/op_certificate.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/core/random.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/op_sample.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/sampling.h"

namespace gradus {
namespace {

constexpr double layout_tolerance = 1e-12, single_tolerance = 3e-5;

using Numbers = std::vector<double>;

// The number of threads while this is alive.
class Threads {
 public:
  explicit Threads(int n) : before_(threads()) { set_threads(n); }
  ~Threads() { set_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

// The output of a call, then the gradient of each input for a random upstream one.
std::vector<Numbers> results_of(const TensorFunction& f, const std::vector<Tensor>& inputs, uint64_t seed,
                                bool create_graph = false) {
  const Tensor out = f(inputs);
  Generator generator(seed);
  Tensor upstream = rand(out.shape(), Dtype::float32, generator) + 0.5;
  if (out.dtype() != Dtype::float32) upstream = tensor(upstream.to_vector(), out.shape(), out.dtype());
  std::vector<Numbers> all = {out.to_vector()};
  for (const Tensor& g : grad({out}, inputs, {upstream}, {.create_graph = create_graph}))
    all.push_back(g.defined() ? g.to_vector() : Numbers());
  return all;
}

double largest(const Numbers& x) {
  double m = 0;
  for (double v : x) m = std::max(m, std::abs(v));
  return m;
}

// The largest disagreement, relative to the largest number; infinite where the sizes differ.
double distance(const Numbers& got, const Numbers& want) {
  if (got.size() != want.size()) return std::numeric_limits<double>::infinity();
  double most = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double apart = std::abs(got[i] - want[i]);
    most = std::isnan(apart) ? std::numeric_limits<double>::infinity() : std::max(most, apart);
  }
  return most / std::max(1.0, largest(want));
}

class Certification {
 public:
  Certification(const OpEntry& op, const OpCertifyOptions& options) : op_(op), options_(options) {
    certificate_.op = op.name;
    certificate_.header = op.header;
  }

  OpCertificate run() {
    const bool mutates = options_.mutation != Mutation::none;
    for (const OpCase& c : op_.cases) {
      if (mutates && !certificate_.failures.empty()) break;
      try {
        check(c);
      } catch (const Error& error) { fail(c, error.what()); }
    }
    conclude();
    return std::move(certificate_);
  }

 private:
  void check(const OpCase& c) {
    const bool mutates = options_.mutation != Mutation::none;
    const bool of_nothing =
        std::any_of(c.shapes.begin(), c.shapes.end(), [](const Shape& s) { return s.numel() == 0; });
    if (!c.large.empty() && !mutates) check_threads(c);
    if (c.shapes.empty()) return;
    if (of_nothing) {
      if (!mutates) check_zero_size(c);
      return;
    }
    check_differences(c);
    if (!c.kinks.empty() || c.ordered) check_ties(c);
    if (mutates) return;
    check_single_precision(c);
    check_layouts(c);
  }

  // ---- derivatives ------------------------------------------------------------------------------

  Report compare(const OpCase& c, const OpSample& sample, bool second_order) {
    GradcheckOptions how = {.seed = options_.seed, .second_order = second_order};
    how.stop_at_failure = options_.mutation != Mutation::none;
    how.usual_output = 1;  // all may be zero here, as in a product with two zeros
    how.reach = [&](const std::vector<Tensor>& direction) { return sample.reach(direction); };
    const TensorFunction f = mutant(c.call, options_.mutation, sample.ties(), &certificate_.mutated);
    return gradcheck(f, sample.leaves(), how);
  }

  void check_differences(const OpCase& c) {
    const OpSample sample = OpSample::drawn(c, options_.seed);
    const Report r = compare(c, sample, true);
    count(OpStep::differences, r.points + r.one_sided, std::max(r.worst, r.worst_one_sided));
    count(OpStep::second_order, r.second_order, r.worst_second_order);
    if (!r.ok) fail(c, to_string(r));
  }

  void check_ties(const OpCase& c) {
    const OpSample sample = OpSample::with_ties(c, options_.seed);
    const Report r = compare(c, sample, false);
    count(OpStep::ties, r.one_sided, r.worst_one_sided);
    certificate_.kinks += int64_t(r.kinks.size());
    if (!r.ok) fail(c, "at ties, " + to_string(r));
  }

  // ---- the same numbers, however they are computed ----------------------------------------------

  // `got` is to be `want`, within the tolerance.
  void agree(const OpCase& c, OpStep step, const char* how, const std::vector<Numbers>& got,
             const std::vector<Numbers>& want, double tolerance) {
    for (size_t k = 0; k < want.size(); ++k) {
      const double apart = distance(got[k], want[k]);
      count(step, int64_t(want[k].size()), apart);
      if (!(apart <= tolerance))
        fail(c, fmt::format("{} {}: {} is off by {:.1e}", name_of(step), how, result(k), apart));
    }
  }
  static std::string result(size_t k) { return k == 0 ? "the output" : fmt::format("the gradient of input {}", k - 1); }

  void check_single_precision(const OpCase& c) {
    OpCase as_floats = c;
    as_floats.values = OpSample::drawn(c, options_.seed).values();
    for (Numbers& input : as_floats.values)
      for (double& v : input) v = double(float(v));
    const OpSample sample = OpSample::drawn(as_floats, options_.seed);
    agree(c, OpStep::single_precision, "rounded", results_of(c.call, sample.leaves(Dtype::float32), options_.seed),
          results_of(c.call, sample.leaves(), options_.seed), single_tolerance);
  }

  void check_layouts(const OpCase& c) {
    const OpSample sample = OpSample::drawn(c, options_.seed);
    const std::vector<Numbers> want = results_of(c.call, sample.leaves(), options_.seed);
    agree(c, OpStep::layouts, "recorded", results_of(c.call, sample.leaves(), options_.seed, true), want,
          layout_tolerance);
    for (Layout layout : {Layout::reversed, Layout::spaced})
      for (bool recorded : {false, true})
        agree(c, OpStep::layouts, layout == Layout::reversed ? "column-major" : "spaced",
              results_of(c.call, sample.leaves(Dtype::float64, layout), options_.seed, recorded), want,
              layout_tolerance);
  }

  // Backward and its own backward give tensors like the inputs.
  void check_zero_size(const OpCase& c) {
    const std::vector<Tensor> inputs = OpSample::drawn(c, options_.seed).leaves();
    const Tensor out = c.call(inputs);
    std::vector<Tensor> first = grad({out}, inputs, {ones_like(out)}, {.create_graph = true}), recorded;
    check_like_inputs(c, first, inputs);
    for (const Tensor& g : first)
      if (g.defined() && g.requires_grad()) recorded.push_back(sum(mul(g, g)));
    if (!recorded.empty()) check_like_inputs(c, grad(recorded, inputs), inputs);
  }
  void check_like_inputs(const OpCase& c, const std::vector<Tensor>& gradients, const std::vector<Tensor>& inputs) {
    for (size_t k = 0; k < inputs.size(); ++k) {
      count(OpStep::zero_size, 1, 0);
      if (gradients[k].defined() && !(gradients[k].shape() == inputs[k].shape()))
        fail(c, fmt::format("zero size: the gradient of input {} has shape {}", k, text(gradients[k].shape())));
    }
  }

  void check_threads(const OpCase& c) {
    OpCase large = c;
    large.shapes = c.large;
    large.values.clear();
    const OpSample sample = OpSample::drawn(large, options_.seed);
    std::vector<Numbers> of_one;
    for (int n : {1, 2, 3}) {
      const Threads several(n);
      const std::vector<Numbers> results = results_of(c.call, sample.leaves(Dtype::float32), options_.seed);
      if (n == 1) of_one = results;
      for (size_t k = 0; k < results.size(); ++k) {
        count(OpStep::threads, int64_t(results[k].size()), 0);
        if (std::memcmp(results[k].data(), of_one[k].data(), of_one[k].size() * sizeof(double)) != 0)
          fail(large, fmt::format("{} has other bits with {} threads", result(k), n));
      }
    }
  }

  // ---- the account ------------------------------------------------------------------------------

  void count(OpStep step, int64_t cases, double worst) {
    OpCertificate::Row& row = certificate_.row(step);
    row.cases += cases;
    row.worst = std::max(row.worst, worst);
  }

  void fail(const OpCase& c, const std::string& what) {
    std::string shapes;
    for (const Shape& s : c.shapes) shapes += text(s) + " ";
    certificate_.failures.push_back(fmt::format("on {}{}", shapes, what));
  }

  void conclude() {
    const bool has_kinks =
        std::any_of(op_.cases.begin(), op_.cases.end(), [](const OpCase& c) { return !c.kinks.empty() || c.ordered; });
    for (OpStep step : op_steps)
      if (certificate_.row(step).cases == 0 && (step != OpStep::ties || has_kinks))
        certificate_.failures.push_back(fmt::format("no case was tried for {}", name_of(step)));
    if (has_kinks && certificate_.kinks == 0) certificate_.failures.push_back("no kink was met at the declared ties");
    certificate_.complete = certificate_.failures.empty();
  }

  const OpEntry& op_;
  const OpCertifyOptions& options_;
  OpCertificate certificate_;
};

}  // namespace

const char* name_of(OpStep step) {
  constexpr const char* names[] = {"differences", "second order", "ties and kinks", "float32",
                                   "strides",     "zero size",    "threads"};
  return names[size_t(step)];
}

OpCertificate certify(const OpEntry& op, const OpCertifyOptions& options) { return Certification(op, options).run(); }

std::string to_string(const OpCertificate& c) {
  std::string text = fmt::format("{} (ops/{}.h): {}\n", c.op, c.header, c.complete ? "complete" : "INCOMPLETE");
  for (OpStep step : op_steps) {
    const OpCertificate::Row& row = c.row(step);
    if (row.cases == 0) continue;
    text += fmt::format("  {:<24} {:>7} cases", name_of(step), row.cases);
    text += step == OpStep::zero_size || step == OpStep::threads ? "\n" : fmt::format(", worst {:.1e}\n", row.worst);
  }
  if (c.kinks) text += fmt::format("  {} kinks\n", c.kinks);
  for (const std::string& failure : c.failures) text += "  FAILED " + failure + "\n";
  return text;
}

}  // namespace gradus
