#!/usr/bin/env bash
# The machine code that nvcc made of the kernels: none of a loss's touches local memory. Which accesses are 16 bytes wide
# is told, kernel by kernel. Kernels planted for it show that the census can be believed.
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
