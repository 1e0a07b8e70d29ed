// gradus predict: what a saved model makes of samples, one by one.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "gradus/autograd/engine.h"
#include "gradus/cli/commands.h"
#include "gradus/cli/device_option.h"
#include "gradus/cli/evaluation.h"
#include "gradus/cli/ingredients.h"
#include "gradus/cli/samples_file.h"
#include "gradus/cli/trained_model.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/data/neighbours.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/softmax.h"

namespace gradus {
namespace {

struct Arguments {
  std::string checkpoint, data;
  int64_t k = default_neighbours;
  std::optional<int64_t> most;
  std::optional<int> threads;
  std::string device = "cpu";
  bool json = false;
};

struct Prediction {
  Tensor probabilities;         // float64 (N, classes)
  std::vector<int64_t> labels;  // the likeliest
};

// What the neighbours among the training samples vote for, as shares; of labels with equally many votes wins the one of
// the nearer sample, as in knn_accuracy.
Prediction votes(const TrainedModel& trained, const Tensor& embedded, int64_t k) {
  const Split known = load_data(trained.options);
  const Tensor references = outputs_of(*trained.model, known.train["features"]);
  const int64_t classes = class_count(known), n = embedded.shape()[0];
  if (k > references.shape()[0])
    throw ParamError(fmt::format("--k: got {}, but there are {} training samples; try 5", k, references.shape()[0]));
  const auto* label = known.train["labels"].data<int64_t>();
  Prediction prediction{zeros({n, classes}, Dtype::float64), std::vector<int64_t>(static_cast<size_t>(n))};
  double* shares = prediction.probabilities.mutable_data<double>();
  for_each_neighbours(
      embedded, references, Self::counts, [&](int64_t) { return k; },
      [&](int64_t i, const Neighbours& nearest) {
        std::vector<int64_t> count(static_cast<size_t>(classes));
        for (const int64_t sample : nearest) ++count[size_t(label[sample])];
        int64_t& best = prediction.labels[size_t(i)] = label[nearest.front()];
        for (const int64_t sample : nearest)
          if (count[size_t(label[sample])] > count[size_t(best)]) best = label[sample];
        for (int64_t c = 0; c < classes; ++c) shares[i * classes + c] = double(count[size_t(c)]) / double(k);
      });
  return prediction;
}

Prediction predict(const TrainedModel& trained, const Tensor& features, int64_t k) {
  const NoGrad quiet;
  const Tensor outputs = outputs_of(*trained.model, features);
  if (trained.options.task == "triplet") return votes(trained, outputs, k);
  const Tensor likeliest = argmax(outputs, 1);
  const auto* label = likeliest.data<int64_t>();
  return {softmax(to(outputs, Dtype::float64), 1), std::vector<int64_t>(label, label + likeliest.numel())};
}

// The labels of a row other than `label` by falling probability; of equal ones the first.
std::vector<int64_t> runners_up(const double* row, int64_t classes, int64_t label) {
  std::vector<int64_t> order;
  for (int64_t c = 0; c < classes; ++c)
    if (c != label) order.push_back(c);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return row[a] > row[b]; });
  return order;
}

// One sample of the answer.
struct Row {
  int64_t sample, label;
  const double* probabilities;
  int64_t classes;
  const int64_t* true_label;  // may be null
  const TrainedModel& model;
  std::string text;  // of the sample, if it is one
  size_t width;      // of a label as it is printed
};

void print_json(const Row& r) {
  nlohmann::ordered_json j = {{"sample", r.sample},
                              {"label", r.label},
                              {"probability", r.probabilities[r.label]},
                              {"probabilities", std::vector<double>(r.probabilities, r.probabilities + r.classes)}};
  if (r.true_label) j["true_label"] = *r.true_label;
  if (r.model.wording) j["answer"] = r.model.name(r.label), j["text"] = r.text;
  fmt::print("{}\n", j.dump());
}

