#include "gradus/data/texts.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "gradus/core/error.h"
#include "gradus/data/bytes.h"

namespace gradus {
namespace {

using Json = nlohmann::json;

constexpr size_t most_bytes = size_t{1} << 28;  // of a file, unpacked
constexpr size_t most_words = 20'000;           // the rarest of more are not worth a row of weights
constexpr int64_t longest = 256;                // tokens
constexpr int64_t most_classes = 10'000;        // as of labels in other files
constexpr size_t most_questions = 2;            // a text classifier has two heads
constexpr int deepest = 2;                      // levels of JSON; whoever walks them takes some stack for each

bool in_word(char c) {
  const auto u = static_cast<unsigned char>(c);
  return std::isalnum(u) || u >= 0x80 || c == '\'';  // beyond ASCII, all of UTF-8
}

// One line of a file, and where it stands for errors.
struct Line {
  const std::string& file;
  int64_t number;

  [[noreturn]] void refuse(const std::string& what) const {
    throw FileError(
        fmt::format("{}: line {} {}, wanted such as {{\"text\": \"a fine day\", \"label\": \"good\"}}; mend that line",
                    file, number, what));
  }
  Json parse(std::string_view line) const {
    const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
      if (depth > deepest) refuse("has lists in lists");
      return true;
    };
    try {
      if (Json object = Json::parse(line.begin(), line.end(), shallow); object.is_object()) return object;
    } catch (const Json::exception&) { refuse("is no JSON"); }
    refuse("is no JSON object");
  }
  std::string text(const Json& object) const {
    const auto found = object.find("text");
    if (found == object.end() || !found->is_string()) refuse("has no string \"text\"");
    return found->get<std::string>();
  }
  std::vector<std::string> answers(const Json& object) const {
    const auto found = object.find("label");
    if (found == object.end()) return {};
    std::vector<std::string> all;
    for (const Json& answer : found->is_array() ? *found : Json::array({*found})) {
      if (answer.is_string()) all.push_back(answer.get<std::string>());
      else if (answer.is_number_integer()) all.push_back(answer.dump());
      else refuse("has a \"label\" that is neither a string nor a whole number");
    }
    if (all.empty() || all.size() > most_questions)
      refuse(fmt::format("has {} labels where there may be one or two", all.size()));
    return all;
  }
};

bool is_number(const std::string& s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](unsigned char c) { return std::isdigit(c); });
}

// Numbers by their value, and before all other answers.
bool answer_before(const std::string& a, const std::string& b) {
  if (is_number(a) != is_number(b)) return is_number(a);
  if (is_number(a) && a.size() != b.size()) return a.size() < b.size();
  return a < b;
}

}  // namespace

Texts read_texts(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path, most_bytes);
  return read_texts(path, bytes.data(), bytes.size());
}

Texts read_texts(const std::string& name, const uint8_t* packed, size_t size) {
  ByteReader reader(name, packed, size);
  const std::vector<uint8_t> bytes = reader.read_bytes(most_bytes);
  if (!reader.at_end()) throw FileError(fmt::format("{}: has more than {} bytes; split it", name, most_bytes));
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Texts texts;
  Line line{name, 0};
  for (size_t from = 0; from < all.size();) {
    const size_t end = std::min(all.find('\n', from), all.size());
    const std::string_view written = all.substr(from, end - from);
    from = end + 1;
    ++line.number;
    if (written.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Json object = line.parse(written);
    const std::vector<std::string> answers = line.answers(object);
    const size_t before = texts.labelled() ? texts.answers.front().size() : 0;
    if (!texts.texts.empty() && answers.size() != before)
      line.refuse(fmt::format("has {} label{}, and the lines before have {}", answers.size(),
                              answers.size() == 1 ? "" : "s", before));
    texts.texts.push_back(line.text(object));
    if (!answers.empty()) texts.answers.push_back(answers);
  }
  if (texts.texts.empty()) throw FileError(fmt::format("{}: has no line, wanted a text on each; name another", name));
  return texts;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  bool open = false;  // does the next letter belong to the last word?
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c))) {
      open = false;
      continue;
    }
    if (!in_word(c) || !open) words.emplace_back();
    open = in_word(c);
    words.back() += char(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return words;
}

