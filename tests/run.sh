#!/usr/bin/env bash
# ./run is the command: from any folder, through a link, with nothing of its own on standard output, and its exit status.
set -euo pipefail
root=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong() { echo "$*"; exit 1; }

ln -s "$root/run" "$work/link"
cd "$work"
"$root/run" --version >direct
command=$root/build/release/bin/gradus
built=$(stat -c %Y "$command")
./link --version >through_link 2>said || wrong "through a link: exit status $?"
"$command" --version | diff - through_link || wrong "run's standard output is not the command's"
[[ ! -s said ]] || wrong "run has something to say although nothing was to do: $(cat said)"
[[ $(stat -c %Y "$command") == "$built" ]] || wrong "run built what was built"

status=0
./link no-such-subcommand >/dev/null 2>&1 || status=$?
[[ $status == 2 ]] || wrong "a wrong call ends with $status, wanted 2"

# Another build of the same folder is waited for, not in silence; that of another folder is not.
hold() { flock 9; sleep 3; }
hold 9>"$root/build/asan.lock" &
./link --version >/dev/null 2>said || wrong "beside another folder's build: exit status $?"
[[ ! -s said ]] || wrong "run waits for a build of another folder: $(cat said)"
wait
hold 9>"$root/build/release.lock" &
sleep 1
./link --version >/dev/null 2>said || wrong "beside a build: exit status $?"
grep -q "waiting for another build of build/release" said || wrong "run waits in silence: $(cat said)"
wait
