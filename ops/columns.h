// Columns: an image laid out so that a convolution becomes a matrix product, and back.
//
// Column (y, x) holds the patch that the kernel sees at output position (y, x), zeros where it lies in the padding; row
// (c, i, j) of the matrix is the kernel's tap (i, j) in channel c.
#pragma once
#include <cstdint>

#include "gradus/core/shape.h"

namespace gradus {

// Height and width; one number means both.
struct Size2 {
  int64_t height, width;
  constexpr Size2(int64_t both) : height(both), width(both) {}  // NOLINT: implicit, so that options read .stride = 2
  constexpr Size2(int64_t height, int64_t width) : height(height), width(width) {}
  bool operator==(const Size2&) const = default;
};
std::string text(Size2);  // "(3,3)"

// Where a window is laid on an image.
struct Window {
  Size2 kernel, stride, padding, dilation;
};

// (size + 2 padding - dilation (kernel - 1) - 1) / stride + 1 in each direction.  ParamError unless kernel, stride and
// dilation are positive and padding is not negative; ShapeError where the window is larger than the padded image.
Size2 output_size(const char* op, Size2 image, const Window& window);

// The positions of a window on an image of several channels.
struct Patches {
  int64_t channels;
  Size2 image, output;
  Window window;

  int64_t rows() const { return channels * window.kernel.height * window.kernel.width; }  // of the matrix
  int64_t positions() const { return output.height * output.width; }
  int64_t pixels() const { return channels * image.height * image.width; }
  // Is the matrix the image itself?
  bool trivial() const { return window.kernel == Size2(1) && window.stride == Size2(1) && window.padding == Size2(0); }
};

// The columns of output rows first … first + count - 1 of a dense (channels, height, width) image.
template <class F> void columns_of(const F* image, const Patches& patches, int64_t first, int64_t count, F* columns);
// Adds such columns onto the pixels they came from: the adjoint.
template <class F> void add_columns(const F* columns, const Patches& patches, int64_t first, int64_t count, F* image);

}  // namespace gradus
