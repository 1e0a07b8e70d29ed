"""Writes attention_reference.json: PyTorch's attention and transformer layers, with the weights of fill.py.

Needs torch; made with 1.13.
"""

import json
import pathlib

import torch
from torch import nn

from fill import fill, fingerprint, pattern

WIDTH, HEADS, N, L, S = 6, 2, 2, 3, 4
TOKENS = torch.tensor([[1, 5, 8, 0, 0], [2, 2, 7, 3, 1], [4, 0, 0, 0, 0]])


def finish(result, module, outputs, inputs):
    loss = sum((y * pattern(2000 + k, y.shape)).sum() for k, y in enumerate(outputs))
    loss.backward()
    result["outputs"] = [y.reshape(-1).tolist() for y in outputs]
    result["input_gradients"] = [x.grad.reshape(-1).tolist() for x in inputs]
    if module is not None:
        result["state"] = [[name, list(t.shape)] for name, t in module.state_dict().items()]
        result["gradients"] = {name: fingerprint(p.grad) for name, p in module.named_parameters()}
    return result


def attention(batch_first, masks, **options):
    layer = nn.MultiheadAttention(WIDTH, HEADS, batch_first=batch_first, **options).double()
    with torch.no_grad():
        fill(layer)
    turn = (lambda t: t.transpose(0, 1).contiguous()) if batch_first else (lambda t: t)
    inputs = [turn(pattern(1000 + k, (steps, N, WIDTH))).requires_grad_() for k, steps in enumerate((L, S, S))]
    outputs = layer(*inputs, **masks)
    return finish({}, layer, outputs, inputs)


def dot_product(mask):
    """softmax(q kᵀ / sqrt(E)) v, spelled out."""
    q, k, v = [pattern(1000 + i, (N, 2, steps, 5)).requires_grad_() for i, steps in enumerate((L, S, S))]
    scores = q @ k.transpose(-1, -2) / 5**0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return finish({}, None, [torch.softmax(scores, -1) @ v], [q, k, v])


def block(activation):
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 7, dropout=0, activation=activation, norm_first=True).double()
    with torch.no_grad():
        fill(layer)
    x = pattern(1000, (L, N, WIDTH)).requires_grad_()
    later = torch.ones(L, L, dtype=torch.bool).triu(1)
    return finish({}, layer, [layer(x), layer(x, src_mask=later)], [x])


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 4, padding_idx=0)
        self.head1 = nn.Linear(4, 3)
        self.head2 = nn.Linear(4, 2)

    def forward(self, tokens):
        present = (tokens != 0).double().unsqueeze(2)
        mean = (self.embedding(tokens) * present).sum(1) / present.sum(1)
        return self.head1(mean), self.head2(mean)


def text():
    model = Text().double()
    with torch.no_grad():
        fill(model)
    return finish({}, model, list(model(TOKENS)), [])


class Classifier(nn.Module):
    """Of tokens (N, length), or of images whose rows are a sequence."""

    def __init__(self, first, length, outputs):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(length, 8))
        if isinstance(first, nn.Embedding):
            self.embedding = first
        else:
            self.projection = first
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(8, 2, 12, dropout=0, activation="gelu", batch_first=True, norm_first=True) for _ in range(2))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, outputs)

    def forward(self, x):
        tokens = x.dtype == torch.int64
        h = (self.embedding(x) if tokens else self.projection(x.transpose(1, 2).flatten(2))) + self.positions
        absent = x == 0 if tokens else None
        for block in self.blocks:
            h = block(h, src_key_padding_mask=absent)
        h = self.norm(h)
        if not tokens:
            return self.head(h.mean(1))
        there = (~absent).double().unsqueeze(2)
        return self.head((h * there).sum(1) / there.sum(1))


def classifier(first, length, x):
    model = Classifier(first, length, 3).double()
    with torch.no_grad():
        fill(model)
    return finish({}, model, [model(x)], [])


def main():
    padding = torch.tensor([[False, False, True, True], [False, True, False, False]])
    no = torch.tensor([[False, True, False, True], [True, False, False, False], [False, False, True, False]])
    each = pattern(9, (N * HEADS, L, S)) > 0.2
    each[..., 0] = False
    cases = {
        "plain": attention(False, {}),
        "batch_first": attention(True, {}, bias=False),
        "bool masks": attention(False, {"key_padding_mask": padding, "attn_mask": no}),
        "float mask": attention(False, {"attn_mask": pattern(8, (L, S)), "key_padding_mask": padding}),
        "mask each": attention(False, {"attn_mask": each}),
        "dot product": dot_product(None),
        "dot product, masked": dot_product(~no),
        "dot product, causal": dot_product(torch.ones(L, S, dtype=torch.bool).tril()),
        "block": block("relu"),
        "block, gelu": block("gelu"),
        "text": text(),
        "classifier of tokens": classifier(nn.Embedding(9, 8, padding_idx=0), 5, TOKENS),
        "classifier of images": classifier(nn.Linear(6, 8), 4, pattern(1000, (3, 2, 4, 3))),
    }
    content = ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in cases.items())
    assert "NaN" not in content
    pathlib.Path(__file__).with_name("attention_reference.json").write_text("{\n" + content + "\n}\n")


if __name__ == "__main__":
    main()
