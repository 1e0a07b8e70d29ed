#!/usr/bin/env bash
# Every test vector passes, in both precisions.  On the emulated device those pass whose loss has a kernel there; the
# others say that there is none.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
vectors=${GRADUS_ROOT:?the repository}/tests/vectors
status=0
for file in seed_values public_vectors; do
  for dtype in float64 float32; do
    echo "$file in $dtype"
    "$gradus" conformance "$vectors/$file.json" --dtype "$dtype" || status=1
  done
done

if [[ ! -f $(dirname "$gradus")/../lib/libgradus_emulate.so ]]; then
  echo "on a device: not tried, the emulator is not built"
  exit $status
fi
for file in seed_values public_vectors; do
  for dtype in float64 float32; do
    echo "$file on the emulated device in $dtype"
    said=$(GRADUS_CUDA_MODULE=emulate "$gradus" conformance "$vectors/$file.json" --device cuda --dtype "$dtype") || true
    tail -n 1 <<<"$said"
    wrong=$(grep '^FAILED' <<<"$said" | grep -vE 'has no kernel on cuda:0|data: the elements are on cuda:0') || true
    [[ -z $wrong ]] || { echo "$wrong"; status=1; }
    passed=$(sed -n 's/^\([0-9]*\) passed, .*/\1/p' <<<"$said")
    ((${passed:-0} > 40)) || { echo "few vectors passed on the device"; status=1; }
  done
done
exit $status
