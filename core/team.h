// Who solves a problem of a Block, and where it finds memory.
#pragma once
#if !defined(GRADUS_KERNELS)  // in the sources of a device's module Team is that of cuda/team.h
#include <cstdint>

namespace gradus {

// On the CPU: one thread, which shares nothing.
class Team {
 public:
  static constexpr bool alone = true;
  static constexpr bool recursive = true;  // may functions call themselves?
  using Take = void* (*)(void* owner, int64_t bytes);
  using Refuse = void (*)(void* owner, int input, int64_t i, double value, const char* wanted);

  Team() = default;
  Team(void* owner, Take take, Refuse refuse) : owner_(owner), take_(take), refuse_(refuse) {}
  static constexpr int64_t rank() { return 0; }
  static constexpr int64_t size() { return 1; }
  static constexpr void meet() {}
  // What all of the team have, merged, and their sum.
  template <class S, class Merge> static S join(S mine, Merge) { return mine; }
  template <class T> static T sum(T mine) { return mine; }
  void* take(int64_t bytes) const { return take_(owner_, bytes); }  // aligned to 64 bytes
  void refuse(int input, int64_t i, double value, const char* wanted) const {
    refuse_(owner_, input, i, value, wanted);
  }

 private:
  void* owner_ = nullptr;
  Take take_ = nullptr;
  Refuse refuse_ = nullptr;
};

}  // namespace gradus
#endif
