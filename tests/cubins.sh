#!/usr/bin/env bash
# The machine code that nvcc made of the kernels: that of a Map or a Fold touches no local memory, that of a Map has
# 16-byte accesses. How wide each kernel's accesses are is told. Kernels planted for it show that the census can be believed.
set -uo pipefail
root=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
module=${1:-$root/build/cuda/lib/libgradus_cuda.so}
if [[ ! -f $module ]]; then
  echo "the CUDA module is not built here: no CUDA Toolkit"
  exit 77
fi
nvcc=$(sed -n 's/^CMAKE_CUDA_COMPILER:[A-Z]*=//p' "$(dirname "$module")/../CMakeCache.txt")
python3 "$root/tests/cubin_census.py" --plant "$nvcc" || exit
python3 "$root/tests/cubin_census.py" "$module"
