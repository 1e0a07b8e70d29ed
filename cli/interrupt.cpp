#include "gradus/cli/interrupt.h"

#include <signal.h>

namespace gradus {
namespace {

volatile sig_atomic_t came = 0;

void note(int signal) {
  came = signal;
  ::signal(signal, SIG_DFL);
}

}  // namespace

InterruptWatch::InterruptWatch() {
  came = 0;
  old_interrupt_ = ::signal(SIGINT, note);
  old_terminate_ = ::signal(SIGTERM, note);
}

InterruptWatch::~InterruptWatch() {
  ::signal(SIGINT, old_interrupt_);
  ::signal(SIGTERM, old_terminate_);
}

int InterruptWatch::noted() { return came; }

}  // namespace gradus
