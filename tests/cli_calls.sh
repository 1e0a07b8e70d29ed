#!/usr/bin/env bash
# Right and wrong calls of the command: what it says, where, and with which exit status.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# expect STATUS TEXT ARGS...: the command ends with that status and says TEXT; a refusal is one line on standard error.
expect() {
  local status=0
  "$gradus" "${@:3}" >"$folder/out" 2>"$folder/err" || status=$?
  if [[ $status != "$1" ]] || ! grep -qF -- "$2" "$folder/out" "$folder/err"; then
    echo "gradus ${*:3}: status $status, wanted $1 and the text: $2"
    cat "$folder/out" "$folder/err"
    failures=$((failures + 1))
  elif [[ $1 != 0 && $(wc -l <"$folder/err") != 1 ]]; then
    echo "gradus ${*:3}: not one sentence:"
    cat "$folder/err"
    failures=$((failures + 1))
  fi
}

expect 0 "gradus demo" --help
expect 0 "Examples:" train classify --help
expect 0 "cpu" devices
expect 0 '"available":true' devices --json
expect 0 "cross_entropy" losses
expect 0 "clip(e, -delta, delta)" losses huber_loss
expect 0 '"[weight]"' losses cross_entropy --json
expect 0 "nn.HuberLoss is huber_loss here" losses nn.HuberLoss
expect 0 "penalties" losses
expect 0 "wrote $folder/curve.svg" losses huber_loss --csv "$folder/curve.csv" --svg "$folder/curve.svg"
[[ $(head -n 1 "$folder/curve.csv") == input,value,gradient && $(wc -l <"$folder/curve.csv") == 130 ]] || { echo "the curve is not 129 points"; failures=$((failures + 1)); }
grep -q "<path" "$folder/curve.svg" || { echo "the picture has no curve"; failures=$((failures + 1)); }
expect 2 "losses: nt_xent_loss has no curve over one number; leave --csv and --svg" losses nt_xent_loss --svg "$folder/none.svg"
expect 2 "a command is missing; known are demo, train"
expect 2 "there is no command 'trian'; did you mean 'train'?" trian
expect 2 "train: there is no command 'clasify'" train clasify
expect 2 "train classify: there is no option '--epoch'; did you mean '--epochs'?" train classify --epoch 3
expect 2 "--epochs: got 'many', wanted a whole number; see --help" train classify --epochs many
expect 2 "--epochs: got '010', wanted a whole number" train classify --epochs 010
expect 2 "--epochs: got '9223372036854775808', wanted a whole number of at most 9223372036854775807" train classify --epochs 9223372036854775808
expect 2 "--out: got '', wanted the name of a file or folder" train classify --out ''
expect 2 "30 are known, which \`gradus train classify --help\` lists" train classify --learning-rate 2
expect 2 "gradus: --json belongs behind its command: gradus eval --json" --json eval x
expect 2 "--loss: kl_div wants log-probabilities" train classify --loss kl_div
expect 2 "--loss: binary_cross_entropy wants predictions in [0, 1], and a classifier gives scores of any size" train classify --loss binary_cross_entropy
expect 2 "--loss: soft_triple_loss takes neither anchor" train triplet --loss soft_triple_loss
expect 2 "--batch-size: got 5000, but there are 1438 training samples" train triplet --batch-size 5000
expect 2 "--epochs: got 0, wanted at least 1" train classify --epochs 0
expect 2 "--seed: got -1" train classify --seed -1
expect 2 "set_threads: got 0, wanted 1 to 1024" train classify --threads 0
expect 2 "--model: there is no 'mlpp'; did you mean 'mlp'?" train classify --model mlpp
expect 2 "lenet5: got images of 8x8, wanted at least 12x12; use cnn" train classify --model lenet5
expect 2 "--optimizer: there is no 'lyon'; did you mean 'lion'?" train classify --optimizer lyon
expect 2 "--dtype: there is no 'float16'" train classify --dtype float16
expect 2 "there is no 'cross_entrop'; did you mean 'cross_entropy'?" train classify --loss cross_entrop
expect 2 "takes 3 inputs" train classify --loss triplet_margin_loss
expect 2 "--loss: hamming_distance has no gradient to learn from; try cross_entropy" train classify --loss hamming_distance
expect 2 "--loss: cosine_similarity gives many numbers, wanted one" train classify --loss cosine_similarity
expect 2 "takes neither anchor, positive and negative, nor an embedding with its labels, nor with a vector of each class" train triplet --loss mse_loss
expect 2 "--mining: semi-hard picks triplets, but nca_loss finds its pairs itself; leave --mining out" train triplet --loss nca_loss --mining semi-hard
expect 2 "--batch-size: got 3, wanted at least 4" train triplet --batch-size 3
expect 2 "--lr: got -1, wanted a finite number that is not negative" train classify --optimizer adam --lr -1
expect 2 "there is no file or folder '/no/such'; wanted digits, moons, circles, spirals, blobs, phrases, a folder" train classify --data /no/such
expect 2 "--model: cnn takes images, but a sample of the data is 2 numbers; use logistic or mlp" train classify --data moons --model cnn
expect 2 "there is no 'hubber_loss'; did you mean 'huber_loss'?" losses hubber_loss
expect 2 "loss: there is no 'focal'; known with it in their names are anchor_focal_loss, " losses focal
expect 2 "are known, which \`gradus losses\` lists" losses xylophone
expect 2 "known with it in their names are anchor_focal_loss, " losses focal_loss
expect 2 "known with it in their names are binary_cross_entropy" losses BinaryCrossEntropy
expect 2 "loss: there is no 'CosFace'; did you mean 'cosface_loss'?" losses CosFace
expect 0 "CategoricalCrossentropy is categorical_cross_entropy here" losses CategoricalCrossentropy
expect 0 "NLLLoss is nll_loss here" losses NLLLoss
expect 0 "nn.CTCLoss is ctc_loss here" losses nn.CTCLoss
expect 0 "torch.nn.CrossEntropyLoss is cross_entropy here" losses torch.nn.CrossEntropyLoss
expect 0 "nn.CrossEntropyLoss is cross_entropy here" train classify --epochs 1 --loss nn.CrossEntropyLoss
expect 0 "F.huber_loss is huber_loss here" gradcheck F.huber_loss
expect 0 "huber_loss: complete" gradcheck huber_loss
expect 0 "matmul (ops/matmul.h): complete" gradcheck matmul
expect 0 "2 of 2 certificates complete" gradcheck softmax
expect 0 "1 of 1 certificates complete" gradcheck softmax --ops
expect 0 '"op": "relu"' gradcheck relu --json
expect 2 "gradcheck: there is no 'matmull'; did you mean 'matmul'?" gradcheck matmull
expect 2 "gradcheck: there is no 'huber_loss'; 107 are known, which \`gradus gradcheck --ops\` lists" gradcheck huber_loss --ops
expect 2 "are known, which \`gradus losses\` lists" gradcheck xylophone
expect 2 "--seed: -1 is negative; wanted 0 or more" gradcheck huber_loss --seed -1
expect 2 "--loss: nll_loss wants log-probabilities, and a classifier gives scores; try cross_entropy" train classify --loss nll_loss
expect 2 "--loss: hinge_loss wants targets of -1 or 1, and a class is 0 or 1 in each column; try cross_entropy" train classify --loss hinge_loss
expect 1 "the loss became" train classify --lr 1e30
expect 1 "there is no train-images-idx3-ubyte" train classify --data "$folder"
expect 1 "cannot be opened" conformance /no/such.json
expect 1 "is no JSON at line 1, column 1; mend it there" conformance "$0"
echo '{"format": 1e999}' >"$folder/large.json"
expect 1 "has the number '1e999', which is too large; write \"inf\"" conformance "$folder/large.json"
echo '{"format": "another"}' >"$folder/another.json"
expect 1 "is no file of test vectors" conformance "$folder/another.json"

status=0
"$gradus" losses >/dev/full 2>"$folder/err" || status=$?
if [[ $status != 1 ]] || ! grep -q "cannot be written" "$folder/err"; then
  echo "a full disk gave status $status"
  failures=$((failures + 1))
fi

"$gradus" train classify --epochs 100000 >/dev/null 2>&1 &
training=$!
sleep 1
kill -INT "$training"
status=0
wait "$training" || status=$?
[[ $status == 130 ]] || { echo "an interrupt gave status $status, wanted 130"; failures=$((failures + 1)); }

((failures == 0))
