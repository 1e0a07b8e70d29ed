// The positions of a window on images as strides over their memory: how devices make columns without a kernel of their
// own.
#pragma once
#include "gradus/core/tensor.h"
#include "gradus/ops/columns.h"

namespace gradus {

// A view of what the window sees of (N,C,H,W) images, padded with `padding`: (N,C,kh,kw,H',W').  Below the graph, as is
// all here; p.channels does not matter.
Tensor windows(const Tensor& images, const Patches& p, double padding);
// The adjoint with zeros for padding: adds what each position holds onto the pixels it came from, tap after tap.
Tensor windows_back(const Tensor& seen, const Patches& p);

}  // namespace gradus
