// The emulator's scheduler: the fibers of one block at a time, and what they wait for.
#include "gradus/cuda/emulator.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "gradus/cuda/emulated_memory.h"
#include "gradus/cuda/fiber.h"

namespace gradus::simt {
namespace {

constexpr unsigned warp_size = 32, most_threads = 1024;

enum class State : uint8_t { ready, at_barrier, in_warp_operation, left };

struct Lane {
  Position at;
  State state = State::ready;
  unsigned barriers = 0, warp_operations = 0;  // passed
  Line line{};                                 // where it waits
  // Of a warp operation: what it lays open, whose it wants, and what it gets once all have come.
  uint64_t offered = 0, received = 0;
  unsigned from = 0, votes = 0;
};

// A warp operation under way: whom it calls, and who has come.
struct Meeting {
  unsigned mask, arrived;
};

const char* file_name(const Line& line) {
  const std::string_view path = line.file;
  const size_t slash = path.rfind('/');
  return line.file + (slash == std::string_view::npos ? 0 : slash + 1);
}
std::string text(const Line& line) { return fmt::format("{}:{}", file_name(line), line.number); }

class Grid;
Grid* grid = nullptr;  // the one that runs: launches take turns

class Grid {
 public:
  Grid(const char* name, dim3 grid_dim, dim3 block_dim, void (*body)(void*), void* closure)
      : name_(name), grid_dim_(grid_dim), block_dim_(block_dim), body_(body), closure_(closure) {
    const size_t threads = size_t(block_dim.x) * block_dim.y * block_dim.z;
    if (!threads || threads > most_threads || !grid_dim.x || !grid_dim.y || !grid_dim.z)
      throw Fault(
          fmt::format("{}: got a grid of ({},{},{}) blocks of ({},{},{}) threads, wanted 1 to {} threads a "
                      "block and at least one block",
                      name, grid_dim.x, grid_dim.y, grid_dim.z, block_dim.x, block_dim.y, block_dim.z, most_threads));
    lanes_.resize(threads);
    meetings_.resize((threads + warp_size - 1) / warp_size);
    static uint32_t launches = 0;
    launch_ = ++launches;
  }

  void run() {
    std::vector<std::unique_ptr<Fiber>>& all = fibers();
    while (all.size() < lanes_.size()) all.push_back(std::make_unique<Fiber>(thread_main));
    order_.start_launch();
    for (unsigned z = 0; z < grid_dim_.z; ++z)
      for (unsigned y = 0; y < grid_dim_.y; ++y)
        for (unsigned x = 0; x < grid_dim_.x; ++x, ++block_) run_block({x, y, z});
  }

  // ---- what a thread asks for ----

  const Position& position() const { return lanes_[current_].at; }
  unsigned lane() const { return current_ % warp_size; }

  void barrier(Line line) {
    Lane& me = lanes_[current_];
    me.line = line;
    me.state = State::at_barrier;
    ++waiting_;
    if (waiting_ == lanes_.size()) open_barrier();
    else Fiber::suspend();
    ++me.barriers;
  }

  void exchange(unsigned mask, const void* mine, void* theirs, size_t bytes, unsigned from, Line line) {
    Lane& me = lanes_[current_];
    check_called(mask, line);
    if (!(mask >> from & 1))
      fail(fmt::format("reads lane {}, which its mask {:#x} leaves out ({}); name it", from, mask, text(line)));
    memcpy(&me.offered, mine, bytes);
    me.from = from;
    meet(mask, line);
    memcpy(theirs, &me.received, bytes);
  }

  unsigned ballot(unsigned mask, bool vote, Line line) {
    Lane& me = lanes_[current_];
    check_called(mask, line);
    me.offered = vote;
    me.from = lane();
    meet(mask, line);
    return me.votes;
  }

  void* access(const void* address, size_t bytes, size_t alignment, Access kind, Line line) {
    EmulatedMemory& memory = EmulatedMemory::instance();
    const char* verb = kind == Access::read ? "reads" : kind == Access::write ? "writes" : "updates";
    const auto complain = [&](const char* what, const char* remedy) {
      fail(fmt::format("{} {}{} ({}); {}", verb, what, memory.place(address), text(line), remedy));
    };
    if (!memory.holds(address)) complain("", "pass device memory, or by value");
    if (uintptr_t(address) % alignment) complain("misaligned ", "keep every type on a multiple of its size");
    Stamp now = stamp();
    now.atomic = kind == Access::atomic || kind == Access::ticket;
    if (kind == Access::ticket) order_.take_ticket(address, now);
    const char* const end = static_cast<const char*>(address) + bytes;
    for (const char* at = static_cast<const char*>(address); at < end; at += 4) {
      Cell& cell = memory.cell_of(at);
      if (cell.usable < std::min<ptrdiff_t>(4, uintptr_t(at) % 4 + (end - at)))
        complain("", "stay inside what was allocated");
      if (kind != Access::write && !cell.written)
        complain("before anybody wrote it ", memory.is_shared(address) ? "write it, then __syncthreads()" : "write it");
      cell.written |= kind == Access::write;
      if (bytes < 4) continue;  // neighbours share the cell: who of them accessed is not known
      History& history = memory.history_of(at);
      const Stamp* other = kind == Access::read ? order_.read(history, now) : order_.write(history, now);
      if (other) race(verb, address, *other, line);
    }
    return memory.real(address);
  }

