#!/usr/bin/env bash
# Every C++ program of README.md and docs/training.md compiles against the library and prints what its comment promises;
# every command of docs/training.md runs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${GRADUS_BUILD:-$root/build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -v dir="$work" '/^```cpp$/ {n++; out = dir "/snippet" n ".cpp"; next} /^```/ {out = ""} out {print > out}' \
  "$root/README.md" "$root/docs/training.md"
library=$(find "$build" -name 'libgradus.a' -o -name 'libgradus.so' | head -n 1)
blas=$(find /usr/lib -path '*openblas-pthread/libopenblas.so' | head -n 1)
count=0
for source in "$work"/snippet*.cpp; do
  "${CXX:-g++}" -std=c++20 -O1 -march=x86-64-v3 -ffp-contract=off -I"$build/include" "$source" "$library" -lfmt "${blas:--lopenblas}" -lz -lpthread -ldl \
    -Wl,-rpath,"$(dirname "$library")" -o "${source%.cpp}"
  promised=$(sed -n 's|.*std::printf.*;  // ||p' "$source")
  printed=$(cd "$work" && "${source%.cpp}")
  if [ "$promised" != "$printed" ]; then
    echo "program $(basename "$source"), counted through README.md and docs/training.md: promises '$promised', prints '$printed'"
    exit 1
  fi
  count=$((count + 1))
done
[ "$count" -ge 5 ] || { echo "README.md and docs/training.md: found $count programs, wanted at least 5"; exit 1; }
echo "programs: $count run as promised"

commands=$(awk '/^```sh$/ {inside = 1; next} /^```/ {inside = 0} inside' "$root/docs/training.md")
[ -n "$commands" ] || { echo "docs/training.md: found no command, wanted some"; exit 1; }
(cd "$work" && PATH=$build/bin:$PATH bash -euo pipefail -c "$commands" >commands.log 2>&1) ||
  { cat "$work/commands.log"; echo "the commands of docs/training.md fail"; exit 1; }
echo "commands of docs/training.md: $(wc -l <<<"$commands") run"
