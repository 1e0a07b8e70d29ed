#!/usr/bin/env bash
# cuDNN has a plan for every convolution of the models, and for dilated and grouped ones, on a GPU that it is only told of.
set -uo pipefail
root=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
plans=$root/build/cuda/bin/convolution_plans
if [[ ! -x $plans ]]; then
  echo "the CUDA module is not built here with cuDNN"
  exit 77
fi
"$plans" "$root/tests/data/h200_properties.json"
