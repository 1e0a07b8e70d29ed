#include "gradus/cuda/graph.h"

#include <atomic>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <unordered_map>

#include "gradus/cuda/runtime.h"

namespace gradus::cuda_kernels {

// Blocks that were released while the graph lives serve its later allocations alone: whoever else got them would find
// them changed by every replay.
class Graph {
 public:
  void* launches = nullptr;  // the runtime's

  void* allocate(int64_t bytes, bool lasts) {
    if (const auto fit = free_.find(bytes); fit != free_.end() && !lasts) {
      void* data = fit->second;
      free_.erase(fit);
      return data;
    }
    void* data = runtime::allocate(bytes);
    if (data) size_[data] = bytes;
    return data;
  }
  void release(void* data) { free_.emplace(size_.at(data), data); }

  std::multimap<int64_t, void*> free_;  // by size
  std::unordered_map<void*, int64_t> size_;
};

namespace {

struct Recorder {
  std::atomic<Graph*> graph{nullptr};
  std::thread::id thread;
};
Recorder& recorder_of(int device) {
  static Recorder all[64];
  return all[device];
}

// The blocks of all graphs; one without a graph belongs to one that was forgotten.
std::mutex& mutex() {
  static std::mutex m;
  return m;
}
std::unordered_map<void*, Graph*>& owners() {
  static auto* const all = new std::unordered_map<void*, Graph*>;  // outlives every tensor
  return *all;
}
std::atomic<bool> graphs_exist{false};

}  // namespace

void begin_recording(int device) {
  if (is_recording(device))
    throw std::runtime_error("a step is being recorded there already; record one after the other");
  auto* graph = new Graph;
  try {
    runtime::begin_recording();
  } catch (...) {
    delete graph;
    throw;
  }
  graphs_exist = true;
  Recorder& r = recorder_of(device);
  r.thread = std::this_thread::get_id();
  r.graph = graph;
}

Graph* end_recording(int device) {
  Graph* graph = recorder_of(device).graph.exchange(nullptr);
  graph->launches = runtime::end_recording();
  return graph;
}

bool is_recording(int device) {
  const Recorder& r = recorder_of(device);
  if (!r.graph) return false;
  if (r.thread != std::this_thread::get_id())
    throw std::runtime_error("another thread is recording a step there; wait until it has");
  return true;
}

void replay(Graph& graph) { runtime::replay(graph.launches); }

void forget(Graph* graph) {
  if (graph->launches) runtime::destroy(graph->launches);
  const std::lock_guard lock(mutex());
  for (const auto& [size, data] : graph->free_) {
    runtime::release(data);
    graph->size_.erase(data);
    owners().erase(data);
  }
  for (const auto& [data, size] : graph->size_) owners()[data] = nullptr;
  delete graph;
}

void* allocate(int device, int64_t bytes, bool lasts) {
  if (!is_recording(device)) return runtime::allocate(bytes);
  const std::lock_guard lock(mutex());
  Graph* graph = recorder_of(device).graph;
  void* data = graph->allocate(bytes, lasts);
  if (data) owners()[data] = graph;
  return data;
}

void release(void* data) {
  if (graphs_exist) {
    const std::lock_guard lock(mutex());
    if (const auto found = owners().find(data); found != owners().end()) {
      if (found->second) return found->second->release(data);
      owners().erase(found);
    }
  }
  runtime::release(data);
}

void* scratch(int device, Scratch& kept, int64_t bytes) {
  if (bytes == 0) return kept.data;
  void* data = kept.data;
  if (is_recording(device)) data = allocate(device, bytes);
  else if (kept.bytes < bytes) {
    if (kept.data) runtime::release(kept.data);
    kept = {};
    data = kept.data = runtime::allocate(bytes);
    if (data) kept.bytes = bytes;
  }
  if (!data) throw std::bad_alloc();
  return data;
}

}  // namespace gradus::cuda_kernels
