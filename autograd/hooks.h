// Hooks: functions that see, and may replace, the complete gradient of a tensor during backward.
#pragma once
#include <functional>

#include "gradus/autograd/node.h"

namespace gradus {

// Calls `hook(gradient)` once per backward with the complete gradient of t; what it returns, unless undefined, replaces
// it. StateError when t does not require a gradient; ShapeError (at backward) when the replacement has another shape.
void register_hook(const Tensor& t, std::function<Tensor(const Tensor&)> hook);

// For the engine.
Tensor run_hooks(const HookList& hooks, Tensor gradient);
void delete_hooks(HookList* hooks) noexcept;

}  // namespace gradus
