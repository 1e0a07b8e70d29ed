// Fibers: functions that run on stacks of their own and hand control back and forth, known to the address sanitizer.
#pragma once
#include <cstddef>

namespace gradus::simt {

class Fiber {
 public:
  explicit Fiber(void (*main)());  // main() never returns; it starts at the first resume()
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  void resume();          // from outside any fiber: runs it until it suspends
  static void suspend();  // from inside the running fiber: back to who resumed it
  void restart();         // forgets where it stands: the next resume() starts main() anew

 private:
  friend struct FiberEntry;
  static constexpr size_t stack_bytes = size_t{256} << 10, guard_bytes = 4096;
  char* memory_;  // a page that traps an overflow, then the stack
  void* stack_pointer_ = nullptr;
  void* fake_stack_ = nullptr;
  void (*main_)();
};

}  // namespace gradus::simt
