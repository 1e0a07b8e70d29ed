#!/usr/bin/env python3
"""Computes with an ONNX file and compares: run_onnx.py numpy|onnxruntime TOLERANCE MODEL.onnx DATA.npz...

DATA holds the input and what is wanted of each output, by their names.  `numpy` is an interpreter of our own: of the file by
the format's description, of each op by its page in ONNX's documentation, with neither ONNX nor protobuf.  It also holds the
file to what the format asks of every graph.  Prints nothing where all agree."""
import math
import struct
import sys

import numpy as np

DTYPES = {1: np.float32, 7: np.int64, 9: np.bool_, 11: np.float64}


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value - (1 << 64 if value >> 63 else 0), at


def fields(data):
    """A protobuf message as {number: [values]}."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 5:
            value, at = struct.unpack("<f", data[at:at + 4])[0], at + 4
        else:
            assert kind == 2, f"kind {kind}"
            size, at = varint(data, at)
            assert at + size <= len(data), "a field is longer than its message"
            value, at = data[at:at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def integers(values):
    """Repeated int64, packed or not."""
    found = []
    for value in values:
        at = 0
        while isinstance(value, bytes) and at < len(value):
            number, at = varint(value, at)
            found.append(number)
        if not isinstance(value, bytes):
            found.append(value)
    return found


def tensor(data):
    f = fields(data)
    return np.frombuffer(f.get(9, [b""])[0], DTYPES[f[2][0]]).reshape(integers(f.get(1, [])))


def attribute(data):
    f = fields(data)
    kind, name = f[20][0], f[1][0].decode()
    value = {1: lambda: f[2][0], 2: lambda: f[3][0], 3: lambda: f[4][0].decode(), 4: lambda: tensor(f[5][0]), 7: lambda: integers(f.get(8, [])),
             8: lambda: [s.decode() for s in f[9]]}[kind]()
    return name, value


def pads(x, begin_end, value):
    top, left, bottom, right = begin_end
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def windows(x, kernel, strides, dilations=(1, 1)):
    """(N, C, H', W', kernel height, kernel width)"""
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(2, 3))
    return view[:, :, ::strides[0], ::strides[1], ::dilations[0], ::dilations[1]]


def conv(x, w, b=None, *, kernel_shape, strides, pads: list, dilations, group):
    patches = windows(globals()["pads"](x, pads, 0), kernel_shape, strides, dilations)
    parts = [np.einsum("nchwij,ocij->nohw", p, k) for p, k in zip(np.split(patches, group, 1), np.split(w, group, 0))]
    y = np.concatenate(parts, 1)
    return y if b is None else y + b[:, None, None]


def average_pool(x, *, kernel_shape, strides, pads: list, count_include_pad):
    total = windows(globals()["pads"](x, pads, 0), kernel_shape, strides).sum((4, 5))
    ones = globals()["pads"](np.ones_like(x), pads, count_include_pad)
    return total / windows(ones, kernel_shape, strides).sum((4, 5))


def normalised(x, axes, epsilon):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)


def softmax(x, *, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_step(a, b, h, c, activation="Tanh"):
    return {"Tanh": np.tanh, "Relu": lambda v: np.maximum(v, 0)}[activation](a + b), c


def lstm_step(a, b, h, c):
    i, o, f, g = np.split(a + b, 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(a, b, h, c):
    (az, ar, an), (bz, br, bn) = np.split(a, 3, 1), np.split(b, 3, 1)
    z = sigmoid(az + bz)
    return (1 - z) * np.tanh(an + sigmoid(ar + br) * bn) + z * h, c


def recurrence(step):
    """RNN, LSTM or GRU: (steps, directions, N, hidden)."""
    def run(x, w, r, b=None, *, hidden_size, direction, linear_before_reset=1, activations=None):
        assert linear_before_reset == 1
        backwards = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
        b = np.zeros((len(backwards), 2 * w.shape[1]), x.dtype) if b is None else b
        y = np.zeros((x.shape[0], len(backwards), x.shape[1], hidden_size), x.dtype)
        for d, reverse in enumerate(backwards):
            h = c = np.zeros((x.shape[1], hidden_size), x.dtype)
            of_input, of_hidden = np.split(b[d], 2)
            more = [activations[d]] if activations else []
            for t in range(x.shape[0])[::-1 if reverse else 1]:
                h, c = step(x[t] @ w[d].T + of_input, h @ r[d].T + of_hidden, h, c, *more)
                y[t, d] = h
        return y
    return run


def channels(v):
    return v[:, None, None]


def reshape(x, shape):
    return x.reshape([x.shape[i] if extent == 0 else extent for i, extent in enumerate(shape)])


OPS = {
    "Add": lambda a, b: a + b,
    "AveragePool": average_pool,
    "BatchNormalization": lambda x, w, b, m, v, *, epsilon: (x - channels(m)) / np.sqrt(channels(v) + epsilon) * channels(w) + channels(b),
    "Cast": lambda x, *, to: x.astype(DTYPES[to]),
    "ConstantOfShape": lambda s, *, value: np.full(s, value[0]),
    "Conv": conv,
    "Div": lambda a, b: a / b,
    "Elu": lambda x, *, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "Equal": lambda a, b: a == b,
    "Erf": lambda x: np.vectorize(math.erf)(x).astype(x.dtype),
    "Flatten": lambda x, *, axis: x.reshape(int(np.prod(x.shape[:axis])), -1),
    "Gather": lambda x, i: x[i],
    "Gemm": lambda a, b, c=0, *, transB: a @ (b.T if transB else b) + c,
    "GRU": recurrence(gru_step),
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdims=True),
    "LSTM": recurrence(lstm_step),
    "LayerNormalization": lambda x, w, b, *, axis, epsilon: normalised(x, tuple(range(axis, 0)), epsilon) * w + b,
    "LeakyRelu": lambda x, *, alpha: np.where(x > 0, x, x * alpha),
    "MatMul": lambda a, b: a @ b,
    "Max": np.maximum,
    "MaxPool": lambda x, *, kernel_shape, strides, pads: windows(globals()["pads"](x, pads, -np.inf), kernel_shape, strides).max((4, 5)),
    "Mul": lambda a, b: a * b,
    "Not": np.logical_not,
    "RNN": recurrence(rnn_step),
    "ReduceL2": lambda x, *, axes, keepdims: np.sqrt((x * x).sum(tuple(axes), keepdims=bool(keepdims))),
    "ReduceMean": lambda x, *, axes, keepdims: x.mean(tuple(axes), keepdims=bool(keepdims)),
    "ReduceSum": lambda x, axes, *, keepdims: x.sum(tuple(axes), keepdims=bool(keepdims)),
    "Relu": lambda x: np.maximum(x, 0),
    "Reshape": reshape,
    "Shape": lambda x, *, start: np.array(x.shape[start:]),
    "Sigmoid": sigmoid,
    "Softmax": softmax,
    "Softplus": lambda x: np.logaddexp(x, 0),
    "Split": lambda x, sizes, *, axis: np.split(x, np.cumsum(sizes)[:-1], axis),
    "Sub": lambda a, b: a - b,
    "Tanh": np.tanh,
    "Transpose": lambda x, *, perm: x.transpose(perm),
    "Trilu": lambda x, k, *, upper: np.where(np.triu(np.ones(x.shape, bool), k), x, 0) if upper else np.tril(x, k),
    "Unsqueeze": lambda x, axes: np.expand_dims(x, tuple(axes)),
}


def port(data):
    """Name, dtype and extents of an input or output; an extent is a number or a name."""
    f = fields(data)
    inner = fields(fields(f[2][0])[1][0])
    axes = []
    for dim in fields(inner[2][0]).get(1, []):
        d = fields(dim)
        axes.append(d[1][0] if 1 in d else d[2][0].decode())
    return f[1][0].decode(), DTYPES[inner[1][0]], axes


def check_fits(array, given, extents):
    name, dtype, axes = given
    assert array.dtype == dtype, f"{name} is {array.dtype}, its declaration says {dtype}"
    assert len(axes) == array.ndim, f"{name} has shape {array.shape}, its declaration says {axes}"
    for axis, extent in zip(axes, array.shape):
        wanted = extents.setdefault(axis, extent) if isinstance(axis, str) else axis
        assert wanted == extent, f"{name} has shape {array.shape}, its declaration says {axes}"


def compute(path, given):
    model = fields(open(path, "rb").read())
    assert [(fields(o).get(1, [b""])[0], fields(o)[2][0]) for o in model[8]] == [(b"", 17)], "another opset"
    graph = fields(model[7][0])
    values, extents = {fields(t)[8][0].decode(): tensor(t) for t in graph.get(5, [])}, {}
    assert len(values) == len(graph.get(5, [])), "two initializers have one name"
    for declared in map(port, graph[11]):
        check_fits(given[declared[0]], declared, extents)
        values[declared[0]] = given[declared[0]]
    unused, names = set(values), set()
    for data in graph[1]:
        f = fields(data)
        name, inputs, outputs = f[3][0].decode(), [i.decode() for i in f.get(1, [])], [o.decode() for o in f[2]]
        assert name not in names, f"two nodes are called {name}"
        names.add(name)
        unused -= set(inputs)
        y = OPS[f[4][0].decode()](*[values[i] for i in inputs], **dict(map(attribute, f.get(5, []))))
        for output, value in zip(outputs, y if len(outputs) > 1 else [y]):
            assert output not in values, f"{output} is computed twice"
            values[output] = value
    assert not unused, f"nobody takes {sorted(unused)}"
    found = {}
    for declared in map(port, graph[12]):
        check_fits(values[declared[0]], declared, extents)
        found[declared[0]] = values[declared[0]]
    return found


def onnxruntime_compute(path, given):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {i.name: given[i.name] for i in session.get_inputs()})))


def main():
    by, tolerance, path, *data = sys.argv[1:]
    for wanted in map(np.load, data):
        found = {"numpy": compute, "onnxruntime": onnxruntime_compute}[by](path, wanted)
        for name, y in found.items():
            assert y.shape == wanted[name].shape, f"{name}: shape {y.shape}, wanted {wanted[name].shape}"
            assert y.dtype == wanted[name].dtype, f"{name}: {y.dtype}, wanted {wanted[name].dtype}"
            worst = np.abs(y - wanted[name]).max() / max(1, np.abs(wanted[name]).max())
            assert worst <= float(tolerance), f"{name}: differs by {worst}"


if __name__ == "__main__":
    main()