  void* open(const void* address, int64_t bytes, Line line) {
    EmulatedMemory& memory = EmulatedMemory::instance();
    char* const real = memory.bytes_of(fmt::format("{} ({})", name_, text(line)).c_str(), address, bytes);
    memory.mark_written(address, bytes);
    return real;
  }

  [[noreturn]] void fail(const std::string& what) const {
    const Position& p = position();
    throw Fault(fmt::format("{}: thread ({},{},{}) of block ({},{},{}) {}", name_, p.thread.x, p.thread.y, p.thread.z,
                            p.block.x, p.block.y, p.block.z, what));
  }

 private:
  static std::vector<std::unique_ptr<Fiber>>& fibers() {
    static std::vector<std::unique_ptr<Fiber>> all;
    return all;
  }

  // What every fiber does, block after block, launch after launch.
  static void thread_main() {
    for (;;) {
      try {
        grid->body_(grid->closure_);
      } catch (...) { grid->error_ = std::current_exception(); }
      grid->leave();
      Fiber::suspend();
    }
  }

  void leave() {
    lanes_[current_].state = State::left;
    ++left_;
  }

  void run_block(uint3 index) {
    order_.start_block();
    waiting_ = left_ = 0;
    for (auto& meetings : meetings_) meetings.clear();
    for (unsigned i = 0; i < lanes_.size(); ++i) {
      const uint3 thread = {i % block_dim_.x, i / block_dim_.x % block_dim_.y, i / block_dim_.x / block_dim_.y};
      lanes_[i] = {{thread, index, block_dim_, grid_dim_}};
    }
    while (left_ < lanes_.size()) {
      bool ran = false;
      for (current_ = 0; current_ < lanes_.size(); ++current_) {
        if (lanes_[current_].state != State::ready) continue;
        fibers()[current_]->resume();
        ran = true;
        if (error_) abandon(error_);
      }
      if (!ran) abandon(std::make_exception_ptr(Fault(stuck(index))));
    }
    EmulatedMemory::instance().free_shared();
  }

  // Ends the launch in the middle of a block.
  [[noreturn]] void abandon(const std::exception_ptr& why) {
    for (size_t i = 0; i < lanes_.size(); ++i) fibers()[i]->restart();
    EmulatedMemory::instance().free_shared();
    std::rethrow_exception(why);
  }

  void open_barrier() {
    for (const Lane& l : lanes_)
      if (l.line.number != lanes_[0].line.number || std::string_view(l.line.file) != lanes_[0].line.file)
        fail(
            fmt::format("meets the others at different barriers, {} and {}; let all threads of a block pass the same "
                        "__syncthreads()",
                        text(l.line), text(lanes_[0].line)));
    waiting_ = 0;
    for (Lane& l : lanes_) l.state = State::ready;
  }

  void check_called(unsigned mask, Line line) const {
    if (!(mask >> lane() & 1))
      fail(fmt::format("calls a warp operation whose mask {:#x} leaves it out ({}); name every lane that calls", mask,
                       text(line)));
  }

  // Waits until every lane of `mask` has come.
  void meet(unsigned mask, Line line) {
    Lane& me = lanes_[current_];
    std::vector<Meeting>& meetings = meetings_[current_ / warp_size];
    auto meeting = std::find_if(meetings.begin(), meetings.end(), [&](const Meeting& m) { return m.mask == mask; });
    if (meeting == meetings.end()) meeting = meetings.insert(meeting, {mask, 0});
    meeting->arrived |= 1u << lane();
    me.line = line;
    if (meeting->arrived == mask) {
      meetings.erase(meeting);
      deliver(mask);
    } else {
      me.state = State::in_warp_operation;
      Fiber::suspend();
    }
    ++me.warp_operations;
  }

  void deliver(unsigned mask) {
    Lane* warp = &lanes_[current_ / warp_size * warp_size];
    unsigned votes = 0;
    for (unsigned i = 0; i < warp_size; ++i)
      if (mask >> i & 1 && warp[i].offered) votes |= 1u << i;
    for (unsigned i = 0; i < warp_size; ++i) {
      if (!(mask >> i & 1)) continue;
      warp[i].received = warp[warp[i].from].offered;
      warp[i].votes = votes;
      warp[i].state = State::ready;
    }
  }

