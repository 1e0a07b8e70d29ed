#!/usr/bin/env bash
# Trainings through the command: what they reach, and that neither threads nor a second run change a bit.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
failures=0

# field NAME: a field of the JSON object on standard input.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
# reach FIELD BOUND ARGS...: that field is at least the bound.
reach() {
  local report value
  report=$("$gradus" train "${@:3}" --json 2>/dev/null | tail -n 1)
  value=$(field "$1" <<<"$report")
  awk -v value="$value" -v bound="$2" 'BEGIN { exit !(value >= bound) }' ||
    { echo "gradus train ${*:3}: $1 is $value, wanted at least $2: $report"; failures=$((failures + 1)); }
}

reach test_accuracy 0.97 classify
reach test_accuracy 0.97 classify --optimizer adam
for optimizer in adamw rmsprop adagrad adadelta lion; do reach test_accuracy 0.96 classify --optimizer $optimizer; done
reach test_accuracy 0.98 classify --model cnn --epochs 20
reach test_accuracy 0.93 classify --model logistic --epochs 10
reach test_accuracy 0.5 classify --model resnet18 --epochs 1
reach knn_accuracy 0.97 triplet
reach precision_at_1 0.95 triplet
reach knn_accuracy 0.96 triplet --normalise
reach map_at_r 0.85 triplet
for loss in lifted_structured_loss multi_similarity_loss nca_loss; do reach knn_accuracy 0.95 triplet --loss $loss --epochs 10; done
reach raw_knn_accuracy 0.97 triplet --epochs 1
for set in moons circles spirals blobs; do reach test_accuracy 0.97 classify --data $set --epochs 20; done
reach knn_accuracy 0.97 triplet --data spirals
reach test_accuracy 0.85 classify --loss huber_loss --epochs 20

# What an embedding is told to be, and its picture: one point for each of the 359 test digits.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
said=$("$gradus" train triplet --epochs 2 --out "$folder")
grep -q "^precision@1 9.*MAP@R .*recall@8" <<<"$said" || { echo "no scores of retrieval: $said"; failures=$((failures + 1)); }
grep -q "^wrote $folder/embedding.svg" <<<"$said" || { echo "no picture is named: $said"; failures=$((failures + 1)); }
[[ $(grep -c 'r="3"' "$folder/embedding.svg") == 359 ]] || { echo "the picture lacks points"; failures=$((failures + 1)); }
# A step far too long throws all samples onto one point.
said=$("$gradus" train triplet --epochs 3 --optimizer sgd --lr 2)
grep -q "^all samples lie at almost one point: the loss is 1, the margin itself" <<<"$said" ||
  { echo "no collapse is noticed: $said"; failures=$((failures + 1)); }
[[ $(grep -c "^  epoch [123]: all samples lie at almost one point" <<<"$said") == 1 ]] ||
  { echo "the collapse is not said once, when it comes: $said"; failures=$((failures + 1)); }

# The same weights for any number of threads, and again.
for arguments in "classify --epochs 2" "classify --model cnn --epochs 1 --dtype float64" "triplet --epochs 2"; do
  hashes=$(for threads in 1 2 3 4 4; do
    # shellcheck disable=SC2086  # the arguments are words
    "$gradus" train $arguments --threads "$threads" --workers $((threads - 1)) --json 2>/dev/null | field weights_hash
  done)
  [[ $(wc -l <<<"$hashes") == 5 && $(sort -u <<<"$hashes" | wc -l) == 1 ]] ||
    { echo "gradus train $arguments: the weights differ: $hashes"; failures=$((failures + 1)); }
done

if [[ -d ${GRADUS_DATA:-}/mnist ]]; then
  reach test_accuracy 0.975 classify --data "$GRADUS_DATA/mnist" --epochs 5
else
  echo "MNIST was left out: GRADUS_DATA names no folder with mnist/"
fi

# A pipe sees plain lines, without a carriage return or an escape.
demo=$("$gradus" demo)
if grep -q $'[\r\e]' <<<"$demo"; then echo "the demonstration draws bars into a pipe"; failures=$((failures + 1)); fi
grep -q "What next" <<<"$demo" || { echo "the demonstration does not end: $demo"; failures=$((failures + 1)); }

((failures == 0))
