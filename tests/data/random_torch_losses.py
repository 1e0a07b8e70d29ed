"""Random calls of PyTorch's losses as test vectors: random_torch_losses.py SEED ROUNDS > vectors.json

Shapes, options and numbers are drawn anew in every round: zeros, ties, whole numbers, logits up to 1e4, ignored
labels, empty tensors.  What PyTorch answers with NaN (a mean of nothing) is left out, because there gradus has a rule
of its own.
"""
import json
import math
import random
import sys

import torch
import torch.nn.functional as F

double = torch.float64
vectors = []


def as_json(t):
    kinds = {torch.bool: "bool", torch.int64: "int64"}
    plain = lambda v: int(v) if t.dtype != double else v if math.isfinite(v) else str(v)
    return {"shape": list(t.shape), "dtype": kinds.get(t.dtype, "float64"), "data": [plain(v) for v in t.flatten().tolist()]}


def case(op, inputs, params, function, differentiable):
    leaves = {k: v.clone().requires_grad_(k in differentiable) for k, v in inputs.items()}
    value = function(**leaves)
    if value.dim() == 0 and math.isnan(value.item()):
        return
    vector = {"id": f"{op}/{len(vectors)}", "op": op, "inputs": {k: as_json(v) for k, v in inputs.items()}, "params": params}
    upstream = None
    if value.dim():
        upstream = torch.randn_like(value)
        vector["grad_output"] = as_json(upstream)
        vector["expected"] = {"value": as_json(value.detach())}
    else:
        vector["expected"] = {"value": value.item() if math.isfinite(value.item()) else str(value.item())}
    wanted = [leaves[k] for k in differentiable]
    grads = torch.autograd.grad(value, wanted, upstream, allow_unused=True) if value.requires_grad else []
    vector["expected"]["grad"] = {
        k: as_json(torch.zeros_like(leaves[k]) if g is None else g)
        for k, g in zip(differentiable, grads) if g is None or torch.isfinite(g).all()
    }
    vector["tolerance"] = {"rtol": 1e-8, "atol": 1e-10}
    vector["float32"] = None  # a kink is easily crossed by rounding the inputs
    vectors.append(vector)


def number(*shape):
    t = torch.randn(*shape, dtype=double) * random.choice([0.0, 1e-8, 1e-3, 1.0, 1.0, 1.0, 30.0, 1e4])
    mood = random.random()
    if mood < 0.2:
        return torch.round(t)
    return torch.where(torch.rand(*shape) < 0.3, torch.zeros((), dtype=double), t) if mood > 0.85 else t


def probability(*shape):
    t = torch.rand(*shape, dtype=double)
    return torch.where(torch.rand(*shape) < 0.4, torch.round(t), t) if random.random() < 0.3 else t


def sign(*shape):
    return torch.randint(0, 2, shape).to(double) * 2 - 1


def multilabels(rows, classes):
    """Rows of classes, none twice, that end with -1."""
    rows_of = lambda: [c if j < stop else -1 for j, c in enumerate(torch.randperm(classes).tolist())]
    labels = []
    for _ in range(rows):
        stop = random.randint(0, classes)
        labels.append(rows_of())
    return torch.tensor(labels)


def elementwise(shape, reduction):
    either = {"reduction": reduction}
    x, t, p, q = number(*shape), number(*shape), probability(*shape), probability(*shape)
    weight = torch.rand(shape, dtype=double)

    case("mse_loss", {"input": x, "target": t}, either, lambda **a: F.mse_loss(**a, **either), ["input", "target"])
    apart = x + torch.rand(shape, dtype=double) * 1e-3
    case("l1_loss", {"input": apart, "target": t}, either, lambda **a: F.l1_loss(**a, **either), ["input", "target"])
    for op, option, values in (("huber_loss", "delta", (0.1, 1.0, 2.5)), ("smooth_l1_loss", "beta", (0.1, 1.0, 3.0))):
        o = {**either, option: random.choice(values)}
        case(op, {"input": x, "target": t}, o, lambda **a: getattr(F, op)(**a, **o), ["input", "target"])
    inner = p * 0.999 + 5e-4
    case("binary_cross_entropy", {"input": inner, "target": q}, either,
         lambda **a: F.binary_cross_entropy(**a, **either), ["input"])
    case("binary_cross_entropy", {"input": inner, "target": q, "weight": weight}, either,
         lambda **a: F.binary_cross_entropy(**a, **either), ["input"])
    pos_weight = torch.rand(shape[-1:], dtype=double) * 3
    case("binary_cross_entropy_with_logits", {"input": x, "target": q, "weight": weight, "pos_weight": pos_weight}, either,
         lambda **a: F.binary_cross_entropy_with_logits(**a, **either), ["input"])
    logs = random.random() < 0.5
    o = {**either, "log_input": logs, "full": random.random() < 0.5}
    rate = x.clamp(-30, 30) if logs else x.abs() + 1e-3
    case("poisson_nll_loss", {"input": rate, "target": torch.round(t.abs()).clamp(max=1e4)}, o,
         lambda **a: F.poisson_nll_loss(**a, **o), ["input"])
    o = {**either, "full": random.random() < 0.5}
    case("gaussian_nll_loss", {"input": x, "target": t, "var": weight * random.choice([1, 1e-9])}, o,
         lambda **a: F.gaussian_nll_loss(**a, **o), ["input", "target"])
    o = {**either, "margin": random.choice([0.0, 0.5, 1.0])}
    case("margin_ranking_loss", {"input1": x, "input2": t, "target": sign(*shape)}, o,
         lambda **a: F.margin_ranking_loss(**a, **o), ["input1", "input2"])
    case("hinge_embedding_loss", {"input": x, "target": sign(*shape)}, o,
         lambda **a: F.hinge_embedding_loss(**a, **o), ["input"])
    case("soft_margin_loss", {"input": x.clamp(-600, 600), "target": sign(*shape)}, either,
         lambda **a: F.soft_margin_loss(**a, **either), ["input"])


