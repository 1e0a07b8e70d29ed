"""Writes recurrent_reference.json: outputs and gradients of PyTorch's recurrent layers, with the weights of fill.py.

Needs torch; made with 1.13.
"""

import json
import pathlib

import torch
from torch import nn

from fill import fill, fingerprint, pattern

VARIANTS = {
    "plain": {},
    "no_bias": dict(bias=False),
    "deep": dict(num_layers=3, bidirectional=True, batch_first=True),
    "dropped": dict(num_layers=2, dropout=1.0),  # all of it, which needs no random numbers
}


def case(layer, batch_first, given):
    """One sequence in training, from zeros or from a given state."""
    layer.double()
    with torch.no_grad():
        fill(layer)
    n, steps, inputs, hidden = 2, 4, 3, 5
    x = pattern(1000, (n, steps, inputs) if batch_first else (steps, n, inputs)).requires_grad_()
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    states = [pattern(k, (rows, n, hidden)).requires_grad_() for k in (1001, 1002)]
    lstm = isinstance(layer, nn.LSTM)
    start = None if not given else tuple(states) if lstm else states[0]
    output, last = layer(x, start)
    last = last if lstm else (last,)
    result = {"state": [[name, list(t.shape)] for name, t in layer.state_dict().items()]}
    result["output"] = output.reshape(-1).tolist()
    result["last"] = [t.reshape(-1).tolist() for t in last]
    loss = (output * pattern(2000, output.shape)).sum()
    for k, t in enumerate(last):
        loss = loss + (t * pattern(2001 + k, t.shape)).sum()
    loss.backward()
    result["gradients"] = {name: fingerprint(p.grad) for name, p in layer.named_parameters()}
    result["input_gradient"] = x.grad.reshape(-1).tolist()
    if given:
        result["state_gradients"] = [s.grad.reshape(-1).tolist() for s in states[: len(last)]]
    return result


def main():
    cases = {}
    for name, options in VARIANTS.items():
        for kind in (nn.RNN, nn.LSTM, nn.GRU):
            given = name in ("plain", "deep")
            cases[f"{kind.__name__} {name}"] = case(kind(3, 5, **options), options.get("batch_first", False), given)
    cases["RNN relu"] = case(nn.RNN(3, 5, nonlinearity="relu"), False, True)
    text = ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in cases.items())
    pathlib.Path(__file__).with_name("recurrent_reference.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
