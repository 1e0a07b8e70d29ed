#!/usr/bin/env bash
# Every C++ program of README.md and docs/*.md compiles against the library and prints what is promised: the block of
# text that follows it, or else the comments behind its calls of printf.  The commands of docs/*.md run and print what is
# promised, where something is.
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

for page in "$root"/docs/*.md; do
  name=$(basename "$page" .md)
  awk -v stem="$work/$name" '
    /^```sh$/ {out = stem ".sh"; next}
    /^```text$/ && closed == NR - 1 {out = stem ".sh.promised"; next}
    /^```/ {closed = out == stem ".sh" ? NR : 0; out = ""}
    out {print > out}' "$page"
  [ -e "$work/$name.sh" ] || continue
  (cd "$work" && PATH=$build/bin:$PATH bash -euo pipefail "$name.sh" >"$name.printed" 2>"$name.errors") ||
    { cat "$work/$name.printed" "$work/$name.errors"; echo "the commands of docs/$name.md fail"; exit 1; }
  if [ -e "$work/$name.sh.promised" ] && ! diff "$work/$name.sh.promised" "$work/$name.printed"; then
    echo "the commands of docs/$name.md do not print what is promised"
    exit 1
  fi
  echo "commands of docs/$name.md: they run"
  ran="${ran:-} $name"
done
[ "${ran:-}" = " conformance training" ] || { echo "docs: commands ran in:${ran:-}, wanted conformance and training"; exit 1; }
