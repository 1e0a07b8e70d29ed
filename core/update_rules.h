// How optimisers change a parameter, one element at a time, once for the CPU and for devices.
//
//   rule(p, g, s) changes the parameter p and its state s[0 … buffers) from the gradient g.
//
// What is the same for all elements of a step, bias corrections say, is computed once, in double, before.
#pragma once
#include "gradus/core/functions.h"
#include "gradus/core/type_list.h"

namespace gradus::update_rules {

struct Descent {
  static constexpr int buffers = 0;
  double lr, weight_decay;
  template <class T> GRADUS_FN void operator()(T& p, T g, T*) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    p = p - lr * g;
  }
};

struct DescentWithMomentum {
  static constexpr int buffers = 1;
  double lr, weight_decay, momentum, inflow;  // inflow: the share of the gradient that enters the buffer
  bool nesterov;
  template <class T> GRADUS_FN void operator()(T& p, T g, T* buffer) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    buffer[0] = momentum * buffer[0] + inflow * g;
    p = p - lr * (nesterov ? g + momentum * buffer[0] : buffer[0]);
  }
};

template <bool amsgrad> struct Adam {
  static constexpr int buffers = amsgrad ? 3 : 2;
  double rate, over_root;  // lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t): the bias corrections
  double beta1, beta2, eps;
  double coupled_decay, shrinkage;  // added to the gradient; multiplied into the parameter
  template <class T> GRADUS_FN void operator()(T& p, T g, T* s) const {
    if (coupled_decay != 0) g = g + coupled_decay * p;
    if (shrinkage != 1) p = p * shrinkage;
    s[0] = beta1 * s[0] + (1 - beta1) * g;
    s[1] = beta2 * s[1] + (1 - beta2) * g * g;
    T second = s[1];
    if constexpr (amsgrad) second = s[2] = max(s[2], second);
    p = p - rate * (s[0] / (sqrt(second) * over_root + eps));
  }
};

// The buffers stand in the order square_avg, grad_avg (centered), momentum_buffer.
template <bool centered, bool with_momentum> struct RMSprop {
  static constexpr int buffers = 1 + centered + with_momentum;
  double lr, alpha, eps, weight_decay, momentum;
  template <class T> GRADUS_FN void operator()(T& p, T g, T* s) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    s[0] = alpha * s[0] + (1 - alpha) * g * g;
    T second = s[0];
    if constexpr (centered) {
      s[1] = s[1] + (1 - alpha) * (g - s[1]);
      second = s[0] - s[1] * s[1];
    }
    T step = g / (sqrt(second) + eps);
    if constexpr (with_momentum) step = s[centered ? 2 : 1] = momentum * s[centered ? 2 : 1] + step;
    p = p - lr * step;
  }
};

struct Adagrad {
  static constexpr int buffers = 1;
  double rate, weight_decay, eps;
  double initial;  // joins the sum in the first step
  template <class T> GRADUS_FN void operator()(T& p, T g, T* sum) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    sum[0] = sum[0] + initial + g * g;
    p = p - rate * (g / (sqrt(sum[0]) + eps));
  }
};

struct Adadelta {
  static constexpr int buffers = 2;
  double lr, rho, eps, weight_decay;
  template <class T> GRADUS_FN void operator()(T& p, T g, T* s) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    s[0] = rho * s[0] + (1 - rho) * g * g;
    const T delta = sqrt(s[1] + eps) / sqrt(s[0] + eps) * g;
    s[1] = rho * s[1] + (1 - rho) * delta * delta;
    p = p - lr * delta;
  }
};

struct Lion {
  static constexpr int buffers = 1;
  double lr, beta1, beta2, weight_decay;
  template <class T> GRADUS_FN void operator()(T& p, T g, T* mean) const {
    const T direction = sign(beta1 * mean[0] + (1 - beta1) * g);
    p = p - lr * (direction + weight_decay * p);
    mean[0] = beta2 * mean[0] + (1 - beta2) * g;
  }
};

// A running mean of a weight: no optimiser's, but changed in the same pass.
struct RunningMean {
  static constexpr int buffers = 0;
  double decay;
  template <class T> GRADUS_FN void operator()(T& average, T weight, T*) const {
    average = decay * average + (1 - decay) * weight;
  }
};

using All = TypeList<Descent, DescentWithMomentum, Adam<false>, Adam<true>, RMSprop<false, false>, RMSprop<false, true>,
                     RMSprop<true, false>, RMSprop<true, true>, Adagrad, Adadelta, Lion, RunningMean>;

}  // namespace gradus::update_rules
