#include "gradus/autograd/anomaly.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "gradus/autograd/engine.h"
#include "gradus/autograd/node.h"
#include "gradus/core/error.h"

namespace gradus {

constinit std::atomic<Anomaly> detail::anomaly{Anomaly::none};

namespace {

bool is_anomaly(double v) { return std::isnan(v) || (detail::anomaly == Anomaly::non_finite && std::isinf(v)); }
const char* word_for(double v) { return std::isnan(v) ? "NaN" : "infinite"; }

// The first element that should not be there, or nothing.
struct Found {
  bool any = false;
  int64_t element = 0;
  double value = 0;
};
Found search(const Tensor& t) {
  if (!t.defined() || !is_floating(t.dtype())) return {};
  const std::vector<double> values = t.to_vector();
  const auto at = std::find_if(values.begin(), values.end(), is_anomaly);
  return at == values.end() ? Found{} : Found{true, at - values.begin(), *at};
}

}  // namespace

AnomalyMode::AnomalyMode(Anomaly looked_for) : before_(detail::anomaly.exchange(looked_for)) {}
AnomalyMode::~AnomalyMode() { detail::anomaly = before_; }

void set_anomaly_mode(bool on) { detail::anomaly = on ? Anomaly::nan : Anomaly::none; }
bool anomaly_mode() { return detail::anomaly_mode_is_on(); }

namespace detail {

void look_at_inputs(const char* reader, const Tensor* const* inputs, int count) {
  for (int i = 0; i < count; ++i) {
    const Found found = search(*inputs[i]);
    if (!found.any) continue;
    const Node* maker = node_of(*inputs[i]);
    const std::string shape = text(inputs[i]->shape());
    if (maker && !maker->leaf)
      throw DomainError(
          fmt::format("forward of {0}: its output of shape {1} is {2} at element {3}; look at what {0} was given",
                      maker->op, shape, word_for(found.value), found.element));
    throw DomainError(
        fmt::format("forward of {}: its input {} of shape {} is {} at element {}, and no recorded op made it; look at "
                    "the data and the parameters",
                    reader, i, shape, word_for(found.value), found.element));
  }
}

void look_at_gradients(const char* op, const Tensor* gradients, int count) {
  for (int i = 0; i < count; ++i)
    if (const Found found = search(gradients[i]); found.any)
      throw DomainError(
          fmt::format("backward of {0}: the gradient of its input {1} is {2} at element {3}; look at what the forward "
                      "{0} was given",
                      op, i, word_for(found.value), found.element));
}

}  // namespace detail
}  // namespace gradus
