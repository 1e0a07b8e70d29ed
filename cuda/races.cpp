#include "gradus/cuda/races.h"

namespace gradus::simt {

bool Order::within_block(const Stamp& before, const Stamp& now) {
  return before.thread == now.thread || before.barriers < now.barriers ||
         (before.warp() == now.warp() && before.warp_operations < now.warp_operations);
}

bool Order::ordered(const Stamp& before, const Stamp& now) const {
  if (before.launch != now.launch) return true;
  if (before.block == now.block) return within_block(before, now);
  const auto seen = seen_.find(before.block);
  return seen != seen_.end() && within_block(before, seen->second.released) && within_block(seen->second.acquired, now);
}

void Order::take_ticket(const void* ticket, const Stamp& now) {
  std::vector<Stamp>& takers = tickets_[ticket];
  for (const Stamp& taker : takers)
    if (taker.block != now.block) seen_.insert({taker.block, {taker, now}});
  takers.push_back(now);
}

const Stamp* Order::read(History& h, const Stamp& now) const {
  if (!ordered(h.write, now)) return &h.write;
  // A read that this one comes after is no longer needed; of many others, two of different warps are kept.
  for (Stamp& r : h.reads)
    if (!r.launch || ordered(r, now)) {
      r = now;
      return nullptr;
    }
  if (h.reads[0].block == h.reads[1].block && h.reads[0].warp() == h.reads[1].warp()) h.reads[1] = now;
  return nullptr;
}

const Stamp* Order::write(History& h, const Stamp& now) const {
  if (!(h.write.atomic && now.atomic) && !ordered(h.write, now)) return &h.write;
  for (Stamp& r : h.reads) {
    if (!ordered(r, now)) return &r;
    r = {};
  }
  h.write = now;
  return nullptr;
}

}  // namespace gradus::simt
