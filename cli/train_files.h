// Where a training writes.
#pragma once
#include <string>

#include "gradus/cli/train_options.h"

namespace gradus {

/// Paths; "" is nowhere.
struct TrainFiles {
  std::string checkpoint, config, metrics, events, report, picture;
  std::string diverged;  // what a step started from that left the finite numbers
};

/// Where these options write. Nothing is made yet, but it is known that it can be: throws ParamError where options
/// contradict each other, a file of another training stands there, or a folder is missing, FileError where one cannot
/// be made or written.
TrainFiles files_of(const TrainOptions& options);

/// The command that goes on with it.
std::string resume_command(const TrainOptions& options);

/// Makes the folder of --out. Throws FileError.
void make_folder(const std::string& folder);

/// A checkpoint by its own path, or by the folder that --out named.
std::string checkpoint_at(const std::string& path);

}  // namespace gradus
