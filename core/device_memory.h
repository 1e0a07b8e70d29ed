// The memory of tensors on devices other than the CPU: given, counted, and known by name, so that whoever runs out of
// it sees what holds it.
#pragma once
#include <string>

#include "gradus/core/tensor.h"

namespace gradus {

// What the tensors of this process hold on a device.
struct DeviceUse {
  int64_t bytes = 0, storages = 0;
  int64_t most_bytes = 0;  // at any moment until now
};
DeviceUse use_of(Device device);

// The tensors that live on a device by the op that wrote them first, dtype and shape, the largest share first: "3 ×
// matmul float32 (512,512): 3.0 MiB, …". What more than `most` entries would name is counted in one.
std::string memory_report(Device device, size_t most = 8);

// Uninitialised. DeviceError where there is no such device; MemoryError, with the report, where it has no room.
Ref<Storage> allocate_on_device(const Shape& shape, Dtype dtype, Device device);
// While this lives, what this thread allocates in a recorded step lasts from replay to replay: memory that the step
// uses for something else before would not.
class LastingMemory {
 public:
  LastingMemory();
  LastingMemory(const LastingMemory&) = delete;
  LastingMemory& operator=(const LastingMemory&) = delete;
  ~LastingMemory();
};
// Notes that `op` writes the storage that begins at this address of the device; the first to write it gives its name.
void note_maker(const char* op, Device device, const void* address);

}  // namespace gradus
