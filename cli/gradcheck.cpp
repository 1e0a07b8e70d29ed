// gradus gradcheck: the certificates of the losses, and their example numbers.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "gradus/cli/commands.h"
#include "gradus/cli/loss_json.h"
#include "gradus/core/error.h"
#include "gradus/ops/certificate.h"

namespace gradus {
namespace {

using nlohmann::ordered_json;

// What is wrong with the examples of a loss, in both dtypes; empty when nothing is.
std::vector<std::string> wrong_examples(const LossEntry& loss) {
  std::vector<std::string> wrong;
  for (int i = 0; i < loss.example_count; ++i)
    for (Dtype dtype : {Dtype::float64, Dtype::float32}) {
      const Example& example = loss.examples[i];
      const double tolerance = dtype == Dtype::float64 ? 1e-13 : 2e-6;
      try {
        const double got = evaluate(loss, loss_arguments(loss, example.call, dtype)).item();
        if (!(std::abs(got - example.value) <= tolerance * std::max(1.0, std::abs(example.value))))
          wrong.push_back(fmt::format("{} {} is {:.17g}, wanted {:.17g} ({})", name_of(dtype), example.call, got,
                                      example.value, example.source));
      } catch (const Error& e) { wrong.push_back(fmt::format("{}: {}", example.call, e.what())); }
    }
  return wrong;
}

ordered_json as_json(const Certificate& c, const std::vector<std::string>& examples) {
  ordered_json rows = ordered_json::array();
  for (const CertificateRow& r : c.rows)
    rows.push_back({{"step", r.step},
                    {"variant", r.variant},
                    {"reduction", r.reduction},
                    {"input", r.input},
                    {"cases", r.cases},
                    {"worst", r.worst}});
  return {{"loss", c.loss},
          {"complete", c.complete && examples.empty()},
          {"sites", c.sites},
          {"kinks", c.kinks},
          {"excluded", c.excluded},
          {"redrawn", c.redrawn},
          {"inconclusive", c.inconclusive},
          {"failures", c.failures},
          {"wrong_examples", examples},
          {"unvisited", c.unvisited},
          {"decided_by_column", c.uniform},
          {"skipped", c.skipped},
          {"rows", rows}};
}

struct Choices {
  std::vector<std::string> names;
  bool json = false, verbose = false;
  uint64_t seed = 0;
};

// Has it a gradient, and inputs that can be drawn?  A list of weights with extents of its own cannot.
bool provable(const LossEntry& loss) {
  const FormulaEntry& f = *loss.formula(0);
  for (int k = 0; k < f.inputs; ++k)
    if (std::string(f.input(k)->name).find('{') != std::string::npos) return false;
  return f.gradients > 0;
}

// True when every certificate is complete.
bool run_gradcheck(const Choices& choices) {
  std::vector<const LossEntry*> entries;
  for (const std::string& name : choices.names) entries.push_back(&loss_named(name));
  if (entries.empty())
    for (const LossEntry* loss : losses())
      if (provable(*loss)) entries.push_back(loss);
  ordered_json list = ordered_json::array();
  size_t complete = 0;
  for (const LossEntry* loss : entries) {
    const Certificate c = certify(*loss, {.seed = choices.seed});
    const std::vector<std::string> examples = wrong_examples(*loss);
    complete += c.complete && examples.empty();
    if (choices.json) {
      list.push_back(as_json(c, examples));
      continue;
    }
    fmt::print("{}", to_string(c, choices.verbose));
    for (const std::string& e : examples) fmt::print("  FAILED example: {}\n", e);
    std::fflush(stdout);
  }
  if (choices.json) fmt::print("{}\n", list.dump(2));
  else fmt::print("{} of {} certificates complete\n", complete, entries.size());
  return complete == entries.size();
}

}  // namespace

void add_gradcheck(CLI::App& app, int& status) {
  const auto choices = std::make_shared<Choices>();
  CLI::App* command = app.add_subcommand("gradcheck", "Prove the gradients of the losses");
  command->add_option("name", choices->names, "the losses; none: all of them")->type_name("NAME");
  command->add_flag("--json", choices->json, "print JSON: an array of certificates");
  command->add_option("--seed", choices->seed, "of the samples")->type_name("N")->capture_default_str();
  command->add_flag("--verbose", choices->verbose, "print every variant, reduction and input");
  command->footer("Examples:\n  gradus gradcheck huber_loss\n  gradus gradcheck --json");
  command->callback([choices, &status] { status = run_gradcheck(*choices) ? 0 : 1; });
}

}  // namespace gradus