int64_t Wording::classes() const {
  int64_t product = 1;
  for (const auto& of_one : answers) product *= int64_t(of_one.size());
  return product;
}

std::string Wording::name(int64_t label) const {
  std::string name;
  for (size_t q = answers.size(); q-- > 0;) {
    const auto n = int64_t(answers[q].size());
    name = answers[q][size_t(label % n)] + (name.empty() ? "" : ", ") + name;
    label /= n;
  }
  return name;
}

Dataset Wording::encode(const Texts& texts) const {
  std::unordered_map<std::string, int64_t> token;
  for (size_t i = 2; i < words.size(); ++i) token.emplace(words[i], int64_t(i));
  const auto n = int64_t(texts.texts.size());
  Tensor features({n, length}, Dtype::int64);
  auto* row = features.mutable_data<int64_t>();
  for (const std::string& text : texts.texts) {
    const std::vector<std::string> all = words_of(text);
    for (int64_t i = 0; i < length; ++i) {
      const auto known = size_t(i) < all.size() ? token.find(all[size_t(i)]) : token.end();
      row[i] = size_t(i) >= all.size() ? 0 : known == token.end() ? 1 : known->second;
    }
    row += length;
  }
  if (!texts.labelled()) return Dataset({{"features", features}});
  Tensor labels({n}, Dtype::int64);
  for (int64_t i = 0; i < n; ++i) {
    const std::vector<std::string>& given = texts.answers[size_t(i)];
    if (given.size() != answers.size())
      throw ParamError(fmt::format("texts: have {} label{} each, but the model was trained on {}; take such texts",
                                   given.size(), given.size() == 1 ? "" : "s", answers.size()));
    int64_t label = 0;
    for (size_t q = 0; q < answers.size(); ++q) {
      const auto found = std::lower_bound(answers[q].begin(), answers[q].end(), given[q], answer_before);
      if (found == answers[q].end() || *found != given[q])
        throw ParamError(
            fmt::format("texts: text {} has the label '{}', but the model was trained on others ({}, ...); take data "
                        "with the same labels",
                        i, given[q], answers[q].front()));
      label = label * int64_t(answers[q].size()) + (found - answers[q].begin());
    }
    labels.mutable_data<int64_t>()[i] = label;
  }
  return Dataset({{"features", features}, {"labels", labels}});
}

std::string Wording::text(const int64_t* tokens) const {
  std::string text;
  for (int64_t i = 0; i < length && tokens[i] != 0; ++i) text += (i ? " " : "") + words[size_t(tokens[i])];
  return text;
}

Wording learn_wording(const Texts& texts) {
  if (!texts.labelled()) throw ParamError("texts: have no labels to learn; give each line a \"label\"");
  Wording wording;
  std::map<std::string, int64_t> count;
  for (const std::string& text : texts.texts) {
    const std::vector<std::string> words = words_of(text);
    wording.length = std::max(wording.length, int64_t(words.size()));
    for (const std::string& word : words) ++count[word];
  }
  wording.length = std::clamp<int64_t>(wording.length, 1, longest);
  std::vector<std::pair<std::string, int64_t>> by_count(count.begin(), count.end());
  std::stable_sort(by_count.begin(), by_count.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  wording.words = {"<pad>", "<unknown>"};
  for (const auto& [word, times] : by_count)
    if (wording.words.size() < most_words) wording.words.push_back(word);
  for (size_t q = 0; q < texts.answers.front().size(); ++q) {
    std::vector<std::string> all;
    for (const auto& given : texts.answers) all.push_back(given[q]);
    std::sort(all.begin(), all.end(), answer_before);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    wording.answers.push_back(all);
    if (int64_t(all.size()) > most_classes || wording.classes() > most_classes)
      throw ParamError(fmt::format("texts: have more than {} different labels, wanted classes; is \"label\" a class?",
                                   most_classes));
  }
  return wording;
}

}  // namespace gradus
