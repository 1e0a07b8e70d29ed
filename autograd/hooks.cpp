#include "gradus/autograd/hooks.h"

#include <fmt/core.h>

#include <map>

#include "gradus/core/error.h"

namespace gradus {

struct HookEntries {
  std::map<uint64_t, std::function<Tensor(const Tensor&)>> by_id;  // in the order of their registration
  uint64_t last_id = 0;
};
struct HookList {
  std::shared_ptr<HookEntries> entries = std::make_shared<HookEntries>();
};

void HookHandle::remove() {
  if (const auto entries = entries_.lock()) entries->by_id.erase(id_);
}

HookHandle register_hook(const Tensor& t, std::function<Tensor(const Tensor&)> hook) {
  if (!t.requires_grad())
    throw StateError(
        "register_hook: the tensor requires no gradient, so its hook would never run; call requires_grad(true) first");
  Node* node = node_of(t);
  if (!node->hooks) node->hooks = new HookList;
  HookEntries& entries = *node->hooks->entries;
  entries.by_id.emplace(++entries.last_id, std::move(hook));
  return {node->hooks->entries, entries.last_id};
}

Tensor run_hooks(const HookList& list, Tensor gradient) {
  const auto now = list.entries->by_id;  // a hook may remove itself, or register another
  for (const auto& [id, hook] : now) {
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
