// The runtime of the emulator: one device, whose kernels have ended when their launch returns.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "gradus/cuda/emulator.h"
#include "gradus/cuda/runtime.h"

namespace gradus::runtime {

const char* const name = "emulator";
int device_count(std::string&) { return 1; }
DeviceProperties properties(int) {
  DeviceProperties p = {};
  strcpy(p.name, "the emulator, which runs kernels on the CPU to test them");
  p.bytes = simt::device_bytes;
  p.multiprocessors = 1;
  p.major = 9;
  return p;
}
void select(int) {}
void* allocate(int64_t bytes) { return simt::allocate(bytes); }
void release(void* data) { simt::release(data); }
void empty_cache() {}  // it keeps none: every block is watched from its birth to its end
void copy(void* to, const void* from, int64_t bytes) { simt::copy(to, from, bytes); }
void send(void* to, const void* from, int64_t bytes) { simt::copy(to, from, bytes); }
void synchronise() {}
// Its memory is whole after a Fault.  GRADUS_EMULATOR_FAULTS_LAST=1 has a Fault end the device, as on a GPU.
bool error_lasts(const std::exception& thrown) {
  const char* last = std::getenv("GRADUS_EMULATOR_FAULTS_LAST");
  return last && !std::strcmp(last, "1") && dynamic_cast<const simt::Fault*>(&thrown);
}

void begin_recording() { simt::recorded_launches() = new simt::Launches; }
void* end_recording() { return std::exchange(simt::recorded_launches(), nullptr); }
void replay(void* graph) {
  for (const auto& launch : *static_cast<simt::Launches*>(graph)) launch();
}
void destroy(void* graph) { delete static_cast<simt::Launches*>(graph); }

}  // namespace gradus::runtime
