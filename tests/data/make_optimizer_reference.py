"""Writes optimizer_reference.json: where PyTorch's optimisers are after 100 steps in float64.

Two parameters follow a quadratic whose steepness changes with the step; the second has a gradient in two of three steps
only. optim_test.cpp has the same formulas. Needs torch; made with 1.13.
"""

import json
import pathlib

import torch

STEPS = 100
VARIANTS = {
    "sgd": (torch.optim.SGD, dict(lr=0.01)),
    "sgd_weight_decay": (torch.optim.SGD, dict(lr=0.01, weight_decay=0.1)),
    "sgd_momentum": (torch.optim.SGD, dict(lr=0.01, momentum=0.9)),
    "sgd_dampening": (torch.optim.SGD, dict(lr=0.01, momentum=0.9, dampening=0.3, weight_decay=0.01)),
    "sgd_nesterov": (torch.optim.SGD, dict(lr=0.01, momentum=0.8, nesterov=True, weight_decay=0.05)),
    "adam": (torch.optim.Adam, dict(lr=0.01)),
    "adam_weight_decay": (torch.optim.Adam, dict(lr=0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
    "adam_amsgrad": (torch.optim.Adam, dict(lr=0.02, amsgrad=True)),
    "adamw": (torch.optim.AdamW, dict(lr=0.02)),
    "adamw_amsgrad": (torch.optim.AdamW, dict(lr=0.02, weight_decay=0.3, amsgrad=True)),
}


def start(n):
    return torch.tensor([((i * 37) % 101) / 50 - 1 for i in range(n)], dtype=torch.float64)


def gradient(p, step):
    n = p.numel()
    steepness = torch.tensor([1 + (i % 7) / 3 for i in range(n)], dtype=torch.float64)
    centre = torch.tensor([((i * 11) % 17) / 8 - 1 for i in range(n)], dtype=torch.float64)
    return steepness * (p.detach() - centre) * (1 + ((step * 13) % 7) / 7)


result = {}
for name, (kind, options) in VARIANTS.items():
    p, q = start(37).requires_grad_(), start(5).requires_grad_()
    optimizer = kind([p, q], **options)
    for step in range(STEPS):
        p.grad = gradient(p, step)
        q.grad = None if step % 3 == 0 else gradient(q, step)
        optimizer.step()
    result[name] = {"p": p.tolist(), "q": q.tolist()}

path = pathlib.Path(__file__).with_name("optimizer_reference.json")
path.write_text(json.dumps(result, indent=0) + "\n")
