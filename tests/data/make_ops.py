#!/usr/bin/env python3
"""Writes the reference values of the ops from PyTorch: elementwise.json, reduce.json and softmax.json beside this file.

A case is {op, numbers, dtype, inputs, output, seed, grads}: `seed` is the gradient of the output, `grads` those of the
inputs (null: none).  A tensor is {shape, values}; NaN and infinities are strings.
"""
import json
import math
import os

import torch
import torch.nn.functional as F

torch.manual_seed(20)
NAN, INF = math.nan, math.inf


def number(v, digits=17):
    return float(f"{v:.{digits}g}") if math.isfinite(v) else str(v)


def tensor(t):
    digits = 9 if t.dtype == torch.float32 else 17  # what it takes to read the same number back
    return {"shape": list(t.shape), "values": [number(v, digits) for v in t.detach().reshape(-1).tolist()]}


def case(op, f, inputs, numbers=(), gradient=True):
    inputs = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    y = f(*inputs)
    entry = {"op": op, "numbers": [number(float(n)) for n in numbers], "dtype": str(inputs[0].dtype).split(".")[1],
             "inputs": [tensor(x) for x in inputs], "output": tensor(y)}
    if y.requires_grad and gradient:
        seed = torch.randn_like(y)
        grads = torch.autograd.grad(y, inputs, seed, allow_unused=True)
        entry["seed"] = tensor(seed)
        entry["grads"] = [None if g is None else tensor(g) for g in grads]
    return entry


def write(name, cases):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")


def unary_cases():
    edges = [NAN, -INF, -100, -2, -0.5, -0.0, 0.0, 0.25, 0.5, 1.5, 2, 2.5, 30, 100, INF]
    ops = {
        "abs": torch.abs, "sign": torch.sign, "exp": torch.exp, "expm1": torch.expm1, "log": torch.log,
        "log1p": torch.log1p, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "square": torch.square,
        "reciprocal": torch.reciprocal, "sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh,
        "sigmoid": torch.sigmoid, "log_sigmoid": F.logsigmoid, "relu": torch.relu, "silu": F.silu, "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "erf": torch.erf, "round": torch.round,
        "floor": torch.floor, "ceil": torch.ceil, "neg": torch.neg,
    }
    with_numbers = [
        ("leaky_relu", F.leaky_relu, (0.1,)), ("elu", F.elu, (1.5,)), ("softplus", F.softplus, (1, 20)),
        ("softplus", F.softplus, (2, 3)), ("clamp", torch.clamp, (-0.5, 2)),
        ("clamp_low", lambda x, low: torch.clamp(x, min=low), (0.5,)),
        ("clamp_high", lambda x, high: torch.clamp(x, max=high), (0.5,)),
        ("add", lambda x, c: x + c, (0.1,)), ("mul", lambda x, c: c * x, (0.1,)), ("div", lambda x, c: x / c, (0.3,)),
        ("rdiv", lambda x, c: c / x, (0.3,)),
    ] + [("pow", torch.pow, (p,)) for p in (0, 0.5, 1, 2, 3, -1, 2.5, -2)]
    for dtype in (torch.float32, torch.float64):
        x = torch.cat([torch.tensor(edges, dtype=dtype), 3 * torch.randn(6, dtype=dtype)])
        for name, f in ops.items():
            yield case(name, f, [x])
        for name, f, numbers in with_numbers:
            yield case(name, lambda x: f(x, *numbers), [x], numbers)


