#!/usr/bin/env bash
# An installed gradus may be moved: another project finds it at its new place, builds against it and trains.
set -euo pipefail
root=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$root/build/release" --prefix "$work/first" >/dev/null
mkdir "$work/second place"
mv "$work/first" "$work/second place/gradus"
prefix="$work/second place/gradus"

if grep -rlF -e "$root" -e "$work/first" "$prefix"/lib*/cmake "$prefix/include"; then
  echo "these installed files name a folder of the machine that built them"
  exit 1
fi
"$prefix/bin/gradus" --version

cmake -S "$root/tests/package" -B "$work/build" -G Ninja -D CMAKE_BUILD_TYPE=Release -D CMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$work/build"
if grep -E -- '-W(all|extra|error)|-fno-math-errno' "$work/build/compile_commands.json"; then
  echo "gradus imposes its own flags on a project that uses it"
  exit 1
fi
"$work/build/train"
