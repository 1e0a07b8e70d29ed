// gradus export: a saved model in a format that other programs compute with.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "gradus/cli/choices.h"
#include "gradus/cli/commands.h"
#include "gradus/cli/onnx_model.h"
#include "gradus/cli/trained_model.h"
#include "gradus/cli/training.h"
#include "gradus/data/atomic_file.h"
#include "gradus/version.h"

namespace gradus {
namespace {

struct Arguments {
  std::string checkpoint, out, dtype;
  bool json = false;
};

Dtype dtype_named(const std::string& name) { return name == "float64" ? Dtype::float64 : Dtype::float32; }

OnnxPort input_of(const TrainedModel& trained, Dtype dtype) {
  OnnxPort port{trained.wording ? "tokens" : "features", trained.wording ? Dtype::int64 : dtype, {"batch"}};
  for (const int64_t extent : trained.sample) port.axes.emplace_back(extent);
  return port;
}

OnnxPort output_of(const TrainedModel& trained, Dtype dtype) {
  return {trained.options.task == "triplet" ? "embedding" : "logits", dtype, {"batch", trained.outputs}};
}

nlohmann::ordered_json described(const OnnxPort& port) {
  auto shape = nlohmann::ordered_json::array();
  for (const OnnxAxis& axis : port.axes)
    if (axis.name.empty()) shape.push_back(axis.extent);
    else shape.push_back(axis.name);
  return {{"name", port.name}, {"dtype", name_of(port.dtype)}, {"shape", shape}};
}

void print_port(const char* what, const OnnxPort& port) {
  std::vector<std::string> axes;
  for (const OnnxAxis& axis : port.axes) axes.push_back(axis.name.empty() ? std::to_string(axis.extent) : axis.name);
  fmt::print("{:<7}{} {} ({})\n", what, port.name, name_of(port.dtype), fmt::join(axes, ","));
}

void run(const Arguments& a) {
  check_onnx();
  if (!a.dtype.empty()) choose("--dtype", a.dtype, {"float32", "float64"});
  TrainedModel trained = load_trained(a.checkpoint);
  const std::string hash = weights_hash(*trained.model);
  const TrainOptions& o = trained.options;
  const Dtype dtype = dtype_named(a.dtype.empty() ? o.dtype : a.dtype);
  trained.model->to(dtype);
  const OnnxPort input = input_of(trained, dtype), output = output_of(trained, dtype);
  std::map<std::string, std::string> facts = {{"gradus", version},
                                              {"task", o.task},
                                              {"data", o.data},
                                              {"model", o.model},
                                              {"epochs", std::to_string(trained.epochs)},
                                              {"weights_hash", hash}};
  if (trained.wording) {  // by which others make tokens of texts, and answers of classes
    facts["words"] = nlohmann::json(trained.wording->words).dump();
    facts["answers"] = nlohmann::json(trained.wording->answers).dump();
  }
  const OnnxModel model = onnx_model(*trained.model, input, {output}, facts);
  write_file(a.out, {{model.bytes.data(), model.bytes.size()}});
  const int64_t parameters = trained.model->parameter_count();
  if (a.json) {
    const nlohmann::ordered_json j = {{"file", a.out},
                                      {"format", "onnx"},
                                      {"opset", onnx_opset},
                                      {"model", o.model},
                                      {"nodes", model.nodes},
                                      {"initializers", model.initializers},
                                      {"parameters", parameters},
                                      {"inputs", {described(input)}},
                                      {"outputs", {described(output)}},
                                      {"weights_hash", hash}};
    fmt::print("{}\n", j.dump());
    return;
  }
  fmt::print("wrote {}: {}, {} nodes, {} parameters, ONNX opset {}\n", a.out, o.model, model.nodes, parameters,
             onnx_opset);
  print_port("input", input);
  print_port("output", output);
}

}  // namespace

void add_export(CLI::App& app, int&) {
  CLI::App* group = app.add_subcommand("export", "A trained model for other programs: as ONNX");
  group->require_subcommand(1);
  group->footer("Example:\n  gradus export onnx run --out model.onnx");
  CLI::App* command = group->add_subcommand(
      "onnx", "As an ONNX file, which ONNX Runtime and others compute with, for batches of any size");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("checkpoint", arguments->checkpoint, "what gradus train saved: a file, or the folder of --out")
      ->required()
      ->type_name("FILE|FOLDER");
  command->add_option("--out", arguments->out, "the file to write; one that is there is replaced")
      ->required()
      ->type_name("FILE.onnx");
  command
      ->add_option("--dtype", arguments->dtype,
                   "precision of weights, input and output; default: as trained. Many runtimes have no convolution in "
                   "float64")
      ->type_name("float32|float64");
  command->add_flag("--json", arguments->json, "print one JSON object");
  command->footer(
      "Examples:\n  gradus export onnx run --out model.onnx\n  gradus export onnx run.safetensors --out model.onnx "
      "--dtype float32 --json");
  command->callback([=] { run(*arguments); });
}

}  // namespace gradus
