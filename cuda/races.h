// Which accesses of an emulated grid are ordered by barriers, warp operations or tickets, and which race.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

namespace gradus::simt {

// Who accessed, and after how many barriers of its block and its warp.
struct Stamp {
  uint32_t launch = 0;  // 0: nobody
  uint32_t block = 0;
  uint32_t barriers = 0;
  uint16_t thread = 0;
  uint16_t warp_operations : 15 = 0;
  uint16_t atomic : 1 = 0;

  unsigned warp() const { return thread / 32; }
};

// The last accesses to four bytes: one write, and reads of two threads where several have read.
struct History {
  Stamp write, reads[2];
};

// The order among the blocks of one launch, which only tickets make.
class Order {
 public:
  void start_launch() { tickets_.clear(); }
  void start_block() { seen_.clear(); }
  // A thread takes a ticket: it sees what earlier takers' blocks wrote, and shows what its own block wrote.
  void take_ticket(const void* ticket, const Stamp& now);
  bool ordered(const Stamp& before, const Stamp& now) const;

  // Adds an access; returns the one it races with, or null.
  const Stamp* read(History&, const Stamp& now) const;
  const Stamp* write(History&, const Stamp& now) const;  // also an atomic access

 private:
  struct Seen {
    Stamp released, acquired;
  };
  static bool within_block(const Stamp& before, const Stamp& now);
  std::map<const void*, std::vector<Stamp>> tickets_;  // of this launch: who took which
  std::map<uint32_t, Seen> seen_;                      // of this block: the others it saw, by number
};

}  // namespace gradus::simt
