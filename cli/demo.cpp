// gradus demo: a classifier and an embedding, trained on real digits while you watch.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "gradus/cli/commands.h"
#include "gradus/cli/device_option.h"
#include "gradus/cli/ingredients.h"
#include "gradus/cli/progress.h"
#include "gradus/cli/training.h"
#include "gradus/core/threads.h"

namespace gradus {
namespace {

void demonstrate(const std::string& device) {
  chosen_device(device);
  TrainOptions classify, triplet = triplet_defaults();
  classify.device = triplet.device = device;
  const Data data = load_data(classify);
  fmt::print("gradus learns {} handwritten digits of 8x8 pixels and is tested on {} others ({} threads).\n",
             data.train.size(), data.test.size(), threads());

  fmt::print("\n1. A classifier: 64 pixels -> 256 -> 128 -> 10 classes, cross_entropy, SGD\n");
  const TrainResult classifier = train(classify, {}, data, stdout);

  fmt::print("\n2. An embedding: 64 pixels -> 256 -> 128 -> 32 numbers, triplet_margin_loss, Adam\n");
  const TrainResult embedding = train(triplet, {}, data, stdout);

  fmt::print("\nOn the {} test digits:\n", data.test.size());
  fmt::print("  classifier                          {:6.2f} %   trained in {}\n", 100 * classifier.test.accuracy,
             duration_text(classifier.seconds));
  fmt::print("  {} nearest neighbours, embedding     {:6.2f} %   trained in {}\n", embedding.test.k,
             100 * embedding.test.accuracy, duration_text(embedding.seconds));
  fmt::print("  {} nearest neighbours, raw pixels    {:6.2f} %   the yardstick: nothing learnt\n", embedding.test.k,
             100 * embedding.test.raw_accuracy);
  fmt::print(
      "\nWhat next:\n"
      "  gradus train classify --help            change model, loss, optimiser, data\n"
      "  gradus losses                           every loss there is\n"
      "  gradus losses cross_entropy             its formula, gradient and shape\n");
}

}  // namespace

void add_demo(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("demo", "Train a classifier and an embedding on real digits, in some seconds");
  command->footer("Example:\n  gradus demo");
  auto device = std::make_shared<std::string>("cpu");
  add_device_option(*command, *device);
  command->callback([=] { demonstrate(*device); });
}

}  // namespace gradus
