// What the values of options must look like, by the types that --help names.
#pragma once
#include <string>

namespace CLI {
class App;
}

namespace gradus {

/// "a whole number" for N, "a number" for RATE, …; a type that is its own explanation, as a list of words, stays.
std::string wanted_of_type(const std::string& type);
/// Every option of the command and of its subcommands refuses, in one sentence, what its type is not: a whole number
/// has no fraction, no leading zero and at most 63 bits; a path is not empty.
void check_option_values(CLI::App& command);

}  // namespace gradus
