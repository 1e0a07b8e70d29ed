#include "gradus/autograd/node.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/anomaly.h"
#include "gradus/autograd/hooks.h"
#include "gradus/core/error.h"

namespace gradus {
namespace {

thread_local constinit uint64_t last_number = 0;
thread_local constinit Node* dying = nullptr;  // nodes whose last reference went, linked through `number`
thread_local constinit bool burying = false;

size_t block_bytes(int edges, size_t closure_bytes) {
  return sizeof(Node) + size_t(edges) * sizeof(Ref<Counted>) + 15 + closure_bytes;
}

}  // namespace

Node* Node::make(const char* op, const Tensor* const* inputs, int count, size_t closure_bytes) {
  if (detail::anomaly_mode_is_on()) [[unlikely]]
    detail::look_at_inputs(op, inputs, count);
  const size_t bytes = block_bytes(count, closure_bytes);
  Node* node = ::new (pool::allocate(bytes, pool::Kind::node)) Node(op, 0);
  node->bytes = uint32_t(bytes);
  node->edge_count = uint16_t(count);
  uint64_t newest = last_number;
  for (int i = 0; i < count; ++i) {
    const Ref<Counted>& edge = inputs[i]->state()->node;
    ::new (node->edges() + i) Ref<Counted>(edge);
    if (edge) newest = std::max(newest, static_cast<Node*>(edge.get())->number);
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
  node->number = reinterpret_cast<uint64_t>(std::exchange(dying, node));
  if (burying) return;
  burying = true;
  while (dying) {
    Node* next = dying;
    dying = reinterpret_cast<Node*>(next->number);
    if (next->edge_count) next->forget();  // a node that ran has forgotten already
    if (next->hooks) delete_hooks(next->hooks);
    const size_t bytes = next->bytes;
    next->~Node();
    pool::release(next, bytes, pool::Kind::node);
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
