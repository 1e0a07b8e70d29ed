"""Writes optimizer_reference.json: where PyTorch's optimisers and an average of weights are after 100 steps in float64.

Two parameters follow a quadratic whose steepness changes with the step; the second has a gradient in two of three steps
only. trajectory.h has the same formulas. Needs torch; made with 1.13.
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
    "rmsprop": (torch.optim.RMSprop, dict(lr=0.01)),
    "rmsprop_momentum": (torch.optim.RMSprop, dict(lr=0.002, alpha=0.9, eps=1e-6, weight_decay=0.1, momentum=0.8)),
    "rmsprop_centered": (torch.optim.RMSprop, dict(lr=0.005, alpha=0.95, centered=True)),
    "rmsprop_centered_momentum": (torch.optim.RMSprop, dict(lr=0.001, centered=True, momentum=0.9)),
    "adagrad": (torch.optim.Adagrad, dict(lr=0.1)),
    "adagrad_decay": (
        torch.optim.Adagrad,
        dict(lr=0.2, lr_decay=0.05, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-6),
    ),
    "adadelta": (torch.optim.Adadelta, dict()),
    "adadelta_weight_decay": (torch.optim.Adadelta, dict(lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.1)),
}


def start(n):
    return torch.tensor([((i * 37) % 101) / 50 - 1 for i in range(n)], dtype=torch.float64)


def gradient(p, step):
    n = p.numel()
    steepness = torch.tensor([1 + (i % 7) / 3 for i in range(n)], dtype=torch.float64)
    centre = torch.tensor([((i * 11) % 17) / 8 - 1 for i in range(n)], dtype=torch.float64)
    return steepness * (p.detach() - centre) * (1 + ((step * 13) % 7) / 7)


def main():
    result = {}
    for name, (kind, options) in VARIANTS.items():
        p, q = start(37).requires_grad_(), start(5).requires_grad_()
        optimizer = kind([p, q], **options)
        for step in range(STEPS):
            p.grad = gradient(p, step)
            q.grad = None if step % 3 == 0 else gradient(q, step)
            optimizer.step()
        result[name] = {"p": p.tolist(), "q": q.tolist()}

    # Two groups: q has a rate and a decay of its own.
    p, q = start(37).requires_grad_(), start(5).requires_grad_()
    optimizer = torch.optim.SGD([p], lr=0.01, momentum=0.9)
    optimizer.add_param_group(dict(params=[q], lr=0.003, weight_decay=0.2))
    for step in range(STEPS):
        p.grad, q.grad = gradient(p, step), gradient(q, step)
        optimizer.step()
    result["groups"] = {"p": p.tolist(), "q": q.tolist()}

    # A moving average of the weights, taken after every step.
    model = torch.nn.ParameterList([torch.nn.Parameter(start(37)), torch.nn.Parameter(start(5))])
    average = torch.optim.swa_utils.AveragedModel(model, avg_fn=lambda a, w, n: 0.95 * a + 0.05 * w)
    average.update_parameters(model)  # the first call copies
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(STEPS):
        for w in model:
            w.grad = gradient(w, step)
        optimizer.step()
        average.update_parameters(model)
    result["average"] = {"p": average.module[0].tolist(), "q": average.module[1].tolist()}

    path = pathlib.Path(__file__).with_name("optimizer_reference.json")
    path.write_text(json.dumps(result, indent=0) + "\n")


if __name__ == "__main__":
    main()
