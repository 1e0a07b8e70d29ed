// The loss scaler of mixed precision: small gradients vanish in float16 unless the loss is large.
#pragma once
#include "gradus/core/lifetime.h"
#include "gradus/core/named_tensors.h"

namespace gradus {

class RecordedStep;

struct LossScalerOptions {
  double factor = 65536;  // at first
  double growth = 2, backoff = 0.5;
  int64_t growth_interval = 2000;  // how many steps in a row go well before the factor grows
};

/// Multiplies the loss by a factor that is as large as the gradients allow: it shrinks where one of them is not finite,
/// and grows after many steps that went well. P. Micikevicius et al., Mixed precision training, 2018.
///
///   backward(scaler.scale(loss));
///   if (scaler.unscale()) optimizer.step();  // clip between the two
///   optimizer.zero_grad();
///
/// In a step recorded by capture() the same lines do the same: unscale() says true there, and the device leaves out the
/// optimiser's changes of these parameters where a gradient is not finite. Each replay waits for the one before.
class LossScaler {
 public:
  /// Throws ParamError unless factor > 0, growth > 1, 0 < backoff < 1 and growth_interval >= 1.
  explicit LossScaler(const NamedTensors& parameters, const LossScalerOptions& options = {});

  Tensor scale(const Tensor& loss) const;
  /// Divides all gradients by the factor. False where one is NaN or infinite: then the factor has shrunk, and the step
  /// is to be left out.
  bool unscale();
  double factor() const;

  /// What the factor depends on.
  NamedTensors state() const;
  /// Takes up where state() was called; throws as Optimizer::load_state does, and then nothing has changed.
  void load_state(const NamedTensors& state);

 private:
  void settle() const;
  void send_factors(RecordedStep& recording, Device device) const;
  bool unscale_recorded(RecordedStep& recording);
  void adapt(bool finite);
  NamedTensors parameters_;
  LossScalerOptions options_;
  double factor_;
  int64_t good_steps_ = 0;
  mutable Tensor there_, inverse_there_;  // the factor and 1 / factor, where the last recorded step finds them
  Lifetime lifetime_;
};

}  // namespace gradus
