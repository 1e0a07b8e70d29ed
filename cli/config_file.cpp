#include "gradus/cli/config_file.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "gradus/cli/option_values.h"
#include "gradus/core/error.h"
#include "gradus/data/bytes.h"
#include "gradus/ops/spelling.h"

namespace gradus {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t largest = size_t{1} << 20;  // bytes; no configuration is longer
constexpr int deepest = 8;                   // lists in lists; whoever walks them takes some stack for each
constexpr size_t most_quoted = 60;           // of a value, in bytes

std::string quoted(const Json& value) {
  const std::string text = value.dump();
  return text.size() <= most_quoted ? text : text.substr(0, most_quoted) + "...";
}

Json read_object(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path, largest);
  std::set<std::string> seen;
  const auto check = [&](int depth, nlohmann::json::parse_event_t event, Json& parsed) {
    if (depth > deepest)
      throw ParamError(fmt::format("{}: has lists in lists beyond {} levels, wanted an object of options; correct it",
                                   path, deepest));
    if (event == nlohmann::json::parse_event_t::key && depth == 1 && !seen.insert(parsed.get<std::string>()).second)
      throw ParamError(fmt::format("{}: has {} twice; leave one out", path, quoted(parsed)));
    return true;
  };
  try {
    Json config = Json::parse(bytes.begin(), bytes.end(), check);
    if (config.is_object()) return config;
  } catch (const nlohmann::json::parse_error& error) {
    throw ParamError(fmt::format("{}: is no JSON from byte {} on; correct it there", path, error.byte));
  } catch (const nlohmann::json::out_of_range&) {
    throw ParamError(fmt::format("{}: has a number that is too large, wanted it finite; correct it", path));
  }
  throw ParamError(fmt::format("{}: is no JSON object, wanted one such as {{\"epochs\": 10}}", path));
}

std::string key_of(const CLI::Option& option) {
  std::string key = option.get_lnames().empty() ? "" : option.get_lnames().front();
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// The words that the command line would have; none where the option cannot be so.
std::vector<std::string> words_of(const CLI::Option& option, const Json& value) {
  const bool flag = option.get_expected_max() == 0, many = option.get_expected_max() > 1;
  if (flag) return value.is_boolean() ? std::vector<std::string>{text_of(value)} : std::vector<std::string>();
  if (value.is_string() || value.is_number()) return {text_of(value)};
  std::vector<std::string> words;
  if (many && value.is_array())
    for (const Json& element : value)
      if (element.is_string() || element.is_number()) words.push_back(text_of(element));
  return words;
}

void apply(CLI::Option& option, const std::string& path, const std::string& key, const Json& value) {
  const auto refuse = [&] {
    const std::string type = option.get_expected_max() == 0 ? "true or false" : wanted_of_type(option.get_type_name());
    throw ParamError(fmt::format("{}: \"{}\" is {}, wanted {}; see --help", path, key, quoted(value), type));
  };
  const std::vector<std::string> words = words_of(option, value);
  if (words.empty()) refuse();
  try {
    for (const std::string& word : words) option.add_result(word);
    option.run_callback();
  } catch (const CLI::ParseError&) { refuse(); }
}

}  // namespace

void apply_config_file(CLI::App& command, const std::string& path) {
  const Json config = read_object(path);
  std::vector<std::string> known;
  std::vector<CLI::Option*> options;
  for (CLI::Option* option : command.get_options())
    if (const std::string key = key_of(*option); !key.empty() && key != "help" && key != "config") {
      options.push_back(option);
      known.push_back(key);
    }
  for (const auto& [written, value] : config.items()) {
    std::string key = written;
    std::replace(key.begin(), key.end(), '-', '_');
    if (key == "task") {
      if (value != command.get_name())
        throw ParamError(fmt::format("{}: is for the task {}, not for \"{}\"; name its task on the command line", path,
                                     quoted(value), command.get_name()));
      continue;
    }
    const auto at = std::find(known.begin(), known.end(), key);
    if (at == known.end())
      throw ParamError(fmt::format("{}: there is no option \"{}\"; {}", path, written,
                                   suggestion(key, known, fmt::format("gradus train {} --help", command.get_name()))));
    CLI::Option& option = *options[size_t(at - known.begin())];
    if (option.count() == 0 && !value.is_null()) apply(option, path, written, value);
  }
}

}  // namespace gradus
