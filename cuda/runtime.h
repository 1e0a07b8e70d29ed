// What kernels are started with: devices, memory and copies, with one body for CUDA and one for the emulator.
#pragma once
#include <cstdint>
#include <exception>
#include <string>

#include "gradus/core/backend.h"

namespace gradus::runtime {

extern const char* const name;
int device_count(std::string& why);  // 0 where there is none
DeviceProperties properties(int device);
void select(int device);        // the following calls of this thread are meant for it
void* allocate(int64_t bytes);  // null where memory is out
void release(void* data);
void empty_cache();                                    // gives memory that is kept for later back to the driver
void copy(void* to, const void* from, int64_t bytes);  // either may be on the host; waits
void send(void* to, const void* from, int64_t bytes);  // from the host; does not wait, and `from` may go at once
void synchronise();
// Has what was just thrown ended the selected device for good? Clears it where it has not.
bool error_lasts(const std::exception& thrown);

// What this thread launches on the selected device is kept from now on instead of run, until end_recording(), which
// gives it as a graph.
void begin_recording();
void* end_recording();
void replay(void* graph);
void destroy(void* graph);

}  // namespace gradus::runtime
