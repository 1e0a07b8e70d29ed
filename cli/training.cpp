#include "gradus/cli/training.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "gradus/autograd/engine.h"
#include "gradus/cli/checkpoint.h"
#include "gradus/cli/device_option.h"
#include "gradus/cli/divergence.h"
#include "gradus/cli/event_file.h"
#include "gradus/cli/interrupt.h"
#include "gradus/cli/progress.h"
#include "gradus/cli/rate_schedule.h"
#include "gradus/cli/triplets.h"
#include "gradus/core/error.h"
#include "gradus/data/atomic_file.h"
#include "gradus/data/loader.h"
#include "gradus/data/sampler.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/shape.h"
#include "gradus/optim/gradient_accumulator.h"

namespace gradus {
namespace {

constexpr uint64_t negative_streams = uint64_t{1} << 63;  // apart from those of the batches

// What the options ask for, made for these data: the parts that the loop turns.
struct Task {
  const TrainOptions& options;
  const Data& data;
  int64_t outputs;
  std::unique_ptr<Module> model;
  Generator negatives;  // drawn by an embedding alone
  std::function<Tensor(const Tensor& outputs, const Tensor& labels)> loss;
  Loader loader;
  Device device;

  Task(const TrainOptions& o, const Data& given)
      : options(o),
        data(given),
        outputs(outputs_for(o, data)),
        model(make_model(o, {data.train["features"].shape(), outputs, class_count(data), data.wording})),
        negatives(uint64_t(o.seed), negative_streams),
        loss(embeds() ? triplet_loss(o, negatives, *model) : classification_loss(o, outputs)),
        loader(embeds() ? balanced_loader() : shuffled_loader()),
        device(chosen_device(o.device)) {
    model->to(device);
    if (options.precision == "bfloat16") model->compute(Dtype::bfloat16);
    if (options.accumulate > 1) check_adds_up(options, outputs);
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  bool embeds() const { return options.task == "triplet"; }
  Generator* random() { return embeds() ? &negatives : nullptr; }

 private:
  Loader shuffled_loader() const {
    return Loader(data.train,
                  {.batch_size = options.batch_size, .seed = uint64_t(options.seed), .workers = options.workers});
  }
  // As many classes as fit with two samples, and of each as many samples as fit.
  Loader balanced_loader() const {
    const int64_t wanted = options.batch_size;
    if (wanted < 4)
      throw ParamError(
          fmt::format("--batch-size: got {}, wanted at least 4, two classes of two samples; try 60", wanted));
    if (const int64_t samples = data.train.size(); wanted > samples)
      throw ParamError(fmt::format("--batch-size: got {}, but there are {} training samples; try 60", wanted, samples));
    const std::vector<double> labels = data.train["labels"].to_vector();
    const auto present = int64_t(std::set<double>(labels.begin(), labels.end()).size());
    if (present < 2)
      throw ParamError("--data: has samples of one class only, wanted two that can be told apart; take other data");
    const int64_t classes = std::min(present, wanted / 2), per_class = wanted / classes;
    return Loader(data.train,
                  [labels = data.train["labels"], classes, per_class, seed = uint64_t(options.seed)](int64_t epoch) {
                    return balanced_batches(labels, classes, per_class, seed, epoch);
                  },
                  {.workers = options.workers});
  }
};

class Fnv {
 public:
  void add(const Tensor& t) {
    const Tensor d = dense(to(t.detach(), cpu));
    const auto* bytes = static_cast<const unsigned char*>(d.bytes());
    for (int64_t i = 0, n = d.numel() * size_of(d.dtype()); i < n; ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3;
  }
  void add_words(const Tensor& t) {  // eight bytes at a time, as data are large
    const Tensor d = dense(to(t.detach(), cpu));
    const auto* bytes = static_cast<const unsigned char*>(d.bytes());
    for (int64_t i = 0, n = d.numel() * size_of(d.dtype()); i < n; i += 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes + i, size_t(std::min<int64_t>(8, n - i)));
      hash_ = (hash_ ^ word) * 0x100000001b3;
    }
  }
  uint64_t value() const { return hash_; }
  std::string text() const { return fmt::format("{:016x}", hash_); }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

// What a checkpoint keeps beside the state: the options, and what the model was made for.
std::string checkpoint_config(const Task& task) {
  auto config = nlohmann::ordered_json::parse(config_text(task.options));
  std::vector<int64_t> sample;
  const Shape& shape = task.data.train["features"].shape();
  for (int64_t d = 1; d < shape.rank(); ++d) sample.push_back(shape[d]);
  config["sample"] = sample;
  config["outputs"] = task.outputs;
  if (takes_proxies(task.options)) config["classes"] = class_count(task.data);
  if (task.data.wording) config["words"] = task.data.wording->words, config["answers"] = task.data.wording->answers;
  return config.dump();
}

// One training: where it stands, and how it goes on.
class Fitting {
 public:
  Fitting(Task& task, const TrainFiles& files)
      : task_(task),
        files_(files),
        steps_(int64_t(task.loader.epoch(0).size())),
        optimizer_(make_optimizer(task.options, *task.model)),
        schedule_(*optimizer_, task.options, steps_),
        accumulator_(task.model->named_parameters()),
        training_{*task.model, *optimizer_, schedule_, task.random(), nullptr} {
    if (task.options.ema > 0)
      training_.average = &average_.emplace(task.model->state_dict(), WeightAverageOptions{.decay = task.options.ema});
    at_.samples = task.loader.data().size();
    at_.data_hash = data_hash(task.data);
    if (task.options.resume) resume();
    if (!files.metrics.empty()) history_ = read_metrics(files.metrics, at_.epoch);
    if (!history_.empty()) seconds_before_ = history_.back().seconds;
  }

