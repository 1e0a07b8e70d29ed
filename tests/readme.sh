#!/usr/bin/env bash
# Every C++ program of README.md compiles against the library and prints what its comment promises.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${GRADUS_BUILD:-$root/build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -v dir="$work" '/^```cpp$/ {n++; out = dir "/snippet" n ".cpp"; next} /^```/ {out = ""} out {print > out}' "$root/README.md"
library=$(find "$build" -name 'libgradus.a' -o -name 'libgradus.so' | head -n 1)
blas=$(find /usr/lib -path '*openblas-pthread/libopenblas.so' | head -n 1)
count=0
for source in "$work"/snippet*.cpp; do
  "${CXX:-g++}" -std=c++20 -O1 -march=x86-64-v3 -ffp-contract=off -I"$build/include" "$source" "$library" -lfmt "${blas:--lopenblas}" -lz -lpthread -ldl \
    -Wl,-rpath,"$(dirname "$library")" -o "${source%.cpp}"
  promised=$(sed -n 's|.*std::printf.*;  // ||p' "$source")
  printed=$("${source%.cpp}")
  if [ "$promised" != "$printed" ]; then
    echo "README program $(basename "$source"): promises '$promised', prints '$printed'"
    exit 1
  fi
  count=$((count + 1))
done
[ "$count" -ge 2 ] || { echo "README.md: found $count programs, wanted at least 2"; exit 1; }
echo "README programs: $count run as promised"
