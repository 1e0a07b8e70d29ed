#!/usr/bin/env bash
# Random calls of the losses that PyTorch has too give PyTorch's values and gradients.  GRADUS_SEED draws others.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
root=${GRADUS_ROOT:?the repository}
python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c 'import torch' 2>/dev/null && { python=$candidate; break; }
done
[[ $python ]] || { echo "no python3 here has torch; install python3-torch"; exit 77; }
vectors=$(mktemp)
trap 'rm -f "$vectors"' EXIT

for seed in ${GRADUS_SEED:-1 2}; do
  "$python" -W ignore "$root/tests/data/random_torch_losses.py" "$seed" 40 >"$vectors"
  echo "seed $seed"
  "$gradus" conformance "$vectors"
done