// The probabilities of the classes that came next.
std::string runners_up_text(const Row& r) {
  constexpr size_t most_named = 2;
  std::string next;
  for (const int64_t c : runners_up(r.probabilities, r.classes, r.label)) {
    if (r.probabilities[c] < 5e-5 || std::count(next.begin(), next.end(), '%') == most_named) break;
    next += fmt::format("{}{} {:.2f} %", next.empty() ? "" : ", ", c, 100 * r.probabilities[c]);
  }
  return next;
}

void print_line(const Row& r) {
  const char* verdict = !r.true_label ? "" : *r.true_label == r.label ? "right" : "wrong";
  const std::string truth =
      r.true_label ? fmt::format("{:>{}}  {}  ", r.model.name(*r.true_label), r.width, verdict) : "  ";
  fmt::print("{:>6} {:>{}} {:>9.2f} %{}{}\n", r.sample, r.model.name(r.label), r.width, 100 * r.probabilities[r.label],
             truth, r.model.wording ? r.text : runners_up_text(r));
}

// Of the longest name of a class.
size_t width_of_labels(const TrainedModel& trained) {
  size_t width = 6;
  for (int64_t c = 0; trained.wording && c < trained.outputs; ++c) width = std::max(width, trained.name(c).size());
  return width;
}

void run(const Arguments& a) {
  if (a.k < 1) throw ParamError(fmt::format("--k: got {}, wanted at least 1; try 5", a.k));
  if (a.most && *a.most < 1) throw ParamError(fmt::format("--most: got {}, wanted at least 1; try 20", *a.most));
  if (a.threads) set_threads(*a.threads);
  const TrainedModel trained = load_trained(a.checkpoint, chosen_device(a.device));
  const Dataset samples = samples_of(trained, a.data);
  trained.check_features(samples["features"].shape());
  const Prediction p = predict(trained, samples["features"], a.k);
  const int64_t* truth = has_labels(samples) ? samples["labels"].data<int64_t>() : nullptr;
  const int64_t classes = p.probabilities.shape()[1], rows = std::min(a.most.value_or(samples.size()), samples.size());
  const size_t width = width_of_labels(trained);
  if (!a.json)
    fmt::print("sample {:>{}} probability{}  {}\n", "label", width,
               truth ? fmt::format("{:>{}}       ", "true", width) : "", trained.wording ? "text" : "next");
  const auto text_of = [&](int64_t i) {
    const Tensor& tokens = samples["features"];
    return trained.wording ? trained.wording->text(tokens.data<int64_t>() + i * tokens.shape()[1]) : "";
  };
  for (int64_t i = 0; i < rows; ++i)
    (a.json ? print_json : print_line)({i, p.labels[size_t(i)], p.probabilities.data<double>() + i * classes, classes,
                                        truth ? truth + i : nullptr, trained, text_of(i), width});
  if (!a.json && rows < samples.size()) fmt::print("… {} samples more\n", samples.size() - rows);
}

}  // namespace

void add_predict(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("predict", "What a trained model makes of samples: labels with probabilities");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("checkpoint", arguments->checkpoint, "what gradus train saved: a file, or the folder of --out")
      ->required()
      ->type_name("FILE|FOLDER");
  command
      ->add_option("--data", arguments->data,
                   "a file of samples: .npz, .npy, .csv, IDX images or texts (.jsonl), with or without labels; or data "
                   "as for gradus "
                   "train, of which the test half is taken; default: those it was trained on")
      ->type_name("NAME|PATH");
  command
      ->add_option("--k", arguments->k,
                   "of an embedding: how many nearest training samples vote; the probability is their share")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--most", arguments->most, "stop after that many samples")->type_name("N");
  command->add_option("--threads", arguments->threads, "does not change a bit of the result")->type_name("N");
  add_device_option(*command, arguments->device);
  command->add_flag("--json", arguments->json, "print one JSON object a line, with the probabilities of all labels");
  command->footer("Examples:\n  gradus predict run --most 10\n  gradus predict run --data samples.npy --json");
  command->callback([=] { run(*arguments); });
}

}  // namespace gradus
