// The subcommands of `gradus`: each adds itself to the command line, and what it did to `status` becomes the exit
// status. A ParamError that leaves a command is a wrong call (status 2), any other error a failure (status 1).
#pragma once

namespace CLI {
class App;
}

namespace gradus {

void add_demo(CLI::App& app, int& status);
void add_train(CLI::App& app, int& status);
void add_eval(CLI::App& app, int& status);
void add_predict(CLI::App& app, int& status);
void add_export(CLI::App& app, int& status);
void add_losses(CLI::App& app, int& status);
void add_gradcheck(CLI::App& app, int& status);
void add_conformance(CLI::App& app, int& status);
void add_devices(CLI::App& app, int& status);

}  // namespace gradus
