// What a training can be told, and how the command line and files spell it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace gradus {

struct TrainOptions {
  std::string task = "classify";  // or triplet
  std::string data = "digits", model = "mlp", loss, optimizer = "sgd", dtype = "float32";
  std::string mining = "random";  // of triplets
  bool normalise = false;         // embeddings of length 1
  std::optional<double> lr;       // otherwise the optimiser's own
  std::string schedule = "cosine";
  double gamma = 0.1;                 // by which step, multi-step, exponential and plateau multiply the rate
  int64_t every = 10;                 // epochs, of step and cosine-restarts
  std::vector<int64_t> milestones;    // epochs, of multi-step
  int64_t patience = 3;               // epochs, of plateau
  int64_t warm_up = 0;                // steps before the schedule
  double ema = 0;                     // decay of a moving average of the weights; 0: none
  int64_t accumulate = 1;             // parts in which a batch is computed
  std::string precision = "float32";  // of products of matrices; or bfloat16
  int64_t epochs = 40, batch_size = 32, seed = 1;
  std::optional<int> threads;
  int workers = 0;  // threads that prepare batches
  std::string device = "cpu";
  bool json = false;
  std::string config;            // a file with more of these options; "": none
  std::string checkpoint;        // a file to save the training in; "": none
  int64_t checkpoint_every = 1;  // epochs
  bool resume = false;           // go on from the checkpoint
  std::string out;               // a folder for all that the training writes; "": none
  std::vector<std::string> log;  // jsonl, tensorboard
  bool report = false;           // a page in that folder
};

/// What suits an embedding better.
TrainOptions triplet_defaults();

/// Adds the options of a training to a subcommand.
void add_train_options(CLI::App& command, TrainOptions& options);

/// Throws ParamError naming the first option that no training can have.
void check_train_options(const TrainOptions& options);

/// What makes the training what it is, as a JSON object: what a checkpoint keeps, and config.json.
std::string config_text(const TrainOptions& options);

/// Takes the options that a checkpoint keeps. Throws ParamError where the command line says otherwise, for that would
/// be another training, FileError where an option is missing.
void take_checkpoint_options(const CLI::App& command, const std::string& path, TrainOptions& options);
/// Takes them whatever the command line said.
void take_config(const std::string& path, const std::string& config, TrainOptions& options);

}  // namespace gradus
