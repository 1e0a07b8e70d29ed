#include "gradus/cli/train_options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/cli/checkpoint.h"
#include "gradus/cli/choices.h"
#include "gradus/cli/device_option.h"
#include "gradus/cli/rate_schedule.h"
#include "gradus/core/error.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

using Json = nlohmann::ordered_json;

void check_at_least(const char* option, int64_t value, int64_t least) {
  if (value < least) throw ParamError(fmt::format("{}: got {}, wanted at least {}; see --help", option, value, least));
}

// How the learning rate goes, and what is done with gradients and weights.
void add_schedule(CLI::App& command, TrainOptions& o) {
  command
      .add_option("--schedule", o.schedule,
                  "how the rate goes: cosine: to 0 along half a cosine; cosine-restarts: again every --every epochs; "
                  "step: times --gamma every --every epochs; multi-step: after each of --milestones; exponential: "
                  "times --gamma an epoch, smoothly; one-cycle: up, then down to nearly 0; plateau: times --gamma when "
                  "the loss has not improved for --patience epochs; constant")
      ->type_name("cosine|cosine-restarts|step|multi-step|exponential|one-cycle|plateau|constant")
      ->capture_default_str();
  command.add_option("--gamma", o.gamma, "by what the schedule multiplies the rate")
      ->type_name("FACTOR")
      ->capture_default_str();
  command.add_option("--every", o.every, "epochs between its changes")->type_name("N")->capture_default_str();
  command.add_option("--milestones", o.milestones, "epochs after which multi-step changes it")
      ->delimiter(',')
      ->type_name("N,N...");
  command.add_option("--patience", o.patience, "epochs without improvement that plateau bears")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--warm-up", o.warm_up, "steps in which the rate first rises along a line, from a third of --lr")
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--ema", o.ema,
                  "keep a moving average of the weights with this decay, and evaluate, save and export that; 0: none")
      ->type_name("DECAY")
      ->capture_default_str();
  command
      .add_option("--precision", o.precision,
                  "of products: bfloat16 rounds what layers multiply and what they make; weights stay float32")
      ->type_name("float32|bfloat16")
      ->capture_default_str();
  if (o.task == "classify")
    command
        .add_option("--accumulate", o.accumulate,
                    "compute each batch in so many parts whose gradients are added up: the same step in less memory")
        ->type_name("N")
        ->capture_default_str();
}

// What the training does.
void add_what(CLI::App& command, TrainOptions& o) {
  command
      .add_option(
          "--data", o.data,
          o.task == "triplet"
              ? "digits, or points in the plane: moons, circles, spirals, blobs (all built in); a folder with the four "
                "IDX files of MNIST, Fashion-MNIST or EMNIST; or a file with features and labels: .npz, or .csv with "
                "the label last"
              : "digits; points in the plane: moons, circles, spirals, blobs; or phrases, short texts (all built in); "
                "a folder with the four IDX files of MNIST, Fashion-MNIST or EMNIST; a file with features and "
                "labels: .npz, or .csv with the label last; or texts: .jsonl, with \"text\" and \"label\" on each "
                "line")
      ->type_name("NAME|PATH")
      ->capture_default_str();
  command
      .add_option("--model", o.model,
                  "logistic: one linear layer; mlp: fully connected, 256 and 128 hidden units; cnn: two convolutions; "
                  "lenet5: for images from 12x12 on; resnet18; text: of texts, the mean of their words' embeddings; "
                  "transformer: of texts, or images read row by row")
      ->type_name("logistic|mlp|cnn|lenet5|resnet18|text|transformer")
      ->capture_default_str();
  command
      .add_option("--loss", o.loss,
                  fmt::format("a loss by its name; `gradus losses` lists them; default: {}",
                              o.task == "triplet" ? "triplet_margin_loss" : "cross_entropy"))
      ->type_name("NAME")
      ->default_str("");
  if (o.task == "triplet")
    command
        .add_option("--mining", o.mining,
                    "which triplets of a batch: every pair with a random negative; all; semi-hard: the negative is "
                    "farther than the positive, but within the margin; batch-hard: the farthest positive and the "
                    "nearest negative")
        ->type_name("random|all|semi-hard|batch-hard")
        ->capture_default_str();
  if (o.task == "triplet")
    command.add_flag("--normalise", o.normalise, "bring every embedding to length 1, so that no distance exceeds 2");
  command.add_option("--optimizer", o.optimizer, "how weights follow gradients")
      ->type_name("sgd|adam|adamw|rmsprop|adagrad|adadelta|lion")
      ->capture_default_str();
  command
      .add_option("--lr", o.lr,
                  "learning rate, which --schedule changes on the way; default: 0.1 for sgd (with momentum 0.9), "
                  "0.003 for adam and adamw, 0.001 for rmsprop, 0.01 for adagrad, 1 for adadelta, 0.0003 for lion")
      ->type_name("RATE");
  add_schedule(command, o);
  command.add_option("--epochs", o.epochs, "passes over the training data")->type_name("N")->capture_default_str();
  command.add_option("--batch-size", o.batch_size, "samples per step")->type_name("N")->capture_default_str();
  command.add_option("--seed", o.seed, "of the initial weights and the order of the samples")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--threads", o.threads, "does not change a bit of the result; default: the processor's cores")
      ->type_name("N");
  command
      .add_option("--workers", o.workers,
                  "threads that put batches together ahead of the training; does not change a bit of the result")
      ->type_name("N")
      ->capture_default_str();
  add_device_option(command, o.device);
  command.add_option("--dtype", o.dtype, "precision of data and weights")
      ->type_name("float32|float64")
      ->capture_default_str();
}

