#!/usr/bin/env bash
# gradus export onnx: what it says and writes, that an interpreter of the file classifies as gradus predict does, and every
# wrong call.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
tests=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python=${GRADUS_PYTHON:-/usr/bin/python3}
[[ -x $python ]] || python=python3
failures=0

fail() { echo "$*"; failures=$((failures + 1)); }
same() { [[ -n $2 && $2 == "$3" ]] || fail "$1: got '$3', wanted '$2'"; }
# refused STATUS SENTENCE ARGS...
refused() {
  local status=0 said
  said=$("$gradus" "${@:3}" 2>&1 >/dev/null) || status=$?
  same "gradus ${*:3}: status" "$1" "$status"
  same "gradus ${*:3}" "gradus: $2" "$said"
}

"$gradus" train classify --epochs 2 --out mlp >/dev/null
if ! "$gradus" export onnx mlp --out mlp.onnx >said 2>&1; then
  same "without protobuf" \
    "gradus: onnx: this build lacks protobuf; install libprotobuf-dev and protobuf-compiler and build again" "$(cat said)"
  ((failures == 0)) || exit 1
  sed 's/^gradus: //' said
  exit 77
fi
same "what is said" "wrote mlp.onnx: mlp, 6 nodes, 50826 parameters, ONNX opset 17
input  features float32 (batch,1,8,8)
output logits float32 (batch,10)" "$(cat said)"
for word in gradus weights_hash logits features 1.weight; do grep -q "$word" mlp.onnx || fail "mlp.onnx lacks $word"; done

"$gradus" train triplet --model cnn --epochs 1 --dtype float64 --out triplet >/dev/null
hash=$("$gradus" eval triplet --json | sed 's/.*"weights_hash":"\([^"]*\)".*/\1/')
same "--json" "{\"file\":\"t.onnx\",\"format\":\"onnx\",\"opset\":17,\"model\":\"cnn\",\"nodes\":9,\"initializers\":8,\
\"parameters\":74592,\"inputs\":[{\"name\":\"features\",\"dtype\":\"float32\",\"shape\":[\"batch\",1,8,8]}],\
\"outputs\":[{\"name\":\"embedding\",\"dtype\":\"float32\",\"shape\":[\"batch\",32]}],\"weights_hash\":\"$hash\"}" \
  "$("$gradus" export onnx triplet --out t.onnx --dtype float32 --json)"
"$gradus" export onnx triplet/checkpoint.safetensors --out t.onnx >said # a file that is there is replaced
grep -q "^output embedding float64 (batch,32)$" said || fail "another output: $(cat said)"

# The same labels as gradus predict, for samples of our own.
if "$python" -c 'import numpy' 2>/dev/null; then
  "$python" - <<'PROGRAM'
import numpy as np
np.save("samples.npy", (np.random.default_rng(1).random((20, 1, 8, 8)) ** 3).astype("float32"))
PROGRAM
  "$gradus" predict mlp --data samples.npy --json >predicted
  PYTHONPATH=$tests "$python" -B - <<'PROGRAM' || fail "mlp.onnx predicts something else"
import json, numpy as np, run_onnx
wanted = np.array([json.loads(line)["probabilities"] for line in open("predicted")])
logits = run_onnx.compute("mlp.onnx", {"features": np.load("samples.npy")})["logits"].astype("float64")
e = np.exp(logits - logits.max(1, keepdims=True))
assert wanted.shape == (20, 10) and np.abs(e / e.sum(1, keepdims=True) - wanted).max() < 1e-6
PROGRAM
else
  echo "the labels were not compared: there is no NumPy"
fi

refused 1 "nothing: cannot be opened (No such file or directory); check the path and its permissions" export onnx nothing --out x.onnx
echo "{}" >text
refused 1 "text: has 3 bytes, wanted at least 8; the file is damaged or no safetensors file" export onnx text --out x.onnx
refused 2 "export onnx: --out is required; see --help" export onnx mlp
refused 2 "--dtype: there is no 'float16'; did you mean 'float32'?" export onnx mlp --out x.onnx --dtype float16
refused 1 "nowhere/x.onnx: cannot be written (No such file or directory); make its folder, or choose one that is there" export onnx mlp --out nowhere/x.onnx
refused 1 "mlp: is a folder, wanted a file or nothing; choose another path" export onnx mlp --out mlp
refused 2 "export: a command is missing; known are onnx; see --help" export
refused 2 "export: there is no command 'onxn'; did you mean 'onnx'?" export onxn mlp
mkdir locked && cp mlp.onnx locked && chmod a-w locked
if [[ $(id -u) != 0 ]]; then refused 1 "locked/mlp.onnx: cannot be written (Permission denied), and is as it was; make room or choose a path that can be written" \
  export onnx mlp --out locked/mlp.onnx; fi
[[ ! -e x.onnx ]] || fail "a wrong call wrote a file"
"$gradus" export onnx --help | grep -q "batches of any size" || fail "--help does not say what it does"

((failures == 0)) && echo "ONNX files say what the checkpoints do"
