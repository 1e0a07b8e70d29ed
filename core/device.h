// Where a tensor lives.
#pragma once
#include <cstdint>
#include <string>

namespace gradus {

struct Device {
  enum Kind : uint8_t { cpu_kind, cuda_kind };
  Kind kind = cpu_kind;
  uint8_t index = 0;
  friend bool operator==(Device, Device) = default;
};
inline constexpr Device cpu{};
constexpr Device cuda(uint8_t index = 0) { return {Device::cuda_kind, index}; }
std::string text(Device);  // "cpu", "cuda:0"

}  // namespace gradus
