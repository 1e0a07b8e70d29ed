// Anomaly mode: which op made the first number that should not be there.
#pragma once
#include <atomic>
#include <cstdint>

#include "gradus/core/tensor.h"

namespace gradus {

enum class Anomaly : uint8_t { none, nan, non_finite };

/// While one lives (process-wide), recording an op and backward throw a DomainError naming the first op whose forward
/// or backward made a NaN or, if asked for, an infinity. Every number is looked at: for a search, not for a training.
class AnomalyMode {
 public:
  explicit AnomalyMode(Anomaly looked_for = Anomaly::nan);
  ~AnomalyMode();
  AnomalyMode(const AnomalyMode&) = delete;
  AnomalyMode& operator=(const AnomalyMode&) = delete;

 private:
  Anomaly before_;
};

namespace detail {

extern constinit std::atomic<Anomaly> anomaly;
inline bool anomaly_mode_is_on() { return anomaly.load(std::memory_order_relaxed) != Anomaly::none; }
/// Of what a forward is about to read, or has made in the end: throws naming the op that made the number. `reader` is
/// the op that reads.
void look_at_inputs(const char* reader, const Tensor* const* inputs, int count);
/// Of what the backward of `op` made.
void look_at_gradients(const char* op, const Tensor* gradients, int count);

}  // namespace detail
}  // namespace gradus
