// Ref: an intrusive, atomically counted pointer.  One word, so that a tensor handle is one word.
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

namespace gradus {

struct Counted {
  std::atomic<uint32_t> refs{1};
  void (*free)(Counted*) noexcept;  // called once, when the last reference goes

  explicit Counted(void (*free)(Counted*) noexcept) : free(free) {}
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  void retain() noexcept { refs.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // A sole owner needs no atomic decrement: nobody else can be looking.
    if (refs.load(std::memory_order_acquire) == 1 || refs.fetch_sub(1, std::memory_order_acq_rel) == 1) free(this);
  }
  bool shared() const noexcept { return refs.load(std::memory_order_acquire) != 1; }
};

template <class T> class Ref {
 public:
  Ref() = default;
  static Ref adopt(T* p) noexcept {  // takes over the count of one that a new object starts with
    Ref r;
    r.p_ = p;
    return r;
  }
  explicit Ref(T* p) noexcept : p_(p) {
    if (p_) p_->retain();
  }
  Ref(const Ref& other) noexcept : Ref(other.p_) {}
  Ref(Ref&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Ref& operator=(const Ref& other) noexcept {
    Ref(other).swap(*this);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    Ref(std::move(other)).swap(*this);
    return *this;
  }
  ~Ref() {
    if (p_) p_->release();
  }
  void swap(Ref& other) noexcept { std::swap(p_, other.p_); }
  T* take() noexcept { return std::exchange(p_, nullptr); }  // the caller now owns the count
  T* get() const noexcept { return p_; }
  T* operator->() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.p_ == b.p_; }

 private:
  T* p_ = nullptr;
};

}  // namespace gradus
