#!/usr/bin/env bash
# Every test vector passes, in both precisions, on the CPU and on the emulated device.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
vectors=${GRADUS_ROOT:?the repository}/tests/vectors
status=0
for file in seed_values public_vectors tier3_vectors; do
  for dtype in float64 float32; do
    echo "$file in $dtype"
    "$gradus" conformance "$vectors/$file.json" --dtype "$dtype" || status=1
  done
done

if [[ ! -f $(dirname "$gradus")/../lib/libgradus_emulate.so ]]; then
  echo "on a device: not tried, the emulator is not built"
  exit $status
fi
for file in seed_values public_vectors tier3_vectors; do
  for dtype in float64 float32; do
    echo "$file on the emulated device in $dtype"
    GRADUS_CUDA_MODULE=emulate "$gradus" conformance "$vectors/$file.json" --device cuda --dtype "$dtype" || status=1
  done
done
exit $status
