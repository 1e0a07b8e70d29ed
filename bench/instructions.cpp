// How many instructions one small op costs: forward, recording, backward and release of `mul` on a tensor of shape {1}.
//
// The program runs itself twice under callgrind, with chains of 1,000 and 2,000 ops, and divides the difference;
// start-up cancels, and the count repeats whatever else the machine does.
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "gradus/autograd/engine.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"

namespace {

void chain(int ops) {
  using namespace gradus;
  const Tensor x = full({1}, 1.0).requires_grad(true);
  Tensor y = x;
  for (int i = 0; i < ops; ++i) y = mul(y, x);
  backward(y);
}

// Instructions of this program run as `--chain ops`, start-up included; -1 when callgrind cannot be run.
int64_t instructions(const std::string& self, int ops) {
  const std::string folder = std::string(P_tmpdir) + "/gradus-instructions-" + std::to_string(getpid());
  const std::string command = fmt::format(
      "GRADUS_NUM_THREADS=1 valgrind --tool=callgrind --callgrind-out-file={0} '{1}' --chain {2} >/dev/null 2>&1",
      folder, self, ops);
  if (std::system(command.c_str()) != 0) return -1;
  std::ifstream file(folder);
  int64_t count = -1;
  for (std::string line; std::getline(file, line);)
    if (line.rfind("summary: ", 0) == 0 || line.rfind("totals: ", 0) == 0)
      count = std::atoll(line.c_str() + line.find(' ') + 1);
  unlink(folder.c_str());
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string option = argc > 1 ? argv[1] : "";
  if (option == "--chain" && argc == 3) {
    chain(std::atoi(argv[2]));
    return 0;
  }
  if (!option.empty() && option != "--json") {
    fmt::print(stderr,
               "usage: instructions [--json]\nCounts the instructions of one small recorded op with callgrind.\n");
    return 2;
  }
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0) return 1;
  self[length] = 0;
  const int64_t shorter = instructions(self, 1000), longer = instructions(self, 2000);
  if (shorter < 0 || longer < 0) {
    fmt::print(stderr, "instructions: callgrind did not run; install valgrind\n");
    return 1;
  }
  const double each = double(longer - shorter) / 1000;
  if (option == "--json") fmt::print("{{\"instructions_per_op\": {:.1f}}}\n", each);
  else
    fmt::print("mul of shape (1), float32: {:.1f} instructions for forward, recording, backward and release\n", each);
}
