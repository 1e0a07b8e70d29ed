#!/usr/bin/env bash
# Every C++ program of README.md and docs/*.md compiles against the library and prints what is promised: the block of
# text that follows it, or else the comments behind its calls of printf.  Every command of docs/training.md runs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${GRADUS_BUILD:-$root/build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for page in "$root/README.md" "$root"/docs/*.md; do
  awk -v stem="$work/$(basename "$page" .md)_" '
    /^```cpp$/ {n++; out = stem n ".cpp"; next}
    /^```text$/ && closed == NR - 1 && n {out = stem n ".promised"; next}
    /^```/ {if (out) closed = NR; out = ""}
    out {print > out}' "$page"
done
library=$(find "$build" -name 'libgradus.a' -o -name 'libgradus.so' | head -n 1)
blas=$(find /usr/lib -path '*openblas-pthread/libopenblas.so' | head -n 1)
count=0
for source in "$work"/*.cpp; do
  program=${source%.cpp}
  "${CXX:-g++}" -std=c++20 -O1 -march=x86-64-v3 -ffp-contract=off -I"$build/include" "$source" "$library" -lfmt "${blas:--lopenblas}" -lz -lpthread -ldl \
    -Wl,-rpath,"$(dirname "$library")" -o "$program"
  [ -e "$program.promised" ] || sed -n 's|.*std::printf.*;  // ||p' "$source" >"$program.promised"
  (cd "$work" && "$program") >"$program.printed"
  if ! diff "$program.promised" "$program.printed"; then
    echo "$(basename "$program"), the page and number of a program: does not print what is promised"
    exit 1
  fi
  count=$((count + 1))
done
[ "$count" -ge 5 ] || { echo "README.md and docs: found $count programs, wanted at least 5"; exit 1; }
echo "README and docs: $count programs run as promised"

commands=$(awk '/^```sh$/ {inside = 1; next} /^```/ {inside = 0} inside' "$root/docs/training.md")
[ -n "$commands" ] || { echo "docs/training.md: found no command, wanted some"; exit 1; }
(cd "$work" && PATH=$build/bin:$PATH bash -euo pipefail -c "$commands" >commands.log 2>&1) ||
  { cat "$work/commands.log"; echo "the commands of docs/training.md fail"; exit 1; }
echo "commands of docs/training.md: $(wc -l <<<"$commands") run"