def classes(rows, width, beyond, reduction):
    either = {"reduction": reduction}
    x, y = number(rows, width, *beyond), torch.randint(0, width, (rows, *beyond))
    y = torch.where(torch.rand(y.shape) < random.choice([0, 0.3]), torch.full_like(y, -100), y)
    weight = torch.rand(width, dtype=double) * random.choice([1, 1, 0]) + random.choice([0, 0.5])
    smooth = {**either, "label_smoothing": random.choice([0, 0, 0.1, 0.5])}
    case("cross_entropy", {"input": x, "target": y, "weight": weight}, smooth,
         lambda **a: F.cross_entropy(**a, **smooth), ["input"])
    case("cross_entropy", {"input": x, "target": torch.softmax(number(rows, width, *beyond), 1), "weight": weight}, smooth,
         lambda **a: F.cross_entropy(**a, **smooth), ["input"])
    case("nll_loss", {"input": torch.log_softmax(x, 1), "target": y, "weight": weight}, either,
         lambda **a: F.nll_loss(**a, **either), ["input"])
    for op in ("softmax", "log_softmax"):
        case(op, {"input": x}, {"dim": 1}, lambda **a: getattr(torch, op)(**a, dim=1), ["input"])

    logs = random.random() < 0.5
    o = {"reduction": random.choice(["none", "mean", "sum", "batchmean"]), "log_target": logs}
    q = torch.softmax(number(rows, width), 1)
    case("kl_div", {"input": torch.log_softmax(number(rows, width), 1), "target": q.log().clamp(min=-700) if logs else q}, o,
         lambda **a: F.kl_div(**a, **o), ["input"])
    scores = number(rows, width)
    case("multilabel_margin_loss", {"input": scores, "target": multilabels(rows, width)}, either,
         lambda **a: F.multilabel_margin_loss(**a, **either), ["input"])
    case("multilabel_soft_margin_loss",
         {"input": scores, "target": torch.randint(0, 2, (rows, width)).to(double), "weight": weight}, either,
         lambda **a: F.multilabel_soft_margin_loss(**a, **either), ["input"])
    o = {**either, "p": random.choice([1, 2]), "margin": random.choice([0.0, 0.5, 1.0])}
    case("multi_margin_loss", {"input": scores, "target": torch.randint(0, width, (rows,)), "weight": weight}, o,
         lambda **a: F.multi_margin_loss(**a, **o), ["input"])


def vectors_in_space(rows, width, reduction):
    norm = {"p": random.choice([1.0, 2.0, 3.0])}
    o = {"reduction": reduction, "margin": 1.0, "swap": random.random() < 0.5, **norm}
    a, b, c = (number(rows, width) for _ in range(3))
    case("triplet_margin_loss", {"anchor": a, "positive": b, "negative": c}, o,
         lambda **i: F.triplet_margin_loss(**i, **o), ["anchor", "positive", "negative"])
    o = {"reduction": reduction, "margin": random.choice([-0.5, 0.0, 0.5])}
    case("cosine_embedding_loss", {"input1": a + 0.01, "input2": b - 0.01, "target": sign(rows)}, o,
         lambda **i: F.cosine_embedding_loss(**i, **o), ["input1", "input2"])
    case("cosine_similarity", {"x1": a + 0.01, "x2": b - 0.01}, {}, lambda **i: F.cosine_similarity(**i), ["x1", "x2"])
    case("pairwise_distance", {"x1": a, "x2": b}, norm, lambda **i: F.pairwise_distance(**i, **norm), ["x1", "x2"])
    case("cdist", {"x1": a, "x2": number(4, width)}, norm,
         lambda **i: torch.cdist(**i, **norm, compute_mode="donot_use_mm_for_euclid_dist"), ["x1", "x2"])


def main():
    seed, rounds = int(sys.argv[1]), int(sys.argv[2])
    random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    for _ in range(rounds):
        reduction = random.choice(["none", "mean", "sum"])
        elementwise(random.choice([(3,), (1,), (4, 2), (2, 3, 2), (0,), (2, 0)]), reduction)
        classes(random.choice([1, 3, 4]), random.choice([1, 2, 5]), random.choice([(), (2,), (2, 2)]), reduction)
        vectors_in_space(random.choice([1, 3, 4]), random.choice([1, 3, 5]), reduction)
    json.dump({"format": "gradus-vectors-1", "vectors": vectors}, sys.stdout)


main()
