// Devices that an error has ended: which errors do that, what is said from then on, and what goes on all the same.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "gradus/core/backend.h"
#include "gradus/core/capture.h"
#include "gradus/core/lost_devices.h"
#include "gradus/cuda/lasting_errors.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

// A runtime whose last error is `pending`, and whose every call meets `standing`, which nobody can clear.
struct Runtime {
  static inline int pending = 0, standing = 0;
  static int take() {
    const int last = pending;
    pending = standing;
    return last;
  }
  static int probe() { return pending = standing; }
};
bool lasts(int pending, int standing) {
  Runtime::pending = pending, Runtime::standing = standing;
  const bool yes = cuda_kernels::error_lasts({Runtime::take, Runtime::probe});
  EXPECT_TRUE(yes || Runtime::pending == standing) << "what does not last is cleared";
  return yes;
}

TEST(LastingErrors, OnlyThoseThatStayEndADevice) {
  EXPECT_FALSE(lasts(0, 0)) << "of a library that names no error of CUDA";
  EXPECT_FALSE(lasts(9, 0)) << "an invalid configuration is told once";
  EXPECT_FALSE(lasts(2, 2)) << "memory that is out comes back";
  EXPECT_FALSE(lasts(35, 35)) << "without a driver every call says so: no kernel has failed";
  EXPECT_FALSE(lasts(100, 100));
  EXPECT_FALSE(lasts(9, 1)) << "the probe meets something else";
  EXPECT_TRUE(lasts(700, 700)) << "an illegal address";
  EXPECT_TRUE(lasts(0, 700)) << "which a library has met and cleared";
  EXPECT_TRUE(lasts(719, 0)) << "its code alone says enough";
  EXPECT_TRUE(lasts(710, 710));
  EXPECT_TRUE(lasts(999, 999)) << "an error that nobody can clear, whatever it is";
}

TEST(LostDevices, QuoteTheFirstCauseAndLeaveTheOthersAlone) {
  LostDevices lost;
  lost.check("add", cuda(1));
  lost.lose("sum", cuda(1), "an illegal memory access");
  lost.lose("mul", cuda(1), "something later");
  EXPECT_TRUE(lost.holds(cuda(1)));
  EXPECT_EQ(error_of<DeviceError>([&] { lost.check("add", cuda(1)); }),
            "add: cuda:1 is lost since sum met: an illegal memory access; restart the process");
  lost.check("add", cuda(0));
  lost.check("add", cuda(255));
}

// A fill whose address is none, as a kernel with a wrong index has it.
void write_outside() {
  Elements nowhere;
  nowhere.data = reinterpret_cast<void*>(uintptr_t{4096});
  nowhere.rank = 1, nowhere.extent[0] = 1, nowhere.stride[0] = 1;
  check_device("fill", cuda(), backend("fill", cuda()).fill(0, nowhere, 1));
}

// Whether everything after the fault is as it should be; what is not stands on standard error.
bool all_is_well_after_a_fault() {
  bool well = true;
  const auto wants = [&](const std::string& got, const std::string& wanted) {
    if (got == wanted) return;
    well = false;
    fprintf(stderr, "got    %s\nwanted %s\n", got.c_str(), wanted.c_str());
  };
  const Tensor here = ones({3}), x = to(here, cuda()), seen = x * 2;
  {
    Tensor also = to(here, cuda()), y;
    CapturedStep step = capture([&] { y = also + 1; });
    step(), step();
    const std::string first = error_of<DeviceError>(write_outside), cause = first.substr(0, first.rfind(';'));
    const std::string begin =
        "fill: cuda:0 is lost since fill met: fill: thread (0,0,0) of block (0,0,0) writes an address of the host (";
    wants(first.substr(0, begin.size()), begin);
    const auto says = [&](const char* op, auto f) {
      wants(error_of<DeviceError>(f), op + cause.substr(strlen("fill")) + "; restart the process");
    };
    says("allocate", [&] { x + 1; });
    says("copy", [&] { x.to_vector(); });
    says("copy", [&] { seen.at({0}); });
    says("synchronise", [] { synchronise(cuda()); });
    says("empty_cache", [] { empty_cache(cuda()); });
    says("capture", [&] { step(); });
    says("allocate", [&] { to(here, cuda()); });
  }  // tensors and a recorded step go
  wants(std::to_string(sum(here * 2).item()), std::to_string(6.0));  // the CPU works on
  wants(error_of<DeviceError>([] { ones({1}, Dtype::float32, cuda(1)); }),
        "allocate: cuda:1 does not exist, wanted an index below 1; see gradus devices");
  return well;
}

class LostDeviceDeathTest : public testing::Test {
 protected:
  LostDeviceDeathTest() {
    testing::FLAGS_gtest_death_test_style = "threadsafe";  // a process of its own: the device is lost for good
    setenv("GRADUS_EMULATOR_FAULTS_LAST", "1", 1);
  }
  ~LostDeviceDeathTest() override { unsetenv("GRADUS_EMULATOR_FAULTS_LAST"); }
};

TEST_F(LostDeviceDeathTest, SaysSoAtOnceAndLetsItsTensorsGo) {
  if (std::string(std::getenv("GRADUS_CUDA_MODULE")) != "emulate") GTEST_SKIP() << "it would end the GPU's context";
  EXPECT_EXIT(std::_Exit(all_is_well_after_a_fault() ? 0 : 1), testing::ExitedWithCode(0), "");
}

TEST(DeviceFault, EndsTheKernelAndNotTheEmulator) {
  if (std::string(std::getenv("GRADUS_CUDA_MODULE")) != "emulate") GTEST_SKIP() << "it would end the GPU's context";
  EXPECT_EQ(error_of<DeviceError>(write_outside).rfind("fill: cuda:0 failed: fill: thread (0,0,0)", 0), 0u);
  EXPECT_EQ(sum(ones({3}, Dtype::float32, cuda())).item(), 3);
}

}  // namespace
}  // namespace gradus
