#!/usr/bin/env bash
# Devices beside the CPU: the command links no CUDA library, says in one sentence why there is no GPU, and takes the
# emulator for one when told to.
set -uo pipefail
root=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
gradus=$(readlink -f "${GRADUS:-$root/build/release/bin/gradus}")
build=$(cd "$(dirname "$gradus")/.." && pwd)
wrong() { echo "$*"; exit 1; }

# A training on the emulator comes where the one on the CPU does; it is saved there, resumed, evaluated and asked.
trains_there() {
  local folder on
  folder=$(mktemp -d)
  export GRADUS_CUDA_MODULE=emulate
  there() { "$gradus" "$@" --device cuda --json 2>&1; }
  figure() { python3 -c 'import json, sys; print(round(json.load(sys.stdin)[sys.argv[1]], 5))' "$1"; }
  local moons=(--data moons --model mlp --epochs 1 --optimizer adam --dtype float64)
  on=$("$gradus" train classify "${moons[@]}" --json 2> /dev/null | figure loss)
  [[ $(there train classify "${moons[@]}" --out "$folder/moons" | tail -n 1 | figure loss) == "$on" ]] ||
    wrong "a classifier learns otherwise on the device than the loss of $on on the CPU"
  on=$("$gradus" eval "$folder/moons" --json | figure test_loss)
  [[ $(there eval "$folder/moons" | figure test_loss) == "$on" ]] || wrong "a model is otherwise on the device than $on on the CPU"
  [[ $(there predict "$folder/moons" --most 1) == *'"probability"'* ]] || wrong "predict fails on the device"
  local triplet=(--data blobs --model logistic --epochs 1 --mining semi-hard --dtype float64)
  on=$("$gradus" train triplet "${triplet[@]}" --json 2> /dev/null | figure loss)
  [[ $(there train triplet "${triplet[@]}" --out "$folder/blobs" | tail -n 1 | figure loss) == "$on" ]] ||
    wrong "an embedding learns otherwise on the device than the loss of $on on the CPU"
  # Memory that holds NaN at first changes nothing, for nobody reads what nobody wrote.
  on=$("$gradus" train classify "${moons[@]}" --json 2> /dev/null | figure loss)
  [[ $(GRADUS_CUDA_POISON=1 GRADUS_CUDA_SYNC=1 there train classify "${moons[@]}" | tail -n 1 | figure loss) == "$on" ]] ||
    wrong "with poisoned memory a classifier learns otherwise than the loss of $on"
  [[ $("$gradus" train classify --device gpu 2>&1) == "gradus: --device: there is no 'gpu', wanted cpu, cuda or cuda:N; gradus devices lists them" ]] ||
    wrong "of a device that is none: $("$gradus" train classify --device gpu 2>&1)"
  [[ $("$gradus" demo --device cuda:7 2>&1) == "gradus: --device: cuda:7 does not exist, wanted an index below 1; see gradus devices" ]] ||
    wrong "of a device that is not there: $("$gradus" demo --device cuda:7 2>&1)"
  rm -rf "$folder"
}

linked=$(ldd "$gradus" | grep -E 'libcu(da|dart|blas|dnn|solver)|libgradus_(cuda|emulate)')
[[ -z $linked ]] || wrong "the command links $linked"

# devices_with MODULE: what the command says with this module.
devices_with() { GRADUS_CUDA_MODULE=$1 "$gradus" devices 2>&1; }
[[ $(devices_with /no/such/module.so) == *$'\ncuda     not available: the module /no/such/module.so could not be opened ('* ]] ||
  wrong "of a module that is not there: $(devices_with /no/such/module.so)"
[[ $(devices_with /lib/x86_64-linux-gnu/libz.so.1) == *"is no module of gradus; name another in GRADUS_CUDA_MODULE" ]] ||
  wrong "of a library that is no module: $(devices_with /lib/x86_64-linux-gnu/libz.so.1)"
[[ $(devices_with cuda | wc -l) -ge 2 ]] || wrong "nothing is said of CUDA: $(devices_with cuda)"

if [[ -f $build/lib/libgradus_emulate.so ]]; then
  [[ $(devices_with emulate) == *$'\ncuda:0   the emulator, which runs kernels on the CPU to test them; '* ]] || wrong "of the emulator: $(devices_with emulate)"
  (cd / && [[ $(devices_with emulate) == *$'\ncuda:0 '* ]]) || wrong "from another folder the emulator is not found"
  trains_there
fi

# The run for a machine with a GPU goes from its first step to its last, here on the emulator.
if [[ -f $build/lib/libgradus_emulate.so && -x $build/bin/bench/compare ]]; then
  report=$(mktemp)
  said=$(GRADUS_BUILD=$build "$root/bench/gpu.sh" --dry-run "$report" 2>&1) || wrong "bench/gpu.sh --dry-run: $said"
  [[ $said == *" device tests passed, 3 of 3 losses and ops as on the CPU, two trainings equal in every bit."* ]] ||
    wrong "bench/gpu.sh says of the emulator: $said"
  grep -q '"failed": [1-9]' "$report" && wrong "bench/gpu.sh found test vectors that fail: $(cat "$report")"
  rm -f "$report"
fi
# Nobody claims what no file shows.
if ! compgen -G "$root/docs/gpu/*.json" > /dev/null; then
  grep -q '^\*\*No result of a real GPU exists yet\.\*\*' "$root/docs/gpu.md" || wrong "docs/gpu.md speaks of results that docs/gpu/ does not hold"
  grep -q 'has not run on a GPU' "$root/README.md" || wrong "README.md speaks of results that docs/gpu/ does not hold"
fi

# What ./test built with nvcc.  Without a driver the module opens all the same, and says why there is no GPU.
module=$root/build/cuda/lib/libgradus_cuda.so
if [[ ! -f $module ]]; then
  echo "the CUDA module is not built here: no CUDA Toolkit"
  exit 77
fi
[[ $(devices_with "$module") == *$'\ncuda:0 '* || $(devices_with "$module") == *$'\ncuda     not available: '*"NVIDIA"* ]] ||
  wrong "of CUDA: $(devices_with "$module")"