// What it reads and writes beside the data.
void add_files(CLI::App& command, TrainOptions& o) {
  command.add_option("--config", o.config, "take these options from a JSON object; the command line wins over it")
      ->type_name("FILE.json");
  command
      .add_option("--out", o.out,
                  "a folder, made if need be, for all of the training: checkpoint.safetensors, config.json, "
                  "metrics.jsonl; of an embedding also embedding.svg")
      ->type_name("FOLDER");
  command
      .add_option("--log", o.log,
                  "the figures of every epoch, in the folder of --out: as metrics.jsonl, as event files for "
                  "TensorBoard, or both; default: jsonl")
      ->delimiter(',')
      ->type_name("jsonl,tensorboard");
  command.add_flag("--report", o.report,
                   "draw it all on one page, report.html, in the folder of --out: curves, confusions, hardest samples");
  command
      .add_option("--checkpoint", o.checkpoint,
                  "save the training in this file alone (safetensors), so that it can go on after an interrupt or a "
                  "crash")
      ->type_name("FILE");
  command.add_option("--checkpoint-every", o.checkpoint_every, "epochs from one saving to the next")
      ->type_name("N")
      ->capture_default_str();
  command.add_flag("--resume", o.resume, "go on from the checkpoint, with the options it was made with");
  command.add_flag("--json", o.json, "print one JSON object; progress goes to standard error");
}

Json config_of(const TrainOptions& o) {
  Json config = {{"task", o.task},           {"data", o.data},
                 {"model", o.model},         {"loss", o.loss},
                 {"optimizer", o.optimizer}, {"lr", o.lr ? Json(*o.lr) : Json()},
                 {"epochs", o.epochs},       {"batch_size", o.batch_size},
                 {"seed", o.seed},           {"dtype", o.dtype}};
  config["schedule"] = o.schedule, config["gamma"] = o.gamma, config["every"] = o.every;
  config["milestones"] = o.milestones.empty() ? Json() : Json(o.milestones), config["patience"] = o.patience,
  config["warm_up"] = o.warm_up;
  config["ema"] = o.ema, config["precision"] = o.precision;
  if (o.task == "classify") config["accumulate"] = o.accumulate;
  if (o.task == "triplet") config["mining"] = o.mining, config["normalise"] = o.normalise;
  return config;
}

std::string option_name(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return "--" + key;
}

[[noreturn]] void refuse_config(const std::string& path) {
  throw FileError(fmt::format("{}: its config lacks an option or is no JSON; begin anew elsewhere", path));
}

}  // namespace

TrainOptions triplet_defaults() {
  TrainOptions options;
  options.task = "triplet";
  options.optimizer = "adam";
  options.epochs = 20;
  options.batch_size = 60;
  return options;
}

