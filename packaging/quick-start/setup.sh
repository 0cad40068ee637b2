# What the README's two commands share: installing packages, and building a copy of the
# source apart from it, so that neither leaves anything in the source but its folder below
# build/. It is sourced, by packaging/quick-start/run and tests/run, and runs in any POSIX
# shell; whoever sources it sets `program`, the name that messages begin with.
# shellcheck shell=sh

PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin
export PATH
policy=/usr/sbin/policy-rc.d
made_policy=no
missing=
job=

fail() {
  printf '%s: %s\n' "${program:-$0}" "$*" >&2
  exit 1
}

# --- running a command that a signal must be able to end

# background LOG COMMAND...: starts it in a process group of its own, whose number is $job.
background() {
  background_log=$1
  shift
  setsid "$@" </dev/null >>"$background_log" 2>&1 &
  job=$!
}

# A shell runs its traps when `wait` is interrupted, but not while a command is in the foreground.
quietly() {
  background "$@"
  quietly_status=0
  wait "$job" || quietly_status=$?
  job=
  return "$quietly_status"
}

# To be called when the program ends, however it does.
end_job() {
  [ -z "$job" ] || kill -TERM -- "-$job" 2>/dev/null || true
  job=
}

# --- packages

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# missing_packages NAME[|NAME...]...: prints the first name of each of which none is installed.
missing_packages() {
  for wanted in "$@"; do
    found=no
    for name in $(printf '%s' "$wanted" | tr '|' ' '); do
      if is_installed "$name"; then
        found=yes
      fi
    done
    [ "$found" = yes ] || printf '%s ' "${wanted%%|*}"
  done
}

# Debian's packages start their daemons when they are installed, unless this file says no
# (invoke-rc.d(8)). Where somebody has put one there it is his, and stays.
forbid_daemons() {
  if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
}

# To be called when the program ends, however it does.
allow_daemons() {
  if [ "$made_policy" = yes ]; then
    as_root rm -f "$policy"
    made_policy=no
  fi
}

# install_packages LOG NAME[|NAME...]...: installs what is missing; does nothing, and needs
# neither root nor a network, when nothing is. $missing says what was.
install_packages() {
  install_log=$1
  shift
  [ $# -gt 0 ] || return 0
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is no Debian: nothing is installed. Wanted are what Debian calls: $*"
    return 0
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    fail "packages are missing and there is no sudo; as root: apt-get install $missing"
  fi
  echo "Installing $missing(this may take minutes; the words of apt-get are in $install_log)"
  forbid_daemons
  # An index that cannot be fetched may be one that is not needed.
  as_root apt-get -q update >>"$install_log" 2>&1 || true
  # shellcheck disable=SC2086 # one word a package
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing \
    </dev/null >>"$install_log" 2>&1 || {
    tail -n 15 "$install_log" >&2
    fail "apt-get could not install $missing"
  }
  allow_daemons
}

# collectd_libraries NAME...: prints the packages of the libraries that plugins of the installed
# collectd-core are linked with, and which it only recommends. What stands behind NAME in theirs
# differs from one system to the next: libpython3.11, libmicrohttpd12t64.
collectd_libraries() {
  for wanted in "$@"; do
    dpkg-query -W -f='${Recommends},${Suggests}\n' collectd-core 2>/dev/null | sed 's/[,|]/\n/g' |
      sed 's/^ *//; s/[ (].*//' | grep -Ex "${wanted}[0-9.]*(t64)?" | head -n 1
  done
}

# --- building

# is_release SOURCE: a release has its configure with it; a checkout needs the autotools.
is_release() {
  [ -f "$1/configure" ] && [ ! -f "$1/.gitignore" ]
}

# build_packages SOURCE: prints what is needed to build it.
build_packages() {
  echo 'gcc libc6-dev make pkg-config|pkgconf collectd-core collectd-dev libyajl-dev'
  echo 'libcurl4-openssl-dev|libcurl4-gnutls-dev|libcurl4-nss-dev'
  is_release "$1" || echo 'autoconf automake libtool'
}

# build_folder PATH: makes it, or says why it cannot be the one.
build_folder() {
  case $1 in
  *[[:space:]]*) fail "configure takes no folder with a blank in its name; set BUILD=/another/folder" ;;
  esac
  if ! mkdir -p "$1" || [ ! -w "$1" ]; then
    fail "$1 cannot be written to (made by another user?); remove it, or set BUILD=/another/folder"
  fi
}

# copy_source FROM TO: all but what somebody's build has left there.
copy_source() {
  mkdir -p "$2"
  tar -C "$1" -cf - --exclude=./.git --exclude=./build --exclude=./autom4te.cache \
    --exclude=./config.status --exclude=./Makefile --exclude=.deps --exclude=.libs \
    --exclude='*.o' --exclude='*.lo' --exclude='*.la' --exclude=__pycache__ . |
    tar -C "$2" -xf -
}

# must LOG WHAT COMMAND...: runs it quietly; on failure shows the end of the log and ends.
must() {
  must_log=$1
  must_what=$2
  shift 2
  quietly "$must_log" "$@" || {
    tail -n 30 "$must_log" >&2
    fail "$must_what failed; all of its words are in $must_log"
  }
}

# configure_and_make LOG SOURCE FOLDER TARGET OPTION...: builds TARGET in FOLDER; the options are
# those of configure.
configure_and_make() {
  make_log=$1
  make_source=$2
  make_folder=$3
  make_target=$4
  shift 4
  is_release "$make_source" || must "$make_log" autoreconf autoreconf -fi "$make_source"
  mkdir -p "$make_folder"
  must "$make_log" configure env -C "$make_folder" "$make_source/configure" "$@"
  must "$make_log" make make -C "$make_folder" -j"$(nproc)" "$make_target"
}
