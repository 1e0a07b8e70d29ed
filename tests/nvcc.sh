#!/usr/bin/env bash
# GRADUS_CUDA where nvcc does not work: AUTO goes on without CUDA and says why in one line, ON stops with one sentence.
set -uo pipefail
root=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/project"
cat >"$work/project/CMakeLists.txt" <<EOF
cmake_minimum_required(VERSION 3.25)
project(gradus LANGUAGES CXX)
include($root/cmake/cuda.cmake)
message(STATUS "went on, CUDA \${GRADUS_HAVE_CUDA}")
EOF
wrong=0

# nvcc_that TEXT STATUS: what stands on the path answers every call so.
nvcc_that() {
  printf '#!/bin/sh\nprintf "%%s\\n" "%s" >&2\nexit %d\n' "$1" "$2" >"$work/bin/nvcc"
  chmod +x "$work/bin/nvcc"
}
# configured MODE: the status, and what is said of CUDA, as one text.
configured() {
  local status=0
  rm -rf "$work/build"
  env -u CUDA_HOME -u CUDA_PATH -u CUDACXX -u CUDAHOSTCXX PATH="$work/bin:$PATH" cmake -S "$work/project" -B "$work/build" \
    -D GRADUS_CUDA="$1" >"$work/said" 2>&1 || status=$?
  printf '%s: %s\n' "$status" "$(tr '\n' ' ' <"$work/said" | sed 's/  */ /g')"
}
# expect MODE STATUS PART...: it ends so, and says these.
expect() {
  local said part
  said=$(configured "$1")
  for part in "$2: " "${@:3}"; do
    [[ $said == *"$part"* ]] || { printf '%s: not said: %s\n  it said %s\n' "$1" "$part" "$said"; wrong=1; }
  done
}

for reason in "nvcc fatal   : Failed to preprocess host compiler properties." "/usr/include/host_config.h:138:2: error: #error -- unsupported GNU version"; do
  nvcc_that "$reason" 1
  told="$work/bin/nvcc compiles nothing here ($(tr -s ' ' <<<"$reason")); name a C++ compiler that it takes in CUDAHOSTCXX"
  expect AUTO 0 "-- CUDA: $told; all else is built -- went on, CUDA FALSE"
  [[ $(grep -c CUDA: "$work/said") == 1 ]] || { echo "AUTO says more than a line"; cat "$work/said"; wrong=1; }
  expect ON 1 "CMake Error" "gradus: GRADUS_CUDA=ON, but $told"
  grep -q 'went on' "$work/said" && { echo "ON went on"; wrong=1; }
done
nvcc_that "" 7
expect AUTO 0 "compiles nothing here (7); name a C++ compiler" "went on, CUDA FALSE"
expect OFF 0 "-- CUDA: off" "went on, CUDA FALSE"

# A machine that has been mended is asked again.
if real=$(PATH="$PATH:/usr/local/cuda/bin" command -v nvcc); then
  nvcc_that "nvcc fatal   : no" 1
  expect AUTO 0 "went on, CUDA FALSE"
  printf '#!/bin/sh\nexec %s "$@"\n' "$real" >"$work/bin/nvcc"
  env -u CUDA_HOME -u CUDA_PATH -u CUDACXX -u CUDAHOSTCXX PATH="$work/bin:$PATH" cmake -S "$work/project" -B "$work/build" >"$work/said" 2>&1
  grep -q 'went on, CUDA TRUE' "$work/said" || { echo "a mended nvcc is not taken: $(cat "$work/said")"; wrong=1; }
fi
exit $wrong