  // Nobody can go on: says who waits where.
  std::string stuck(uint3 index) const {
    unsigned at_barrier = 0, in_warp = 0;
    Line barrier{"", 0}, warp{"", 0};
    for (const Lane& l : lanes_) {
      if (l.state == State::at_barrier) ++at_barrier, barrier = l.line;
      if (l.state == State::in_warp_operation) ++in_warp, warp = l.line;
    }
    std::string waiting;
    if (at_barrier) waiting = fmt::format("{} threads wait at __syncthreads ({})", at_barrier, text(barrier));
    if (in_warp) waiting += fmt::format("{}{} in a warp operation ({})", at_barrier ? ", " : "", in_warp, text(warp));
    return fmt::format("{}: block ({},{},{}) is stuck: {}, {} have left; let all threads that must meet come", name_,
                       index.x, index.y, index.z, waiting, left_);
  }

  Stamp stamp() const {
    const Lane& me = lanes_[current_];
    Stamp s;
    s.launch = launch_, s.block = block_, s.barriers = me.barriers;
    s.thread = uint16_t(current_), s.warp_operations = uint16_t(me.warp_operations & 0x7fff);
    return s;
  }

  [[noreturn]] void race(const char* verb, const void* address, const Stamp& other, Line line) const {
    const EmulatedMemory& memory = EmulatedMemory::instance();
    if (other.block != block_)
      fail(
          fmt::format("{} {} ({}), which block {} accessed in the same launch; let each block keep to its own, or "
                      "order them with a ticket",
                      verb, memory.place(address), text(line), other.block));
    fail(fmt::format("{} {} ({}), which thread {} accessed with no barrier between; put a __syncthreads() there", verb,
                     memory.place(address), text(line), other.thread));
  }

  const char* name_;
  const dim3 grid_dim_, block_dim_;
  void (*body_)(void*);
  void* closure_;
  std::vector<Lane> lanes_;
  std::vector<std::vector<Meeting>> meetings_;  // of each warp
  unsigned current_ = 0;                        // the lane that runs
  size_t waiting_ = 0, left_ = 0;               // at the barrier; at their end
  uint32_t launch_ = 0, block_ = 0;
  Order order_;
  std::exception_ptr error_;
};

std::mutex& turns() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

const Position& position() { return grid->position(); }
unsigned lane() { return grid->lane(); }
void barrier(Line line) { grid->barrier(line); }
void exchange(unsigned mask, const void* mine, void* theirs, size_t bytes, unsigned from, Line line) {
  grid->exchange(mask, mine, theirs, bytes, from, line);
}
unsigned ballot(unsigned mask, bool vote, Line line) { return grid->ballot(mask, vote, line); }
void* access(const void* address, size_t bytes, size_t alignment, Access kind, Line line) {
  return grid->access(address, bytes, alignment, kind, line);
}
void* open(const void* p, int64_t bytes, Line line) { return grid->open(p, bytes, line); }
void fail(const char* what, Line line) { grid->fail(fmt::format("stops ({}): {}", text(line), what)); }
void* shared_array(const void* identity, size_t bytes, const char* name) {
  return EmulatedMemory::instance().shared_array(identity, bytes, name);
}

Launches*& recorded_launches() {
  static thread_local Launches* launches = nullptr;
  return launches;
}

void run(const char* name, dim3 grid_dim, dim3 block_dim, void (*body)(void*), void* closure) {
  const std::lock_guard turn(turns());
  Grid here(name, grid_dim, block_dim, body, closure);
  grid = &here;
  try {
    here.run();
  } catch (...) {
    grid = nullptr;
    throw;
  }
  grid = nullptr;
}

void* allocate(int64_t bytes) {
  const std::lock_guard turn(turns());
  return EmulatedMemory::instance().allocate(bytes);
}
void release(void* address) {
  const std::lock_guard turn(turns());
  EmulatedMemory::instance().release(address);
}
void copy(void* to, const void* from, int64_t bytes) {
  if (bytes == 0) return;  // nothing has no address
  const std::lock_guard turn(turns());
  EmulatedMemory& memory = EmulatedMemory::instance();
  void* into = memory.holds(to) ? memory.bytes_of("copy", to, bytes) : to;
  const void* out_of = memory.holds(from) ? memory.bytes_of("copy", from, bytes) : from;
  memmove(into, out_of, size_t(bytes));
  if (memory.holds(to)) memory.mark_written(to, bytes);
}
int64_t allocated_bytes() {
  const std::lock_guard turn(turns());
  return EmulatedMemory::instance().allocated_bytes();
}

}  // namespace gradus::simt
