#!/usr/bin/env bash
# How a training steps: schedules, averages of the weights and batches in parts, each of which goes on bit for bit.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0

fail() { echo "$*"; failures=$((failures + 1)); }
# field NAME: a field of the JSON object on standard input.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
# same WHAT WANTED GOT
same() { [[ -n $2 && $2 == "$3" ]] || fail "$1: got '$3', wanted '$2'"; }
# rates FOLDER: the rate of each epoch's last step, in four figures.
rates() { field lr <"$1/metrics.jsonl" | awk '{ printf "%s%.4g", (NR > 1 ? " " : ""), $1 } END { print "" }'; }
# refused SENTENCE ARGS...
refused() {
  local status=0 said
  said=$("$gradus" train "${@:2}" --out new 2>&1 >/dev/null) || status=$?
  same "gradus train ${*:2}: status" 2 "$status"
  same "gradus train ${*:2}" "gradus: $1" "$said"
}

# ---- the rates of PyTorch 1.13's schedulers at the last step of each epoch -------------------------

# 1437 samples in batches of 500 are three steps an epoch; the rate begins at 0.1.
small=(classify --model logistic --batch-size 500 --epochs 4)
# rated WANTED ARGS...
rated() {
  rm -rf rated
  "$gradus" train "${small[@]}" "${@:2}" --out rated >/dev/null 2>&1 || fail "gradus train ${*:2} failed"
  same "${*:2}: rates" "$1" "$(rates rated)"
}
rated "0.1 0.1 0.1 0.1" --schedule constant
rated "0.1 0.1 0.05 0.05" --schedule step --every 2 --gamma 0.5
rated "0.1 0.01 0.01 0.001" --schedule multi-step --milestones 1,3
rated "0.063 0.0315 0.01575 0.007875" --schedule exponential --gamma 0.5
rated "0.0933 0.06294 0.025 0.001704" --schedule cosine
rated "0.075 0.006699 0.075 0.006699" --schedule cosine-restarts --every 2
rated "0.08793 0.08117 0.02831 4e-07" --schedule one-cycle
rated "0.05556 0.08889 0.1 0.1" --schedule constant --warm-up 6
rated "0.07778 0.0883 0.04132 0.003015" --warm-up 3
rated "1e-07 1e-07 5e-08 2.5e-08" --schedule plateau --patience 0 --gamma 0.5 --lr 1e-7
# one-cycle where there is no momentum to move
rated "0.08793 0.08117 0.02831 4e-07" --schedule one-cycle --optimizer adagrad --lr 0.1

# ---- an average of the weights: one step, by NumPy -------------------------------------------------

step=(classify --model logistic --batch-size 2000 --epochs 1 --dtype float64)
"$gradus" train "${step[@]}" --lr 0 --out start >/dev/null 2>&1
"$gradus" train "${step[@]}" --ema 0.75 --schedule constant --out averaged --json >summary 2>/dev/null
/usr/bin/python3 - <<'PYTHON' || fail "the average of the weights is another"
import json
import numpy as np

def tensors(path):
    data = open(path, "rb").read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    types = {"F64": np.float64, "I64": np.int64}
    return {name: np.frombuffer(data[8 + size:][slice(*entry["data_offsets"])], types[entry["dtype"]])
            for name, entry in header.items() if name != "__metadata__"}

start, after = tensors("start/checkpoint.safetensors"), tensors("averaged/checkpoint.safetensors")
names = [name[len("model."):] for name in after if name.startswith("model.")]
assert names
for name in names:
    before, now = start["model." + name], after["model." + name]
    assert np.abs(now - before).max() > 0
    np.testing.assert_allclose(after["average." + name], 0.75 * before + 0.25 * now, rtol=1e-12, atol=1e-15)
PYTHON
same "the average is what is evaluated" "$(field test_loss <summary)" "$("$gradus" eval averaged --json | field test_loss)"

# ---- a batch in parts is the whole batch -----------------------------------------------------------

loss() { "$gradus" train classify --epochs 3 --dtype float64 --batch-size 100 --json "$@" 2>/dev/null | field loss; }
whole=$(loss)
for parts in 3 7 100; do
  awk -v a="$whole" -v b="$(loss --accumulate $parts)" 'BEGIN { exit !(a > 0 && (a - b) ^ 2 < (1e-9 * a) ^ 2) }' ||
    fail "--accumulate $parts: the loss is not that of the whole batch, $whole"
