#!/usr/bin/env bash
# Times the build with all processors, and without ccache: what ./run needs, from nothing; and again after editing one loss.
#   bench/build.sh FILE.json
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
report=${1:?a file for the figures}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CCACHE_DISABLE=1

# seconds COMMAND...: how long it took.
seconds() {
  local begin=$EPOCHREALTIME
  "$@" >"$folder/log" 2>&1 || { tail -n 20 "$folder/log" >&2; return 1; }
  awk -v from="$begin" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}
configured_and_built() {
  cmake -S "$folder/gradus" -B "$folder/build" -G Ninja -D CMAKE_BUILD_TYPE=Release -D GRADUS_BUILD_TESTS=OFF
  built
}
built() { cmake --build "$folder/build" --parallel "$(nproc)" --target gradus_cli; }
# edited LOSS: as if somebody had worked on it.
edited() { echo "namespace gradus { constexpr int edited_by_the_benchmark = 1; }" >>"$folder/gradus/losses/$1.h"; }

git clone -q "$root" "$folder/gradus"
whole=$(seconds configured_and_built)
edited huber_loss
map=$(seconds built)
edited multi_similarity_loss
block=$(seconds built)
printf '{"processors": %d, "from_nothing_seconds": %s, "after_editing_a_map_seconds": %s, "after_editing_a_block_seconds": %s}\n' \
  "$(nproc)" "$whole" "$map" "$block" | tee "$report"
