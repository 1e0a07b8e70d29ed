#!/usr/bin/env bash
# A training that leaves the finite numbers: it names the op, keeps what the step started from, and that tells the same again.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0

fail() { echo "$*"; failures=$((failures + 1)); }
same() { [[ -n $2 && $2 == "$3" ]] || fail "$1: got '$3', wanted '$2'"; }
# refused STATUS SENTENCE ARGS...
refused() {
  local status=0 said
  said=$("$gradus" train "${@:3}" 2>&1 >/dev/null) || status=$?
  same "gradus train ${*:3}: status" "$1" "$status"
  same "gradus train ${*:3}" "gradus: train: $2" "$said"
}

op="forward of linear: its output of shape (32,128) is infinite at element 0; look at what linear was given"
lr="begin anew with a smaller --lr than 1e+30, or another --optimizer"
refused 1 "the loss became nan at batch 2 of epoch 1 ($op); add --out to keep the state before such a step; $lr" \
  classify --lr 1e30
refused 1 "the loss became nan at batch 2 of epoch 1 ($op); the state before that step is in d/diverged.safetensors; $lr" \
  classify --lr 1e30 --out d
[[ ! -e d/checkpoint.safetensors ]] || fail "a training that failed left a checkpoint"

# What was kept is a checkpoint like any other: it goes on where the step was, to the same end, and stays as it is.
before=$(sha256sum d/diverged.safetensors)
refused 1 "the loss became nan at batch 2 of epoch 1 ($op); the state before that step is in d/diverged.safetensors.diverged, \
the last one saved in d/diverged.safetensors; $lr" classify --checkpoint d/diverged.safetensors --resume --threads 1
same "the checkpoint that was resumed" "$before" "$(sha256sum d/diverged.safetensors)"
cmp d/diverged.safetensors d/diverged.safetensors.diverged || fail "the same step started from something else"
"$gradus" eval d/diverged.safetensors >/dev/null || fail "eval does not read it"

# Numbers that are too large from the start are the data's.
for i in {1..40}; do echo "$((i % 7)),$((i % 5)),$((i % 2))"; done >x.csv
echo "3e38,-3e38,1" >>x.csv
for i in {1..40}; do echo "$((i % 7)),$((i % 5)),$((i % 2))"; done >>x.csv
"$gradus" train classify --data x.csv --epochs 1 2>said >/dev/null && fail "a sum beyond float32 went unnoticed"
grep -q "^gradus: train: .*of linear.*; begin anew with a smaller --lr" said || fail "another sentence: $(cat said)"

((failures == 0)) && echo "a training that diverges says where"
