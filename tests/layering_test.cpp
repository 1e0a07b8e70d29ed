// Walks the repository's sources and holds them to the layering rule: an include points only left.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {
namespace fs = std::filesystem;

const fs::path root = GRADUS_SOURCE_DIR;

// core -> losses -> autograd -> ops -> optim, nn, data -> programs -> tests.  A folder sees itself and every lower
// stage.
constexpr int programs = 5;
const std::map<std::string, int> stages = {
    {"core", 0}, {"losses", 1},     {"autograd", 2},         {"ops", 3},          {"optim", 4},          {"nn", 4},
    {"data", 4}, {"cli", programs}, {"tests", programs + 1}, {"bench", programs}, {"examples", programs}};
// The headers that the build generates, and the stage of what they bring along.
const std::map<std::string, int> generated = {{"version.h", 0}, {"losses.h", 1}, {"gradus.h", 4}};

struct Line {
  fs::path file;
  std::string folder;
  int number;
  std::string text;

  bool in_header() const { return file.extension() == ".h" || file.extension() == ".cuh"; }
  bool in_program() const { return folder != "cuda" && stages.at(folder) >= programs; }
  bool is_directive() const {  // asked before a regular expression is, whose stack grows with the line
    const auto first = text.find_first_not_of(" \t");
    return first != std::string::npos && text[first] == '#';
  }
  bool is_public() const { return in_header() && folder != "cuda" && !in_program(); }
  std::string offence(const std::string& why) const {
    return "  " + file.lexically_relative(root).string() + ":" + std::to_string(number) + ": " + text + "  (" + why +
           ")\n";
  }
};

const std::vector<Line>& all_lines() {
  static const std::vector<Line> lines = [] {
    std::vector<std::string> folders = {"cuda"};
    for (const auto& [folder, stage] : stages) folders.push_back(folder);
    std::vector<Line> found;
    for (const auto& folder : folders) {
      if (!fs::exists(root / folder)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
        const auto extension = entry.path().extension();
        if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
        if (entry.path().lexically_relative(root / "tests").string().starts_with("package/"))
          continue;  // other projects
        std::ifstream stream(entry.path());
        int number = 0;
        for (std::string text; std::getline(stream, text);) found.push_back({entry.path(), folder, ++number, text});
      }
    }
    return found;
  }();
  return lines;
}

struct Include {
  const Line& line;
  std::string path;  // as written between the quotes or the angle brackets
  bool quoted;
  bool of_gradus() const { return path.starts_with("gradus/"); }
};

const std::vector<Include>& all_includes() {
  static const std::vector<Include> includes = [] {
    const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
    std::vector<Include> found;
    for (const auto& line : all_lines()) {
      std::smatch match;
      if (line.is_directive() && std::regex_match(line.text, match, pattern))
        found.push_back({line, match[2], match[1] == "\""});
    }
    return found;
  }();
  return includes;
}

bool may_see(const Line& from, const std::string& path) {
  const std::string rest = path.substr(std::string("gradus/").size());
  const std::string folder = rest.substr(0, rest.find('/'));
  if (folder == from.folder) return true;
  if (folder == "cuda") return from.folder == "tests";  // of the emulator; everybody else opens the module
  int stage = -1;
  if (auto it = generated.find(rest); it != generated.end()) stage = it->second;
  if (auto it = stages.find(folder); it != stages.end()) stage = it->second;
  if (stage < 0) return false;
  return from.folder == "cuda" ? stage <= stages.at("losses") : stage < stages.at(from.folder);
}

TEST(Layering, FindsTheSources) {
  EXPECT_GT(all_lines().size(), 1000u) << "no sources under " << root;
  EXPECT_GT(all_includes().size(), 100u);
}

TEST(Layering, AnIncludePointsOnlyLeft) {
  std::string offenders;
  for (const auto& include : all_includes())
    if (include.of_gradus() && !may_see(include.line, include.path))
      offenders += include.line.offence(include.line.folder + " must not see it");
  EXPECT_TRUE(offenders.empty())
      << "core -> losses -> autograd -> ops -> optim, nn, data -> cli, examples, tests, bench; "
         "cuda sees core and losses\n"
      << offenders;
}

TEST(Layering, OwnHeadersAreSpelledWithThePrefix) {
  std::string offenders;
  for (const auto& include : all_includes()) {
    const bool beside = include.line.in_program() && fs::exists(include.line.file.parent_path() / include.path);
    if (include.quoted && !include.of_gradus() && !beside)
      offenders += include.line.offence("not gradus/<folder>/<file>");
    const std::string rest = include.of_gradus() ? include.path.substr(std::string("gradus/").size()) : "";
    if (include.of_gradus() && !generated.contains(rest) && !fs::exists(root / rest))
      offenders += include.line.offence("no such header");
  }
  EXPECT_TRUE(offenders.empty()) << offenders;
}

TEST(Layering, HeadersDoNotBringPrivateLibraries) {
  constexpr std::array libraries = {"fmt/", "CLI/", "nlohmann/", "zlib.h", "cblas.h"};
  std::string offenders;
  for (const auto& include : all_includes())
    if (include.line.in_header() && include.line.folder != "tests" &&
        std::ranges::any_of(libraries, [&](const char* library) { return include.path.starts_with(library); }))
      offenders += include.line.offence("only in a .cpp file");
  EXPECT_TRUE(offenders.empty()) << offenders;
}

TEST(Layering, OnlyGeneratedUnitsCompileALoss) {
  const std::set<std::string> with_entries_of_their_own = {"composition.h", "own_loss.cpp"};
  std::string offenders;
  for (const auto& include : all_includes())
    if (include.path == "gradus/ops/compile.h" && include.line.folder != "tests" &&
        !with_entries_of_their_own.contains(include.line.file.filename().string()))
      offenders += include.line.offence("a second instance of the same entry violates the one-definition rule");
  EXPECT_TRUE(offenders.empty()) << offenders;
}

TEST(Layering, PublicHeadersDefineTheMarksOfFormulasAlone) {
  const std::set<std::string> marks = {"GRADUS_FN", "GRADUS_ANYWHERE", "GRADUS_APART"};
  const std::regex definition(R"(^\s*#\s*define\s+(\w+).*)");
  std::string offenders;
  for (const auto& line : all_lines()) {
    std::smatch match;
    if (line.is_public() && line.is_directive() && std::regex_match(line.text, match, definition) &&
        !marks.contains(match[1]))
      offenders += line.offence("a macro leaks into every program");
  }
  EXPECT_TRUE(offenders.empty()) << offenders;
}

TEST(Layering, HeadersAreIncludedOnce) {
  std::map<fs::path, bool> guarded;
  for (const auto& line : all_lines())
    if (line.in_header()) guarded[line.file] |= line.text == "#pragma once";
  std::string offenders;
  for (const auto& [file, once] : guarded)
    if (!once) offenders += "  " + file.lexically_relative(root).string() + "\n";
  EXPECT_TRUE(offenders.empty()) << "no #pragma once:\n" << offenders;
}

TEST(Layering, FilesStayReadable) {
  constexpr int longest = 700;
  std::string offenders;
  for (const auto& line : all_lines())
    if ((line.folder == "core" || line.folder == "autograd" || line.folder == "ops") && line.number == longest + 1)
      offenders += line.offence("line " + std::to_string(line.number));
  EXPECT_TRUE(offenders.empty()) << "a file past " << longest << " lines has more than one responsibility\n"
                                 << offenders;
}

}  // namespace
