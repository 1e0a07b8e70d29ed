// The gradus command: checks the processor, reads the command line, and turns errors into one sentence and a status.
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "gradus/cli/commands.h"
#include "gradus/cli/interrupt.h"
#include "gradus/cli/option_values.h"
#include "gradus/cli/wrapped_text.h"
#include "gradus/core/error.h"
#include "gradus/ops/spelling.h"
#include "gradus/version.h"

namespace {

// Runs before every other constructor of the program, and is itself compiled for the oldest x86-64: everything else may
// begin with an instruction that an older processor does not have.
#if defined(__x86_64__) && defined(__AVX2__)
__attribute__((constructor(101), target("no-avx"), noinline)) void check_processor() {
  __builtin_cpu_init();
  bool known = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#if defined(__AVX512F__)
  known = known && __builtin_cpu_supports("avx512f");
#endif
  if (known) return;
  static const char sentence[] =
      "gradus: this processor lacks AVX2, FMA or another instruction set that this build uses; build it with "
      "-DGRADUS_ARCH=x86-64\n";
  if (::write(STDERR_FILENO, sentence, sizeof(sentence) - 1) < 0) ::_exit(1);
  ::_exit(1);
}
#endif

// Every file is written elsewhere and then renamed, so there is nothing to tidy up.
void interrupted(int) {
  static const char text[] = "\ngradus: interrupted\n";
  if (::write(STDERR_FILENO, text, sizeof(text) - 1) < 0) ::_exit(130);
  ::_exit(130);
}

constexpr int wrong_call = 2, failure = 1, killed_by = 128;  // and the signal, as the shell has it

int refuse(const std::string& sentence) {
  fmt::print(stderr, "gradus: {}\n", sentence);
  return wrong_call;
}

// The innermost subcommand that the command line named, and the words that lead to it.
struct Place {
  const CLI::App* command;
  std::string words;
};
Place place_in(const CLI::App& app) {
  Place place{&app, ""};
  while (!place.command->get_subcommands().empty()) {
    place.command = place.command->get_subcommands().back();
    place.words =
        place.words.empty() ? place.command->get_name() : fmt::format("{} {}", place.words, place.command->get_name());
  }
  return place;
}

// One sentence for what CLI11 could not read: the word, what is known, the nearest.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto [command, words] = place_in(app);
  const std::string where = words.empty() ? "" : fmt::format("{}: ", words);
  std::vector<std::string> options, commands;
  for (const CLI::Option* o : command->get_options())
    for (const std::string& name : o->get_lnames()) options.push_back(fmt::format("--{}", name));
  for (const CLI::App* c : command->get_subcommands({})) commands.push_back(c->get_name());
  if (const auto rest = app.remaining(true); !rest.empty()) {
    const std::string word = rest.front().substr(0, rest.front().find('='));
    if (std::find(options.begin(), options.end(), word) != options.end())
      return fmt::format("{} belongs behind its command: gradus {} {}", word, words, word);
    if (word.starts_with("-"))
      return fmt::format(
          "{}there is no option '{}'; {}", where, word,
          gradus::suggestion(word, options, fmt::format("gradus {}{}--help", words, words.empty() ? "" : " ")));
    if (!commands.empty())
      return fmt::format("{}there is no command '{}'; {}", where, word, gradus::suggestion(word, commands));
    return fmt::format("{}'{}' was not expected; see --help", where, word);
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) && !commands.empty())
    return fmt::format("{}a command is missing; {}; see --help", where, gradus::suggestion("", commands));
  std::string text = error.what();
  if (dynamic_cast<const CLI::ConversionError*>(&error) && text.find(": ") != std::string::npos)
    text = fmt::format("could not understand {}", text.substr(text.find(": ") + 2));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return fmt::format("{}{}; see --help", where, text);
}

// Help whose lines fit a terminal.
struct WrappedHelp : CLI::Formatter {
  std::string make_option_desc(const CLI::Option* option) const override {
    constexpr size_t width = 100;
    return gradus::wrapped(option->get_description(), 0, width - get_column_width());
  }
};

// What could not be written, to a full disk for one, must not look like success.
int checked(int status) {
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return status;
  fmt::print(stderr, "gradus: standard output: cannot be written ({}); make room or write elsewhere\n",
             std::strerror(errno));
  return failure;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGINT, interrupted);
  int status = 0;
  CLI::App app("gradus: a deep-learning framework small enough to read and strong enough to trust", "gradus");
  app.formatter(std::make_shared<WrappedHelp>());
  app.set_version_flag("--version", gradus::version);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  gradus demo                    train on real digits, in some seconds\n"
      "  gradus losses cross_entropy    what a loss is, its gradient and its shape\n"
      "  gradus train classify --help   all a training can be told");
  gradus::add_demo(app, status);
  gradus::add_train(app, status);
  gradus::add_eval(app, status);
  gradus::add_predict(app, status);
  gradus::add_export(app, status);
  gradus::add_losses(app, status);
  gradus::add_gradcheck(app, status);
  gradus::add_conformance(app, status);
  gradus::add_devices(app, status);
  gradus::check_option_values(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) { return checked(app.exit(success)); } catch (const CLI::ParseError& error) {
    return refuse(explain(app, error));
  } catch (const gradus::ParamError& error) { return refuse(error.what()); } catch (const gradus::Interrupted& stop) {
    fmt::print(stderr, "gradus: {}\n", stop.what());
    return killed_by + stop.signal;
  } catch (const std::exception& error) {
    if (std::ferror(stdout)) return checked(failure);  // a table that fills the disk midway
    fmt::print(stderr, "gradus: {}\n", error.what());
    return failure;
  }
  return checked(status);
}
