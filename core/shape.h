// Shape: up to eight extents, stored inline, so that copying one never allocates.  Strides use the same container.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>

namespace gradus {

class Shape {
 public:
  static constexpr int max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> extents) : Shape(extents.begin(), extents.end()) {}
  Shape(const int64_t* first, const int64_t* last) {
    for (; first != last; ++first) push_back(*first);
  }
  static Shape filled(int rank, int64_t value) {
    Shape s;
    for (int i = 0; i < rank; ++i) s.push_back(value);
    return s;
  }

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  int64_t operator[](int i) const { return extent_[i]; }
  int64_t& operator[](int i) { return extent_[i]; }
  int64_t front() const { return extent_[0]; }
  int64_t back() const { return extent_[rank_ - 1]; }
  const int64_t* begin() const { return extent_; }
  const int64_t* end() const { return extent_ + rank_; }

  void push_back(int64_t extent) {
    if (rank_ == max_rank) too_many();
    extent_[rank_++] = extent;
  }
  void insert(int at, int64_t extent) {
    push_back(extent);
    for (int i = rank_ - 1; i > at; --i) extent_[i] = extent_[i - 1];
    extent_[at] = extent;
  }
  void erase(int at) {
    for (int i = at; i + 1 < rank_; ++i) extent_[i] = extent_[i + 1];
    --rank_;
  }

  // Number of elements of a tensor of this shape; 1 for rank 0.
  int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= extent_[i];
    return n;
  }
  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a.extent_[i] != b.extent_[i]) return false;
    return true;
  }

 private:
  [[noreturn]] static void too_many();
  int64_t extent_[max_rank] = {};  // all of it is copied always: a loop over the rank would cost more
  int rank_ = 0;
};

// "(2,3)", "(5)", "()": as every error text writes a shape.
std::string text(const Shape&);

// The row-major strides, in elements, of a dense tensor of this shape.
Shape dense_strides(const Shape&);

// Turns a dimension counted from the end (-1: the last) into one counted from the front; IndexError names op, dim and
// rank.
int dimension(const char* op, int64_t dim, int rank, const char* name = "dim");

// NumPy broadcasting of two shapes; ShapeError names op and both shapes.
Shape broadcast(const char* op, const Shape&, const Shape&);

}  // namespace gradus
