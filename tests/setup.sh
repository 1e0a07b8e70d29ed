#!/usr/bin/env bash
# The set-up of ./run and ./test: installs by name what is missing, once, and says in one sentence why it cannot.
set -uo pipefail
repository=${GRADUS_ROOT:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wrong=0
# expect TEXT COMMAND...: the command, in a shell with a pretended machine, says just that.
expect() {
  local got
  got=$(set -e; root=$work; source "$repository/cmake/setup.sh"; machine; "${@:2}" 2>&1)
  [[ $got == "$1" ]] && return
  printf '%s:\n  got    %s\n  wanted %s\n' "${*:2}" "$got" "$1"
  wrong=1
}

# A pretended machine: what dpkg has installed, what apt can offer, who calls, and whether sudo is there.
present="" offered="" user=0 sudo=no
# shellcheck disable=SC2317  # the script under test calls them
machine() {
  dpkg-query() {
    local package
    for package in $present; do printf '%s:amd64 installed\n' "$package"; done
    return 1  # as it does when one of the packages is unknown
  }
  apt-cache() { local package; for package in "${@:2}"; do [[ " $offered " == *" $package "* ]] || return 1; done; }
  apt_get() { echo "apt-get $*"; }
  id() { echo "$user"; }
  command() { [[ $2 == apt-get || $2 == dpkg-query || $2 == bash ]] || { [[ $2 == sudo && $sudo == yes ]]; }; }
}

present="zlib1g-dev libfmt-dev"
expect "" install_missing zlib1g-dev libfmt-dev
expect "" install_missing anything:bash
offered="libfmt zlib1g"
expect $'gradus: installing zlib1g\napt-get install -y --no-install-recommends zlib1g' install_missing zlib1g zlib1g-dev
expect $'gradus: installing libfmt zlib1g\napt-get install -y --no-install-recommends libfmt zlib1g' install_missing libfmt:nowhere zlib1g
expect $'gradus: installing nothere\napt-get update\ngradus: the package sources of this machine have no nothere; add a source that has it (on Ubuntu: universe), or install it by hand' install_missing nothere
user=1000
expect "gradus: zlib1g missing, and neither root nor sudo is at hand; ask an administrator for: apt-get install zlib1g" install_missing zlib1g
sudo=yes
expect $'gradus: installing zlib1g\napt-get install -y --no-install-recommends zlib1g' install_missing zlib1g

exit $wrong
