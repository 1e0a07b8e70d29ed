#!/usr/bin/env python3
"""How long training takes until MNIST's test half is recognised: `gradus train` beside the same recipe in PyTorch.

    GRADUS_DATA=... bench/time_to_accuracy.py build/release/bin/gradus accuracy.json [SEEDS]

Both use one thread, Adam with lr 0.001, batches of 64 in an order of their own each epoch, pixels / 255 and PyTorch's
initial weights' distributions, and look at the whole test half after every epoch; the clock runs through all of it and stops
at the epoch that reaches the target.  A seed that does not within the epochs counts as not reached.
"""
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

DATA = pathlib.Path(os.environ.get("GRADUS_DATA", ".")) / "mnist"
RECIPES = [{"model": "mlp", "target": 0.98, "epochs": 20}, {"model": "lenet5", "target": 0.98, "epochs": 10},
           {"model": "lenet5", "target": 0.99, "epochs": 20}]
BATCH, RATE = 64, 0.001


def of_gradus(gradus, recipe, seed):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([gradus, "train", "classify", "--data", str(DATA), "--model", recipe["model"], "--optimizer", "adam",
                        "--lr", str(RATE), "--batch-size", str(BATCH), "--epochs", str(recipe["epochs"]), "--seed", str(seed),
                        "--threads", "1", "--out", f"{folder}/run"], check=True, capture_output=True)
        lines = [json.loads(line) for line in pathlib.Path(f"{folder}/run/metrics.jsonl").read_text().splitlines()]
    return next(((line["epoch"], line["seconds"]) for line in lines if line["test_accuracy"] >= recipe["target"]), None)


def idx(name, header, torch):
    raw = gzip.decompress((DATA / f"{name}.gz").read_bytes())[header:]
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8)


def of_torch(recipe, seed):
    import torch
    from torch import nn
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    x, y, test_x, test_y = (idx("train-images-idx3-ubyte", 16, torch).reshape(-1, 1, 28, 28).float() / 255,
                            idx("train-labels-idx1-ubyte", 8, torch).long(),
                            idx("t10k-images-idx3-ubyte", 16, torch).reshape(-1, 1, 28, 28).float() / 255,
                            idx("t10k-labels-idx1-ubyte", 8, torch).long())
    if recipe["model"] == "mlp":
        model = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    else:
        model = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                              nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                              nn.Linear(84, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    begin = time.perf_counter()
    for epoch in range(1, recipe["epochs"] + 1):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            right = sum((model(a).argmax(1) == b).sum().item() for a, b in zip(test_x.split(1000), test_y.split(1000)))
        if right / len(test_y) >= recipe["target"]:
            return epoch, time.perf_counter() - begin
    return None


def summary(runs):
    reached = [run for run in runs if run]
    return {"reached": len(reached), "of": len(runs),
            "epochs": statistics.mean(epoch for epoch, _ in reached) if reached else None,
            "seconds": statistics.mean(seconds for _, seconds in reached) if reached else None}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    rows = []
    for recipe in RECIPES:
        gradus, peer = [], []
        for seed in range(1, seeds + 1):  # in turns, so that both meet the same machine
            gradus.append(of_gradus(sys.argv[1], recipe, seed))
            peer.append(of_torch(recipe, seed))
            print(recipe, seed, gradus[-1], peer[-1], file=sys.stderr)
        rows.append({**recipe, "gradus": summary(gradus), "peer": summary(peer)})
    pathlib.Path(sys.argv[2]).write_text(json.dumps({"batch": BATCH, "rate": RATE, "seeds": seeds, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