def binary_cases():
    edges = [NAN, -INF, -2, -0.0, 0.0, 0.5, 2, 3, INF]
    ops = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow,
           "atan2": torch.atan2, "maximum": torch.maximum, "minimum": torch.minimum}
    comparisons = {"eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge}
    for dtype in (torch.float32, torch.float64):
        column = torch.tensor(edges, dtype=dtype).reshape(-1, 1)
        row = torch.tensor(edges + [1.5], dtype=dtype)
        a, b = torch.broadcast_tensors(column, row)
        for name, f in ops.items():
            yield case(name, f, [a, b])
            yield case(name, f, [torch.rand(3, 1, dtype=dtype) + 0.5, torch.rand(2, 1, 4, dtype=dtype) + 0.5])
        for name, f in comparisons.items():
            yield case(name, lambda x, y: f(x, y).to(torch.int64), [a.detach(), b.detach()])


def reductions():
    both = lambda f: (lambda x, dims, keep: f(x, dim=dims, keepdim=keep))

    def prod(x, dims, keep):
        for d in sorted((d % x.dim() for d in dims), reverse=True):
            x = x.prod(d, keepdim=keep)
        return x

    ops = {
        "sum": both(torch.sum), "mean": both(torch.mean), "prod": prod, "amax": both(torch.amax),
        "amin": both(torch.amin), "logsumexp": both(torch.logsumexp), "var": both(torch.var), "std": both(torch.std),
        "var0": lambda x, dims, keep: torch.var(x, dims, unbiased=False, keepdim=keep),
        "std0": lambda x, dims, keep: torch.std(x, dims, unbiased=False, keepdim=keep),
    }
    norms = {f"norm{p}": p for p in (1, 2, 3, 1.5, 0.5, INF)}
    for name, p in norms.items():
        ops[name] = lambda x, dims, keep, p=p: torch.linalg.vector_norm(x, p, dim=dims, keepdim=keep)
    for dtype in (torch.float32, torch.float64):
        x = torch.randn(2, 3, 4, dtype=dtype)
        tied = torch.randint(-2, 3, (2, 3, 4)).to(dtype)
        for name, f in ops.items():
            for dims, keep in (([2], False), ([0], True), ([1], False), ([0, 2], False), ([-1, 1], True), ([0, 1, 2], False)):
                yield case(name, lambda x: f(x, dims, keep), [x], [keep] + dims)
                if name in ("amax", "amin", "prod", "norm2", "norm1", "norminf"):
                    yield case(name, lambda x: f(x, dims, keep), [tied], [keep] + dims)
        for name, f in {"cumsum": torch.cumsum, "cumprod": torch.cumprod}.items():
            for d in (0, 1, -1):
                yield case(name, lambda x: f(x, d), [x], [d])
                yield case(name, lambda x: f(x, d), [tied], [d])
        for name, f in {"max": torch.max, "min": torch.min}.items():
            for d in (0, 1, -1):
                yield case(name, lambda x: f(x, d).values, [tied], [d])
                yield case("arg" + name, lambda x: f(x, d).indices, [tied], [d])
        edge = torch.tensor([[1, NAN, 3, NAN], [INF, 1, 2, INF], [-INF, -INF, -INF, -INF], [-INF, 0, 1, 1], [0, 0, 0, 0]], dtype=dtype)
        for name in ("sum", "mean", "prod", "amax", "amin", "logsumexp", "var", "std") + tuple(norms):
            # Beside a NaN or infinity PyTorch's amax and norms leave NaN; here the extreme elements share the gradient.
            gradient = name not in ("amax", "amin", "norminf", "norm0.5")
            yield case(name, lambda x: ops[name](x, [1], False), [edge], [False, 1], gradient)
        for name, f in {"max": torch.max, "min": torch.min}.items():
            yield case(name, lambda x: f(x, 1).values, [edge], [1])
            yield case("arg" + name, lambda x: f(x, 1).indices, [edge], [1])


def softmaxes():
    for dtype in (torch.float32, torch.float64):
        x = 4 * torch.randn(2, 3, 4, dtype=dtype)
        far = 1000 * torch.randn(4, 7, dtype=dtype)
        edge = torch.tensor([[1, NAN, 3], [INF, 1, 2], [-INF, -INF, -INF], [-INF, 0, 1]], dtype=dtype)
        for name, f in {"softmax": torch.softmax, "log_softmax": torch.log_softmax}.items():
            for d in (0, 1, 2, -1):
                yield case(name, lambda x: f(x, d), [x], [d])
            for y in (far, edge):
                for d in (0, 1):
                    yield case(name, lambda x: f(x, d), [y], [d])


write("elementwise.json", list(unary_cases()) + list(binary_cases()))
write("reduce.json", list(reductions()))
write("softmax.json", list(softmaxes()))
