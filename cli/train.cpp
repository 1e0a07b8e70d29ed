// gradus train: trains a classifier or an embedding and says how good it is.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "gradus/cli/choices.h"
#include "gradus/cli/commands.h"
#include "gradus/cli/progress.h"
#include "gradus/cli/training.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

// What the command line says, before it is checked.
struct Arguments {
  TrainOptions options;
  int64_t seed = int64_t(options.seed);
  std::optional<int> threads;
};

void check_at_least_one(const char* option, int64_t value) {
  if (value < 1) throw ParamError(fmt::format("{}: got {}, wanted at least 1; see --help", option, value));
}

void check(const TrainOptions& o) {
  choose("--model", o.model, {"mlp", "cnn"});
  choose("--optimizer", o.optimizer, {"sgd", "adam", "adamw"});
  choose("--dtype", o.dtype, {"float32", "float64"});
  check_at_least_one("--epochs", o.epochs);
  check_at_least_one("--batch-size", o.batch_size);
  if (!o.loss.empty()) loss_named(o.loss);
}

void add_options(CLI::App& command, Arguments& a) {
  TrainOptions& o = a.options;
  command.add_option("--data", o.data, "digits (built in), or a folder with the four IDX files of MNIST")
      ->type_name("digits|FOLDER")
      ->capture_default_str();
  command.add_option("--model", o.model, "mlp: fully connected, 256 and 128 hidden units; cnn: two convolutions")
      ->type_name("mlp|cnn")
      ->capture_default_str();
  command.add_option("--loss", o.loss, "a loss by its name; `gradus losses` lists them")
      ->type_name("NAME")
      ->default_str("");
  command.add_option("--optimizer", o.optimizer, "how weights follow gradients")
      ->type_name("sgd|adam|adamw")
      ->capture_default_str();
  command
      .add_option("--lr", o.lr,
                  "learning rate, which falls to 0 along half a cosine; default: 0.003, for sgd (momentum 0.9) 0.1")
      ->type_name("RATE");
  command.add_option("--epochs", o.epochs, "passes over the training data")->type_name("N")->capture_default_str();
  command.add_option("--batch-size", o.batch_size, "samples per step")->type_name("N")->capture_default_str();
  command.add_option("--seed", a.seed, "of the initial weights and the order of the samples")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--threads", a.threads, "does not change a bit of the result; default: the processor's cores")
      ->type_name("N");
  command.add_option("--dtype", o.dtype, "precision of data and weights")
      ->type_name("float32|float64")
      ->capture_default_str();
  command.add_flag("--json", o.json, "print one JSON object; progress goes to standard error");
}

nlohmann::ordered_json report(const char* task, const TrainOptions& o, const TrainResult& r) {
  nlohmann::ordered_json j = {
      {"task", task}, {"data", o.data}, {"model", o.model}, {"optimizer", o.optimizer}, {"dtype", o.dtype}};
  if (std::string(task) == "classify") {
    j["test_accuracy"] = r.accuracy;
  } else {
    j["knn_accuracy"] = r.accuracy;
    j["raw_knn_accuracy"] = r.raw_accuracy;
    j["k"] = neighbours;
  }
  j["loss"] = r.loss;
  j["seconds"] = r.seconds;
  j["epochs"] = o.epochs;
  j["batch_size"] = o.batch_size;
  j["seed"] = o.seed;
  j["threads"] = threads();
  j["weights_hash"] = r.weights_hash;
  return j;
}

void train_and_report(const char* task, const Arguments& arguments) {
  if (arguments.seed < 0) throw ParamError(fmt::format("--seed: got {}, wanted at least 0; try 1", arguments.seed));
  TrainOptions o = arguments.options;
  o.seed = uint64_t(arguments.seed);
  check(o);
  if (arguments.threads) set_threads(*arguments.threads);
  const bool classify = std::string(task) == "classify";
  const Split data = load_data(o);
  FILE* progress = o.json ? stderr : stdout;
  const TrainResult r = classify ? train_classifier(o, data, progress) : train_embedding(o, data, progress);
  if (o.json) fmt::print("{}\n", report(task, o, r).dump());
  else if (classify)
    fmt::print("test accuracy {:.2f} % on {} samples, trained in {}\n", 100 * r.accuracy, data.test.size(),
               duration_text(r.seconds));
  else
    fmt::print(
        "{} nearest neighbours: {:.2f} % in the embedding, {:.2f} % among raw pixels, on {} samples, trained in {}\n",
        neighbours, 100 * r.accuracy, 100 * r.raw_accuracy, data.test.size(), duration_text(r.seconds));
}

void add_task(CLI::App& train, const char* task, const char* description, const char* footer, TrainOptions defaults) {
  CLI::App* command = train.add_subcommand(task, description);
  auto arguments = std::make_shared<Arguments>();
  arguments->options = std::move(defaults);
  add_options(*command, *arguments);
  command->footer(footer);
  command->callback([=] { train_and_report(task, *arguments); });
}

}  // namespace

void add_train(CLI::App& app, int&) {
  CLI::App* train = app.add_subcommand("train", "Train a model on the built-in digits, or on data of your own");
  train->require_subcommand(1);
  train->footer("Example:\n  gradus train classify --data digits --optimizer adam --epochs 20");
  add_task(*train, "classify", "A classifier: from pixels to one of ten classes",
           "Examples:\n"
           "  gradus train classify\n"
           "  gradus train classify --model cnn --optimizer adam --epochs 20\n"
           "  gradus train classify --loss huber_loss --json",
           TrainOptions());
  add_task(*train, "triplet", "An embedding, in which samples of one class lie together",
           "Examples:\n"
           "  gradus train triplet\n"
           "  gradus train triplet --batch-size 100 --epochs 5 --json",
           triplet_defaults());
}

}  // namespace gradus
