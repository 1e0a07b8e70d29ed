// Hooks: functions that see, and may replace, the complete gradient of a tensor during backward.
#pragma once
#include <functional>
#include <memory>

#include "gradus/autograd/node.h"

namespace gradus {

struct HookEntries;

// A registered hook, to be taken away again.  The hook stays where its handle is dropped.
class HookHandle {
 public:
  HookHandle() = default;
  HookHandle(std::weak_ptr<HookEntries> entries, uint64_t id) : entries_(std::move(entries)), id_(id) {}
  /// The hook runs no more; nothing happens when it, or its tensor, is gone already.
  void remove();

 private:
  std::weak_ptr<HookEntries> entries_;
  uint64_t id_ = 0;
};

// Calls `hook(gradient)` once per backward with the complete gradient of t; what it returns, unless undefined, replaces
// it. StateError when t does not require a gradient; ShapeError (at backward) when the replacement has another shape.
HookHandle register_hook(const Tensor& t, std::function<Tensor(const Tensor&)> hook);

// For the engine.
Tensor run_hooks(const HookList& hooks, Tensor gradient);
void delete_hooks(HookList* hooks) noexcept;

}  // namespace gradus
