#include "gradus/cli/option_values.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <charconv>

namespace gradus {
namespace {

bool is_path(const std::string& type) { return type.starts_with("FILE") || type == "FOLDER" || type == "NAME|PATH"; }

// What is wrong with the word; "" where nothing is.
std::string wrong_with(const std::string& type, const std::string& word) {
  const std::string refused = fmt::format("got '{}', wanted {}", word, wanted_of_type(type));
  if (is_path(type)) return word.empty() ? refused : "";
  if (type != "N") return "";
  int64_t value = 0;
  const size_t sign = word.starts_with('-') || word.starts_with('+');
  const char *begin = word.data() + (word.starts_with('+') ? 1 : 0), *end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  const bool octal = word.size() > sign + 1 && word[sign] == '0';  // or so the shell's neighbours would take it
  if (error == std::errc::result_out_of_range && stop == end)
    return fmt::format("got '{}', wanted a whole number of at most {}", word, INT64_MAX);
  return error != std::errc() || stop != end || octal ? refused : "";
}

}  // namespace

std::string wanted_of_type(const std::string& type) {
  if (type == "N") return "a whole number";
  if (type == "N,N...") return "whole numbers with commas between them";
  if (type == "RATE" || type == "FACTOR" || type == "DECAY") return "a number";
  if (is_path(type)) return "the name of a file or folder";
  return type;
}

void check_option_values(CLI::App& command) {
  for (CLI::Option* option : command.get_options())
    if (const std::string type = option->get_type_name(); type == "N" || is_path(type))
      option->check([type](const std::string& word) { return wrong_with(type, word); }, "", "");
  for (CLI::App* part : command.get_subcommands({})) check_option_values(*part);
}

}  // namespace gradus
