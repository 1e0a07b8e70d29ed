#!/usr/bin/env bash
# The pages of docs/losses are what the command writes, but for the figures of the certificates.
set -euo pipefail
gradus=${GRADUS:?the path of the command}
root=${GRADUS_ROOT:?the repository}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0

"$gradus" losses --pages "$folder" >/dev/null
for page in "$folder"/*.md; do
  name=$(basename "$page")
  diff <(sed '/^## Certificate/,$d' "$root/docs/losses/$name" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}') \
    <(sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' "$page") >"$folder/difference" || {
    echo "docs/losses/$name is not what the command writes; run: gradus losses --pages docs/losses --certificates"
    head -n 5 "$folder/difference"
    status=1
  }
done
for page in "$root"/docs/losses/*.md; do
  name=$(basename "$page")
  [[ -e $folder/$name || $name == decisions.md ]] || { echo "docs/losses/$name is the page of no loss"; status=1; }
done
exit $status
