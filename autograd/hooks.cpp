#include "gradus/autograd/hooks.h"

#include <fmt/core.h>

#include <vector>

#include "gradus/core/error.h"

namespace gradus {

struct HookList {
  std::vector<std::function<Tensor(const Tensor&)>> hooks;
};

void register_hook(const Tensor& t, std::function<Tensor(const Tensor&)> hook) {
  if (!t.requires_grad())
    throw StateError(
        "register_hook: the tensor requires no gradient, so its hook would never run; call requires_grad(true) first");
  Node* node = node_of(t);
  if (!node->hooks) node->hooks = new HookList;
  node->hooks->hooks.push_back(std::move(hook));
}

Tensor run_hooks(const HookList& list, Tensor gradient) {
  for (auto& hook : list.hooks) {
    Tensor replacement = hook(gradient);
    if (!replacement.defined()) continue;
    if (!(replacement.shape() == gradient.shape()) || replacement.dtype() != gradient.dtype())
      throw ShapeError(fmt::format("hook: returned {}, the gradient is {}; return one like it", describe(replacement),
                                   describe(gradient)));
    gradient = std::move(replacement);
  }
  return gradient;
}

void delete_hooks(HookList* hooks) noexcept { delete hooks; }

}  // namespace gradus
