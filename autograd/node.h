// Node: one recorded op.  A node knows the nodes of its inputs and how to turn the gradient of its output into theirs.
//
// A node is one block of the pool: the header below, then the edges, then the backward closure built in place behind
// two function pointers.  Recording an op allocates nothing else.
#pragma once
#include <initializer_list>
#include <memory>
#include <new>
#include <type_traits>

#include "gradus/autograd/anomaly.h"
#include "gradus/core/pool.h"
#include "gradus/core/tensor.h"

namespace gradus {

struct Node;

// Where a backward closure puts its results: one slot per input, in the order in which record() was given them.
class Gradients {
 public:
  Gradients(Tensor* slots, const Node& node, Tensor& arrived) : slots_(slots), node_(node), arrived_(arrived) {}
  bool wants(int input) const;  // false: that input needs no gradient, computing it would be waste
  Tensor& operator[](int input) { return slots_[input]; }
  // The gradient that arrived, to be written over and moved into a slot; null where somebody else holds it too, or
  // where the backward is recorded.
  Tensor* spare();

 private:
  Tensor* slots_;
  const Node& node_;
  Tensor& arrived_;
};

struct HookList;  // see hooks.h

struct Node : Counted {
  const char* op;
  uint64_t number;  // larger than every input's: popping the newest first is a topological order
  Tensor pending;   // the sum of the gradients that arrived during the pass under way
  Tensor grad;      // a leaf's accumulated gradient
  void (*run)(Node&, const Tensor& gradient, Gradients&) = nullptr;  // null for a leaf, and after the node ran
  void (*destroy)(Node&) noexcept = nullptr;                         // the closure's destructor
  HookList* hooks = nullptr;
  uint32_t bytes = 0;  // of the whole block
  uint16_t edge_count = 0;
  bool leaf = false, queued = false, ran = false;

  Node(const char* op, uint64_t number) : Counted(&Node::free), op(op), number(number) {}
  Ref<Counted>* edges() { return reinterpret_cast<Ref<Counted>*>(this + 1); }
  const Ref<Counted>* edges() const { return reinterpret_cast<const Ref<Counted>*>(this + 1); }
  Node* input(int i) const { return static_cast<Node*>(edges()[i].get()); }
  void* closure() {
    const auto end = reinterpret_cast<uintptr_t>(edges() + edge_count);
    return reinterpret_cast<void*>((end + 15) & ~uintptr_t(15));
  }
  void forget() noexcept;  // drops the closure and the edges: frees what backward had saved

  static constexpr size_t block_bytes(int edges, size_t closure_bytes);
  // In a block of so many bytes.
  static Node* make(void* block, size_t bytes, const char* op, const Tensor* const* inputs, int count) noexcept;
  static Node* make_leaf();
  static void free(Counted*) noexcept;  // iterative, so that a chain of a million ops frees on a small stack
};

constexpr size_t Node::block_bytes(int edges, size_t closure_bytes) {
  return sizeof(Node) + size_t(edges) * sizeof(Ref<Counted>) + 15 + closure_bytes;
}
inline bool Gradients::wants(int input) const { return bool(node_.edges()[input]); }
inline Node* node_of(const Tensor& t) { return static_cast<Node*>(t.state()->node.get()); }

// While one is alive, this thread records nothing.
class NoGrad {
 public:
  NoGrad() : before_(active_) { active_ = true; }
  ~NoGrad() { active_ = before_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  static bool active() { return active_; }

 private:
  friend class Grad;
  [[gnu::tls_model("initial-exec")]] static inline thread_local constinit bool active_ = false;  // see pool::heap
  bool before_;
};

// The opposite: records again inside a NoGrad (a backward that is itself to be differentiated).
class Grad {
 public:
  Grad() : before_(NoGrad::active_) { NoGrad::active_ = false; }
  ~Grad() { NoGrad::active_ = before_; }
  Grad(const Grad&) = delete;
  Grad& operator=(const Grad&) = delete;

 private:
  bool before_;
};

inline Tensor* Gradients::spare() {
  return NoGrad::active() && arrived_.sole_owner() && arrived_.is_contiguous() ? &arrived_ : nullptr;
}

// Is an op on these inputs, which have been read, to be recorded?
template <class... Inputs> bool recording(const Inputs&... inputs) {
  return !NoGrad::active() && (bool(inputs.state()->node) || ...);
}

// A tensor kept for backward.  Taking it out fails readably when it was overwritten in place meanwhile.
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor& t) : tensor_(t), version_(t.version()) {}
  Saved(const Tensor& t, bool needed) : tensor_(needed ? t : Tensor()), version_(needed ? t.version() : 0) {}
  const Tensor& operator()() const {
    if (tensor_.version() != version_) [[unlikely]]
      changed();
    return tensor_;
  }
  explicit operator bool() const { return tensor_.defined(); }

 private:
  [[noreturn]] void changed() const;
  Tensor tensor_;
  uint32_t version_ = 0;
};

// The name of the op whose backward runs on this thread; "" outside.  For error texts.
const char* running_backward();

// Marks `out` as made by `op` from `inputs`.  `backward(gradient of out, Gradients&)` fills the slots that it wants();
// it may capture tensors as Saved, but never `out` itself: out owns the node, a handle back would be a cycle.
template <class Backward>
void record(const char* op, Tensor& out, const Tensor* const* inputs, int count, Backward&& backward) {
  using Closure = std::remove_cvref_t<Backward>;
  static_assert(alignof(Closure) <= 16 && std::is_nothrow_move_constructible_v<Closure>);
  if (detail::anomaly_mode_is_on()) [[unlikely]]
    detail::look_at_inputs(op, inputs, count);
  const size_t bytes = Node::block_bytes(count, sizeof(Closure));
  Node* node = Node::make(pool::allocate(bytes, pool::Kind::node), bytes, op, inputs, count);
  ::new (node->closure()) Closure(std::forward<Backward>(backward));
  node->run = [](Node& n, const Tensor& g, Gradients& to) { (*static_cast<Closure*>(n.closure()))(g, to); };
  node->destroy = [](Node& n) noexcept { static_cast<Closure*>(n.closure())->~Closure(); };
  out.state()->node = Ref<Counted>::adopt(node);
}
template <class Backward>
void record(const char* op, Tensor& out, std::initializer_list<const Tensor*> inputs, Backward&& backward) {
  record(op, out, inputs.begin(), int(inputs.size()), std::forward<Backward>(backward));
}

}  // namespace gradus
