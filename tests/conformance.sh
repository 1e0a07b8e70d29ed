#!/usr/bin/env bash
# Every test vector passes, in both precisions.
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
exit $status