void add_train_options(CLI::App& command, TrainOptions& options) {
  add_what(command, options);
  add_files(command, options);
}

void check_train_options(const TrainOptions& o) {
  choose("--model", o.model, {"logistic", "mlp", "cnn", "lenet5", "resnet18", "text", "transformer"});
  choose("--optimizer", o.optimizer, {"sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "lion"});
  choose("--dtype", o.dtype, {"float32", "float64"});
  choose("--mining", o.mining, {"random", "all", "semi-hard", "batch-hard"});
  for (const std::string& kind : o.log) choose("--log", kind, {"jsonl", "tensorboard"});
  check_at_least("--epochs", o.epochs, 1);
  check_at_least("--batch-size", o.batch_size, 1);
  if (o.lr && !(*o.lr >= 0 && std::isfinite(*o.lr)))
    throw ParamError(
        fmt::format("--lr: got {}, wanted a finite number that is not negative; leave it out, or see --help", *o.lr));
  check_schedule_options(o);
  if (!(o.ema >= 0 && o.ema < 1))
    throw ParamError(fmt::format("--ema: got {}, wanted a number in [0, 1); try 0.999", o.ema));
  check_at_least("--accumulate", o.accumulate, 1);
  choose("--precision", o.precision, {"float32", "bfloat16"});
  if (o.precision != "float32" && o.dtype != "float32")
    throw ParamError(
        fmt::format("--precision: got {} with --dtype {}, wanted weights in float32; leave one of the two out",
                    o.precision, o.dtype));
  check_at_least("--checkpoint-every", o.checkpoint_every, 1);
  check_at_least("--workers", o.workers, 0);
  if (o.seed < 0) throw ParamError(fmt::format("--seed: got {}, wanted at least 0; try 1", o.seed));
  if (!o.loss.empty()) known_loss(o.loss);
  chosen_device(o.device);
}

std::string config_text(const TrainOptions& options) { return config_of(options).dump(); }

void take_config(const std::string& path, const std::string& text, TrainOptions& o) {
  try {
    const Json config = Json::parse(text);
    config.at("task").get_to(o.task);
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
    if (o.task == "triplet") config.at("mining").get_to(o.mining);
    o.normalise = config.value("normalise", false);
    const TrainOptions unsaid;  // in files older than these options
    o.schedule = config.value("schedule", unsaid.schedule);
    o.gamma = config.value("gamma", unsaid.gamma);
    o.every = config.value("every", unsaid.every);
    o.milestones.clear();
    if (const Json some = config.value("milestones", Json()); !some.is_null()) some.get_to(o.milestones);
    o.patience = config.value("patience", unsaid.patience);
    o.warm_up = config.value("warm_up", unsaid.warm_up);
    o.ema = config.value("ema", unsaid.ema);
    o.accumulate = config.value("accumulate", unsaid.accumulate);
    o.precision = config.value("precision", unsaid.precision);
  } catch (const nlohmann::json::exception&) { refuse_config(path); }
}

void take_checkpoint_options(const CLI::App& command, const std::string& path, TrainOptions& o) {
  const std::string text = checkpoint_config(path);
  try {
    const Json saved = Json::parse(text), said = config_of(o);
    if (const std::string task = saved.at("task"); task != o.task)
      throw ParamError(fmt::format("--resume: {} was made by gradus train {}; go on with that, or begin anew elsewhere",
                                   path, task));
    const auto word = [](const Json& value) {
      return value.is_null() || value == "" ? "the default"
             : value.is_string()            ? value.get<std::string>()
             : value.is_structured()        ? "something else"
                                            : value.dump();
    };
    const bool knows_its_samples = data_hash_of(path) != 0;  // then they may have moved
    for (const auto& [key, value] : said.items())
      if (key != "task" && !(key == "data" && knows_its_samples) && command.count(option_name(key)) > 0 &&
          value != saved.at(key))
        throw ParamError(fmt::format("{}: got {}, but {} was made with {}; leave it out, or begin anew elsewhere",
                                     option_name(key), word(value), path, word(saved.at(key))));
  } catch (const nlohmann::json::exception&) { refuse_config(path); }
  const std::string data = o.data;
  take_config(path, text, o);
  if (command.count("--data") > 0) o.data = data;
}

}  // namespace gradus
