#include "gradus/ops/windows.h"

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/rearrange.h"

namespace gradus {
namespace {

std::vector<int64_t> margins(const Patches& p, int64_t sign) {
  const auto& [height, width] = p.window.padding;
  return {sign * width, sign * width, sign * height, sign * height};
}

// The view of padded images.
Tensor view_of(const Tensor& padded, const Patches& p) {
  const auto& [kernel, stride, padding, dilation] = p.window;
  const Shape &s = padded.shape(), &step = padded.strides();
  return padded.alias({s[0], s[1], kernel.height, kernel.width, p.output.height, p.output.width},
                      {step[0], step[1], dilation.height * step[2], dilation.width * step[3], stride.height * step[2],
                       stride.width * step[3]});
}

}  // namespace

Tensor windows(const Tensor& images, const Patches& p, double padding) {
  NoGrad quiet;
  return view_of(pad(images.detach(), margins(p, 1), padding), p);
}

Tensor windows_back(const Tensor& seen, const Patches& p) {
  NoGrad quiet;
  const Shape& s = seen.shape();
  const auto& [height, width] = p.window.padding;
  const Tensor padded =
      zeros({s[0], s[1], p.image.height + 2 * height, p.image.width + 2 * width}, seen.dtype(), seen.device());
  const Tensor view = view_of(padded, p);
  const auto tap = [&](const Tensor& t, int64_t i, int64_t j) {
    return t.alias({s[0], s[1], s[4], s[5]}, {t.strides()[0], t.strides()[1], t.strides()[4], t.strides()[5]},
                   i * t.strides()[2] + j * t.strides()[3]);
  };
  if (seen.numel())
    for (int64_t i = 0; i < s[2]; ++i)
      for (int64_t j = 0; j < s[3]; ++j) {
        Tensor into = tap(view, i, j);
        device_add(into, tap(seen, i, j));
      }
  return pad(padded, margins(p, -1), 0);
}

}  // namespace gradus
