#include "gradus/cli/checkpoint.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "gradus/core/error.h"
#include "gradus/data/safetensors.h"
#include "gradus/ops/factories.h"
#include "gradus/version.h"

namespace gradus {
namespace {

constexpr const char *format_key = "format", *format = "gradus checkpoint 1", *config_key = "config";
constexpr const char *model = "model.", *optimizer = "optimizer.", *schedule = "schedule.", *average = "average.";

void append(NamedTensors& to, const std::string& prefix, const NamedTensors& entries) {
  for (const auto& [name, t] : entries) to.emplace_back(prefix + name, t);
}

// The entries with that prefix, without it.
NamedTensors part(const NamedTensors& all, const std::string& prefix) {
  NamedTensors entries;
  for (const auto& [name, t] : all)
    if (name.starts_with(prefix)) entries.emplace_back(name.substr(prefix.size()), t);
  return entries;
}

TensorFile read(const std::string& path) {
  TensorFile file = read_safetensors(path);
  const auto found = file.metadata.find(format_key);
  if (found != file.metadata.end() && found->second == format && !file.checked)
    throw FileError(fmt::format(
        "{}: has no checksum any more, without which damage would go unnoticed; take the file as gradus train wrote it",
        path));
  if (!file.checked || found == file.metadata.end() || found->second != format || !file.metadata.contains(config_key))
    throw FileError(fmt::format("{}: is no checkpoint of gradus train; name the file that --checkpoint wrote", path));
  return file;
}

// Whose random numbers a training may draw: the process's generator, which layers such as dropout use, and its own.
std::vector<std::pair<std::string, Generator*>> generators(const Training& training) {
  std::vector<std::pair<std::string, Generator*>> all = {{"random.process.", &default_generator()}};
  if (training.random) all.emplace_back("random.training.", training.random);
  return all;
}

template <class T> Tensor single(T value) { return from_data(&value, {}); }

// The one number of that name.
template <class T> T number(const std::string& path, const NamedTensors& all, const std::string& name) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == name; });
  if (it == all.end() || it->second.rank() != 0 || it->second.dtype() != dtype_of<T>)
    throw FileError(fmt::format("{}: has no number '{}'; name the file that --checkpoint wrote", path, name));
  return *it->second.template data<T>();
}

uint64_t data_hash(const std::string& path, const NamedTensors& all) {
  const bool known = std::any_of(all.begin(), all.end(), [](const auto& e) { return e.first == "position.data_hash"; });
  return known ? uint64_t(number<int64_t>(path, all, "position.data_hash")) : 0;
}

}  // namespace

void save_checkpoint(const std::string& path, const std::string& config, const Training& training,
                     const Position& position) {
  NamedTensors all;
  append(all, model, training.model.state_dict());
  append(all, optimizer, training.optimizer.state());
  append(all, schedule, training.schedule.state());
  if (training.average) append(all, average, training.average->state());
  append(all, "position.",
         {{"epoch", single(position.epoch)},
          {"batch", single(position.batch)},
          {"samples", single(position.samples)},
          {"data_hash", single(int64_t(position.data_hash))},
          {"loss_sum", single(position.loss.sum())},
          {"loss_weight", single(position.loss.weight())}});
  for (const auto& [prefix, generator] : generators(training)) {
    const Generator::State state = generator->state();
    append(all, prefix, {{"seed", single(int64_t(state.seed))}, {"stream", single(int64_t(state.stream))}});
  }
  write_safetensors(path, all, {{format_key, format}, {"gradus", version}, {config_key, config}});
}

Position load_checkpoint(const std::string& path, const Training& training) {
  const NamedTensors all = read(path).tensors;
  const auto whole = [&](const std::string& name) { return number<int64_t>(path, all, name); };
  const Position position = {
      .epoch = whole("position.epoch"),
      .batch = whole("position.batch"),
      .samples = whole("position.samples"),
      .data_hash = data_hash(path, all),
      .loss = {number<double>(path, all, "position.loss_sum"), number<double>(path, all, "position.loss_weight")}};
  training.model.load_state_dict(part(all, model));
  training.optimizer.load_state(part(all, optimizer));
  training.schedule.load_state(part(all, schedule));
  if (training.average) training.average->load_state(part(all, average));
  for (const auto& [prefix, generator] : generators(training))
    generator->set_state({uint64_t(whole(prefix + "seed")), uint64_t(whole(prefix + "stream"))});
  return position;
}

int64_t load_weights(const std::string& path, Module& module) {
  const NamedTensors all = read(path).tensors;
  const auto epochs = number<int64_t>(path, all, "position.epoch");
  NamedTensors weights = part(all, average);
  std::erase_if(weights, [](const auto& entry) { return entry.first == "updates"; });
  module.load_state_dict(weights.empty() ? part(all, model) : weights);
  return epochs;
}

uint64_t data_hash_of(const std::string& path) { return data_hash(path, read(path).tensors); }

std::string checkpoint_config(const std::string& path) { return read(path).metadata.at(config_key); }

}  // namespace gradus
