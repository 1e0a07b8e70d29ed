// gradus gradcheck: the certificates of the losses, with their example numbers, and of the tensor ops.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "gradus/cli/choices.h"
#include "gradus/cli/commands.h"
#include "gradus/cli/device_option.h"
#include "gradus/cli/loss_json.h"
#include "gradus/core/error.h"
#include "gradus/ops/certificate.h"
#include "gradus/ops/device_agreement.h"
#include "gradus/ops/op_certificate.h"

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

ordered_json as_json(const OpCertificate& c) {
  ordered_json rows = ordered_json::array();
  for (OpStep step : op_steps)
    rows.push_back({{"step", name_of(step)}, {"cases", c.row(step).cases}, {"worst", c.row(step).worst}});
  return {{"op", c.op},       {"header", c.header},     {"complete", c.complete},
          {"kinks", c.kinks}, {"failures", c.failures}, {"rows", rows}};
}

struct Choices {
  std::vector<std::string> names;
  bool ops = false, json = false, verbose = false;
  std::string device = "cpu";
  uint64_t seed = 0;
};

// Has it a gradient, and inputs that can be drawn?  A list of weights with extents of its own cannot.
bool provable(const LossEntry& loss) {
  const FormulaEntry& f = *loss.formula(0);
  for (int k = 0; k < f.inputs; ++k)
    if (std::string(f.input(k)->name).find('{') != std::string::npos) return false;
  return f.gradients > 0;
}

// What is to be certified: a name may be that of a loss, of a tensor op, or of both.
struct Subjects {
  std::vector<const LossEntry*> losses;
  std::vector<const OpEntry*> ops;
};

Subjects all_subjects(bool ops_alone) {
  Subjects all;
  for (const LossEntry* loss : losses())
    if (provable(*loss) && !ops_alone) all.losses.push_back(loss);
  for (const OpEntry& op : differentiable_ops()) all.ops.push_back(&op);
  return all;
}

Subjects subjects_named(const Choices& choices) {
  if (choices.names.empty()) return all_subjects(choices.ops);
  Subjects named;
  for (const std::string& name : choices.names) {
    const OpEntry* op = find_op(name);
    const LossEntry* loss = choices.ops ? nullptr : find_loss(name);
    if (!choices.ops && !loss && !op && find_alias(name)) loss = &known_loss(name);
    if (loss) named.losses.push_back(loss);
    if (op) named.ops.push_back(op);
    if (loss || op) continue;
    std::vector<std::string> known;
    for (const LossEntry* entry : losses())
      if (!choices.ops) known.push_back(entry->about->name);
    for (const OpEntry& entry : differentiable_ops())
      if (choices.ops || !find_loss(entry.name)) known.push_back(entry.name);
    choose("gradcheck", name, known, choices.ops ? "gradus gradcheck --ops" : "gradus losses");
  }
  return named;
}

// Prints certificates one by one, or collects them for JSON.
class Account {
 public:
  explicit Account(const Choices& choices) : choices_(choices) {}

  void add(const Certificate& c, const std::vector<std::string>& wrong_examples) {
    std::string text = to_string(c, choices_.verbose);
    for (const std::string& e : wrong_examples) text += fmt::format("  FAILED example: {}\n", e);
    add(c.complete && wrong_examples.empty(), as_json(c, wrong_examples), text);
  }
  void add(const OpCertificate& c) { add(c.complete, as_json(c), to_string(c)); }

  // True when every certificate is complete.
  bool close() const {
    if (choices_.json) fmt::print("{}\n", list_.dump(2));
    else fmt::print("{} of {} certificates complete\n", complete_, all_);
    return complete_ == all_;
  }

 private:
  void add(bool complete, ordered_json json, const std::string& text) {
    ++all_;
    complete_ += complete;
    if (choices_.json) return list_.push_back(std::move(json));
    fmt::print("{}", text);
    std::fflush(stdout);
  }

  const Choices& choices_;
  ordered_json list_ = ordered_json::array();
  size_t complete_ = 0, all_ = 0;
};

// What the certificates prove on the CPU holds on a device that computes the same.
bool run_on_device(const Choices& choices, const Subjects& subjects, Device device) {
  ordered_json list = ordered_json::array();
  int64_t agreeing = 0, all = 0;
  const auto add = [&](const DeviceAgreement& a) {
    ++all;
    agreeing += a.failures.empty();
    if (choices.json)
      list.push_back({{"name", a.name}, {"cases", a.cases}, {"worst", a.worst}, {"failures", a.failures}});
    else fmt::print("{}", to_string(a));
    std::fflush(stdout);
  };
  for (const LossEntry* loss : subjects.losses) add(agreement(*loss, device));
  for (const OpEntry* op : subjects.ops) add(agreement(*op, device));
  if (choices.json) fmt::print("{}\n", list.dump(2));
  else fmt::print("{} of {} are on {} as on the CPU\n", agreeing, all, text(device));
  return agreeing == all;
}

bool run_gradcheck(const Choices& choices) {
  const Device device = chosen_device(choices.device);
  const Subjects subjects = subjects_named(choices);
  if (device != cpu) return run_on_device(choices, subjects, device);
  Account account(choices);
  for (const LossEntry* loss : subjects.losses)
    account.add(certify(*loss, {.seed = choices.seed}), wrong_examples(*loss));
  for (const OpEntry* op : subjects.ops) account.add(certify(*op, {.seed = choices.seed}));
  return account.close();
}

}  // namespace

void add_gradcheck(CLI::App& app, int& status) {
  const auto choices = std::make_shared<Choices>();
  CLI::App* command = app.add_subcommand("gradcheck", "Prove the gradients of the losses and of the tensor ops");
  command->add_option("name", choices->names, "losses or tensor ops; none: all of them")->type_name("NAME");
  command->add_flag("--ops", choices->ops, "tensor ops alone");
  command->add_flag("--json", choices->json, "print JSON: an array of certificates");
  const auto counts = [](const std::string& n) { return n[0] == '-' ? n + " is negative; wanted 0 or more" : ""; };
  command->add_option("--seed", choices->seed, "of the samples")
      ->type_name("N")
      ->check(CLI::Validator(counts, "", ""))
      ->capture_default_str();
  add_device_option(*command, choices->device);
  command->add_flag("--verbose", choices->verbose, "print every variant, reduction and input");
  command->footer(
      "On a device other than the CPU: are values, gradients and errors those of the CPU?\n"
      "Examples:\n  gradus gradcheck huber_loss matmul\n  gradus gradcheck --ops\n  gradus gradcheck --json\n"
      "  gradus gradcheck --device cuda");
  command->callback([choices, &status] { status = run_gradcheck(*choices) ? 0 : 1; });
}

}  // namespace gradus
