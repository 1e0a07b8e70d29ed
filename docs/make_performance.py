#!/usr/bin/env python3
"""Writes docs/performance.md from what the benchmarks said:

    build/release/bin/bench/compare --json compare.json
    build/release/bin/bench/instructions --json > instructions.json
    bench/time_to_accuracy.py build/release/bin/gradus accuracy.json
    bench/build.sh build.json
    docs/make_performance.py compare.json instructions.json [accuracy.json [build.json]] > docs/performance.md
"""
import json
import pathlib
import statistics
import sys


def time_text(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def ratio_text(ratio):
    return f"{ratio:.2f}×" if ratio < 10 else f"{ratio:.0f}×"


def table(rows, threads):
    lines = [f"| | gradus | peer | peer / gradus | 10 % to 90 % of the turns | against tuned malloc | part of the limit | {threads} threads |",
             "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        compared = row["peer_seconds"] > 0
        lines.append("| {} | {} | {} | {} | {} | {} | {} | {} |".format(
            row["name"], time_text(row["gradus_seconds"]),
            time_text(row["peer_seconds"]) if compared else "none",
            f"**{ratio_text(row['ratio'])}**" if compared else "",
            f"{row['ratio_low']:.2f} – {row['ratio_high']:.2f}" if compared else "",
            ratio_text(row["ratio_malloc_tuned"]) if compared else "",
            f"{100 * row['part_of_limit']:.0f} %" if row["part_of_limit"] > 0 else "",
            ratio_text(row["speedup"]) if row["speedup"] > 0 else ""))
    return lines


def accuracy_section(accuracy):
    lines = ["", "## Time to an accuracy", "",
             f"Training on MNIST until the test half is recognised to so many percent: Adam, lr {accuracy['rate']}, batches of "
             f"{accuracy['batch']},", f"one thread, the clock running through the look at the test half after every epoch; the mean of "
             f"{accuracy['seeds']} seeds.", "`bench/time_to_accuracy.py` states the recipe and runs both.", "",
             "| | gradus | epochs | peer | epochs | peer / gradus |", "|---|--:|--:|--:|--:|--:|"]
    for row in accuracy["rows"]:
        cells = []
        for side in (row["gradus"], row["peer"]):
            missed = f" ({side['of'] - side['reached']} of {side['of']} seeds missed it)" if side["reached"] < side["of"] else ""
            cells += [f"{side['seconds']:.1f} s{missed}", f"{side['epochs']:.1f}"] if side["reached"] else ["not reached", ""]
        both = row["gradus"]["reached"] and row["peer"]["reached"]
        ratio = f"**{ratio_text(row['peer']['seconds'] / row['gradus']['seconds'])}**" if both else ""
        lines.append(f"| {row['model']}, {100 * row['target']:.0f} % | " + " | ".join(cells) + f" | {ratio} |")
    return lines


def build_section(build):
    return ["", "## The build", "", f"On {build['processors']} processors, without ccache (`bench/build.sh`): what `./run` needs, from nothing, "
            f"{build['from_nothing_seconds'] / 60:.1f} minutes;", f"after editing a loss, {build['after_editing_a_map_seconds']:.0f} s (huber_loss, elementwise) and "
            f"{build['after_editing_a_block_seconds']:.0f} s (multi_similarity_loss, over pairs of rows)."]


def page(compare, instructions, accuracy=None, build=None):
    lines = [
        "# Performance",
        "",
        f"Measured on {compare['date']} on {compare['processor']}, one thread, against {compare['peer']}. Both do the same",
        "work in turns in one run, forward and backward (and the optimiser's step where there is one); a figure is the median",
        "of nine turns of at least 20 ms. *Tuned malloc* is the peer with glibc told to keep its memory. *Part of the limit*:",
        "how much of the time the row's bytes or multiplications would need at this thread's best, "
        f"{compare['bytes_per_second'] / 1e9:.1f} GB/s and {compare['flops_per_second'] / 1e9:.0f} GFLOP/s. The last column: how much",
        f"faster gradus is with {compare['threads']} threads, whose results have the same bits.",
        "",
        f"A small op with its gradient, recorded, run backward and freed, takes {instructions['instructions_per_op']:,.0f}"
        " instructions.",
        "",
        "This page is written by `docs/make_performance.py` from `bench/compare --json`; run it on your own machine.",
    ]
    slower = []
    for family in dict.fromkeys(row["family"] for row in compare["rows"]):
        rows = [row for row in compare["rows"] if row["family"] == family]
        ratios = [row["ratio"] for row in rows if row["peer_seconds"] > 0]
        slower += [row for row in rows if 0 < row["peer_seconds"] and row["ratio"] < 1]
        lines += ["", f"## {family[0].upper()}{family[1:]}", ""]
        if ratios:
            lines += [f"Median {ratio_text(statistics.median(ratios))}, least {ratio_text(min(ratios))}, most {ratio_text(max(ratios))}.", ""]
        lines += table(rows, compare["threads"])
    if accuracy:
        lines += accuracy_section(accuracy)
    if build:
        lines += build_section(build)
    if slower:
        lines += ["", "## Where the peer is faster", ""]
        lines += [f"* {row['name']}: {ratio_text(row['ratio'])}" for row in slower]
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) not in (3, 4, 5):
        sys.exit(__doc__)
    sys.stdout.write(page(*(json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:])))


if __name__ == "__main__":
    main()
