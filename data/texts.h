// Texts with labels: read from a file or made up, cut into words, and numbered for a model.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gradus/data/dataset.h"

namespace gradus {

/// Texts, and what is known of them: answers[i] holds one answer to each question that is asked of text i. No answers
/// at all where the texts have no labels.
struct Texts {
  std::vector<std::string> texts;
  std::vector<std::vector<std::string>> answers;
  bool labelled() const { return !answers.empty(); }
};

/// JSON Lines, plain or gzip: on each line an object with "text" and, in all lines or none, "label": a string or a
/// whole number, or a list of two such, for two questions. Throws FileError naming the line.
Texts read_texts(const std::string& path);
Texts read_texts(const std::string& name, const uint8_t* bytes, size_t size);

/// Made-up sentences with two questions: what they are about (food, music, travel, weather) and whether its author was
/// pleased (good, bad). A third of them says "not great" or the like, and a third what others had said, so that a model
/// which only counts words finds the topic and often misses the tone.
Texts phrases(int64_t samples, uint64_t seed = 0);

/// The words of a text in lower case; punctuation marks are words too.
std::vector<std::string> words_of(const std::string& text);

/// How texts become tokens, and answers become labels; learned from the texts of a training.
struct Wording {
  std::vector<std::string> words;                 // by token; 0 fills up short texts, 1 is every word not listed
  std::vector<std::vector<std::string>> answers;  // to each question, by their numbers
  int64_t length = 0;                             // tokens a text; what is longer is cut

  int64_t classes() const;
  /// The class of a label: its answers with commas between them. Those to the last question count fastest.
  std::string name(int64_t label) const;
  /// "features" int64 (N, length) and, where the texts have labels, "labels" int64 (N). Throws ParamError naming an
  /// answer that is not among `answers`.
  Dataset encode(const Texts& texts) const;
  /// The words of N tokens, without those that fill up.
  std::string text(const int64_t* tokens) const;
};

/// The most frequent words of these texts first, and all their answers in order. Throws ParamError where the texts have
/// no labels, or questions have more than 10,000 combinations of answers.
Wording learn_wording(const Texts& texts);

}  // namespace gradus