  void run(FILE* out) {
    open_files();
    std::optional<InterruptWatch> watch;
    if (!files_.checkpoint.empty()) watch.emplace();
    Progress progress(task_.options.epochs, steps_, out, at_.epoch * steps_ + at_.batch, at_.loss);
    while (at_.epoch < task_.options.epochs) {
      const Loader::Epoch epoch = task_.loader.epoch(at_.epoch);
      if (at_.batch == 0) at_.loss.reset();
      for (Loader::Epoch::Iterator batch(epoch, size_t(at_.batch)); batch != epoch.end(); ++batch) {
        if (InterruptWatch::noted() != 0 && watch) stop();
        const Dataset samples = *batch;
        const double loss = step(samples);
        at_.loss.add(loss, double(samples.size()));
        ++at_.batch;
        progress.step(loss, samples.size());
      }
      ++at_.epoch;
      at_.batch = 0;
      schedule_.end_epoch(at_.loss.mean());
      watch_collapse(record(), progress);
      progress.end_epoch(history_.back().scores);
      if (at_.epoch % task_.options.checkpoint_every == 0 || at_.epoch == task_.options.epochs) save();
    }
  }
  // Exchanges the weights for their average, where one is kept; once more, and they are back.
  void use_average() {
    if (average_) average_->swap();
  }
  double loss() const { return at_.loss.mean(); }
  double seconds() const { return seconds_before_ + std::chrono::duration<double>(Clock::now() - begin_).count(); }
  const std::vector<EpochFigures>& history() const { return history_; }

 private:
  using Clock = std::chrono::steady_clock;

