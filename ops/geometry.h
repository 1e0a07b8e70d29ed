// Geometry: seeing strided tensors as outer × columns × inner, which is all that drivers and kernels know.
#pragma once
#include <vector>

#include "gradus/core/formula.h"
#include "gradus/core/tensor.h"

namespace gradus {

// The strides of t seen as `shape`, to which it broadcasts from the right; repeated dimensions have stride 0.
Shape broadcast_strides(const Tensor& t, const Shape& shape);

// Views of several tensors over one common space.  Tensors whose strides do not fit are copied; copies live as long as
// this.
class Geometry {
 public:
  // An elementwise space: its dimensions are joined into at most three.
  explicit Geometry(const Shape& space) : space_(space) {}
  // A space folded along `axis`: all before it is outer, all after it inner.
  Geometry(const Shape& space, int axis) : space_(space), axis_(axis), folded_(true) {}

  // Adds a tensor by its strides over the space (see broadcast_strides); returns its place in views().
  int add(const Tensor& t, const Shape& strides);
  void join();  // once all are added: settles extents and views

  const int64_t (&extent() const)[3] { return extent_; }
  const View& view(int place) const { return views_[size_t(place)]; }

 private:
  struct Operand {
    Tensor tensor;
    Shape strides;
  };
  void drop_single_dimensions();
  bool apart(int d) const { return folded_ && (d == axis_ || d + 1 == axis_); }  // must d and d + 1 stay two?
  bool joinable(const Operand& o, int d) const {
    return o.strides[d] == o.strides[d + 1] * space_[d + 1];
  }                                       // can they be one?
  bool joinable(int d) const;             // for every operand?
  bool joinable(const Operand& o) const;  // in every place of this operand where they need not stay two?
  void densify(Operand&) const;

  Shape space_;
  int axis_ = 0;
  bool folded_ = false;
  int64_t extent_[3] = {1, 1, 1};
  std::vector<Operand> operands_;
  std::vector<View> views_;
};

}  // namespace gradus
