#include "gradus/autograd/engine.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/anomaly.h"
#include "gradus/autograd/hooks.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"

namespace gradus {

Tensor add(const Tensor& a, const Tensor& b);  // ops/arithmetic.h: only for a backward that is itself recorded

namespace {

[[gnu::tls_model("initial-exec")]] thread_local constinit const char* running = "";

// Names the op whose backward runs, for the errors that it may throw.
class Running {
 public:
  explicit Running(const char* op) : outer_(std::exchange(running, op)) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { running = outer_; }

 private:
  const char* outer_;
};

bool older(const Node* a, const Node* b) { return a->number < b->number; }

// into += more; both dense, of one dtype and on one device, which is checked once.
void add_in_place(Tensor& into, const Tensor& more) {
  if (!on_cpu(into)) return device_add(into, more);
  into.bump_version();
  visit_floating(into.dtype(), [&]<class F>(Type<F>) __attribute__((always_inline)) {
    F* sum = static_cast<F*>(into.address());
    const F* x = static_cast<const F*>(more.address());
    for (int64_t i = 0, n = into.numel(); i < n; ++i) sum[i] += x[i];
  });
}

// into = into + more, in a new tensor.
[[gnu::noinline]] void replace_by_sum(Tensor& into, const Tensor& more, bool recorded) {
  if (recorded) {
    into = add(into, more);
    return;
  }
  const Tensor b = dense(more);
  Tensor out(into.shape(), into.dtype(), into.device());
  copy_elements(into, out);
  add_in_place(out, b);
  into = std::move(out);
}

// into += more, elementwise.  A tensor that somebody else holds is left alone and replaced.
void accumulate(Tensor& into, const Tensor& more, bool recorded) {
  if (!recorded && into.sole_owner() && into.is_contiguous() && more.is_contiguous()) add_in_place(into, more);
  else replace_by_sum(into, more, recorded);
}

// One walk over the graph: the nodes whose gradient is waiting, newest first.
class Pass {
 public:
  explicit Pass(BackwardOptions options) : options_(options) {}
  Pass(const Pass&) = delete;
  ~Pass() {  // only when something threw: leave no half-summed gradient behind
    for (const auto* list : {&waiting_, &leaves_})
      for (Node* node : *list) {
        node->pending = Tensor();
        node->queued = false;
        node->release();
      }
  }

  // Takes the gradient.
  void deliver(Node* node, Tensor& gradient) {
    if (node->queued) {
      accumulate(node->pending, gradient, options_.create_graph);
      gradient = Tensor();
      return;
    }
    node->pending = std::move(gradient);
    node->queued = true;
    node->retain();
    if (node->leaf) return leaves_.push_back(node);  // complete only when all else has run
    waiting_.push_back(node);
    if (waiting_.size() > 1) std::push_heap(waiting_.begin(), waiting_.end(), older);
  }

  // arrived(node, complete gradient) says whether to go on into the node's inputs.
  template <class Arrived> void run(uint64_t oldest, Arrived arrived) {
    while (!waiting_.empty()) {
      if (waiting_.size() > 1) std::pop_heap(waiting_.begin(), waiting_.end(), older);
      const Ref<Node> node = take_last(waiting_);
      Tensor gradient = complete(*node);
      if (arrived(*node, gradient)) step(*node, gradient, oldest);
    }
    while (!leaves_.empty()) {
      const Ref<Node> leaf = take_last(leaves_);
      Tensor gradient = complete(*leaf);
      arrived(*leaf, gradient);
    }
  }

 private:
  static Ref<Node> take_last(std::vector<Node*>& list) {
    Node* node = list.back();
    list.pop_back();
    return Ref<Node>::adopt(node);
  }
  static Tensor complete(Node& node) {
    node.queued = false;
    Tensor gradient = std::move(node.pending);
    if (node.hooks) [[unlikely]]
      gradient = run_hooks(*node.hooks, std::move(gradient));
    return gradient;
  }

  [[gnu::noinline]] Tensor* many_slots(size_t count) {
    if (slots_.size() < count) slots_.resize(count);
    return slots_.data();
  }

  void step(Node& node, Tensor& gradient, uint64_t oldest) {
    if (node.ran)
      throw StateError(fmt::format(
          "backward: the graph through '{}' was already used and freed; pass retain_graph = true to the first backward",
          node.op));
    Tensor* slots = few_slots_;
    if (node.edge_count > std::size(few_slots_)) slots = many_slots(node.edge_count);
    Gradients gradients(slots, node, gradient);
    {
      const Running name(node.op);
      node.run(node, gradient, gradients);
      if (detail::anomaly_mode_is_on()) detail::look_at_gradients(node.op, slots, node.edge_count);
    }
    gradient = Tensor();  // so that a gradient handed through is owned by its receiver alone
    for (int i = 0; i < node.edge_count; ++i)
      if (slots[i].defined()) {
        Node* input = node.input(i);
        if (input && input->number >= oldest) deliver(input, slots[i]);
        else slots[i] = Tensor();
      }
    if (!options_.retain_graph && !options_.create_graph) {
      node.forget();
      node.ran = true;
    }
  }

