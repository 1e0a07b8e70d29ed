#include "gradus/cuda/lasting_errors.h"

#include <algorithm>
#include <iterator>

namespace gradus::cuda_kernels {
namespace {

// After these, says the toolkit, the process must be ended: 226 contained, 700 illegal address, 702 launch timeout,
// 710 assert, 714 hardware stack, 715 illegal instruction, 716 misaligned address, 717 invalid address space, 718
// invalid program counter, 719 launch failure, 721 tensor memory leak, 810 MPS client terminated, 911 external device.
constexpr int fatal[] = {226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721, 810, 911};
// What every call says for a reason outside the device: 2 memory allocation, 35 insufficient driver, which cannot be
// cleared, 100 no device.
constexpr int harmless[] = {2, 35, 100};

template <int n> bool among(const int (&codes)[n], int code) {
  return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
}

}  // namespace

bool error_lasts(const ErrorSource& source) {
  const int met = source.take(), left = source.probe();
  source.take();
  return among(fatal, met) || among(fatal, left) || (left && left == met && !among(harmless, left));
}

}  // namespace gradus::cuda_kernels
