# shellcheck shell=bash disable=SC2154
# How ./test runs its stages and counts: one function per kind of check.  Sourced with `logs` set to a folder.
# Every check adds to passed, failed or skipped; none of them ends the run.

passed=0 failed=0 skipped=0

# A line on what is going on, with the minutes and seconds since the start.
note() { printf '[%3d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }
# What a failing check said, indented so that it stands apart.
quote() { sed 's/^/    | /'; }
# log_of TITLE SUFFIX: the file that keeps what a check said.
log_of() { echo "$logs/${1//[^a-zA-Z0-9]/_}.$2"; }

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); note "FAILED: $*"; }
skip() { skipped=$((skipped + 1)); note "skipped: $*"; }

# ahead TITLE COMMAND...: starts the work of a later `must` of that title, beside stages that leave processors idle.
declare -A started=()
ahead() {
  "${@:2}" >"$(log_of "$1" log)" 2>&1 &
  started[$1]=$!
}
# finished TITLE COMMAND...: that work's status; done now, where nothing was started ahead.
finished() {
  if [[ -v started[$1] ]]; then wait "${started[$1]}"; else "${@:2}" >"$(log_of "$1" log)" 2>&1; fi
}

# must TITLE COMMAND...: work that later stages need; it counts only when it fails.
must() {
  local title=$1 log begin=$SECONDS
  log=$(log_of "$title" log)
  note "$title"
  if finished "$@"; then
    note "$title: done in $((SECONDS - begin)) s"
  else
    grep -vE '^(-- |\[[0-9]+/[0-9]+\] )' "$log" | tail -n 40 | quote  # not what went well before
    fail "$title; all it said is in $log"
    return 1
  fi
}

# check TITLE COMMAND...: one test that is a program: 0 passes, 77 skips and says why in its last line.
check() {
  local title=$1 log begin=$SECONDS status=0
  log=$(log_of "$title" log)
  timeout "${limit:-900}" "${@:2}" >"$log" 2>&1 || status=$?
  case $status in
    0) pass; note "$title: passed in $((SECONDS - begin)) s" ;;
    77) skip "$title: $(tail -n 1 "$log")" ;;
    *) tail -n 40 "$log" | quote; fail "$title, exit status $status" ;;
  esac
}

# The first number of that name in GoogleTest's report is the whole program's.
reported() { sed -n "s/^ *\"$1\": \([0-9]*\),\{0,1\}\$/\1/p" "$2" | head -n 1; }

# What GoogleTest says between a test's start and its skip is the reason.
skip_reasons() {
  awk '/^\[ RUN / { reason = ""; next }
       /^\[  SKIPPED \].* ms\)$/ { print "skipped: " $4 ":" reason }
       !/: Skipped$/ { reason = reason " " $0 }' "$1"
}

# suite TITLE COMMAND...: a GoogleTest program, whose tests are counted one by one; as `shards` of it at the same time.
suite() {
  local title=$1 begin=$SECONDS shard of=${shards:-1} statuses=() pids=() ok=0 bad=0 skips=0
  note "$title"
  for ((shard = 0; shard < of; ++shard)); do
    rm -f "$(log_of "$title $shard" json)"
    GTEST_TOTAL_SHARDS=$of GTEST_SHARD_INDEX=$shard timeout 1800 "${@:2}" \
      --gtest_output="json:$(log_of "$title $shard" json)" >"$(log_of "$title $shard" log)" 2>&1 &
    pids+=($!)
  done
  for shard in "${!pids[@]}"; do
    statuses[shard]=0
    wait "${pids[shard]}" || statuses[shard]=$?
  done
  for shard in "${!pids[@]}"; do count_shard "$title" "$shard" "${statuses[shard]}"; done
  ((ok + bad + skips)) || fail "$title ran no test"
  note "$title: $ok passed, $bad failed in $((SECONDS - begin)) s"
}

# count_shard TITLE SHARD STATUS: adds its tests to those of the suite, and says what failed.
count_shard() {
  local title=$1 status=$3 log report good broken left=0
  log=$(log_of "$title $2" log) report=$(log_of "$title $2" json)
  if [[ -s $report ]]; then
    broken=$(reported failures "$report")
    left=$(grep -c '"result": "SKIPPED"' "$report")
    good=$(($(reported tests "$report") - $(reported disabled "$report") - broken - left))
    skip_reasons "$log" | quote
  else  # it died before it could write a report
    good=$(grep -c '^\[       OK \]' "$log")
    broken=$(grep -c '^\[  FAILED  \].*ms)$' "$log")
  fi
  ok=$((ok + good)) bad=$((bad + broken)) skips=$((skips + left))
  passed=$((passed + good)) failed=$((failed + broken)) skipped=$((skipped + left))
  ((status == 0)) || grep -vE '^\[ +(RUN|OK) +\]|^\[-+\]' "$log" | tail -n 60 | quote
  if ((status)) && { ((broken == 0)) || [[ ! -s $report ]]; }; then  # a crash, a time-out, or a sanitizer's word at exit
    fail "$title, exit status $status; the last test was $(sed -n 's/^\[ RUN      \] //p' "$log" | tail -n 1)"
  fi
}

# The last line of the run, and its verdict.
summary() {
  ((skipped == 0)) || note "$skipped skipped, each for the reason above"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0))
}
