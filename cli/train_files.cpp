#include "gradus/cli/train_files.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "gradus/cli/event_file.h"
#include "gradus/core/error.h"

namespace gradus {
namespace {
namespace fs = std::filesystem;

constexpr const char* checkpoint_name = "checkpoint.safetensors";

bool writable(const fs::path& folder) { return ::access(folder.c_str(), W_OK | X_OK) == 0; }

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}
bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// The folder itself, or the nearest one above that is there.
fs::path standing(const fs::path& folder) {
  fs::path at = folder;
  while (!at.empty() && !is_there(at)) at = at.parent_path();
  return at.empty() ? "." : at;
}

void check_folder(const std::string& folder) {
  const fs::path there = standing(folder);
  if (!is_folder(there))
    throw ParamError(fmt::format("--out: '{}' is a file, wanted a folder or nothing; name another", there.string()));
  if (!writable(there))
    throw FileError(fmt::format("--out: '{}' cannot be written ({}); name a folder that can", there.string(),
                                std::strerror(errno)));
}

void check_checkpoint(const std::string& checkpoint) {
  const fs::path parent = fs::path(checkpoint).parent_path(), folder = parent.empty() ? "." : parent;
  if (is_folder(checkpoint))
    throw ParamError(
        fmt::format("--checkpoint: '{0}' is a folder, wanted a file; try --out {0}, which takes a folder", checkpoint));
  if (!is_folder(folder))
    throw ParamError(fmt::format("--checkpoint: there is no folder '{}'; make it, or try --out, which makes its own",
                                 folder.string()));
  if (!writable(folder))
    throw FileError(fmt::format("--checkpoint: the folder '{}' cannot be written ({}); name another", folder.string(),
                                std::strerror(errno)));
}

// What needs a folder, and what cannot be together.
void check_together(const TrainOptions& o) {
  if (!o.out.empty() && !o.checkpoint.empty())
    throw ParamError("--out: got --checkpoint too, wanted one of them; leave one out");
  if (o.out.empty() && !o.log.empty()) throw ParamError("--log: got no folder to write to; name it with --out");
  if (o.out.empty() && o.report) throw ParamError("--report: got no folder to write to; name it with --out");
  if (o.out.empty() && o.checkpoint.empty() && o.resume)
    throw ParamError("--resume: got no checkpoint to go on from; name it with --checkpoint or --out");
}

bool logs(const TrainOptions& o, const char* kind) {
  return std::find(o.log.begin(), o.log.end(), kind) != o.log.end();
}

// For a shell.
std::string in_quotes(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

TrainFiles files_of(const TrainOptions& o) {
  check_together(o);
  TrainFiles files;
  files.checkpoint = o.checkpoint;
  if (!o.checkpoint.empty()) files.diverged = o.checkpoint + ".diverged";
  if (!o.out.empty()) {
    const fs::path folder = o.out;
    const auto in_folder = [&](const char* name) { return (folder / name).string(); };
    files.checkpoint = in_folder(checkpoint_name);
    files.diverged = in_folder("diverged.safetensors");
    files.config = in_folder("config.json");
    if (o.log.empty() || logs(o, "jsonl")) files.metrics = in_folder("metrics.jsonl");
    if (logs(o, "tensorboard")) check_event_files(), files.events = folder.string();
    if (o.report) files.report = in_folder("report.html");
    if (o.task == "triplet") files.picture = in_folder("embedding.svg");
    check_folder(o.out);
  } else if (!o.checkpoint.empty()) {
    check_checkpoint(o.checkpoint);
  }
  if (!o.resume)
    for (const std::string& path : {files.checkpoint, files.config})
      if (!path.empty() && is_there(path))
        throw ParamError(
            fmt::format("{}: '{}' exists already, wanted a new {}; add --resume to go on with it, or name "
                        "another",
                        o.out.empty() ? "--checkpoint" : "--out", path, o.out.empty() ? "file" : "folder"));
  return files;
}

std::string resume_command(const TrainOptions& o) {
  const std::string path = o.out.empty() ? o.checkpoint : o.out;
  const bool plain = path.find_first_of(" \t\n'\"\\$&|;<>()*?[]#~`!{}") == std::string::npos;
  std::string command = fmt::format("gradus train {} {} {} --resume", o.task, o.out.empty() ? "--checkpoint" : "--out",
                                    plain ? path : in_quotes(path));
  if (!o.log.empty()) command += fmt::format(" --log {}", fmt::join(o.log, ","));
  return o.report ? command + " --report" : command;
}

void make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw FileError(fmt::format("--out: '{}' cannot be made ({}); name a folder that can", folder, error.message()));
}

std::string checkpoint_at(const std::string& path) {
  return is_folder(path) ? (fs::path(path) / checkpoint_name).string() : path;
}

}  // namespace gradus
