// Options from a JSON file: what they become, that the command line wins, and every way to get them wrong.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "files.h"
#include "gradus/cli/config_file.h"
#include "thrown.h"

namespace gradus {
namespace {

struct Parsed {
  std::string model = "mlp";
  int64_t batch_size = 32;
  std::optional<double> lr;
  std::vector<std::string> log;
  bool report = false, json = false;
};

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() {
    command->add_option("--model", parsed.model)->type_name("NAME");
    command->add_option("--batch-size", parsed.batch_size)->type_name("N");
    command->add_option("--lr", parsed.lr)->type_name("RATE");
    command->add_option("--log", parsed.log)->delimiter(',')->type_name("jsonl,tensorboard");
    command->add_option("--config", config)->type_name("FILE");
    command->add_flag("--report", parsed.report);
    command->add_flag("--json", parsed.json);
  }
  void apply(const std::string& text, const std::string& line = "classify") {
    files::put(path, {text.begin(), text.end()});
    app.parse(line);
    apply_config_file(*command, path);
  }
  // The sentence, without the folder's name.
  std::string refusal(const std::string& text) {
    const std::string said = error_of<ParamError>([&] { apply(text); });
    return said.starts_with(path) ? said.substr(path.size() - 6) : said;
  }

  files::Folder folder;
  const std::string path = folder / "c.json";
  CLI::App app{"test"};
  CLI::App* command = app.add_subcommand("classify");
  Parsed parsed;
  std::string config;
};

TEST_F(ConfigFile, GivesEveryKindOfOption) {
  apply(R"({"task": "classify", "model": "cnn", "batch_size": 8, "lr": 1e-3, "log": ["jsonl", "tensorboard"],
            "report": true, "json": false})");
  EXPECT_EQ(parsed.model, "cnn");
  EXPECT_EQ(parsed.batch_size, 8);
  EXPECT_EQ(parsed.lr, 1e-3);
  EXPECT_EQ(parsed.log, (std::vector<std::string>{"jsonl", "tensorboard"}));
  EXPECT_TRUE(parsed.report);
  EXPECT_FALSE(parsed.json);
}

TEST_F(ConfigFile, TheCommandLineWins) {
  apply(R"({"model": "cnn", "batch-size": 8, "lr": null})", "classify --model logistic --lr 2");
  EXPECT_EQ(parsed.model, "logistic");
  EXPECT_EQ(parsed.batch_size, 8) << "a minus is as good as an underscore";
  EXPECT_EQ(parsed.lr, 2);
}

TEST_F(ConfigFile, RefusesWhatIsNoOption) {
  EXPECT_EQ(refusal(R"({"batchsize": 8})"), "c.json: there is no option \"batchsize\"; did you mean 'batch_size'?");
  EXPECT_EQ(refusal(R"({"config": "d.json"})").substr(0, 42), "c.json: there is no option \"config\"; known");
  EXPECT_EQ(refusal(R"({"task": "triplet"})"),
            "c.json: is for the task \"triplet\", not for \"classify\"; name its task on the command line");
}

TEST_F(ConfigFile, RefusesValuesThatDoNotFit) {
  EXPECT_EQ(refusal(R"({"batch_size": "many"})"), "c.json: \"batch_size\" is \"many\", wanted a whole number; see --help");
  EXPECT_EQ(refusal(R"({"batch_size": 1.5})"), "c.json: \"batch_size\" is 1.5, wanted a whole number; see --help");
  EXPECT_EQ(refusal(R"({"batch_size": [1]})"), "c.json: \"batch_size\" is [1], wanted a whole number; see --help");
  EXPECT_EQ(refusal(R"({"model": true})"), "c.json: \"model\" is true, wanted NAME; see --help");
  EXPECT_EQ(refusal(R"({"report": "yes"})"), "c.json: \"report\" is \"yes\", wanted true or false; see --help");
  EXPECT_EQ(refusal(R"({"log": []})"), "c.json: \"log\" is [], wanted jsonl,tensorboard; see --help");
}

TEST_F(ConfigFile, RefusesWhatIsNoObject) {
  EXPECT_EQ(refusal("{\"lr\": }"), "c.json: is no JSON from byte 8 on; correct it there");
  EXPECT_EQ(refusal("{\"lr\": 1e999}"), "c.json: has a number that is too large, wanted it finite; correct it");
  EXPECT_EQ(refusal("[1]"), "c.json: is no JSON object, wanted one such as {\"epochs\": 10}");
  EXPECT_EQ(refusal(R"({"lr": 1, "lr": 2})"), "c.json: has \"lr\" twice; leave one out");
  const std::string deep = "c.json: has lists in lists beyond 8 levels, wanted an object of options; correct it";
  EXPECT_EQ(refusal(std::string(100'000, '[')), deep);
  EXPECT_EQ(refusal("{\"lr\": " + std::string(400'000, '[') + std::string(400'000, ']') + "}"), deep);
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(refusal(objects), deep);
  EXPECT_EQ(refusal("{\"lr\": [\"" + std::string(500'000, 'x') + "\"]}"),
            "c.json: \"lr\" is [\"" + std::string(58, 'x') + "..., wanted a number; see --help");
  EXPECT_EQ(error_of<FileError>([&] { apply_config_file(*command, folder / "none"); }),
            folder / "none" + ": cannot be opened (No such file or directory); check the path and its permissions");
}

TEST_F(ConfigFile, EveryDamageIsOneSentence) {
  const std::string good = R"({"model": "cnn", "lr": 0.5})";
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_NE(refusal(good.substr(0, n)), "nothing was thrown") << n;
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = good;
      flipped[n] = char(flipped[n] ^ (1 << bit));
      const std::string said = refusal(flipped);  // or a file that is as good
      EXPECT_TRUE(said == "nothing was thrown" ||
                  (said.starts_with("c.json: ") && said.find('\n') == std::string::npos))
          << flipped << ": " << said;
    }
  }
}

}  // namespace
}  // namespace gradus
