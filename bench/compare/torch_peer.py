"""The peer of bench/compare: does in PyTorch what it is told on standard input, and says how long it took.
PEER_DEVICE=cuda: on the GPU.  PEER_COMPILES=1: losses and models through torch.compile, replayed as CUDA graphs.

hello          -> "torch VERSION, ..." or why there is none
row KIND ARGS  -> "ready", or why not
run N          -> the seconds that N repetitions of the row took
"""
import os
import re
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as error:
    for _ in sys.stdin:
        print(f"no torch: {error}", flush=True)
    sys.exit()


DEVICE = os.environ.get("PEER_DEVICE", "cpu")


def compiled(f):
    return torch.compile(f, mode="reduce-overhead") if os.environ.get("PEER_COMPILES") else f


def leaf(*shape):
    return torch.randn(*shape).requires_grad_(True)


def probabilities(*shape):
    return torch.rand(*shape) * 0.98 + 0.01


def signs(*shape):
    return torch.randint(0, 2, shape).float() * 2 - 1


def focal(x, t):
    p, ce = torch.sigmoid(x), F.binary_cross_entropy_with_logits(x, t, reduction="none")
    pt = p * t + (1 - p) * (1 - t)
    return ((0.25 * t + 0.75 * (1 - t)) * (1 - pt) ** 2 * ce).mean()


# name -> (inputs made from n, the loss of them); the first input trains
ELEMENTWISE = {
    "mse_loss": (lambda n: (leaf(n), torch.randn(n)), F.mse_loss),
    "l1_loss": (lambda n: (leaf(n), torch.randn(n)), F.l1_loss),
    "huber_loss": (lambda n: (leaf(n), torch.randn(n)), F.huber_loss),
    "smooth_l1_loss": (lambda n: (leaf(n), torch.randn(n)), F.smooth_l1_loss),
    "log_cosh_loss": (lambda n: (leaf(n), torch.randn(n)),
                      lambda x, t: (x - t + F.softplus(-2 * (x - t)) - 0.6931471805599453).mean()),
    "binary_cross_entropy": (lambda n: (probabilities(n).requires_grad_(True), probabilities(n)), F.binary_cross_entropy),
    "binary_cross_entropy_with_logits": (lambda n: (leaf(n), probabilities(n)), F.binary_cross_entropy_with_logits),
    "sigmoid_focal_loss": (lambda n: (leaf(n), torch.randint(0, 2, (n,)).float()), focal),
    "soft_margin_loss": (lambda n: (leaf(n), signs(n)), F.soft_margin_loss),
    "hinge_embedding_loss": (lambda n: (leaf(n), signs(n)), F.hinge_embedding_loss),
    "poisson_nll_loss": (lambda n: (leaf(n), torch.rand(n) * 5), F.poisson_nll_loss),
    "gaussian_nll_loss": (lambda n: (leaf(n), torch.randn(n), probabilities(n)), F.gaussian_nll_loss),
    "margin_ranking_loss": (lambda n: (leaf(n), torch.randn(n), signs(n)), F.margin_ranking_loss),
}


def classes(r, c):
    return torch.randint(0, c, (r,))


ROWS = {
    "cross_entropy": (lambda r, c: (leaf(r, c), classes(r, c)), F.cross_entropy),
    "nll_loss": (lambda r, c: (leaf(r, c), classes(r, c)), F.nll_loss),
    "kl_div": (lambda r, c: (leaf(r, c), torch.softmax(torch.randn(r, c), 1)), F.kl_div),
    "multi_margin_loss": (lambda r, c: (leaf(r, c), classes(r, c)), F.multi_margin_loss),
    "multilabel_soft_margin_loss": (lambda r, c: (leaf(r, c), torch.randint(0, 2, (r, c)).float()),
                                    F.multilabel_soft_margin_loss),
    "cosine_embedding_loss": (lambda r, c: (leaf(r, c), torch.randn(r, c), signs(r)), F.cosine_embedding_loss),
    "triplet_margin_loss": (lambda r, c: (leaf(r, c), torch.randn(r, c), torch.randn(r, c)), F.triplet_margin_loss),
    "info_nce_loss": (lambda r, c: (leaf(r, c), torch.randn(r, c)),
                      lambda q, k: F.cross_entropy(F.normalize(q) @ F.normalize(k).T / 0.07, torch.arange(len(q)))),
}


