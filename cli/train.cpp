// gradus train: trains a classifier or an embedding, saves it on the way, and says how good it is.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "gradus/cli/checkpoint.h"
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
  std::string out;  // a folder for the checkpoint
  int64_t seed = int64_t(options.seed);
  std::optional<int> threads;
};

void check_at_least_one(const char* option, int64_t value) {
  if (value < 1) throw ParamError(fmt::format("{}: got {}, wanted at least 1; see --help", option, value));
}

void check(const TrainOptions& o) {
  choose("--model", o.model, {"logistic", "mlp", "cnn", "lenet5", "resnet18"});
  choose("--optimizer", o.optimizer, {"sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "lion"});
  choose("--dtype", o.dtype, {"float32", "float64"});
  check_at_least_one("--epochs", o.epochs);
  check_at_least_one("--batch-size", o.batch_size);
  if (!o.loss.empty()) known_loss(o.loss);
}

void add_options(CLI::App& command, Arguments& a) {
  TrainOptions& o = a.options;
  command
      .add_option("--data", o.data,
                  "digits, or points in the plane: moons, circles, spirals, blobs (all built in), or a folder with the "
                  "four IDX files of MNIST")
      ->type_name("NAME|FOLDER")
      ->capture_default_str();
  command
      .add_option("--model", o.model,
                  "logistic: one linear layer; mlp: fully connected, 256 and 128 hidden units; cnn: two convolutions; "
                  "lenet5: for images from 12x12 on; resnet18")
      ->type_name("logistic|mlp|cnn|lenet5|resnet18")
      ->capture_default_str();
  command.add_option("--loss", o.loss, "a loss by its name; `gradus losses` lists them")
      ->type_name("NAME")
      ->default_str("");
  command.add_option("--optimizer", o.optimizer, "how weights follow gradients")
      ->type_name("sgd|adam|adamw|rmsprop|adagrad|adadelta|lion")
      ->capture_default_str();
  command
      .add_option("--lr", o.lr,
                  "learning rate, which falls to 0 along half a cosine; default: 0.1 for sgd (with momentum 0.9), "
                  "0.003 for adam "
                  "and adamw, 0.001 for rmsprop, 0.01 for adagrad, 1 for adadelta, 0.0003 for lion")
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
  command
      .add_option("--checkpoint", o.checkpoint,
                  "save the training in this file (safetensors), so that it can go on after an interrupt or a crash")
      ->type_name("FILE");
  command
      .add_option(
          "--out", a.out,
          "the same, as checkpoint.safetensors in this folder, which is made if need be; of an embedding also a "
          "picture, embedding.svg")
      ->type_name("FOLDER");
  command.add_option("--checkpoint-every", o.checkpoint_every, "epochs from one saving to the next")
      ->type_name("N")
      ->capture_default_str();
  command.add_flag("--resume", o.resume, "go on from the checkpoint, with the options it was made with");
  command.add_flag("--json", o.json, "print one JSON object; progress goes to standard error");
}

// ---- what a checkpoint keeps --------------------------------------------------------------------

nlohmann::ordered_json config_of(const char* task, const TrainOptions& o) {
  return {{"task", task},
          {"data", o.data},
          {"model", o.model},
          {"loss", o.loss},
          {"optimizer", o.optimizer},
          {"lr", o.lr ? nlohmann::ordered_json(*o.lr) : nlohmann::ordered_json()},
          {"epochs", o.epochs},
          {"batch_size", o.batch_size},
          {"seed", o.seed},
          {"dtype", o.dtype}};
}

void take_config(const nlohmann::ordered_json& config, TrainOptions& o) {
  config.at("data").get_to(o.data);
  config.at("model").get_to(o.model);
  config.at("loss").get_to(o.loss);
  config.at("optimizer").get_to(o.optimizer);
  if (config.at("lr").is_null()) o.lr.reset();
  else o.lr = config.at("lr").get<double>();
  config.at("epochs").get_to(o.epochs);
  config.at("batch_size").get_to(o.batch_size);
  config.at("seed").get_to(o.seed);
  config.at("dtype").get_to(o.dtype);
}

std::string option_name(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return "--" + key;
}

// Takes the options of the checkpoint; what the command line says otherwise is refused, for it would be another
// training.
void resume_options(const char* task, const CLI::App& command, TrainOptions& o) {
  try {
    const auto saved = nlohmann::ordered_json::parse(checkpoint_config(o.checkpoint)), said = config_of(task, o);
    for (const auto& [key, value] : said.items()) {
      const bool told = key == "task" || command.count(option_name(key)) > 0;
      if (told && value != saved.at(key))
        throw ParamError(fmt::format("{}: got {}, but {} was made with {}; leave it out, or begin anew elsewhere",
                                     key == "task" ? "--resume" : option_name(key), value.dump(), o.checkpoint,
                                     saved.at(key).dump()));
    }
    take_config(saved, o);
  } catch (const nlohmann::json::exception&) {
    throw FileError(fmt::format("{}: its config lacks an option or is no JSON; begin anew elsewhere", o.checkpoint));
  }
}

void prepare_checkpoint(const char* task, const CLI::App& command, const std::string& out, TrainOptions& o) {
  if (!out.empty() && !o.checkpoint.empty())
    throw ParamError("--out: got --checkpoint too, wanted one of them; leave one out");
  check_at_least_one("--checkpoint-every", o.checkpoint_every);
  if (!out.empty()) {
    std::error_code error;
    std::filesystem::create_directories(out, error);
    if (error)
      throw FileError(
          fmt::format("{}: cannot be made ({}); choose a folder that can be written", out, error.message()));
    o.checkpoint = (std::filesystem::path(out) / "checkpoint.safetensors").string();
    if (std::string(task) == "triplet") o.picture = (std::filesystem::path(out) / "embedding.svg").string();
  }
  if (o.checkpoint.empty()) {
    if (o.resume) throw ParamError("--resume: got no checkpoint to go on from; name it with --checkpoint or --out");
    return;
  }
  o.again = fmt::format("gradus train {} {} {} --resume", task, out.empty() ? "--checkpoint" : "--out",
                        out.empty() ? o.checkpoint : out);
  if (o.resume) resume_options(task, command, o);
  else if (std::filesystem::exists(o.checkpoint))
    throw ParamError(
        fmt::format("--checkpoint: '{}' exists already, wanted a new file; add --resume to go on with it, "
                    "or name another",
                    o.checkpoint));
  o.config = config_of(task, o).dump();
}

// ---- the command --------------------------------------------------------------------------------

nlohmann::ordered_json report(const char* task, const TrainOptions& o, const TrainResult& r) {
  nlohmann::ordered_json j = {
      {"task", task}, {"data", o.data}, {"model", o.model}, {"optimizer", o.optimizer}, {"dtype", o.dtype}};
  if (std::string(task) == "classify") {
    j["test_accuracy"] = r.accuracy;
  } else {
    j["knn_accuracy"] = r.accuracy;
    j["raw_knn_accuracy"] = r.raw_accuracy;
    j["k"] = neighbours;
    j["precision_at_1"] = r.retrieval.precision_at_1;
    j["r_precision"] = r.retrieval.r_precision;
    j["map_at_r"] = r.retrieval.map_at_r;
    for (const auto& [k, recall] : r.retrieval.recall_at) j[fmt::format("recall_at_{}", k)] = recall;
    j["mean_distance"] = r.spread.mean_distance;
    j["active_fraction"] = r.spread.active_fraction;
    if (!r.spread.advice.empty()) j["advice"] = r.spread.advice;
  }
  j["loss_name"] = !o.loss.empty() ? o.loss : std::string(task) == "classify" ? "cross_entropy" : "triplet_margin_loss";
  j["loss"] = r.loss;
  j["seconds"] = r.seconds;
  j["epochs"] = o.epochs;
  j["batch_size"] = o.batch_size;
  j["seed"] = o.seed;
  j["threads"] = threads();
  j["weights_hash"] = r.weights_hash;
  return j;
}

void print_embedding(const TrainResult& r, int64_t samples) {
  fmt::print(
      "{} nearest neighbours: {:.2f} % in the embedding, {:.2f} % in the raw data, on {} samples, trained in {}\n",
      neighbours, 100 * r.accuracy, 100 * r.raw_accuracy, samples, duration_text(r.seconds));
  fmt::print("precision@1 {:.2f} %, MAP@R {:.2f} %, R-precision {:.2f} %", 100 * r.retrieval.precision_at_1,
             100 * r.retrieval.map_at_r, 100 * r.retrieval.r_precision);
  for (const auto& [k, recall] : r.retrieval.recall_at)
    if (k > 1) fmt::print(", recall@{} {:.2f} %", k, 100 * recall);
  fmt::print("\nmean distance {:.3g}, {:.2f} % of the triplets still pull\n", r.spread.mean_distance,
             100 * r.spread.active_fraction);
  if (!r.spread.advice.empty()) fmt::print("{}\n", r.spread.advice);
}

void train_and_report(const char* task, const CLI::App& command, const Arguments& arguments) {
  if (arguments.seed < 0) throw ParamError(fmt::format("--seed: got {}, wanted at least 0; try 1", arguments.seed));
  TrainOptions o = arguments.options;
  o.seed = uint64_t(arguments.seed);
  prepare_checkpoint(task, command, arguments.out, o);
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
  else print_embedding(r, data.test.size());
  if (!classify && !o.picture.empty()) fmt::print(progress, "wrote {}\n", o.picture);
}

void add_task(CLI::App& train, const char* task, const char* description, const char* footer, TrainOptions defaults) {
  CLI::App* command = train.add_subcommand(task, description);
  auto arguments = std::make_shared<Arguments>();
  arguments->options = std::move(defaults);
  add_options(*command, *arguments);
  command->footer(footer);
  command->callback([=] { train_and_report(task, *command, *arguments); });
}

}  // namespace

void add_train(CLI::App& app, int&) {
  CLI::App* train = app.add_subcommand("train", "Train a model on the built-in digits, or on data of your own");
  train->require_subcommand(1);
  train->footer("Example:\n  gradus train classify --data digits --optimizer adam --epochs 20");
  add_task(*train, "classify", "A classifier: from pixels or points to one of several classes",
           "Examples:\n"
           "  gradus train classify\n"
           "  gradus train classify --model cnn --optimizer adam --epochs 20\n"
           "  gradus train classify --data spirals --epochs 20\n"
           "  gradus train classify --loss huber_loss --json\n"
           "  gradus train classify --checkpoint run.safetensors\n"
           "  gradus train classify --checkpoint run.safetensors --resume",
           TrainOptions());
  add_task(*train, "triplet", "An embedding, in which samples of one class lie together",
           "Examples:\n"
           "  gradus train triplet\n"
           "  gradus train triplet --batch-size 100 --epochs 5 --json\n"
           "  gradus train triplet --out run    also draws the embedding, run/embedding.svg",
           triplet_defaults());
}

}  // namespace gradus
