// The registry: every loss by its name, and a way to call one with named arguments.
#pragma once
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gradus/core/formula.h"
#include "gradus/core/tensor.h"

namespace gradus {

// All that have a name: the losses of losses/list.txt and the compositions, sorted by name.
const std::vector<const LossEntry*>& losses();
// The ops of tensors that are described like losses.
std::vector<const LossEntry*> compositions();
// By canonical name; null when there is none.
const LossEntry* find_loss(const std::string& name);
// By what another library calls it: "nn.CrossEntropyLoss", "F.cross_entropy"; null when no loss or several are called so.
const LossEntry* find_alias(const std::string& name);
// By canonical name, or by what another library calls it.  ParamError names the nearest known one, or those that the name may
// mean.
const LossEntry& loss_named(const std::string& name);
// What other libraries call it, with their remarks.
std::vector<std::string> aliases_of(const About& about);

// The formula struct of a loss's first formula, which carries its parameters, at their defaults.
class LossParameters {
 public:
  explicit LossParameters(const LossEntry& entry);
  LossParameters(const LossParameters&) = delete;
  LossParameters& operator=(const LossParameters&) = delete;
  ~LossParameters();

  // A parameter or option by name; a choice by its word, a flag by 0 or 1, "none" where a number is optional.
  // ParamError on a name or word that is not known.
  void set(const std::string& name, const std::variant<double, std::string>& value);
  void set(const std::string& name, const Tensor& tensor);
  const LossEntry& entry() const { return entry_; }
  const void* get() const { return storage_; }

 private:
  const LossEntry& entry_;
  void* storage_;
};

struct LossArguments {
  std::vector<std::pair<std::string, Tensor>> inputs;  // required inputs and tensor parameters
  std::vector<std::pair<std::string, std::variant<double, std::string>>>
      options;  // numbers, words, "reduction", "empty"
};

// Calls a loss by names; ParamError says which name is unknown or which input is missing, and what is known.
Tensor evaluate(const LossEntry& entry, const LossArguments& arguments);

// Every name evaluate() knows for this loss: inputs, then options.
std::vector<std::string> known_names(const LossEntry& entry);
// Is it one of them, {i} standing for any number?
bool knows(const LossEntry& entry, const std::string& name);

const char* name_of(Reduction);
Empty empty_named(const char* op, const std::string& word);

}  // namespace gradus
