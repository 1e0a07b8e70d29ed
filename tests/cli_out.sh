#!/usr/bin/env bash
# What a training leaves in its folder, what eval and predict make of it, and every wrong call about them.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
tests=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python=${GRADUS_PYTHON:-/usr/bin/python3}
[[ -x $python ]] || python=python3
failures=0

fail() { echo "$*"; failures=$((failures + 1)); }
# field NAME: a field of the JSON object on standard input.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
same() { [[ -n $2 && $2 == "$3" ]] || fail "$1: got '$3', wanted '$2'"; }
# refused STATUS SENTENCE ARGS...
refused() {
  local status=0 said
  said=$("$gradus" "${@:3}" 2>&1 >/dev/null) || status=$?
  same "gradus ${*:3}: status" "$1" "$status"
  same "gradus ${*:3}" "gradus: $2" "$said"
}

# ---- a folder -------------------------------------------------------------------------------------

trained=$("$gradus" train classify --epochs 3 --out a/b --report --log jsonl,tensorboard --json 2>said) || fail "$(cat said)"
for name in checkpoint.safetensors config.json metrics.jsonl report.html; do [[ -s a/b/$name ]] || fail "--out made no $name"; done
grep -q "wrote a/b/report.html" said || fail "the report is not named: $(cat said)"
same "lines of metrics" 3 "$(wc -l <a/b/metrics.jsonl)"
same "accuracy in the metrics" "$(field test_accuracy <<<"$trained")" "$(tail -n 1 a/b/metrics.jsonl | field test_accuracy)"

# The page is one file: it loads nothing, runs nothing, and is well formed.
if grep -qE '<script|<link|@import|url\(|src="[^d]|https?://[^w]' a/b/report.html; then fail "the report loads something"; fi
"$python" - a/b/report.html <<'EOF' || fail "the report is not well formed"
import html.parser, sys
class Balance(html.parser.HTMLParser):
    open = []
    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img", "br"): self.open.append(tag)
    def handle_startendtag(self, tag, attributes): pass
    def handle_endtag(self, tag): assert self.open.pop() == tag, (tag, self.getpos())
text = open(sys.argv[1], encoding="utf-8").read()
page = Balance()
page.feed(text)
assert page.open == [], page.open
assert "nan" not in text.split("</style>")[1].replace("data:image", ""), "a figure is missing"
EOF
same "hard samples" 24 "$(grep -o 'data:image/bmp' a/b/report.html | wc -l)"
grep -q "$(field weights_hash <<<"$trained")" a/b/report.html || fail "the report lacks the hash of the weights"

# ---- its config trains the same again; the command line wins --------------------------------------

again=$("$gradus" train classify --config a/b/config.json --json 2>/dev/null)
same "from config.json" "$(field weights_hash <<<"$trained")" "$(field weights_hash <<<"$again")"
same "--epochs over config.json" 1 "$("$gradus" train classify --config a/b/config.json --epochs 1 --json 2>/dev/null | field epochs)"
echo '{"epoch": 3}' >c.json
refused 2 "c.json: there is no option \"epoch\"; did you mean 'epochs'?" train classify --config c.json
echo '{"epochs": 0}' >c.json
refused 2 "--epochs: got 0, wanted at least 1; see --help" train classify --config c.json
refused 2 'a/b/config.json: is for the task "classify", not for "triplet"; name its task on the command line' train triplet --config a/b/config.json

# ---- metrics and events of a resumed training -----------------------------------------------------

"$gradus" train classify --epochs 6 --checkpoint-every 2 --out straight --log jsonl,tensorboard >/dev/null
"$gradus" train classify --epochs 6 --checkpoint-every 4 --out killed --log jsonl,tensorboard >/dev/null &
run=$!
for ((i = 0; i < 500; ++i)); do [[ -e killed/checkpoint.safetensors ]] && break; sleep 0.01; done
kill -s KILL $run 2>/dev/null || true
wait $run 2>/dev/null || true
"$gradus" train classify --out killed --resume --log jsonl,tensorboard >/dev/null
for folder in straight killed; do
  sed 's/"seconds":[^,]*,//' $folder/metrics.jsonl >$folder.metrics
done
cmp straight.metrics killed.metrics || fail "the metrics of a resumed training differ"

if [[ -n $(compgen -G "straight/events.out.tfevents.*") ]]; then
  "$python" "$tests/read_events.py" straight/events.out.tfevents.* >scalars || fail "the event file is damaged"
  same "scalars" 24 "$(grep -c '"tag"' scalars)"
  "$python" - straight/metrics.jsonl scalars <<'EOF' || fail "the event file says other figures than the metrics"
import json, struct, sys
tags = {"train/loss": "loss", "train/lr": "lr", "test/loss": "test_loss", "test/accuracy": "test_accuracy"}
rows = {row["step"]: row for row in map(json.loads, open(sys.argv[1]))}
for scalar in map(json.loads, open(sys.argv[2])):
    wanted = rows[scalar["step"]][tags[scalar["tag"]]]
    assert struct.pack("<f", wanted) == struct.pack("<f", scalar["value"]), (scalar, wanted)
EOF
fi

# ---- eval and predict -----------------------------------------------------------------------------

evaluated=$("$gradus" eval a/b --json)
for name in test_accuracy test_loss weights_hash; do
  [[ $name == test_loss ]] || same "eval: $name" "$(field $name <<<"$trained")" "$(field $name <<<"$evaluated")"