def backward_of(inputs, loss):
    loss = compiled(loss)

    def repeat():
        inputs[0].grad = None
        loss(*inputs).backward()
    return repeat


def optimizer_of(name, parameters):
    return {"sgd": lambda: torch.optim.SGD(parameters, lr=1e-3),
            "adam": lambda: torch.optim.Adam(parameters, lr=1e-3),
            "adamw": lambda: torch.optim.AdamW(parameters, lr=1e-3)}[name]()


def step_of(model, optimizer, loss):
    model = compiled(model)

    def repeat():
        optimizer.zero_grad(set_to_none=True)
        loss(model).backward()
        optimizer.step()
    return repeat


def mlp(widths):
    layers = []
    for i, o in zip(widths, widths[1:]):
        layers += [nn.Linear(i, o), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def row_distances(n, m, width, mode):
    how = "use_mm_for_euclid_dist" if mode == "gemm" else "donot_use_mm_for_euclid_dist"
    x, y = (torch.randint(0, 100, (int(rows), int(width))).float() for rows in (n, m))
    return backward_of((x.requires_grad_(True), y), lambda a, b: torch.cdist(a, b, compute_mode=how).sum())


def row_mlp(widths, batch, optimizer, loss):
    widths, batch = [int(w) for w in widths.split(",")], int(batch)
    model, x = mlp(widths), torch.randn(batch, widths[0])
    target = torch.randint(0, widths[-1], (batch,)) if loss == "cross_entropy" else torch.randn(batch, widths[-1])
    return step_of(model, optimizer_of(optimizer, model.parameters()), lambda m: getattr(F, loss)(m(x), target))


def row_triplet(widths, batch):
    widths, batch = [int(w) for w in widths.split(",")], int(batch)
    model, three = mlp(widths), [torch.randn(batch, widths[0]) for _ in range(3)]
    return step_of(model, optimizer_of("sgd", model.parameters()), lambda m: F.triplet_margin_loss(*[m(x) for x in three]))


def row_lenet(batch):
    batch = int(batch)
    model = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                          nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                          nn.Linear(84, 10))
    x, y = torch.randn(batch, 1, 28, 28), torch.randint(0, 10, (batch,))
    return step_of(model, optimizer_of("sgd", model.parameters()), lambda m: F.cross_entropy(m(x), y))


def row_optimizer(name, n):
    parameter = torch.randn(int(n)).requires_grad_(True)
    parameter.grad = torch.randn(int(n))
    return optimizer_of(name, [parameter]).step


KINDS = {
    "elementwise": lambda name, n: backward_of(ELEMENTWISE[name][0](int(n)), ELEMENTWISE[name][1]),
    "rows": lambda name, r, c: backward_of(ROWS[name][0](int(r), int(c)), ROWS[name][1]),
    "distances": row_distances,
    "mlp": row_mlp,
    "triplet": row_triplet,
    "lenet": row_lenet,
    "optimizer": row_optimizer,
}


def main():
    repeat = None
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "hello":
            torch.set_num_threads(1)
            if DEVICE != "cpu":
                torch.set_default_device(DEVICE)
            blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
            maths = f"BLAS {blas.group(1) if blas else 'not stated'}, 1 thread" if DEVICE == "cpu" else torch.cuda.get_device_name()
            answer = f"torch {torch.__version__}, {maths}"
        elif word == "row":
            try:
                torch.manual_seed(1)
                repeat, answer = KINDS[rest[0]](*rest[1:]), "ready"
            except (KeyError, AttributeError, TypeError, RuntimeError) as error:
                repeat, answer = None, f"the peer has no {' '.join(rest)} ({error})"
        else:
            begin = time.perf_counter()
            for _ in range(int(rest[0])):
                repeat()
            if DEVICE != "cpu":
                torch.cuda.synchronize()
            answer = repr(time.perf_counter() - begin)
        print(answer, flush=True)


main()
