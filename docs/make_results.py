#!/usr/bin/env python3
"""Trains, evaluates and writes docs/results.md: docs/make_results.py PATH_TO_GRADUS RESULTS.json [EXPERIMENT=SEEDS ...]

    docs/make_results.py build/release/bin/gradus results.json                       every experiment, five seeds each
    docs/make_results.py build/release/bin/gradus results.json digits-cnn=5 mnist-mlp=1
    docs/make_results.py build/release/bin/gradus results.json none=0                only writes the page anew

RESULTS.json keeps what was run, so that a long list can be run in parts.  MNIST is found in $GRADUS_DATA/mnist.
"""
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parent / "results.md"
MNIST = "$GRADUS_DATA/mnist"
# name: what it is, the training, what eval is told, the figures (JSON name, in words), the bar, and what the bar is
EXPERIMENTS = {
    "mnist-mlp": ("MNIST, mlp, 10 epochs", ["classify", "--data", MNIST, "--model", "mlp", "--batch-size", "64", "--epochs", "10"], [],
                  [("test_accuracy", "test accuracy")], 0.98),
    "mnist-lenet5": ("MNIST, lenet5, 10 epochs", ["classify", "--data", MNIST, "--model", "lenet5", "--optimizer", "adam", "--lr", "0.001",
                                                  "--batch-size", "64", "--epochs", "10"], [],
                     [("test_accuracy", "test accuracy")], 0.99),
    "mnist-triplet": ("MNIST, triplet embedding, semi-hard, 10 epochs", ["triplet", "--data", MNIST, "--model", "cnn", "--mining",
                                                                         "semi-hard", "--batch-size", "100", "--epochs", "10"], ["--k", "1"],
                      [("precision_at_1", "precision@1"), ("knn_accuracy", "1-NN, embedding"), ("raw_knn_accuracy", "1-NN, raw pixels")], 0.99),
    "digits-cnn": ("Digits, cnn, 20 epochs", ["classify", "--model", "cnn", "--epochs", "20"], [],
                   [("test_accuracy", "test accuracy")], 0.98),
    "digits-triplet": ("Digits, triplet embedding, semi-hard", ["triplet", "--model", "cnn", "--mining", "semi-hard",
                                                                "--batch-size", "100", "--epochs", "80"], ["--k", "1"],
                       [("knn_accuracy", "1-NN, embedding"), ("raw_knn_accuracy", "1-NN, raw pixels"), ("precision_at_1", "precision@1")],
                       "raw_knn_accuracy"),
}
SEEDS = 5


def run(gradus, arguments):
    words = [os.path.expandvars(word) for word in arguments]
    return json.loads(subprocess.run([gradus, *words, "--json"], capture_output=True, text=True, check=True).stdout)


def one_seed(gradus, name, seed):
    _, training, evaluation, _, _ = EXPERIMENTS[name]
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = f"{folder}/run.safetensors"
        trained = run(gradus, ["train", *training, "--seed", str(seed), "--checkpoint", checkpoint])
        scores = run(gradus, ["eval", checkpoint, *evaluation])
    return {"seed": seed, "seconds": trained["seconds"], "threads": trained["threads"], "weights_hash": trained["weights_hash"],
            "date": datetime.date.today().isoformat(), "machine": machine(), **scores}


def machine():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    return platform.machine()


def verdict(runs, figures, bar):
    mean = {key: sum(run[key] for run in runs) / len(runs) for key, _ in figures}
    first, words = figures[0]
    if isinstance(bar, str):
        wanted, of = mean[bar] - 0.005, "the raw mean minus 0.5 points"
    else:
        wanted, of = bar, "the bar"
    word = "reached" if mean[first] >= wanted else "missed"
    return f"{words}: {100 * mean[first]:.2f} % in the mean, at least {100 * wanted:.2f} % ({of}) is {word}."


def section(name, runs):
    title, training, evaluation, figures, bar = EXPERIMENTS[name]
    lines = [f"## {title}", "", "```text", "gradus train " + " ".join(training) + " --seed S --checkpoint run.safetensors",
             "gradus eval run.safetensors" + "".join(f" {word}" for word in evaluation), "```", ""]
    if not runs:
        return lines + ["Not run.", ""]
    lines += ["| seed |" + "".join(f" {words} |" for _, words in figures) + " training | weights_hash |",
              "|--:|" + "--:|" * len(figures) + "--:|---|"]
    for result in runs:
        lines.append(f"| {result['seed']} |" + "".join(f" {100 * result[key]:.2f} % |" for key, _ in figures) +
                     f" {result['seconds']:.0f} s | `{result['weights_hash']}` |")
    lines.append("| mean |" + "".join(f" **{100 * sum(r[key] for r in runs) / len(runs):.2f} %** |" for key, _ in figures) + " | |")
    seeds = "" if len(runs) == SEEDS else f" Only {len(runs)} of {SEEDS} seeds were run."
    dates = sorted({r["date"] for r in runs})
    machines = "; ".join(sorted({f"{r['machine']}, {r['threads']} threads" for r in runs}))
    return lines + ["", f"{verdict(runs, figures, bar)}{seeds} {' to '.join(dict.fromkeys([dates[0], dates[-1]]))}, {machines}.", ""]


def page(results):
    lines = ["# Results", "", "What the command reaches, seed by seed. Written by `docs/make_results.py`, which runs the commands; an experiment that was",
             "not run says so. A seed gives the same weights, bit for bit, on a processor of the same kind, for any number of threads,",
             "as long as the kernels stay: a version that rounds otherwise gives other hashes, and figures that differ as seeds do.",
             "The recipes were chosen while looking at the same test halves, so that the figures are a little optimistic. The machine did other",
             "work at the same time: the seconds say little.", ""]
    for name in EXPERIMENTS:
        lines += section(name, sorted(results.get(name, []), key=lambda result: result["seed"]))
    return "\n".join(lines)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    gradus, kept = sys.argv[1], pathlib.Path(sys.argv[2])
    results = json.loads(kept.read_text()) if kept.exists() else {}
    for word in sys.argv[3:] or [f"{name}={SEEDS}" for name in EXPERIMENTS]:
        name, seeds = word.split("=")
        for seed in range(1, int(seeds) + 1):
            done = [result for result in results.get(name, []) if result["seed"] != seed]
            results[name] = [*done, one_seed(gradus, name, seed)]
            kept.write_text(json.dumps(results, indent=1))
            print(name, results[name][-1], file=sys.stderr)
    PAGE.write_text(page(results))


if __name__ == "__main__":
    main()
