#!/usr/bin/env bash
# Devices beside the CPU: the command links no CUDA library, says in one sentence why there is no GPU, and takes the
# emulator for one when told to.
set -uo pipefail
root=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
gradus=$(readlink -f "${GRADUS:-$root/build/release/bin/gradus}")
build=$(cd "$(dirname "$gradus")/.." && pwd)
wrong() { echo "$*"; exit 1; }

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
fi

# What ./test built with nvcc.  Without a driver the module opens all the same, and says why there is no GPU.
module=$root/build/cuda/lib/libgradus_cuda.so
if [[ ! -f $module ]]; then
  echo "the CUDA module is not built here: no CUDA Toolkit"
  exit 77
fi
[[ $(devices_with "$module") == *$'\ncuda:0 '* || $(devices_with "$module") == *$'\ncuda     not available: '*"NVIDIA"* ]] ||
  wrong "of CUDA: $(devices_with "$module")"
