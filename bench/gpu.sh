#!/usr/bin/env bash
# All that only a GPU can tell, in one run: builds, runs the device tests, the test vectors, gradcheck, two equal
# trainings and compute-sanitizer, measures beside PyTorch, and writes one JSON file.  Needs no network.
#   bench/gpu.sh [FILE.json]     default: docs/gpu/GPU-NAME.json
#   bench/gpu.sh --dry-run FILE  the same on the emulator, with what build/release holds and one small benchmark
# CMAKE_PREFIX_PATH may name packages that were unpacked in a folder; GRADUS_PYTHON a Python that has torch.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
dry=
[[ ${1:-} == --dry-run ]] && { dry=yes; shift; }
python=${GRADUS_PYTHON:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# step NAME COMMAND...: keeps what it said and how it ended; the rest goes on all the same.
step() {
  local begin=$SECONDS status=0
  echo "== $1"
  "${@:2}" >"$scratch/$1.out" 2>"$scratch/$1.err" || status=$?
  echo "$status $((SECONDS - begin))" >"$scratch/$1.status"
  tail -qn 1 "$scratch/$1.out" | cut -c1-160
  ((status == 0)) || tail -n 20 "$scratch/$1.err"
}

if [[ $dry ]]; then
  build=${GRADUS_BUILD:-$root/build/release}
  export GRADUS_CUDA_MODULE=emulate
else
  build=$root/build/gpu
  step configure cmake --preset cuda -S "$root" -B "$build" -D GRADUS_BUILD_TESTS=ON -D GRADUS_BUILD_BENCH=ON -D CMAKE_CUDA_ARCHITECTURES=native
  step build cmake --build "$build" --target gradus_cli gradus_tests gradus_cuda bench_compare
  [[ ! -x $build/bin/convolution_plans ]] || step properties "$build/bin/convolution_plans" --describe
  export GRADUS_CUDA_MODULE=$build/lib/libgradus_cuda.so
fi
gradus=$build/bin/gradus
[[ -x $gradus ]] || { echo "gpu.sh: $gradus is not there; see $scratch/build.err"; trap - EXIT; exit 1; }
step devices "$gradus" devices --json
grep -q '"cuda:0"' "$scratch/devices.out" || { cat "$scratch/devices.out"; echo "gpu.sh: there is no device to measure"; exit 1; }

tests='*Device*' subjects=() rows=''
[[ $dry ]] && tests='Device.*' subjects=(huber_loss cross_entropy matmul) rows='mlp 2-16'
step tests "$build/bin/gradus_tests" --gtest_filter="$tests" --gtest_brief=1
for file in seed_values public_vectors tier3_vectors; do
  for dtype in float64 float32; do
    step "conformance_${file}_$dtype" "$gradus" conformance "$root/tests/vectors/$file.json" --device cuda --dtype "$dtype" --json
  done
done
step gradcheck "$gradus" gradcheck --device cuda --json "${subjects[@]}"
for run in 1 2; do
  step "training_$run" "$gradus" train classify --data moons --epochs 1 --device cuda --json
done
if [[ ! $dry ]] && command -v compute-sanitizer >/dev/null; then
  step sanitizer compute-sanitizer --error-exitcode 1 "$gradus" gradcheck --device cuda huber_loss cross_entropy softmax matmul sort
fi
step compare "$build/bin/bench/compare" --device cuda ${dry:+--quick} --rows "$rows" --python "$python" --json "$scratch/compare.json"
cat "$scratch/compare.out"

exec python3 "$root/docs/make_gpu.py" --collect "$scratch" "$root" "${1:-}"
