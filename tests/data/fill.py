"""Numbers that both sides of a comparison with PyTorch can make, so that no weights need be stored; fill.h has the same."""

import torch


def pattern(k, shape):
    """1,009 different numbers in [-0.5, 0.5), in an order that depends on k."""
    n = 1
    for extent in shape:
        n *= extent
    i = torch.arange(n, dtype=torch.int64)
    u = (31 * (i * i % 1009) + 17 * i + 101 * k) % 1009
    return (u.to(torch.float64) / 1009 - 0.5).reshape(shape)


def fill(model):
    """Entry k of the state is pattern(k), scaled to suit its kind."""
    state = model.state_dict()
    for k, (name, t) in enumerate(state.items()):
        if name.endswith("num_batches_tracked"):
            continue
        p = pattern(k, t.shape)
        if t.dim() > 1:
            p *= 2 * (3 / (t.numel() / t.shape[0])) ** 0.5
        elif name.endswith("running_var") or name.endswith("weight"):
            p = 1 + p / 2
        else:
            p /= 5
        t.copy_(p)


def fingerprint(t):
    """What tells t apart: a sum with fixed weights, and the norm."""
    return [(t * pattern(3000, t.shape)).sum().item(), t.norm().item()]
