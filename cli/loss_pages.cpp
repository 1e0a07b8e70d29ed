#include "gradus/cli/loss_pages.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <vector>

#include "gradus/cli/latex.h"
#include "gradus/cli/loss_curves.h"
#include "gradus/cli/loss_signature.h"
#include "gradus/core/error.h"
#include "gradus/ops/certificate.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  if (!(file << text) || !file.flush())
    throw FileError(fmt::format("{}: cannot be written; wanted a path in a folder that exists", path));
}

// In a table a bar would end the cell.
std::string cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.replace(at, 1, "\\|");
  return text;
}

std::string paragraph(const char* title, const char* text) {
  return *text ? fmt::format("**{}** {}\n\n", title, text) : "";
}

std::string certificate_of(const LossEntry& entry) {
  const Certificate c = certify(entry);
  std::string rows;
  for (int step = 0; step < 7; ++step) {
    int64_t cases = 0;
    double worst = 0;
    for (const CertificateRow& r : c.rows)
      if (r.step == step) cases += r.cases, worst = std::max(worst, r.worst);
    if (cases)
      rows += fmt::format("| {} | {} | {} |\n", certificate_steps[step], cases,
                          step == 0 || step == 6 ? "" : fmt::format("{:.0e}", worst));
  }
  if (rows.empty() || entry.formula(0)->gradients == 0) return "";
  return fmt::format(
      "## Certificate\n\n{}, by `gradus gradcheck {}`; worst is relative to the largest derivative.\n\n| step | cases "
      "| worst |\n|---|---|---|\n{}\n",
      c.complete ? "Complete" : "Incomplete", entry.about->name, rows);
}

// As it is written in the source, line by line, and typeset.
std::string formula_text(const std::string& formula) {
  std::string plain, typeset;
  for (const std::string& statement : statements(formula)) {
    plain += "    " + statement + "\n";
    typeset += fmt::format("$$ {} $$\n\n", latex(statement));
  }
  return plain + "\n" + typeset;
}

std::string page(const LossEntry& entry, bool picture, bool certificate) {
  const About& a = *entry.about;
  std::string text = fmt::format("# {}\n\n{}\n\n", a.name, a.summary);
  text += formula_text(a.formula);
  text += fmt::format("**Gradient** with respect to `{}`:\n\n{}", entry.formula(0)->input(0)->name,
                      formula_text(a.gradient));
  text += paragraph("Kinks.", *a.kinks ? a.kinks : "none");
  text += paragraph("Edges.", a.edges) + paragraph("Frozen.", a.frozen) + paragraph("Source.", a.paper) +
          paragraph("Elsewhere.", a.aliases);
  if (picture) text += fmt::format("![value and gradient of {0}]({0}.svg)\n\n", a.name);
  text += "| input, parameter | kind | default | values |\n|---|---|---|---|\n";
  for (const Line& line : signature(entry))
    text += fmt::format("| `{}` | {} | {} | {} |\n", line.name, line.kind, cell(default_text(line)), cell(line.values));
  if (entry.example_count) {
    text += "\n## Examples\n\n```\n";
    for (int i = 0; i < entry.example_count; ++i)
      text += fmt::format("{}({}) = {:.10g}   # {}\n", a.name, entry.examples[i].call, entry.examples[i].value,
                          entry.examples[i].source);
    text += "```\n";
  }
  return certificate ? text + "\n" + certificate_of(entry) : text;
}

constexpr const char* how_to_read = R"(
## How to read a page

The formula stands as the source has it, and typeset. A kind says what shape an input or a parameter has beside the first input:

| kind | shape |
|---|---|
| element | that of the first input: one number for each of its elements |
| label | one class, int64, a row: the first input's shape without its class dimension |
| row | one number a row |
| column | one number a class |
| scalar | one number |
| array (T,…,C) | its own: a letter that two inputs share is one extent, … is any batch |
| number, integer, flag, choice | no tensor |

Elements, rows, columns and scalars that have a default may be numbers or tensors, and tensors have gradients. In C++ inputs come in the
order of the table, then parameters by name, then the reduction: `huber_loss(x, y, {.delta = 0.5}, Reduction::sum)`. A choice is named in the
loss's struct in `losses/NAME.h`: `{.variant = SigmoidFocal::absdiff}`. By name it is a word:
`LossModule("sigmoid_focal_loss", {{}, {{"variant", "absdiff"}}})`. Of the reductions, `batchmean` divides by the first extent, `mean_active` by
the number of values that are not 0. Examples are written as the JSON of `gradus conformance`.

Where a page says how others call a loss, `nn.` is PyTorch, KE Keras, OX Optax, TV torchvision, PML pytorch-metric-learning, EM entmax and LK
Liger-Kernel. T1 to T3 is how common a loss is.

The certificate counts what was compared and shows the worst disagreement, relative to the largest derivative: *branches visited* by the
samples; *differences*, Ridders' extrapolated ones; *dual numbers*; *second order* the derivative of the
gradient; *ties and kinks* that the gradient lies between the slopes on both sides; *float32* against float64; *degenerate and extreme*
empty, huge and tiny inputs. *Redrawn* are samples about which differences could not tell, *inconclusive* derivatives about which they could not even then, *excluded*
points at the end of a domain, where the slope is not finite.
)";

}  // namespace

void write_loss_pages(const std::string& folder, bool certificates) {
  std::map<std::string, std::vector<const LossEntry*>> families;
  for (const LossEntry* entry : losses()) {
    const std::string name = entry->about->name;
    families[entry->about->family].push_back(entry);
    const std::optional<LossCurves> curves = curves_of(*entry);
    if (curves) write_text(fmt::format("{}/{}.svg", folder, name), as_svg(*curves, name));
    write_text(fmt::format("{}/{}.md", folder, name), page(*entry, curves.has_value(), certificates));
    fmt::print("{}\n", name);
    std::fflush(stdout);
  }
  std::string index = fmt::format(
      "# The losses of gradus\n\n{} names in {} families, written by `gradus losses --pages docs/losses "
      "--certificates`. "
      "[Decisions](decisions.md) says where gradus differs from others, and why.\n",
      losses().size(), families.size());
  index += how_to_read;
  for (const auto& [family, entries] : families) {
    index += fmt::format("\n## {}\n\n| name | what it is |\n|---|---|\n", family);
    for (const LossEntry* entry : entries)
      index += fmt::format("| [{0}]({0}.md) | {1} |\n", entry->about->name, cell(entry->about->summary));
  }
  write_text(folder + "/README.md", index);
}

}  // namespace gradus
