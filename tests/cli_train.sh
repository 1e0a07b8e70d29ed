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
# So with a learned vector of each class.
for loss in proxy_anchor_loss proxy_nca_loss arcface_loss cosface_loss; do reach knn_accuracy 0.97 triplet --loss $loss --epochs 10; done
reach raw_knn_accuracy 0.97 triplet --epochs 1
for set in moons circles spirals blobs; do reach test_accuracy 0.97 classify --data $set --epochs 20; done
reach knn_accuracy 0.97 triplet --data spirals
reach test_accuracy 0.85 classify --loss huber_loss --epochs 20

# A bag of words finds the topic and half of the tones; what "not" and "but" do, attention finds.
reach test_accuracy 0.6 classify --data phrases --model text --optimizer adam --epochs 10
reach test_accuracy 0.9 classify --data phrases --model transformer --optimizer adam --lr 0.001 --epochs 20
reach test_accuracy 0.97 classify --model transformer --optimizer adam --lr 0.001 --epochs 10

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

# Texts of one's own: the checkpoint keeps words and answers, and whoever resumes goes on bit for bit.
for i in {1..30}; do
  echo "{\"text\": \"The sky is blue today, number $i.\", \"label\": \"blue\"}"
  echo "{\"text\": \"Grass was green $i times\", \"label\": \"green\"}"
done >"$folder/colours.jsonl"
texts=(classify --data "$folder/colours.jsonl" --model transformer --optimizer adam)
"$gradus" train "${texts[@]}" --epochs 6 --out "$folder/whole" >/dev/null
"$gradus" train "${texts[@]}" --epochs 6 --out "$folder/halves" >"$folder/log" 2>&1 &
while ! grep -q "epoch 2" "$folder/log" 2>/dev/null; do sleep 0.02; done
kill -INT $!
wait $! || true
"$gradus" train "${texts[@]}" --resume --out "$folder/halves" >/dev/null
[[ $("$gradus" eval "$folder/whole" --json | field weights_hash) == $("$gradus" eval "$folder/halves" --json | field weights_hash) ]] ||
  { echo "a resumed training of texts ends elsewhere"; failures=$((failures + 1)); }
printf '%s\n' '{"text": "the GRASS was green"}' '{"text": "sky"}' >"$folder/new.jsonl"
echo '{"text": "x", "label": "bad"}' >"$folder/bad.jsonl"
said=$("$gradus" predict "$folder/whole" --data "$folder/new.jsonl")
wanted='     0  green .* the grass was green'
grep -q "$wanted" <<<"$said" || { echo "a text is not told its answer: $said"; failures=$((failures + 1)); }
# refused SENTENCE COMMAND...
refused() {
  local said status=0
  said=$("$gradus" "${@:2}" 2>&1 >/dev/null) || status=$?
  [[ $status == 2 && $said == "gradus: $1" ]] || { echo "gradus ${*:2}: status $status, $said"; failures=$((failures + 1)); }
}
refused "--model: mlp takes numbers, but the data are texts; use text or transformer" train classify --data phrases
refused "--model: text takes texts, but the data are numbers; use --data phrases or a file .jsonl, or another model" train classify --model text
refused "--data: texts have no distances that an embedding could be compared with; use gradus train classify" train triplet --data phrases
refused "--data: has samples of shape (1,8,8), but the model was trained on (9); take data of that shape" eval "$folder/whole" --data digits
refused "--data: are texts, but the model was trained on numbers; take data of that kind" predict "$folder" --data "$folder/new.jsonl"
refused "texts: text 0 has the label 'bad', but the model was trained on others (blue, ...); take data with the same labels" \
  predict "$folder/whole" --data "$folder/bad.jsonl"

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
