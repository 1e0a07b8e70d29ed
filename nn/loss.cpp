#include "gradus/nn/loss.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "gradus/core/error.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/spelling.h"

namespace gradus {
namespace {

void check_known(const LossEntry& entry, const std::string& name) {
  if (knows(entry, name)) return;
  throw ParamError(
      fmt::format("{}: there is no '{}'; {}", entry.about->name, name, suggestion(name, known_names(entry))));
}

}  // namespace

LossModule::LossModule(const std::string& name, LossArguments settings)
    : entry_(&loss_named(name)), settings_(std::move(settings)) {
  for (const auto& [key, tensor] : settings_.inputs) check_known(*entry_, key);
  for (const auto& [key, value] : settings_.options) check_known(*entry_, key);
}

LossModule& LossModule::learn(const std::string& name, const Tensor& start) {
  check_known(*entry_, name);
  std::erase_if(settings_.options, [&](const auto& o) { return o.first == name; });
  std::erase_if(settings_.inputs, [&](const auto& i) { return i.first == name; });
  settings_.inputs.emplace_back(name, start.detach().clone().requires_grad(true));
  return *this;
}
LossModule& LossModule::learn(const std::string& name, double start) { return learn(name, scalar(start)); }

Tensor LossModule::of(const std::vector<Tensor>& inputs) const {
  const LossParameters defaults(*entry_);
  const FormulaEntry& f = *entry_->formula(0);
  std::vector<std::string> wanted;
  for (int k = 0; k < f.inputs; ++k) {
    const std::string name = f.input(k)->name;
    const bool set =
        std::any_of(settings_.inputs.begin(), settings_.inputs.end(), [&](const auto& i) { return i.first == name; });
    if (!set && !f.input(k)->optional && !f.param(const_cast<void*>(defaults.get()), k)) wanted.push_back(name);
  }
  if (inputs.size() != wanted.size())
    throw ParamError(fmt::format("{}: got {} inputs, wanted {}: {}", entry_->about->name, inputs.size(), wanted.size(),
                                 fmt::join(wanted, ", ")));
  LossArguments arguments = settings_;
  for (size_t i = 0; i < inputs.size(); ++i) arguments.inputs.emplace_back(wanted[i], inputs[i]);
  return evaluate(*entry_, arguments);
}

void LossModule::parts(Parts& p) {
  for (auto& [name, tensor] : settings_.inputs)
    tensor.requires_grad() ? p.parameter(name, tensor) : p.buffer(name, tensor);
}

}  // namespace gradus
