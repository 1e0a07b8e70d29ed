// gradus eval: how good a saved model is, on the data it was trained on or on others.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "gradus/cli/checkpoint.h"
#include "gradus/cli/commands.h"
#include "gradus/cli/device_option.h"
#include "gradus/cli/evaluation.h"
#include "gradus/cli/ingredients.h"
#include "gradus/cli/samples_file.h"
#include "gradus/cli/train_files.h"
#include "gradus/cli/trained_model.h"
#include "gradus/cli/training.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"

namespace gradus {
namespace {

struct Arguments {
  std::string checkpoint, data;
  int64_t k = default_neighbours;
  std::optional<int> threads;
  std::string device = "cpu";
  bool json = false;
};

void print_json(const TrainedModel& trained, const Evaluation& evaluation, int64_t samples) {
  const TrainOptions& o = trained.options;
  nlohmann::ordered_json j = {{"task", o.task}, {"data", o.data}, {"model", o.model}, {"samples", samples}};
  for (const auto& [name, value] : named_scores(o, evaluation)) j[name] = value;
  if (o.task == "triplet") j["k"] = evaluation.k;
  if (!evaluation.spread.advice.empty()) j["advice"] = evaluation.spread.advice;
  j["epochs"] = trained.epochs;
  j["weights_hash"] = weights_hash(*trained.model);
  fmt::print("{}\n", j.dump());
}

// Of a file that is named all samples, for a classifier; else the test half.
Data data_for(const TrainedModel& trained, const std::string& named) {
  TrainOptions options = trained.options;
  if (named.empty()) {
    check_still_there(options);
    return load_data(options, trained.wording);
  }
  std::error_code ignored;
  if (options.task == "classify" && std::filesystem::is_regular_file(named, ignored)) {
    const Dataset samples = samples_of(trained, named);
    if (!has_labels(samples))
      throw FileError(fmt::format("{}: has no labels to compare with; add them, or try gradus predict", named));
    return {{samples, samples}, trained.wording};
  }
  options.data = named;
  return load_data(options, trained.wording);
}

void run(const Arguments& a) {
  if (a.k < 1) throw ParamError(fmt::format("--k: got {}, wanted at least 1; try 5", a.k));
  if (a.threads) set_threads(*a.threads);
  TrainedModel trained = load_trained(a.checkpoint, chosen_device(a.device));
  const Data data = data_for(trained, a.data);
  if (const uint64_t known = data_hash_of(checkpoint_at(a.checkpoint));
      a.data.empty() && known != 0 && known != data_hash(data))
    throw FileError(
        fmt::format("{}: was trained on other samples than '{}' holds now, of which some may be in the test half; name "
                    "what to evaluate it on with --data",
                    a.checkpoint, trained.options.data));
  if (!a.data.empty()) trained.options.data = a.data;
  trained.check_features(data.test["features"].shape());
  const Evaluation evaluation = evaluate_model(trained.options, *trained.model, trained.outputs, data, a.k);
  if (a.json) print_json(trained, evaluation, data.test.size());
  else print_scores(trained.options, evaluation, data.test.size(), {});
}

}  // namespace

void add_eval(CLI::App& app, int&) {
  CLI::App* command =
      app.add_subcommand("eval", "How good a trained model is, on the test half of its data or of others");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("checkpoint", arguments->checkpoint, "what gradus train saved: a file, or the folder of --out")
      ->required()
      ->type_name("FILE|FOLDER");
  command
      ->add_option("--data", arguments->data,
                   "other data, as for gradus train: of a file, a classifier is shown all samples, of everything else "
                   "the test half; "
                   "default: the test half of what it was trained on")
      ->type_name("NAME|PATH");
  command->add_option("--k", arguments->k, "of an embedding: how many nearest neighbours vote")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--threads", arguments->threads, "does not change a bit of the result")->type_name("N");
  add_device_option(*command, arguments->device);
  command->add_flag("--json", arguments->json, "print one JSON object");
  command->footer(
      "Examples:\n  gradus eval run\n  gradus eval run.safetensors --data digits --json\n  gradus eval embedding --k "
      "1");
  command->callback([=] { run(*arguments); });
}

}  // namespace gradus