  BackwardOptions options_;
  std::vector<Node*> waiting_;  // a heap, the newest on top
  std::vector<Node*> leaves_;
  Tensor few_slots_[8];        // for the gradients of one node's inputs, empty between nodes
  std::vector<Tensor> slots_;  // the same for a node with more of them
};

Tensor seed_for(const char* op, const Tensor& output, const Tensor& gradient) {
  if (!output.defined())
    throw StateError(fmt::format("{}: the output is an undefined tensor; pass what a computation returned", op));
  if (!output.requires_grad())
    throw StateError(
        fmt::format("{}: the output does not depend on a tensor that requires a gradient; call requires_grad(true) on "
                    "an input before computing it",
                    op));
  if (detail::anomaly_mode_is_on()) {
    const Tensor* made = &output;
    detail::look_at_inputs(op, &made, 1);
  }
  if (gradient.defined()) {
    if (!(gradient.shape() == output.shape()))
      throw ShapeError(
          fmt::format("{}: gradient has shape {} but the output has shape {}; pass one of the output's shape", op,
                      text(gradient.shape()), text(output.shape())));
    if (gradient.dtype() != output.dtype())
      throw DtypeError(fmt::format("{}: gradient is {} but the output is {}; convert it with to()", op,
                                   name_of(gradient.dtype()), name_of(output.dtype())));
    if (gradient.device() != output.device())
      throw DeviceError(fmt::format("{}: gradient is on {} but the output is on {}; move one with to()", op,
                                    text(gradient.device()), text(output.device())));
    return gradient;
  }
  if (output.numel() != 1)
    throw ShapeError(fmt::format(
        "{}: the output has shape {}, wanted a single number; reduce it with sum() or mean(), or pass a gradient", op,
        text(output.shape())));
  Tensor one(output.shape(), output.dtype(), output.device());
  fill_elements(one, 1);
  return one;
}

void accumulate_on_leaf(Node& leaf, Tensor gradient, bool recorded) {
  if (leaf.grad.defined()) {
    if (recorded) return accumulate(leaf.grad, gradient, true);
    if (!leaf.grad.is_contiguous()) leaf.grad = dense(leaf.grad);
    add_in_place(leaf.grad, dense(gradient));  // in place, as handles that the user took of grad() expect
  } else if (recorded || (gradient.sole_owner() && gradient.is_contiguous())) {
    leaf.grad = std::move(gradient);
  } else {  // an alias: two leaves must never share one gradient
    leaf.grad = Tensor(gradient.shape(), gradient.dtype(), gradient.device());
    copy_elements(gradient, leaf.grad);
  }
}

}  // namespace

const char* running_backward() { return running; }

std::vector<std::string> without_gradient(const NamedTensors& parameters) {
  std::vector<std::string> names;
  for (const auto& [name, t] : parameters)
    if (t.requires_grad() && !t.grad().defined()) names.push_back(name);
  return names;
}

void backward(const Tensor& output, const Tensor& gradient, BackwardOptions options) {
  Tensor seed = seed_for("backward", output, gradient);
  Pass pass(options);
  pass.deliver(node_of(output), seed);
  const auto to_leaf = [&](Node& node, Tensor& g) {
    if (node.leaf) accumulate_on_leaf(node, std::move(g), options.create_graph);
    return true;
  };
  if (options.create_graph) {
    Grad record;
    pass.run(0, to_leaf);
  } else {
    NoGrad quiet;
    pass.run(0, to_leaf);
  }
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& gradients, BackwardOptions options) {
  if (!gradients.empty() && gradients.size() != outputs.size())
    throw ParamError(fmt::format("grad: got {} gradients for {} outputs; pass one per output, or none",
                                 gradients.size(), outputs.size()));
  uint64_t oldest = ~uint64_t{0};
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined() || !inputs[i].requires_grad())
      throw StateError(fmt::format(
          "grad: input {} requires no gradient; call requires_grad(true) on it before computing the outputs", i));
    oldest = std::min(oldest, node_of(inputs[i])->number);
  }
  std::vector<Tensor> seeds;
  for (size_t i = 0; i < outputs.size(); ++i)
    seeds.push_back(seed_for("grad", outputs[i], gradients.empty() ? Tensor() : gradients[i]));
  Pass pass(options);
  for (size_t i = 0; i < outputs.size(); ++i) pass.deliver(node_of(outputs[i]), seeds[i]);
  std::vector<Tensor> found(inputs.size());
  const auto capture = [&](Node& node, Tensor& g) {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (node_of(inputs[i]) == &node) found[i] = g;
    return node.number > oldest;
  };
  if (options.create_graph) {
    Grad record;
    pass.run(oldest, capture);
  } else {
    NoGrad quiet;
    pass.run(oldest, capture);
  }
  return found;
}

}  // namespace gradus
