#!/usr/bin/env bash
# A project may have gradus as a subfolder: it builds what it needs (here a library of two losses, to be debugged), and trains.
set -euo pipefail
root=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf 'mse_loss\ncross_entropy\n' >"$work/losses.txt"
cmake -S "$root/tests/package" -B "$work/build" -G Ninja -D CMAKE_BUILD_TYPE=Debug -D GRADUS_SOURCE="$root" \
  -D GRADUS_LOSS_LIST="$work/losses.txt" >/dev/null
cmake --build "$work/build" --parallel "$(nproc)"
if [[ -e $work/build/bin/gradus || -e $work/build/gradus/bin ]]; then
  echo "a project that has gradus as a subfolder builds its programs too"
  exit 1
fi
"$work/build/train"
