#include "gradus/core/backend.h"

#include <dlfcn.h>
#include <fmt/core.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <utility>
#include <vector>

#include "gradus/core/error.h"
#include "gradus/core/lost_devices.h"
#include "gradus/core/pool.h"
#include "gradus/core/recorded_step.h"

namespace gradus {
namespace {

namespace fs = std::filesystem;

// What opening the module came to: once, when somebody first asks for a device.
struct Module {
  const Backend* table = nullptr;
  int devices = 0;
  std::string why;  // there is no device
};

// "cuda", "emulate" or a path.
std::string chosen_module() {
  const char* chosen = std::getenv("GRADUS_CUDA_MODULE");
  return chosen && *chosen ? chosen : "cuda";
}

// The library that this code is in; of a program that holds it, what the program was called by.
fs::path here() {
  Dl_info self;
  return dladdr(reinterpret_cast<const void*>(&device_count), &self) ? self.dli_fname : "";
}

// Beside the program or library that this code is in, in lib/ beside its folder, or where the system looks.
void* open_module(const std::string& module) {
  if (module.find('/') != std::string::npos) return dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
  const std::string file = fmt::format("libgradus_{}.so", module);
  for (const fs::path& self : {here(), fs::path("/proc/self/exe")}) {
    std::error_code unreadable;
    fs::path folder = fs::canonical(self, unreadable).parent_path();
    for (int up = 0; up < 3 && !folder.empty(); ++up, folder = folder.parent_path())
      for (const fs::path& place : {folder / file, folder / "lib" / file})
        if (fs::exists(place, unreadable)) return dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  return dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
}

Module opened() {
  Module m;
  const std::string module = chosen_module();
  void* library = open_module(module);
  if (!library) {
    const char* reason = dlerror();
    m.why = fmt::format(
        "the module {} could not be opened ({}); build it with {}, or name another in GRADUS_CUDA_MODULE", module,
        reason ? reason : "not found", module == "emulate" ? "GRADUS_BUILD_EMULATOR=ON" : "GRADUS_CUDA=ON");
    return m;
  }
  const auto open = reinterpret_cast<Backend::Open>(dlsym(library, Backend::symbol));
  if (!open) {
    m.why = fmt::format("the module {} is no module of gradus; name another in GRADUS_CUDA_MODULE", module);
    return m;
  }
  const Backend* table = open();
  if (table->version != Backend::current_version) {
    m.why = fmt::format("the module {} has version {} and this gradus wants {}; build both together", module,
                        table->version, int{Backend::current_version});
    return m;
  }
  m.devices = table->device_count();
  if (m.devices > 0) m.table = table;
  else m.why = table->error();
  return m;
}

const Module& the_module() {
  static const Module m = opened();
  return m;
}

LostDevices& lost_devices() {
  static auto* const all = new LostDevices;  // outlives every tensor
  return *all;
}

// Devices of which backend() was asked, while somebody wants to know.
thread_local std::vector<Device>* devices_used = nullptr;

}  // namespace

DevicesUsed::DevicesUsed() { devices_used = new std::vector<Device>; }
DevicesUsed::~DevicesUsed() { delete std::exchange(devices_used, nullptr); }
Device DevicesUsed::only(const char* op) const {
  for (const Device d : *devices_used)
    if (!(d == devices_used->front()))
      throw StateError(
          fmt::format("{}: the step uses {} and {}, wanted one device", op, text(devices_used->front()), text(d)));
  return devices_used->empty() ? cpu : devices_used->front();
}

const Backend& backend(const char* op, Device device) {
  const Module& m = the_module();
  if (!m.table) throw DeviceError(fmt::format("{}: {} is not available: {}", op, text(device), m.why));
  if (device.index >= m.devices)
    throw DeviceError(fmt::format("{}: {} does not exist, wanted an index below {}; see gradus devices", op,
                                  text(device), m.devices));
  lost_devices().check(op, device);
  if (devices_used && (devices_used->empty() || !(devices_used->back() == device))) devices_used->push_back(device);
  return *m.table;
}

int device_count(std::string* why) {
  const Module& m = the_module();
  if (why) *why = m.why;
  return m.devices;
}

void check_device(const char* op, Device device, bool ok) {
  if (ok) return;
  const Backend& b = backend(op, device);
  if (b.lost()) lost_devices().lose(op, device, b.error());
  lost_devices().check(op, device);
  throw DeviceError(fmt::format("{}: {} failed: {}", op, text(device), b.error()));
}

bool is_lost(Device device) { return lost_devices().holds(device); }

DeviceProperties properties_of(Device device) {
  DeviceProperties p;
  check_device("properties", device, backend("properties", device).properties(device.index, &p));
  return p;
}

void empty_cache(Device device) {
  if (device.kind == Device::cpu_kind) return pool::empty_cache();
  check_device("empty_cache", device, backend("empty_cache", device).empty_cache(device.index));
}

namespace {

using Checks = std::vector<std::function<void()>>;
Checks& checks_of(Device device) {
  static thread_local std::vector<Checks> all;
  if (all.size() <= size_t(device.index)) all.resize(size_t(device.index) + 1);
  return all[size_t(device.index)];
}

}  // namespace

void defer_check(Device device, std::function<void()> check) {
  if (RecordedStep* recording = RecordedStep::active()) return recording->check_each(std::move(check));
  constexpr size_t most = 16;  // each keeps the tensors that it may have to speak of
  if (checks_of(device).size() >= most) settle_checks(device);
  checks_of(device).push_back(std::move(check));
}

void settle_checks(Device device) {
  const Checks now = std::exchange(checks_of(device), {});  // what they read must not come here again
  std::exception_ptr first;
  for (const auto& check : now) {
    try {
      check();
    } catch (...) {
      if (!first) first = std::current_exception();  // the others keep books and have to be done
    }
  }
  if (first) std::rethrow_exception(first);
}

void synchronise(Device device) {
  if (device.kind == Device::cpu_kind) return;
  RecordedStep::refuse("synchronise", "waits for a device");
  settle_checks(device);
  check_device("synchronise", device, backend("synchronise", device).synchronise(device.index));
}

}  // namespace gradus
