#!/usr/bin/env bash
# A training that is killed or interrupted goes on as if nothing had happened, and its checkpoint is complete at any time.
# GRADUS_KILLS says how often the writer of checkpoints is killed.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
kills=${GRADUS_KILLS:-50}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
PATH=$(dirname "$(readlink -f "$gradus")"):$PATH
failures=0

fail() { echo "$*"; failures=$((failures + 1)); }
# field NAME: a field of the JSON object on standard input.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
# same WHAT WANTED GOT
same() { [[ -n $2 && $2 == "$3" ]] || fail "$1: got '$3', wanted '$2'"; }
# wait_for FILE PROCESS: until the process has written it, or ended.
wait_for() { while [[ ! -e $1 ]] && kill -0 "$2" 2>/dev/null; do sleep 0.01; done; }
# refused STATUS SENTENCE ARGS...
refused() {
  local status=0 said
  said=$("$gradus" train "${@:3}" 2>&1 >/dev/null) || status=$?
  same "gradus train ${*:3}: status" "$1" "$status"
  same "gradus train ${*:3}" "gradus: $2" "$said"
}

# ---- bit for bit: killed after some epochs, and interrupted in the middle of one ------------------

declare -A statuses=([KILL]=137 [INT]=130 [TERM]=143)
for threads in 1 2; do
  for arguments in "classify --epochs 12" "classify --model cnn --epochs 4 --optimizer adamw --dtype float64" "triplet --epochs 6"; do
    # shellcheck disable=SC2206  # the arguments are words
    words=($arguments --threads "$threads" --json)
    straight=$("$gradus" train "${words[@]}" 2>/dev/null)
    for signal in KILL "$([[ $threads == 1 ]] && echo INT || echo TERM)"; do
      for _ in 1 2 3 4 5; do  # again where it ended before the signal came
        status=0
        rm -f c
        "$gradus" train "${words[@]}" --checkpoint c >/dev/null 2>said &
        run=$!
        wait_for c $run
        kill -s "$signal" $run 2>/dev/null || true
        wait $run 2>/dev/null || status=$?
        ((status == 0)) || break
      done
      same "$arguments, SIG$signal: status" "${statuses[$signal]}" "$status"
      [[ $signal == KILL ]] ||
        grep -q "and saved; go on with: gradus train ${arguments%% *} --checkpoint c --resume$" said || fail "$arguments: $(tail -n 1 said)"
      resumed=$("$gradus" train "${arguments%% *}" --threads "$threads" --json --checkpoint c --resume 2>/dev/null)
      for name in weights_hash loss test_accuracy knn_accuracy; do
        [[ -z $(field $name <<<"$straight") ]] ||
          same "$arguments, $threads threads, $signal: $name" "$(field $name <<<"$straight")" "$(field $name <<<"$resumed")"
      done
    done
  done
done
same "a finished training, resumed" "$(field weights_hash <<<"$resumed")" \
  "$("$gradus" train triplet --json --checkpoint c --resume 2>/dev/null | field weights_hash)"

# ---- wrong calls: one sentence, and the file as it was --------------------------------------------

before=$(sha256sum c)
refused 2 "--checkpoint: 'c' exists already, wanted a new file; add --resume to go on with it, or name another" triplet --checkpoint c
refused 2 '--epochs: got 7, but c was made with 6; leave it out, or begin anew elsewhere' triplet --checkpoint c --resume --epochs 7
refused 2 '--lr: got 0.5, but c was made with the default; leave it out, or begin anew elsewhere' triplet --checkpoint c --resume --lr 0.5
refused 2 '--resume: c was made by gradus train triplet; go on with that, or begin anew elsewhere' classify --checkpoint c --resume
refused 2 "--resume: got no checkpoint to go on from; name it with --checkpoint or --out" classify --resume
refused 2 "--out: got --checkpoint too, wanted one of them; leave one out" classify --out f --checkpoint c
refused 2 "--checkpoint-every: got 0, wanted at least 1; see --help" classify --checkpoint d --checkpoint-every 0
refused 1 "no: cannot be opened (No such file or directory); check the path and its permissions" classify --checkpoint no --resume
head -c 1000 c >short
refused 1 "$("$gradus" train triplet --checkpoint short --resume 2>&1 >/dev/null | sed 's/^gradus: //')" triplet --checkpoint short --resume
same "the checkpoint after wrong calls" "$before" "$(sha256sum c)"
[[ ! -e d && ! -e no ]] || fail "a wrong call made a file"

