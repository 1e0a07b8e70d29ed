// Options from a JSON file, for any subcommand.
#pragma once
#include <string>

namespace CLI {
class App;
}

namespace gradus {

/// Gives `command` every option that the file's JSON object names (batch_size is --batch-size) and the command line
/// does not; a null leaves an option at its default, a "task" must be the command's name. Throws FileError when the
/// file cannot be read, ParamError naming it when it is no such object, or the key and the nearest known one, or the
/// value that the option does not take; the options' variables may have changed then.
void apply_config_file(CLI::App& command, const std::string& path);

}  // namespace gradus
