// What the losses of box regression share: two boxes (x1, y1, x2, y2), how they overlap, and each quantity's slopes.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

// A quantity of two boxes with its slopes along their eight coordinates, those of the first box first.
template <class T> struct OfBoxes {
  T v, d[8];

  GRADUS_ANYWHERE OfBoxes(T v = 0.0) : v(v) {  // a constant
    for (int i = 0; i < 8; ++i) d[i] = 0.0;
  }
  GRADUS_ANYWHERE static OfBoxes coordinate(int i, T v) {
    OfBoxes x(v);
    x.d[i] = 1.0;
    return x;
  }
  // with value v, where its slopes along a and b are da and db
  GRADUS_ANYWHERE static OfBoxes chain(T v, const OfBoxes& a, T da, const OfBoxes& b, T db) {
    OfBoxes x(v);
    for (int i = 0; i < 8; ++i) x.d[i] = da * a.d[i] + db * b.d[i];
    return x;
  }
  GRADUS_ANYWHERE friend OfBoxes operator+(const OfBoxes& a, const OfBoxes& b) { return chain(a.v + b.v, a, 1.0, b, 1.0); }
  GRADUS_ANYWHERE friend OfBoxes operator-(const OfBoxes& a, const OfBoxes& b) { return chain(a.v - b.v, a, 1.0, b, -1.0); }
  GRADUS_ANYWHERE friend OfBoxes operator*(const OfBoxes& a, const OfBoxes& b) { return chain(a.v * b.v, a, b.v, b, a.v); }
  GRADUS_ANYWHERE friend OfBoxes operator/(const OfBoxes& a, const OfBoxes& b) {  // 0 where b is
    auto nothing = b.v == 0.0;
    T by = select(nothing, 1.0, b.v), q = select(nothing, 0.0, a.v / by);
    return chain(q, a, select(nothing, 0.0, 1.0 / by), b, select(nothing, 0.0, -q / by));
  }
  // The larger; a tie is shared.
  GRADUS_ANYWHERE friend OfBoxes larger(const OfBoxes& a, const OfBoxes& b) {
    T share = select(a.v > b.v, T(1.0), select(a.v == b.v, T(0.5), 0.0));
    return chain(select(a.v < b.v, b.v, a.v), a, share, b, 1.0 - share);
  }
  GRADUS_ANYWHERE friend OfBoxes smaller(const OfBoxes& a, const OfBoxes& b) {
    return OfBoxes() - larger(OfBoxes() - a, OfBoxes() - b);
  }
  // The angle of a box of width a and height b; a point has none.
  GRADUS_ANYWHERE friend OfBoxes angle(const OfBoxes& a, const OfBoxes& b) {
    auto point = (a.v == 0.0) & (b.v == 0.0);
    T x = select(point, 0.0, a.v), y = select(point, 1.0, b.v), longer = max(x, y);
    T p = x / longer, q = y / longer, size = longer * (p * p + q * q);  // x² + y² could vanish
    return chain(atan2(x, y), a, select(point, 0.0, q / size), b, select(point, 0.0, -p / size));
  }
};

template <class T> struct Boxes {
  using Q = OfBoxes<T>;
  Q x1, y1, x2, y2, u1, v1, u2, v2;  // the second box is (u1, v1, u2, v2)
  double eps;

  GRADUS_ANYWHERE Boxes(const Case<T>& c, double eps) : eps(eps) {
    Q* all[] = {&x1, &y1, &x2, &y2, &u1, &v1, &u2, &v2};
    for (int i = 0; i < 8; ++i) *all[i] = Q::coordinate(i, c.in[i / 4](i % 4));
  }
  GRADUS_ANYWHERE Q width() const { return x2 - x1; }
  GRADUS_ANYWHERE Q height() const { return y2 - y1; }
  GRADUS_ANYWHERE Q other_width() const { return u2 - u1; }
  GRADUS_ANYWHERE Q other_height() const { return v2 - v1; }
  GRADUS_ANYWHERE Q intersection() const {  // 0, and without slopes, where the boxes are apart
    const Q w = smaller(x2, u2) - larger(x1, u1), h = smaller(y2, v2) - larger(y1, v1), both = w * h;
    auto apart = (w.v <= 0.0) | (h.v <= 0.0);
    Q i(select(apart, 0.0, both.v));
    for (int k = 0; k < 8; ++k) i.d[k] = select(apart, 0.0, both.d[k]);
    return i;
  }
  GRADUS_ANYWHERE Q united(const Q& intersection) const { return width() * height() + other_width() * other_height() - intersection; }
  GRADUS_ANYWHERE Q iou() const {
    const Q i = intersection();
    return i / (united(i) + Q(eps));
  }
  // Of the smallest box around both.
  GRADUS_ANYWHERE Q around_width() const { return larger(x2, u2) - smaller(x1, u1); }
  GRADUS_ANYWHERE Q around_height() const { return larger(y2, v2) - smaller(y1, v1); }
  // 1 - IoU and the squared distance of the centres over that of the corners around both.
  GRADUS_ANYWHERE Q distance() const {
    const Q half(0.5), dx = half * (x1 + x2 - u1 - u2), dy = half * (y1 + y2 - v1 - v2), w = around_width(),
                       h = around_height();
    return Q(1.0) - iou() + (dx * dx + dy * dy) / (w * w + h * h + Q(eps));
  }
  // How much the sides differ, each against that of the smallest box around both.
  GRADUS_ANYWHERE Q sides() const {
    const Q dw = width() - other_width(), dh = height() - other_height(), w = around_width(), h = around_height();
    return dw * dw / (w * w + Q(eps)) + dh * dh / (h * h + Q(eps));
  }
};

// Writes the value and the gradients that are wanted.
template <class T> GRADUS_ANYWHERE void finish_boxes(Case<T>& c, const OfBoxes<T>& loss) {
  c.value() = loss.v;
  for (int i = 0; i < 8; ++i)
    if (c.grad[i / 4]) c.grad[i / 4](i % 4) = c.up() * loss.d[i];
}

}  // namespace gradus
