#!/usr/bin/env bash
# The benchmarks run, and one small recorded op costs no more instructions than it may.
set -euo pipefail
bench=$(dirname "${GRADUS:?the path of the command}")/bench
report=$(mktemp)
trap 'rm -f "$report"' EXIT

# Every row once, without a peer: no figure of this is kept.
"$bench/compare" --quick --python /nonexistent --json "$report" >/dev/null 2>&1
rows=$(grep -c '"gradus_seconds"' "$report")
((rows >= 40)) || { echo "compare measured $rows rows, wanted at least 40"; exit 1; }

[[ $(python3 "$GRADUS_ROOT/docs/make_performance.py" "$report" <(echo '{"instructions_per_op": 1498.1}')) == *"takes 1,498 instructions"* ]] ||
  { echo "docs/make_performance.py made no page of that report"; exit 1; }

command -v valgrind >/dev/null || { echo "no valgrind here counts instructions; install valgrind"; exit 77; }
count=$("$bench/instructions" --json | sed -n 's/.*"instructions_per_op": \([0-9.]*\).*/\1/p')
awk -v count="$count" 'BEGIN { exit !(count > 0 && count <= 1500) }' ||
  { echo "one small op costs ${count:-an unknown number of} instructions, wanted at most 1500"; exit 1; }
