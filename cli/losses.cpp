// gradus losses: what every loss is, as a table, as a page with a plot, as JSON, or as a folder of pages.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "gradus/cli/choices.h"
#include "gradus/cli/commands.h"
#include "gradus/cli/loss_curves.h"
#include "gradus/cli/loss_pages.h"
#include "gradus/cli/loss_signature.h"
#include "gradus/cli/plot.h"
#include "gradus/cli/wrapped_text.h"
#include "gradus/core/error.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

void print_plot(const LossEntry& entry) {
  const std::optional<LossCurves> c = curves_of(entry);
  if (!c) return;
  const std::string picture = plot(c->low, c->high, {{'*', c->value}, {'.', without_spikes(*c)}});
  if (picture.empty()) return;
  fmt::print("\nvalue (*) and gradient (.) of one sample while {} moves{}\n{}", c->input, c->others, picture);
}

// ---- the pages ----------------------------------------------------------------------------------

void print_field(const char* title, const char* text) {
  constexpr size_t column = 11;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line); title = "") fmt::print("{:<10} {}\n", title, wrapped(line, column));
}

void print_page(const LossEntry& entry) {
  const About& a = *entry.about;
  fmt::print("{}  ({}, tier {})\n{}\n\n", a.name, a.family, a.tier, a.summary);
  print_field("formula", a.formula);
  print_field("gradient", a.gradient);
  print_field("kinks", *a.kinks ? a.kinks : "none");
  print_field("edges", a.edges);
  print_field("aliases", a.aliases);
  print_field("paper", a.paper);
  fmt::print("\n{:<18} {:<8} {:<10} {}\n", "input, parameter", "kind", "default", "values");
  for (const Line& line : signature(entry)) {
    fmt::print("{:<18} {:<16} {:<10} {}\n", line.name, line.kind, default_text(line), line.values);
  }
  for (int i = 0; i < entry.example_count; ++i)
    fmt::print("{}{}({}) = {:.10g}   ({})\n", i ? "" : "\n", a.name, entry.examples[i].call, entry.examples[i].value,
               entry.examples[i].source);
  print_plot(entry);
}

bool is_family(const std::string& name) {
  return std::any_of(losses().begin(), losses().end(), [&](const LossEntry* e) { return e->about->family == name; });
}

// By family, in the order in which the families first occur among the names; or one family alone.
void print_table(const std::string& only = "") {
  size_t width = 0;
  std::vector<std::string> families;
  for (const LossEntry* entry : losses()) {
    width = std::max(width, std::string(entry->about->name).size());
    if (std::find(families.begin(), families.end(), entry->about->family) == families.end())
      families.push_back(entry->about->family);
  }
  if (!only.empty()) families = {only};
  for (const std::string& family : families) {
    fmt::print("{}\n", family);
    for (const LossEntry* entry : losses())
      if (family == entry->about->family)
        fmt::print("  {:<{}}  {}\n", entry->about->name, width, entry->about->summary);
  }
  fmt::print("\n{} names; `gradus losses NAME` says all about one.\n", losses().size());
}

struct Arguments {
  std::string name, csv, svg, pages;
  bool json = false, certificates = false;
};

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  if (!(file << text) || !file.flush())
    throw FileError(fmt::format("{}: cannot be written; wanted a path in a folder that exists", path));
}

void write_curve(const LossEntry& entry, const Arguments& a) {
  const std::optional<LossCurves> curves = curves_of(entry);
  if (!curves)
    throw ParamError(fmt::format("losses: {} has no curve over one number; leave --csv and --svg", entry.about->name));
  if (!a.csv.empty()) write_text(a.csv, as_csv(*curves));
  if (!a.svg.empty()) write_text(a.svg, as_svg(*curves, entry.about->name));
  for (const std::string& path : {a.csv, a.svg})
    if (!path.empty()) fmt::print(a.json ? stderr : stdout, "wrote {}\n", path);
}

void show(const Arguments& a) {
  if (!a.pages.empty()) return write_loss_pages(a.pages, a.certificates);
  if (is_family(a.name) && !a.json && a.csv.empty() && a.svg.empty()) return print_table(a.name);
  if (!a.name.empty()) {
    const LossEntry& entry = known_loss(a.name);
    const bool writes = !a.csv.empty() || !a.svg.empty();
    if (writes) write_curve(entry, a);
    if (writes && !a.json) return;
    return a.json ? fmt::print("{}\n", as_json(entry)) : print_page(entry);
  }
  if (!a.csv.empty() || !a.svg.empty()) throw ParamError("losses: --csv and --svg want the NAME of a loss");
  if (!a.json) return print_table();
  std::vector<std::string> all;
  for (const LossEntry* entry : losses()) all.push_back(as_json(*entry));
  fmt::print("[\n{}\n]\n", fmt::join(all, ",\n"));
}

}  // namespace

void add_losses(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("losses", "List the losses, or explain one");
  auto arguments = std::make_shared<Arguments>();
  command
      ->add_option("name", arguments->name,
                   "a loss (its name here or elsewhere): formula, gradient, parameters, kinks and a plot; or a family")
      ->type_name("NAME");
  command->add_flag("--json", arguments->json, "print JSON: an array of all losses, or one object");
  command->add_option("--csv", arguments->csv, "write the curve of value and gradient as numbers")->type_name("FILE");
  command->add_option("--svg", arguments->svg, "write the curve as a picture")->type_name("FILE");
  command->add_option("--pages", arguments->pages, "write a page for every loss, and their index")->type_name("FOLDER");
  command->add_flag("--certificates", arguments->certificates,
                    "prove every loss and put the figures on its page (minutes)");
  command->footer(
      "Examples:\n  gradus losses huber_loss\n  gradus losses huber_loss --svg huber.svg\n  gradus losses --json");
  command->callback([arguments] { show(*arguments); });
}

}  // namespace gradus
