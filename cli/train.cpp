// gradus train: trains a classifier or an embedding, saves it on the way, and says how good it is.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "gradus/cli/commands.h"
#include "gradus/cli/config_file.h"
#include "gradus/cli/embedding_picture.h"
#include "gradus/cli/ingredients.h"
#include "gradus/cli/report.h"
#include "gradus/cli/train_files.h"
#include "gradus/cli/train_options.h"
#include "gradus/cli/trained_model.h"
#include "gradus/cli/training.h"
#include "gradus/core/threads.h"
#include "gradus/data/atomic_file.h"

namespace gradus {
namespace {

nlohmann::ordered_json summary(const TrainOptions& o, const TrainResult& r) {
  nlohmann::ordered_json j = {
      {"task", o.task}, {"data", o.data}, {"model", o.model}, {"optimizer", o.optimizer}, {"dtype", o.dtype}};
  for (const auto& [name, value] : named_scores(o, r.test)) j[name] = value;
  if (o.task == "triplet") j["k"] = r.test.k;
  if (!r.test.spread.advice.empty()) j["advice"] = r.test.spread.advice;
  j["loss_name"] = !o.loss.empty() ? o.loss : o.task == "classify" ? "cross_entropy" : "triplet_margin_loss";
  j["loss"] = r.loss;
  j["seconds"] = r.seconds;
  j["epochs"] = o.epochs;
  j["batch_size"] = o.batch_size;
  j["seed"] = o.seed;
  j["threads"] = threads();
  j["weights_hash"] = r.weights_hash;
  return j;
}

void write_text(const std::string& path, const std::string& text, FILE* progress) {
  write_file(path, {{text.data(), text.size()}});
  fmt::print(progress, "wrote {}\n", path);
}

void run(CLI::App& command, TrainOptions& o) {
  if (!o.config.empty()) apply_config_file(command, o.config);
  check_train_options(o);
  const TrainFiles files = files_of(o);
  if (o.resume) {
    take_checkpoint_options(command, files.checkpoint, o);
    check_train_options(o);
    check_still_there(o);
  }
  if (o.threads) set_threads(*o.threads);
  const Data data = load_data(o);
  FILE* progress = o.json ? stderr : stdout;
  const TrainResult result = train(o, files, data, progress);
  if (o.json) fmt::print("{}\n", summary(o, result).dump());
  else print_scores(o, result.test, data.test.size(), result.seconds);
  if (!files.picture.empty())
    write_text(files.picture, embedding_svg(result.test.outputs, data.test["labels"]), progress);
  if (!files.report.empty()) write_text(files.report, report_html(o, data, result), progress);
}

void add_task(CLI::App& train, const char* description, const char* footer, TrainOptions defaults) {
  CLI::App* command = train.add_subcommand(defaults.task, description);
  auto options = std::make_shared<TrainOptions>(std::move(defaults));
  add_train_options(*command, *options);
  command->footer(footer);
  command->callback([=] { run(*command, *options); });
}

}  // namespace

void add_train(CLI::App& app, int&) {
  CLI::App* train = app.add_subcommand("train", "Train a model on the built-in digits, or on data of your own");
  train->require_subcommand(1);
  train->footer("Example:\n  gradus train classify --data digits --optimizer adam --epochs 20");
  add_task(*train, "A classifier: from pixels or points to one of several classes",
           "Examples:\n"
           "  gradus train classify\n"
           "  gradus train classify --model cnn --optimizer adam --epochs 20\n"
           "  gradus train classify --data spirals --epochs 20\n"
           "  gradus train classify --loss huber_loss --json\n"
           "  gradus train classify --out run --report    also draws curves and mistakes, run/report.html\n"
           "  gradus train classify --out run --resume\n"
           "  gradus train classify --config run/config.json --seed 2 --out again",
           TrainOptions());
  add_task(*train, "An embedding, in which samples of one class lie together",
           "Examples:\n"
           "  gradus train triplet\n"
           "  gradus train triplet --batch-size 100 --epochs 5 --json\n"
           "  gradus train triplet --mining semi-hard\n"
           "  gradus train triplet --out run    also draws the embedding, run/embedding.svg",
           triplet_defaults());
}

}  // namespace gradus
