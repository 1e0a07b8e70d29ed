// Event files, which TensorBoard draws.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "gradus/cli/metrics.h"

namespace gradus {

/// Throws ParamError where this build cannot write event files, and says what it lacks.
void check_event_files();

/// A new event file, events.out.tfevents.…, in that folder. What an earlier file there says of steps after `step` is
/// declared void. Throws FileError, and as check_event_files.
std::unique_ptr<MetricsSink> event_file(const std::string& folder, int64_t step);

/// A record of the file: length, its masked CRC-32C, the bytes, their masked CRC-32C, all little-endian.
std::string event_record(const std::string& bytes);

}  // namespace gradus
