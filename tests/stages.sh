#!/usr/bin/env bash
# ./test counts right: a failure, a crash, a skip, a sanitizer's late verdict and an empty suite all show in its numbers.
set -uo pipefail
root=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work

# A stand-in for a GoogleTest program: says $pretend_said, reports $pretend_report where there is one, ends with $pretend_status.
cat >"$work/program" <<'EOF'
#!/usr/bin/env bash
for argument; do [[ $argument == --gtest_output=json:* ]] && file=${argument#--gtest_output=json:}; done
printf '%s\n' "$pretend_said"
[[ -z $pretend_report ]] || printf '%s\n' "$pretend_report" >"$file"
exit "$pretend_status"
EOF
chmod +x "$work/program"

# report TESTS FAILURES DISABLED [RESULT...]: as GoogleTest writes it, the program's numbers before a test suite's.
report() {
  printf '{\n  "tests": %d,\n  "failures": %d,\n  "disabled": %d,\n  "testsuites": [\n' "$1" "$2" "$3"
  printf '    {\n      "tests": 99,\n      "failures": 98\n'
  printf '          "result": "%s",\n' "${@:4}"
  printf '}\n'
}

wrong=0
# expect LAST_LINE VERDICT COMMAND...: how the summary ends after the command, in a shell of its own.
expect() {
  local got verdict=0
  got=$(logs=$work; source "$root/cmake/stages.sh"; "${@:3}" >"$work/said"; summary | tee -a "$work/said" | tail -n 1) || verdict=1
  [[ $got == "$1" && $verdict == "$2" ]] && return
  printf '%s: got "%s" and %s, wanted "%s" and %s; it said:\n' "${*:3}" "$got" "$verdict" "$1" "$2"
  cat "$work/said"
  wrong=1
}
# said TEXT: the last command showed it.
said() { grep -qF -- "$1" "$work/said" || { echo "not shown: $1"; wrong=1; }; }
# program STATUS SAID REPORT: prepares the stand-in.
program() { export pretend_status=$1 pretend_said=$2 pretend_report=$3; }

expect "0 passed, 0 failed" 0 true

program 0 "" "$(report 7 0 1)"
expect "6 passed, 0 failed" 0 suite all "$work/program"
program 1 "" "$(report 7 2 0)"
expect "5 passed, 2 failed" 1 suite failures "$work/program"
program 0 $'[ RUN      ] A.a\na.cpp:1: Skipped\nno GPU here\n[  SKIPPED ] A.a (0 ms)' "$(report 7 0 0 COMPLETED SKIPPED SKIPPED)"
expect "5 passed, 0 failed" 0 suite skips "$work/program"
said 'skipped: A.a: no GPU here'
said '2 skipped, each for the reason above'
program 139 $'[ RUN      ] A.a\n[       OK ] A.a (0 ms)\n[ RUN      ] A.b' ""
expect "1 passed, 1 failed" 1 suite crash "$work/program"
program 23 "" "$(report 7 0 0)"
expect "7 passed, 1 failed" 1 suite leak "$work/program"
program 0 "" "$(report 0 0 0)"
expect "0 passed, 1 failed" 1 suite empty "$work/program"
program 1 "" "$(report 7 2 0)"
shards=3 expect "15 passed, 6 failed" 1 suite shards "$work/program"

expect "1 passed, 0 failed" 0 check good true
expect "0 passed, 1 failed" 1 check bad false
expect "0 passed, 0 failed" 0 check skip bash -c 'echo no GPU here; exit 77'
said 'skipped: skip: no GPU here'
expect "0 passed, 1 failed" 1 must broken false
expect "1 passed, 1 failed" 1 eval 'must broken false || pass'
expect "0 passed, 0 failed" 0 must fine true
# shellcheck disable=SC2016  # written out where eval reads it
expect "0 passed, 1 failed" 1 eval 'ahead early bash -c "echo said ahead; exit 3"; must early touch "$work/again"'
said 'said ahead'
[[ ! -e $work/again ]] || { echo "what was started ahead ran twice"; wrong=1; }
expect "0 passed, 0 failed" 0 eval 'ahead early true; must early false'
limit=1 expect "0 passed, 1 failed" 1 check endless sleep 20

exit $wrong
