#!/usr/bin/env python3
"""What bench/gpu.sh found, as one JSON file, and that file as a table.

make_gpu.py FILE.json                   prints the table, for docs/gpu.md
make_gpu.py --collect FOLDER ROOT FILE  what the steps left in FOLDER becomes FILE (default: docs/gpu/GPU-NAME.json)
"""
import json
import re
import statistics
import sys
from datetime import date
from pathlib import Path


def answer(folder, step):
    """The JSON that a step printed last, or None."""
    text = (folder / f"{step}.out").read_text() if (folder / f"{step}.out").exists() else ""
    for candidate in (text, text.strip().rsplit("\n", 1)[-1]):
        try:
            return json.loads(candidate)
        except json.JSONDecodeError:
            pass
    return None


def collect(folder, root, target):
    status = {f.stem: [int(n) for n in f.read_text().split()] for f in sorted(folder.glob("*.status"))}
    devices = answer(folder, "devices") or []
    gpu = next((d for d in devices if d.get("device", d.get("name", "")).startswith("cuda:0")), {})
    tests = re.search(r"\[  PASSED  \] (\d+) test", (folder / "tests.out").read_text())
    agreement = answer(folder, "gradcheck") or []
    hashes = {(answer(folder, f"training_{run}") or {}).get("weights_hash") for run in (1, 2)}
    compare = folder / "compare.json"
    report = {
        "date": date.today().isoformat(),
        "gpu": gpu,
        "cudnn_properties": answer(folder, "properties"),  # what tests/data/h200_properties.json describes by hand
        "steps": {name: {"status": s, "seconds": t} for name, (s, t) in status.items()},
        "tests_passed": int(tests.group(1)) if tests else 0,
        "conformance": {name[12:]: {k: v for k, v in (answer(folder, name) or {}).items() if not isinstance(v, list)}
                        for name in status if name.startswith("conformance_")},
        "agreeing": sum(not a["failures"] for a in agreement),
        "compared": len(agreement),
        "differing": [a for a in agreement if a["failures"]],
        "two_runs_equal": len(hashes) == 1 and None not in hashes,
        "benchmarks": json.loads(compare.read_text()) if compare.exists() else None,
    }
    name = re.sub(r"[^A-Za-z0-9]+", "-", report["benchmarks"]["processor"] if report["benchmarks"] else "gpu").strip("-")
    path = Path(target) if target else root / "docs" / "gpu" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(table(report))
    print(f"wrote {path}")
    bad = [name for name, (s, _) in status.items() if s]
    if bad or not report["two_runs_equal"]:
        print(f"gpu.sh: not as it should be: {', '.join(bad) or 'two equal trainings differ'}")
        return 1
    return 0


def table(report):
    rows = (report["benchmarks"] or {}).get("rows", [])
    lines = [
        f"On {report['benchmarks']['processor'] if report['benchmarks'] else 'a device'}, {report['date']}: "
        f"{report['tests_passed']} device tests passed, {report['agreeing']} of {report['compared']} losses and ops as on the CPU, "
        f"two trainings {'equal in every bit' if report['two_runs_equal'] else 'NOT equal'}.",
        "",
        "| family | rows | PyTorch eager / gradus, median | least | compiled / gradus, median | part of the copy bandwidth, best |",
        "|---|---|---|---|---|---|",
    ]
    for family in dict.fromkeys(r["family"] for r in rows):
        of = [r for r in rows if r["family"] == family]
        eager, compiled = [r["ratio"] for r in of if r["ratio"]], [r["ratio_compiled"] for r in of if r.get("ratio_compiled")]
        figures = [f"{f(v):.2f}" if v else "no peer" for f, v in
                   ((statistics.median, eager), (min, eager), (statistics.median, compiled))]
        lines.append(f"| {family} | {len(of)} | {' | '.join(figures)} | {100 * max(r['part_of_limit'] for r in of):.0f} % |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--collect"]:
        sys.exit(collect(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(table(json.loads(Path(sys.argv[1]).read_text())))
