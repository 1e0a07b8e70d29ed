#!/usr/bin/env bash
# Every shell script of the repository is clean by shellcheck.
set -euo pipefail
cd "${GRADUS_ROOT:-$(dirname "$0")/..}"
shellcheck -x run test .ci/run cmake/*.sh tests/*.sh
