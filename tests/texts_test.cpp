// Texts: read, cut into words, numbered for a model.
#include "gradus/data/texts.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "gradus/tests/files.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using files::Bytes;
using files::Folder;

std::string written(const Folder& folder, const std::string& text) {
  const std::string path = folder / "texts.jsonl";
  files::put(path, Bytes(text.begin(), text.end()));
  return path;
}

TEST(Texts, AreReadWithOneAnswerOrTwoOrNone) {
  const Folder folder;
  const Texts one = read_texts(written(folder,
                                       "{\"text\": \"a fine day\", \"label\": \"good\", \"more\": [1]}\n\n"
                                       "{\"label\": 3, \"text\": \"caf\\u00e9\"}\r\n"));
  EXPECT_EQ(one.texts, (std::vector<std::string>{"a fine day", "café"}));
  EXPECT_EQ(one.answers, (std::vector<std::vector<std::string>>{{"good"}, {"3"}}));
  EXPECT_EQ(read_texts(written(folder, R"({"text": "x", "label": ["a", 1]})")).answers.front(),
            (std::vector<std::string>{"a", "1"}));
  EXPECT_FALSE(read_texts(written(folder, R"({"text": "x"})")).labelled());
  const std::string line = R"({"text": "packed", "label": "yes"})";
  files::put(folder / "texts.jsonl.gz", files::gzipped(Bytes(line.begin(), line.end())));
  EXPECT_EQ(read_texts(folder / "texts.jsonl.gz").texts, (std::vector<std::string>{"packed"}));
}

TEST(Texts, AWrongLineIsNamed) {
  const Folder folder;
  const std::string good = "{\"text\": \"x\", \"label\": \"a\"}\n";
  const auto said = [&](const std::string& text) {
    const std::string error = error_of<FileError>([&] { read_texts(written(folder, text)); });
    const size_t from = error.find(": ") + 2;
    return error.substr(from, error.find(", wanted") - from);
  };
  EXPECT_EQ(error_of<FileError>([&] { read_texts(written(folder, good + "oh")); }),
            (folder / "texts.jsonl") +
                ": line 2 is no JSON, wanted such as {\"text\": \"a fine day\", \"label\": \"good\"}; mend that line");
  EXPECT_EQ(said("[1]"), "line 1 is no JSON object");
  EXPECT_EQ(said("{\"text\": 1}"), "line 1 has no string \"text\"");
  EXPECT_EQ(said("\n{\"text\": \"x\", \"label\": null}"),
            "line 2 has a \"label\" that is neither a string nor a whole number");
  EXPECT_EQ(said("{\"text\": \"x\", \"label\": [1, 2, 3]}"), "line 1 has 3 labels where there may be one or two");
  EXPECT_EQ(said("{\"text\": \"x\", \"label\": []}"), "line 1 has 0 labels where there may be one or two");
  EXPECT_EQ(said(good + "{\"text\": \"x\"}"), "line 2 has 0 labels, and the lines before have 1");
  EXPECT_EQ(said("{\"text\": \"x\"}\n" + good), "line 2 has 1 label, and the lines before have 0");
  EXPECT_EQ(said("{\"text\": \"x\", \"label\": " + std::string(100'000, '[')), "line 1 has lists in lists");
  EXPECT_EQ(said(""), "has no line");
  EXPECT_EQ(said("{\"text\": \"\xff\"}"), "line 1 is no JSON");
}

TEST(Texts, WordsAreSmallAndPunctuationStandsAlone) {
  EXPECT_EQ(
      words_of("It's  GOOD, isn't it?\n(Ça va!) 3.5"),
      (std::vector<std::string>{"it's", "good", ",", "isn't", "it", "?", "(", "Ça", "va", "!", ")", "3", ".", "5"}));
  EXPECT_TRUE(words_of(" \t").empty());
}

TEST(Texts, FrequentWordsComeFirstAndNumbersAreInOrder) {
  const Wording w = learn_wording({{"b a", "b c d", ""}, {{"10"}, {"9"}, {"other"}}});
  EXPECT_EQ(w.words, (std::vector<std::string>{"<pad>", "<unknown>", "b", "a", "c", "d"}));
  EXPECT_EQ(w.answers, (std::vector<std::vector<std::string>>{{"9", "10", "other"}}));
  EXPECT_EQ(w.length, 3);
  const Dataset d = w.encode({{"a z B b", ""}, {{"other"}, {"9"}}});
  EXPECT_EQ(d["features"].to_vector(), (std::vector<double>{3, 1, 2, 0, 0, 0}));
  EXPECT_EQ(d["labels"].to_vector(), (std::vector<double>{2, 0}));
  EXPECT_EQ(w.text(d["features"].data<int64_t>()), "a <unknown> b");
  EXPECT_EQ(w.encode({{"a"}, {}}).fields().size(), 1u);
}

TEST(Texts, TwoAnswersMakeOneClass) {
  const Wording w = learn_wording({{"x", "y", "z"}, {{"food", "good"}, {"travel", "bad"}, {"weather", "bad"}}});
  EXPECT_EQ(w.classes(), 6);
  const Dataset d = w.encode({{"x", "x"}, {{"travel", "good"}, {"food", "bad"}}});
  EXPECT_EQ(d["labels"].to_vector(), (std::vector<double>{3, 0}));
  EXPECT_EQ(w.name(3), "travel, good");
  EXPECT_EQ(w.name(0), "food, bad");
}

TEST(Texts, OtherLabelsThanLearnedAreNamed) {
  const Wording w = learn_wording({{"x"}, {{"yes"}}});
  EXPECT_EQ(error_of<ParamError>([&] { w.encode({{"x"}, {{"no"}}}); }),
            "texts: text 0 has the label 'no', but the model was trained on others (yes, ...); take data with the same "
            "labels");
  EXPECT_EQ(error_of<ParamError>([&] { w.encode({{"x"}, {{"a", "b"}}}); }),
            "texts: have 2 labels each, but the model was trained on 1; take such texts");
  EXPECT_EQ(error_of<ParamError>([] { learn_wording({{"x"}, {}}); }),
            "texts: have no labels to learn; give each line a \"label\"");
}

TEST(Texts, PhrasesAnswerTwoQuestions) {
  const Texts all = phrases(600), again = phrases(600);
  EXPECT_EQ(all.texts, again.texts);
  EXPECT_NE(all.texts, phrases(600, 1).texts);
  std::map<std::string, int> topics, tones;
  for (const auto& answer : all.answers) ++topics[answer[0]], ++tones[answer[1]];
  EXPECT_EQ(topics.size(), 4u);
  for (const auto& [topic, n] : topics) EXPECT_GT(n, 100) << topic;
  EXPECT_GT(tones["good"], 250);
  EXPECT_GT(tones["bad"], 250);
  EXPECT_EQ(error_of<ParamError>([] { phrases(0); }), "phrases: got 0 samples, wanted at least 1; try 1000");
}

// Who says "not great" was not pleased, whatever others had said before.
TEST(Texts, ThePhrasesTonesAreRight) {
  const std::set<std::string> good = {"great", "lovely", "excellent", "pleasant", "perfect", "wonderful"};
  const Texts all = phrases(500);
  for (size_t i = 0; i < all.texts.size(); ++i) {
    const std::vector<std::string> words = words_of(all.texts[i]);
    const std::string before = words[words.size() - 2];
    const bool denied = before != "was";
    EXPECT_EQ(good.count(words.back()) != denied, all.answers[i][1] == "good") << all.texts[i];
  }
}

}  // namespace
}  // namespace gradus