# ---- --out: a folder, and an interrupt that names it ----------------------------------------------

"$gradus" train classify --epochs 1 --out a/b --json >/dev/null 2>&1
[[ -s a/b/checkpoint.safetensors ]] || fail "--out made no checkpoint.safetensors"
same "--out, resumed" 0 "$("$gradus" train classify --out a/b --resume >/dev/null 2>&1; echo $?)"

# ---- of a file whose samples change ----------------------------------------------------------------

for ((i = 0; i < 40; ++i)); do echo "$((i % 7)),$((i % 3)),$((i % 2))"; done >points.csv
"$gradus" train classify --data points.csv --model logistic --epochs 1 --out "of a file" >/dev/null 2>&1
same "eval on the same samples" 0 "$("$gradus" eval "of a file" >/dev/null 2>&1; echo $?)"
sed -i '1,9s/1$/0/' points.csv
"$gradus" eval "of a file" 2>said && fail "eval took other samples for those of the training"
grep -q "was trained on other samples than 'points.csv' holds now" said || fail "eval of changed samples says: $(cat said)"
mv points.csv moved.csv
"$gradus" eval "of a file" 2>said && fail "eval of a file that is not there"
grep -q "the model was trained on 'points.csv', which is not there, seen from here; name where it is" said || fail "eval of a moved file says: $(cat said)"
grep -q '"samples": *40' <<<"$("$gradus" eval "of a file" --data moved.csv --json)" || fail "eval takes some samples of a file only"
mv moved.csv points.csv
same "eval on samples that are named" 0 "$("$gradus" eval "of a file" --data points.csv >/dev/null 2>&1; echo $?)"
"$gradus" train classify --out "of a file" --resume 2>said && fail "a training went on with other samples"
grep -q "was made on other samples than 'points.csv' holds now; resume with the data it was made on" said ||
  fail "resuming on changed samples says: $(cat said)"

# ---- an interrupt tells how to go on with everything that was asked for -----------------------------

"$gradus" train classify --epochs 100000 --batch-size 500 --out "two words" --report --log jsonl >/dev/null 2>said &
run=$!
wait_for "two words/checkpoint.safetensors" $run
kill -s INT $run
wait $run 2>/dev/null || true
grep -q "go on with: gradus train classify --out 'two words' --resume --log jsonl --report" said ||
  fail "an interrupt says: $(tail -n 1 said)"

# ---- killed while it writes: one step an epoch, so that it does little else ----------------------

always=(classify --batch-size 2000 --epochs 1000000 --checkpoint k)
"$gradus" train "${always[@]}" >/dev/null 2>&1 &
run=$!
wait_for k $run
hits=0
for ((i = 0; i < kills; ++i)); do
  sleep "0.$((RANDOM % 25 + 5))"
  kill -s KILL $run 2>/dev/null || fail "kill $i: the training had ended: $(tail -n 1 said)"
  wait $run 2>/dev/null || true
  compgen -G "k.*.tmp" >/dev/null && hits=$((hits + 1))
  "$gradus" train classify --checkpoint k --resume >/dev/null 2>said &
  run=$!
done
sleep 1
kill -s INT $run || fail "the last training had ended: $(tail -n 1 said)"
wait $run 2>/dev/null || true
! compgen -G "k.*.tmp" >/dev/null || fail "temporary files are left: $(ls)"
((hits)) || fail "none of $kills kills met a checkpoint being written"
echo "$kills kills, $hits of them in the middle of a checkpoint"

((failures == 0))
