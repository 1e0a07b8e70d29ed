#!/usr/bin/env bash
# The readers on mutated files, ten seconds for each format; GRADUS_FUZZ_SECONDS asks for more, GRADUS_FUZZ_SEED for others.
set -euo pipefail
tests=$(dirname "${GRADUS:?the path of the command}")/gradus_tests
if [[ ! -x $tests ]]; then
  echo "there is no $tests; build the target gradus_tests"
  exit 77
fi
GRADUS_FUZZ_SECONDS=${GRADUS_FUZZ_SECONDS:-10} "$tests" --gtest_filter='*Fuzz.Mutations*' | grep -E 'executions|FAILED|PASSED|Failure|kept as'
