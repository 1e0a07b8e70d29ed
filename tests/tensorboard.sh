#!/usr/bin/env bash
# TensorBoard's own reader opens our event files, and sees of a resumed training what a training in one go gives.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
python=${GRADUS_PYTHON:-/usr/bin/python3}
[[ -x $python ]] || python=python3
"$python" -c 'import tensorboard' 2>/dev/null || { echo "Python has no tensorboard; GRADUS_PYTHON may name one that has"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
if ! "$gradus" train classify --epochs 4 --out straight --log jsonl,tensorboard >said 2>&1; then
  grep -q "this build lacks protobuf or ISA-L" said && { sed 's/^gradus: //' said; exit 77; }
  cat said
  exit 1
fi
# Saved after epoch 2, killed after epoch 3: what was written of epoch 3 is void.
"$gradus" train classify --epochs 4 --checkpoint-every 2 --out resumed --log jsonl,tensorboard >/dev/null 2>&1 &
run=$!
for ((i = 0; i < 1000; ++i)); do [[ -e resumed/checkpoint.safetensors ]] && break; sleep 0.01; done
kill -s KILL $run 2>/dev/null || true
wait $run 2>/dev/null || true
sleep 1.1  # event files are named by the second
"$gradus" train classify --out resumed --resume --log jsonl,tensorboard >/dev/null
"$python" - 2>/dev/null <<'EOF'
import json, struct
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
def curves(folder):
    events = EventAccumulator(folder)
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
straight, resumed = curves("straight"), curves("resumed")
assert sorted(straight) == ["test/accuracy", "test/loss", "train/loss", "train/lr"], sorted(straight)
rows = [json.loads(line) for line in open("straight/metrics.jsonl")]
assert [step for step, _ in straight["train/loss"]] == [row["step"] for row in rows]
for (_, value), row in zip(straight["test/accuracy"], rows):
    assert value == struct.unpack("<f", struct.pack("<f", row["test_accuracy"]))[0]
assert straight == resumed, (straight, resumed)
EOF
echo "TensorBoard reads the event files"
