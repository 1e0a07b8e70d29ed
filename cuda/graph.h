// Steps that are recorded once and played again: the launches of a stream as one graph, and the memory they touch.
#pragma once
#include <cstdint>

namespace gradus::cuda_kernels {

class Graph;

// Launches of this thread on the selected device are kept from now on instead of run. Throws where one is recorded
// already.
void begin_recording(int device);
// The graph of what was kept, which the caller owns.
Graph* end_recording(int device);
// Is this thread recording? Throws where another one does, on that device, for its launches would be kept as well.
bool is_recording(int device);
void replay(Graph& graph);
// What its blocks of memory hold may still be in use: those go when they are released.
void forget(Graph* graph);

// Device memory; what is allocated while a graph is recorded belongs to it, and stays where it is for its replays.
// `lasts`: no launch before writes there, so that what it holds lasts from replay to replay.  Null where memory is out.
void* allocate(int device, int64_t bytes, bool lasts = false);
void release(void* data);
// Memory that kernels use one after another: `kept` grows as needed. A graph gets memory of its own.
struct Scratch {
  void* data = nullptr;
  int64_t bytes = 0;
};
void* scratch(int device, Scratch& kept, int64_t bytes);  // throws std::bad_alloc

}  // namespace gradus::cuda_kernels
