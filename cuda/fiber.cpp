#include "gradus/cuda/fiber.h"

#include <sys/mman.h>

#include <new>

#if !defined(__x86_64__)
#error "the switch between fibers is written for x86-64"
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// Saves what a function must keep on the stack, leaves its pointer in *save, and goes on where `load` was saved.
extern "C" __attribute__((visibility("hidden"))) void gradus_switch_fiber(void** save, void* load);
asm(R"(
.text
.type gradus_switch_fiber, @function
.globl gradus_switch_fiber
.hidden gradus_switch_fiber
gradus_switch_fiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size gradus_switch_fiber, . - gradus_switch_fiber
)");

namespace gradus::simt {
namespace {

// Who resumed the running fiber.
thread_local Fiber* running = nullptr;
thread_local void* outside = nullptr;
#if defined(__SANITIZE_ADDRESS__)
thread_local const void* outside_stack = nullptr;
thread_local size_t outside_bytes = 0;
#endif

}  // namespace

struct FiberEntry {
  static void start() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &outside_stack, &outside_bytes);
#endif
    running->main_();
  }
};

Fiber::Fiber(void (*main)()) : main_(main) {
  void* memory = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<char*>(memory);
  mprotect(memory_, guard_bytes, PROT_NONE);
  restart();
}

Fiber::~Fiber() { munmap(memory_, guard_bytes + stack_bytes); }

void Fiber::restart() {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(memory_ + guard_bytes, stack_bytes);  // of frames that were left behind
#endif
  // As gradus_switch_fiber leaves a stack: six registers, then where to go on.
  void** top = reinterpret_cast<void**>(memory_ + guard_bytes + stack_bytes) - 2;
  *top = reinterpret_cast<void*>(&FiberEntry::start);
  stack_pointer_ = top - 6;
  fake_stack_ = nullptr;
}

void Fiber::resume() {
  running = this;
#if defined(__SANITIZE_ADDRESS__)
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, memory_ + guard_bytes, stack_bytes);
#endif
  gradus_switch_fiber(&outside, stack_pointer_);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
  running = nullptr;
}

void Fiber::suspend() {
  Fiber& self = *running;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&self.fake_stack_, outside_stack, outside_bytes);
#endif
  gradus_switch_fiber(&self.stack_pointer_, outside);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(self.fake_stack_, &outside_stack, &outside_bytes);
#endif
}

}  // namespace gradus::simt