  double step(const Dataset& samples) {
    StepStart start(*task_.model, task_.random());
    lr_ = optimizer_->lr(0);
    const double value = task_.options.accumulate > 1 ? gradients_in_parts(samples) : gradients(samples);
    if (!std::isfinite(value))
      diverge(start, samples, std::isnan(value) ? "the loss became nan" : "the loss became infinite");
    if (!finite_gradients(task_.model->named_parameters())) diverge(start, samples, "a gradient is not finite");
    optimizer_->step();
    schedule_.step();
    if (average_) average_->update();
    return value;
  }
  // The loss of a batch, which leaves its gradients.
  double gradients(const Dataset& samples) {
    const Tensor loss = loss_of(samples);
    const double value = loss.item();
    if (!std::isfinite(value)) return value;
    optimizer_->zero_grad();
    backward(loss);
    return value;
  }
  double gradients_in_parts(const Dataset& samples) {
    const int64_t n = samples.size(), parts = std::min(task_.options.accumulate, n);
    for (int64_t i = 0; i < parts; ++i) {
      const int64_t from = n * i / parts, to = n * (i + 1) / parts;
      const Dataset part(
          {{"features", slice(samples["features"], 0, from, to)}, {"labels", slice(samples["labels"], 0, from, to)}});
      const Tensor mean = loss_of(part);
      accumulator_.add(mean * double(part.size()), double(part.size()));
    }
    return accumulator_.finish();
  }
  Tensor loss_of(const Dataset& samples) {
    return task_.loss((*task_.model)(to(samples["features"], task_.device)), samples["labels"]);
  }
  // Nothing of the step remains but what it is told by.
  [[noreturn]] void diverge(StepStart& start, const Dataset& samples, const char* what) {
    const std::string origin = origin_of(task_.model->named_parameters(), [&] { return loss_of(samples); });
    start.restore();
    optimizer_->zero_grad();
    std::string kept = "add --out to keep the state before such a step";
    if (!files_.diverged.empty()) {
      save_checkpoint(files_.diverged, checkpoint_config(task_), training_, at_);
      kept = fmt::format("the state before that step is in {}", files_.diverged);
      if (std::filesystem::exists(files_.checkpoint))
        kept += fmt::format(", the last one saved in {}", files_.checkpoint);
    }
    const std::string advice =
        is_finite(samples["features"])
            ? fmt::format("begin anew with a smaller --lr than {:.3g}, or another --optimizer", optimizer_->lr(0))
            : "take the samples that are not finite out of the data";
    throw DomainError(fmt::format("train: {} at batch {} of epoch {}{}; {}; {}", what, at_.batch + 1, at_.epoch + 1,
                                  origin.empty() ? "" : fmt::format(" ({})", origin), kept, advice));
  }
  // All that is made before the first step, so that a folder which cannot be written is known by then.
  void open_files() {
    if (!task_.options.out.empty()) make_folder(task_.options.out);
    if (!files_.metrics.empty()) sinks_.push_back(json_lines(files_.metrics, history_));
    if (!files_.events.empty()) sinks_.push_back(event_file(files_.events, schedule_.steps()));
  }
  QuickScores record() {
    use_average();
    const QuickScores quick = quick_scores(task_.options, *task_.model, task_.outputs, task_.data.test);
    use_average();
    history_.push_back({at_.epoch, schedule_.steps(), at_.loss.mean(), lr_, seconds(), quick.scores});
    for (const auto& sink : sinks_) sink->add(history_.back());
    return quick;
  }
  // Said once, as soon as it is so: what follows is lost time.
  void watch_collapse(const QuickScores& quick, Progress& progress) {
    if (!quick.collapse.empty() && !collapsed_) progress.say(fmt::format("epoch {}: {}", at_.epoch, quick.collapse));
    collapsed_ = !quick.collapse.empty();
  }
  void save() const {
    if (files_.checkpoint.empty()) return;
    save_checkpoint(files_.checkpoint, checkpoint_config(task_), training_, at_);
    if (files_.config.empty() || std::filesystem::exists(files_.config)) return;
    const std::string config = nlohmann::ordered_json::parse(config_text(task_.options)).dump(2) + "\n";
    write_file(files_.config, {{config.data(), config.size()}});
  }
  void resume() {
    const std::string& path = files_.checkpoint;
    const Position saved = load_checkpoint(path, training_);
    const int64_t epochs = task_.options.epochs;
    if (saved.samples != at_.samples || saved.epoch < 0 || saved.epoch > epochs || saved.batch < 0 ||
        saved.batch >= steps_)
      throw FileError(fmt::format(
          "{}: stands at batch {} of epoch {} on {} samples, but there are {} batches, {} epochs and {} samples; "
          "resume with the data it was made on",
          path, saved.batch, saved.epoch, saved.samples, steps_, epochs, at_.samples));
    if (saved.data_hash != 0 && saved.data_hash != at_.data_hash)
      throw FileError(fmt::format(
          "{}: was made on other samples than '{}' holds now; resume with the data it was made on, or begin "
          "anew elsewhere",
          path, task_.options.data));
    at_ = saved;
    at_.data_hash = data_hash(task_.data);
  }
  [[noreturn]] void stop() const {
    save();
    throw Interrupted(InterruptWatch::noted(),
                      fmt::format("interrupted in epoch {} of {}, and saved; go on with: {}", at_.epoch + 1,
                                  task_.options.epochs, resume_command(task_.options)));
  }

  Task& task_;
  const TrainFiles& files_;
  int64_t steps_;
  std::unique_ptr<Optimizer> optimizer_;
  RateSchedule schedule_;
  std::optional<WeightAverage> average_;
  GradientAccumulator accumulator_;
  Training training_;
  Position at_;
  double lr_ = 0;  // of the last step
  bool collapsed_ = false;
  std::vector<EpochFigures> history_;
  std::vector<std::unique_ptr<MetricsSink>> sinks_;
  double seconds_before_ = 0;  // of the run that is resumed
  Clock::time_point begin_ = Clock::now();
};

}  // namespace

int64_t outputs_for(const TrainOptions& options, const Data& data) {
  if (options.task == "triplet") return embedding_width;
  return data.wording ? data.wording->classes() : class_count(data);
}

TrainResult train(const TrainOptions& options, const TrainFiles& files, const Data& data, FILE* out) {
  Task task(options, data);
  task.model->train();
  Fitting fitting(task, files);
  fitting.run(out);
  fitting.use_average();
  TrainResult result;
  result.loss = fitting.loss();
  result.seconds = fitting.seconds();
  result.weights_hash = weights_hash(*task.model);
  result.history = fitting.history();
  result.test =
      evaluate_model(options, *task.model, task.outputs, data, std::min(default_neighbours, data.train.size()));
  return result;
}

std::string weights_hash(Module& model) {
  Fnv hash;
  for (const auto& [name, t] : model.state_dict()) hash.add(t);
  return hash.text();
}

uint64_t data_hash(const Split& split) {
  Fnv hash;
  for (const Dataset* half : {&split.train, &split.test})
    for (const auto& [name, t] : half->fields()) hash.add_words(t);
  return hash.value();
}

}  // namespace gradus