done

# ---- products in sixteen bits ---------------------------------------------------------------------

coarse=$("$gradus" train "${small[@]}" --precision bfloat16 --json 2>/dev/null | field test_loss)
exact=$("$gradus" train "${small[@]}" --json 2>/dev/null | field test_loss)
awk -v a="$coarse" -v b="$exact" 'BEGIN { exit !(a != b && (a - b) ^ 2 < (0.05 * b) ^ 2) }' ||
  fail "--precision bfloat16: the loss is $coarse, in float32 $exact"

# ---- interrupted and resumed, bit for bit ----------------------------------------------------------

for arguments in "--schedule plateau --patience 0 --gamma 0.5 --lr 0.5" "--ema 0.9" "--accumulate 3 --ema 0.99" \
  "--schedule one-cycle --optimizer adam" "--schedule cosine-restarts --every 2 --warm-up 7" "--schedule step --every 1"; do
  # shellcheck disable=SC2206  # the arguments are words
  words=(classify --epochs 8 $arguments)
  straight=$("$gradus" train "${words[@]}" --json 2>/dev/null)
  for _ in 1 2 3 4 5; do  # again where it ended before the signal came
    status=0
    rm -f c
    "$gradus" train "${words[@]}" --checkpoint c >/dev/null 2>&1 &
    run=$!
    while [[ ! -e c ]] && kill -0 $run 2>/dev/null; do sleep 0.01; done
    kill -s INT $run 2>/dev/null || true
    wait $run 2>/dev/null || status=$?
    ((status == 0)) || break
  done
  same "$arguments: status" 130 "$status"
  resumed=$("$gradus" train classify --json --checkpoint c --resume 2>/dev/null) || fail "$arguments: was not resumed"
  for name in weights_hash loss test_accuracy; do
    same "$arguments: $name" "$(field $name <<<"$straight")" "$(field $name <<<"$resumed")"
  done
done

# ---- from a file, and wrong calls -----------------------------------------------------------------

echo '{"schedule": "step", "every": 2, "gamma": 0.5, "ema": 0, "accumulate": 2}' >c.json
rated "0.1 0.1 0.05 0.05" --config c.json
echo '{"schedule": "multi-step", "milestones": [1, 3]}' >m.json
rated "0.1 0.01 0.01 0.001" --config m.json
"$gradus" train "${small[@]}" --config rated/config.json --out again >/dev/null 2>&1 || fail "a training's own config.json is refused"
refused "--schedule: there is no 'cosin'; did you mean 'cosine'?" classify --schedule cosin
refused "--gamma: got 1.5, wanted a number in (0, 1); try 0.1" classify --gamma 1.5
refused "--every: got 0, wanted at least 1; try 10" classify --every 0
refused "--patience: got -1, wanted at least 0; try 3" classify --patience -1
refused "--milestones: got none, wanted the epochs after which the rate falls; try 10,15" classify --schedule multi-step
refused "--milestones: got 0, wanted epochs of at least 1; try 10,15" classify --schedule multi-step --milestones 0,3
refused "--warm-up: got -1, wanted at least 0; try 100" classify --warm-up -1
refused "--warm-up: got 5 with --schedule one-cycle, which warms up itself; leave --warm-up out" classify --schedule one-cycle --warm-up 5
refused "--warm-up: got 5 with --schedule plateau, which begins at the rate itself; leave --warm-up out" classify --schedule plateau --warm-up 5
refused "--warm-up: got 9999 steps, but the training has 1800; name fewer" classify --warm-up 9999
refused "--ema: got 1, wanted a number in [0, 1); try 0.999" classify --ema 1
refused "--accumulate: got 0, wanted at least 1; see --help" classify --accumulate 0
refused "--precision: there is no 'bf16'; known are float32, bfloat16" classify --precision bf16
refused "--precision: got bfloat16 with --dtype float64, wanted weights in float32; leave one of the two out" classify --precision bfloat16 --dtype float64
[[ ! -e new ]] || fail "a wrong call made a folder"

((failures == 0))
