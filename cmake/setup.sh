# shellcheck shell=bash disable=SC2154
# What ./run and ./test share: install what is missing, configure, build.  Sourced with `root` set to the repository.
# Everything is said on standard error, because standard output belongs to the command that runs in the end.

# PACKAGE, or PACKAGE:TOOL where a tool found on the path serves as well, wherever it came from.
# shellcheck disable=SC2034  # used by the scripts that source this file
build_packages=(cmake:cmake ninja-build:ninja g++:g++ libopenblas-pthread-dev zlib1g-dev libfmt-dev libcli11-dev nlohmann-json3-dev
  libprotobuf-dev protobuf-compiler:protoc libisal-dev)

say() { printf 'gradus: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Prints the packages among PACKAGE[:TOOL]... that this machine lacks.
missing_packages() {
  local entry package tool installed
  # shellcheck disable=SC2016  # the format is dpkg-query's; it fails where it knows one of the packages not at all
  installed=$({ dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' "${@%%:*}" 2>/dev/null || true; } |
    sed -n 's/^\([^: ]*\).* installed$/\1/p')
  for entry; do
    package=${entry%%:*} tool=${entry#*:}
    [[ $entry == *:* ]] && command -v "$tool" >/dev/null && continue
    grep -qxF -- "$package" <<<"$installed" || echo "$package"
  done
}

# Runs apt-get as root, in silence; what it said is in build/apt.log.
apt_get() {
  local as_root=()
  [[ $(id -u) == 0 ]] || as_root=(sudo)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >>"$root/build/apt.log" 2>&1
}

# install_missing PACKAGE[:TOOL]...: asks apt-get for what is missing, by name, and for nothing else.
install_missing() {
  local missing package
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    return 0  # not Debian: CMake names what it does not find
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; then
    die "${missing[*]} missing, and neither root nor sudo is at hand; ask an administrator for: apt-get install ${missing[*]}"
  fi
  say "installing ${missing[*]}"
  mkdir -p "$root/build"
  : >"$root/build/apt.log"
  apt-cache show "${missing[@]}" >/dev/null 2>&1 || apt_get update ||
    die "apt-get update failed: $(tail -n 1 "$root/build/apt.log"); the whole text is in build/apt.log"
  for package in "${missing[@]}"; do
    apt-cache show "$package" >/dev/null 2>&1 ||
      die "the package sources of this machine have no $package; add a source that has it (on Ubuntu: universe), or install it by hand"
  done
  # The lists may be older than the mirror's files: one second try with fresh lists.
  apt_get install -y --no-install-recommends "${missing[@]}" || { apt_get update && apt_get install -y --no-install-recommends "${missing[@]}"; } ||
    die "apt-get could not install ${missing[*]}: $(grep -m 1 '^E:' "$root/build/apt.log"); the whole text is in build/apt.log"
}

# locked PRESET COMMAND...: one build of a preset at a time, however many terminals are open.
locked() {
  local lock status=0
  mkdir -p "$root/build"
  exec {lock}>"$root/build/$1.lock"
  flock --nonblock "$lock" || { say "waiting for another build of build/$1" && flock "$lock"; }
  "${@:2}" || status=$?
  exec {lock}>&-
  return $status
}

# configure PRESET [-D...]: makes build/PRESET.
configure() {
  local folder=$root/build/$1
  # A copied tree brings the cache of the original along, which CMake refuses.
  if [[ -f $folder/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
    rm -rf "$folder"
  fi
  cmake -S "$root" --preset "$@"
}

# build PRESET TARGET...: with all processors.
build() { cmake --build "$root/build/$1" --parallel "$(nproc)" --target "${@:2}"; }
