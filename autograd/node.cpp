#include "gradus/autograd/node.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/anomaly.h"
#include "gradus/autograd/hooks.h"
#include "gradus/core/error.h"

namespace gradus {
namespace {

[[gnu::tls_model("initial-exec")]] thread_local constinit uint64_t last_number = 0;
// Nodes whose last reference went, linked through `number`.
[[gnu::tls_model("initial-exec")]] thread_local constinit Node* dying = nullptr;
[[gnu::tls_model("initial-exec")]] thread_local constinit bool burying = false;

void bury(Node* node) noexcept {
  if (node->hooks) delete_hooks(node->hooks);
  const size_t bytes = node->bytes;
  node->~Node();
  pool::release(node, bytes, pool::Kind::node);
}

}  // namespace

Node* Node::make(void* block, size_t bytes, const char* op, const Tensor* const* inputs, int count) noexcept {
  Node* node = ::new (block) Node(op, 0);
  node->bytes = uint32_t(bytes);
  node->edge_count = uint16_t(count);
  uint64_t newest = last_number;
  for (int i = 0; i < count; ++i) {
    Node* input = node_of(*inputs[i]);
    ::new (node->edges() + i) Ref<Counted>(input);
    if (input) newest = std::max(newest, input->number);
  }
  node->number = last_number = newest + 1;
  return node;
}

Node* Node::make_leaf() {
  Node* node = ::new (pool::allocate(block_bytes(0, 0), pool::Kind::node)) Node("", ++last_number);
  node->bytes = uint32_t(block_bytes(0, 0));
  node->leaf = true;
  return node;
}

void Node::forget() noexcept {
  if (destroy) std::exchange(destroy, nullptr)(*this);
  run = nullptr;
  const int count = std::exchange(edge_count, uint16_t{0});
  for (int i = 0; i < count; ++i) edges()[i].~Ref<Counted>();
}

void Node::free(Counted* counted) noexcept {
  Node* node = static_cast<Node*>(counted);
  if (!node->edge_count && !node->pending.defined() && !node->grad.defined() && !node->hooks)
    return bury(node);  // nothing else dies with it
  node->number = reinterpret_cast<uint64_t>(std::exchange(dying, node));
  if (burying) return;
  burying = true;
  while (dying) {
    Node* next = dying;
    dying = reinterpret_cast<Node*>(next->number);
    if (next->edge_count) next->forget();  // a node that ran has forgotten already
    bury(next);
  }
  burying = false;
}

void Saved::changed() const {
  throw StateError(
      fmt::format("{}: a tensor of shape {} saved for backward was changed in place (saved at version {}, now {}); "
                  "clone() it before changing it",
                  running_backward(), text(tensor_.shape()), version_, tensor_.version()));
}

}  // namespace gradus
