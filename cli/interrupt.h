// Interrupting a training without losing it.
#pragma once
#include <string>

#include "gradus/core/error.h"

namespace gradus {

/// While one lives, the first SIGINT or SIGTERM is only noted; the second ends the program as ever.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  /// The signal that came, or 0.
  static int noted();

 private:
  void (*old_interrupt_)(int);
  void (*old_terminate_)(int);
};

/// A training that stopped because it was told to, with all of it saved.
class Interrupted : public Error {
 public:
  Interrupted(int signal, const std::string& text) : Error(text), signal(signal) {}
  const int signal;
};

}  // namespace gradus
