// Compiled in the place of event_file.cpp where protobuf or ISA-L is not at hand.
#include "gradus/cli/event_file.h"
#include "gradus/core/error.h"

namespace gradus {

void check_event_files() {
  throw ParamError(
      "--log: got tensorboard, but this build lacks protobuf or ISA-L; install libprotobuf-dev, protobuf-compiler and "
      "libisal-dev and build again, or take jsonl");
}

std::unique_ptr<MetricsSink> event_file(const std::string&, int64_t) {
  check_event_files();
  return nullptr;
}

}  // namespace gradus
