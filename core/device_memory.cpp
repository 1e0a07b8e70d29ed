#include "gradus/core/device_memory.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "gradus/core/backend.h"
#include "gradus/core/error.h"
#include "gradus/core/pool.h"

namespace gradus {
namespace {

struct Holding {
  Shape shape;
  Dtype dtype = Dtype::float32;
  std::string op;  // empty until somebody has written there
};

// What lives on one device, by its address.
struct Ledger {
  std::mutex mutex;
  std::unordered_map<const void*, Holding> holdings;
  DeviceUse use;
};
Ledger& ledger_of(Device device) {
  static auto* const all = new Ledger[256];  // outlives every tensor
  return all[device.index];
}

int64_t bytes_of(const Holding& h) { return h.shape.numel() * size_of(h.dtype); }

thread_local int lasting = 0;  // how many LastingMemory live

std::string readable(int64_t bytes) {
  const char* const units[] = {"KiB", "MiB", "GiB"};
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  double amount = double(bytes) / 1024;
  int unit = 0;
  for (; amount >= 1024 && unit < 2; ++unit) amount /= 1024;
  return fmt::format("{:.1f} {}", amount, units[unit]);
}

// Alike tensors.
struct Share {
  std::string what;
  int64_t count = 0, bytes = 0;
};

// The largest first; the ledger's mutex is held.
std::vector<Share> shares_of(const Ledger& ledger) {
  std::map<std::string, Share> by_name;
  for (const auto& [address, h] : ledger.holdings) {
    std::string what = fmt::format("{} {} {}", h.op.empty() ? "tensor" : h.op.c_str(), name_of(h.dtype), text(h.shape));
    Share& share = by_name[what];
    share.what = std::move(what), share.count += 1, share.bytes += bytes_of(h);
  }
  std::vector<Share> shares;
  for (auto& [name, share] : by_name) shares.push_back(std::move(share));
  std::stable_sort(shares.begin(), shares.end(), [](const Share& a, const Share& b) { return a.bytes > b.bytes; });
  return shares;
}

void free_device_storage(Counted* counted) noexcept {
  auto* storage = static_cast<Storage*>(counted);
  {
    Ledger& ledger = ledger_of(storage->device);
    const std::lock_guard lock(ledger.mutex);
    ledger.holdings.erase(storage->data);
    ledger.use.bytes -= storage->bytes, ledger.use.storages -= 1;
  }
  if (!is_lost(storage->device)) backend("release", storage->device).release(storage->device.index, storage->data);
  storage->~Storage();
  pool::release(storage, sizeof(Storage), pool::Kind::data);
}

}  // namespace

DeviceUse use_of(Device device) {
  Ledger& ledger = ledger_of(device);
  const std::lock_guard lock(ledger.mutex);
  return ledger.use;
}

std::string memory_report(Device device, size_t most) {
  Ledger& ledger = ledger_of(device);
  const std::lock_guard lock(ledger.mutex);
  std::vector<Share> shares = shares_of(ledger);
  if (shares.size() > most) {
    Share rest{"others"};
    for (size_t i = most; i < shares.size(); ++i) rest.count += shares[i].count, rest.bytes += shares[i].bytes;
    shares.resize(most);
    shares.push_back(rest);
  }
  std::string report;
  for (const Share& s : shares)
    report += fmt::format("{}{} × {}: {}", report.empty() ? "" : ", ", s.count, s.what, readable(s.bytes));
  return report;
}

LastingMemory::LastingMemory() { ++lasting; }
LastingMemory::~LastingMemory() { --lasting; }

Ref<Storage> allocate_on_device(const Shape& shape, Dtype dtype, Device device) {
  const Backend& b = backend("allocate", device);
  const int64_t bytes = shape.numel() * size_of(dtype);
  void* data = b.allocate(device.index, bytes, lasting > 0);
  check_device("allocate", device, data || !strcmp(b.error(), Backend::out_of_memory));
  if (!data) {
    const DeviceUse use = use_of(device);
    const std::string report = memory_report(device);
    throw MemoryError(fmt::format(
        "allocate: {} has no room for {} {} of {} ({}; {} tensors hold {} there, {} at most until now{}{}); free "
        "tensors or make them smaller",
        text(device), name_of(dtype), text(shape), readable(bytes), b.error(), use.storages, readable(use.bytes),
        readable(use.most_bytes), report.empty() ? "" : ": ", report));
  }
  Ledger& ledger = ledger_of(device);
  {
    const std::lock_guard lock(ledger.mutex);
    ledger.holdings.insert_or_assign(data, Holding{shape, dtype, {}});
    ledger.use.bytes += bytes, ledger.use.storages += 1;
    ledger.use.most_bytes = std::max(ledger.use.most_bytes, ledger.use.bytes);
  }
  void* block = pool::allocate(sizeof(Storage), pool::Kind::data);
  return Ref<Storage>::adopt(::new (block) Storage(data, bytes, device, &free_device_storage));
}

void note_maker(const char* op, Device device, const void* address) {
  Ledger& ledger = ledger_of(device);
  const std::lock_guard lock(ledger.mutex);
  const auto found = ledger.holdings.find(address);
  if (found != ledger.holdings.end() && found->second.op.empty()) found->second.op = op;
}

}  // namespace gradus
