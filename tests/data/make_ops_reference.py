"""Writes ops_reference.json: values and gradients of tensor ops as PyTorch 1.13 has them, in float64.

Each case holds its inputs, the output, the weights of the sum that is differentiated, and the gradient of each input.
The C++ side (ops_reference_test.cpp) knows the call that belongs to each name.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20)
torch.set_default_dtype(torch.float64)


def random(*shape):
    return (torch.rand(*shape) * 2 - 1).mul(1000).round() / 1000


def plain(t):
    return {"shape": list(t.shape), "values": t.detach().reshape(-1).tolist()}


cases = []


def case(name, op, *inputs):
    inputs = [t.clone().requires_grad_(True) for t in inputs]
    out = op(*inputs)
    weights = random(*out.shape)
    gradients = torch.autograd.grad((out * weights).sum(), inputs)
    cases.append({"name": name, "inputs": [plain(t) for t in inputs], "output": plain(out), "weights": plain(weights),
                  "gradients": [plain(t) for t in gradients]})


case("conv2d", lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
     random(2, 4, 5, 4), random(4, 2, 3, 2), random(4))
case("conv1d", lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1, dilation=2), random(2, 3, 8), random(2, 3, 3), random(2))
case("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=(1, 0), groups=2),
     random(2, 4, 3, 2), random(4, 2, 3, 3), random(4))
case("max_pool2d", lambda x: F.max_pool2d(x, (3, 2), stride=(2, 1), padding=(1, 0)), random(2, 2, 5, 4))
case("max_pool2d of ties", lambda x: F.max_pool2d(x, 3, stride=1, padding=1), random(1, 2, 4, 4).round())
case("avg_pool2d", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1), random(2, 2, 5, 4))
case("avg_pool2d without padding", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False), random(2, 2, 5, 4))
case("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), random(2, 2, 7, 5))
case("max_pool1d", lambda x: F.max_pool1d(x, 3, stride=2, padding=1), random(2, 2, 7))
case("avg_pool1d", lambda x: F.avg_pool1d(x, 3, stride=2, padding=1), random(2, 2, 7))
case("unfold", lambda x: F.unfold(x, (2, 3), dilation=(1, 2), padding=1, stride=(2, 1)), random(1, 2, 4, 5))
case("fold", lambda x: F.fold(x, (4, 5), (2, 3), padding=1, stride=(2, 1)), random(1, 12, 15))
case("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), random(3, 2, 2, 2), random(2), random(2))
case("layer_norm", lambda x, w, b: F.layer_norm(x, (3, 2), w, b), random(2, 3, 2), random(3, 2), random(3, 2))
case("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), random(2, 4, 3), random(4), random(4))
case("bilinear", lambda x: F.interpolate(x, size=(5, 3), mode="bilinear", align_corners=False), random(1, 2, 3, 4))
case("bilinear, corners aligned", lambda x: F.interpolate(x, size=(5, 3), mode="bilinear", align_corners=True), random(1, 2, 3, 4))
case("nearest", lambda x: F.interpolate(x, size=(5, 3), mode="nearest"), random(1, 2, 3, 4))
case("embedding", lambda w: F.embedding(torch.tensor([[1, 3], [0, 1]]), w, padding_idx=0), random(4, 3))
case("linear", F.linear, random(2, 3, 4), random(2, 4), random(2))
case("matmul", torch.matmul, random(2, 1, 2, 3), random(2, 3, 2))
case("einsum", lambda a, b: torch.einsum("bij,jbk->ki", a, b), random(2, 2, 3), random(3, 2, 2))
case("svd", lambda x: (lambda f: torch.cat([(f[0] ** 2).reshape(-1), f[1], (f[2] ** 2).reshape(-1), (f[0] @ f[2].T).reshape(-1)]))(torch.svd(x)),
     random(4, 3))
case("gather", lambda x: x.gather(1, torch.tensor([[0, 2, 2], [1, 1, 0]])), random(3, 3))
case("scatter_add", lambda x, s: x.scatter_add(0, torch.tensor([[0, 2, 2], [1, 1, 0]]), s), random(3, 3), random(2, 3))
case("index_select", lambda x: x.index_select(1, torch.tensor([2, 0, 2])), random(2, 3))
case("masked_select", lambda x: x.masked_select(torch.tensor([True, False, True])), random(2, 3))
case("pad", lambda x: F.pad(x, (1, -1, 0, 2), value=0.5), random(2, 3))
case("topk", lambda x: x.topk(2, dim=0, largest=False).values, random(4, 3))
case("sort", lambda x: x.sort(dim=1, descending=True).values, random(2, 4))
case("repeat", lambda x: x.repeat(2, 1, 2), random(2, 3))
case("tril", lambda x: x.tril(-1), random(2, 3, 3))
case("diagonal", lambda x: x.diagonal(0, 0, 2), random(2, 3, 3))

text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n"
pathlib.Path(__file__).with_name("ops_reference.json").write_text(text)