done
same "eval in words" "test accuracy" "$("$gradus" eval a/b/checkpoint.safetensors | cut -c1-13)"
"$gradus" predict a/b --json >predicted
same "predictions" 359 "$(wc -l <predicted)"
"$python" - predicted "$(field test_accuracy <<<"$trained")" <<'EOF' || fail "the predictions are not those of the model"
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert all(abs(sum(row["probabilities"]) - 1) < 1e-9 for row in rows)
assert all(row["probability"] == max(row["probabilities"]) == row["probabilities"][row["label"]] for row in rows)
right = sum(row["label"] == row["true_label"] for row in rows) / len(rows)
assert abs(right - float(sys.argv[2])) < 1e-12, right
EOF
same "predict --most" 3 "$("$gradus" predict a/b --most 2 | grep -cE '^ +[01] |samples more$')"

# Samples of one's own, without labels and with.
for line in 1 2 3; do seq -s, 64 | sed "s/\$/,$line/"; done >labelled.csv
cut -d, -f1-64 labelled.csv >plain.csv
"$gradus" train classify --data labelled.csv --model logistic --epochs 1 --out own >/dev/null
same "predictions without labels" 3 "$("$gradus" predict own --data plain.csv --json | grep -vc true_label)"
same "predictions with labels" 3 "$("$gradus" predict own --data labelled.csv --json | grep -c true_label)"

triplet=$("$gradus" train triplet --epochs 2 --mining semi-hard --out e --report --json 2>/dev/null)
same "eval of an embedding" "$(field knn_accuracy <<<"$triplet")" "$("$gradus" eval e --json | field knn_accuracy)"
same "its picture in the report" 1 "$(grep -c 'component 1' e/report.html)"
"$gradus" predict e --json >predicted
same "votes" "$(field knn_accuracy <<<"$triplet" | cut -c1-8)" "$("$python" -c '
import json
rows = [json.loads(line) for line in open("predicted")]
print(sum(row["label"] == row["true_label"] for row in rows) / len(rows))' | cut -c1-8)"

# ---- a disk that fills up: one sentence, and the checkpoint as it was -----------------------------

"$gradus" train classify --epochs 1000000 --checkpoint full >/dev/null 2>&1 &
run=$!
for ((i = 0; i < 2000; ++i)); do [[ -e full ]] && break; sleep 0.01; done
kill -s INT $run
wait $run 2>/dev/null || true
before=$(sha256sum full)
status=0
said=$({ trap '' XFSZ; ulimit -f 100; exec "$gradus" train classify --checkpoint full --resume; } 2>&1 >/dev/null) || status=$?
same "a full disk: status" 1 "$status"
same "a full disk" \
  "gradus: full: cannot be written (File too large), and is as it was; make room or choose a path that can be written" "$said"
same "the checkpoint on a full disk" "$before" "$(sha256sum full)"
! compgen -G "full.*.tmp" >/dev/null || fail "temporary files are left: $(ls)"

# ---- wrong calls: before anything is trained or made ----------------------------------------------

refused 2 "--checkpoint: there is no folder 'no'; make it, or try --out, which makes its own" train classify --checkpoint no/run
refused 2 "--checkpoint: 'a' is a folder, wanted a file; try --out a, which takes a folder" train classify --checkpoint a
refused 2 "--out: 'predicted' is a file, wanted a folder or nothing; name another" train classify --out predicted/x
refused 2 "--out: 'a/b/checkpoint.safetensors' exists already, wanted a new folder; add --resume to go on with it, or name another" train classify --out a/b
refused 2 "--log: got no folder to write to; name it with --out" train classify --log jsonl
refused 2 "--report: got no folder to write to; name it with --out" train classify --report
refused 2 "--log: there is no 'tensorbord'; did you mean 'tensorboard'?" train classify --out new --log tensorbord
refused 2 "--mining: there is no 'hard'; known with it in their names are semi-hard, batch-hard" train triplet --mining hard --out new
refused 2 "--lr: got -1, wanted a finite number that is not negative; leave it out, or see --help" train classify --out new --lr -1
refused 2 "--model: cnn takes images, but a sample of the data is 2 numbers; use logistic or mlp" train classify --out new --data moons --model cnn
refused 1 "plain.txt: its name ends like no format that is known, wanted .npz, .npy, .csv, .csv.gz or an IDX file …-ubyte; convert or rename it" predict a/b --data "$(touch plain.txt && echo plain.txt)"
refused 2 "--data: has samples of shape (2), but the model was trained on (1,8,8); take data of that shape" eval a/b --data moons
refused 2 "--data: has samples of shape (2), but the model was trained on (1,8,8); take data of that shape" predict a/b --data spirals
refused 1 "nothing: cannot be opened (No such file or directory); check the path and its permissions" eval nothing
refused 1 "c.json: $("$gradus" eval c.json 2>&1 | sed 's/^gradus: c.json: //')" eval c.json
refused 2 "--k: got 0, wanted at least 1; try 5" eval e --k 0
refused 2 "--most: got 0, wanted at least 1; try 20" predict a/b --most 0
[[ ! -e new && ! -e no ]] || fail "a wrong call made a folder"
if [[ $(id -u) != 0 ]]; then
  mkdir closed && chmod 500 closed
  refused 1 "--out: 'closed' cannot be written (Permission denied); name a folder that can" train classify --out closed/x
fi

((failures == 0))
