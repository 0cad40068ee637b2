# What the README's two commands share: installing packages, and building a copy of the source,
# so that neither writes anything to the source tree except its directory below build/. It is
# sourced by packaging/quick-start/run and tests/run, and runs in any POSIX shell. The caller
# sets `program`, the prefix of messages.
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

# --- running a command so that a signal can end it

# background LOG COMMAND...: starts it in its own process group, whose number is $job.
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

# To be called when the program ends, for whatever reason.
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

# missing_packages NAME[|NAME...]...: for each alternative of which none is installed, prints the
# first name.
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

# Debian's packages start their daemons when they are installed, unless this file forbids it
# (invoke-rc.d(8)). A file that is already there is left alone.
forbid_daemons() {
  if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
}

# To be called when the program ends, for whatever reason.
allow_daemons() {
  if [ "$made_policy" = yes ]; then
    as_root rm -f "$policy"
    made_policy=no
  fi
}

# install_packages LOG NAME[|NAME...]...: installs what is missing; if nothing is, does nothing and
# needs neither root nor a network. $missing is what was missing.
install_packages() {
  install_log=$1
  shift
  [ $# -gt 0 ] || return 0
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is not Debian: nothing is installed. Required are the equivalents of: $*"
    return 0
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    fail "packages are missing and there is no sudo; as root: apt-get install $missing"
  fi
  echo "Installing $missing(this may take minutes; the output of apt-get is in $install_log)"
  forbid_daemons
  # An index that cannot be fetched may not be needed.
  as_root apt-get -q update >>"$install_log" 2>&1 || true
  # shellcheck disable=SC2086 # one word a package
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing \
    </dev/null >>"$install_log" 2>&1 || {
    tail -n 15 "$install_log" >&2
    fail "apt-get could not install $missing"
  }
  allow_daemons
}

# collectd_libraries NAME...: prints the packages of libraries that plugins of the installed
# collectd-core are linked with, but which it only recommends. The suffix of NAME differs from
# one system to the next: libpython3.11, libmicrohttpd12t64.
collectd_libraries() {
  for wanted in "$@"; do
    dpkg-query -W -f='${Recommends},${Suggests}\n' collectd-core 2>/dev/null | sed 's/[,|]/\n/g' |
      sed 's/^ *//; s/[ (].*//' | grep -Ex "${wanted}[0-9.]*(t64)?" | head -n 1
  done
}

# --- building

# is_release SOURCE: a release includes configure; a checkout needs the autotools.
is_release() {
  [ -f "$1/configure" ] && [ ! -f "$1/.gitignore" ]
}

# build_packages SOURCE: prints what is needed to build it.
build_packages() {
  echo 'gcc libc6-dev make pkg-config|pkgconf collectd-core collectd-dev libyajl-dev zlib1g-dev'
  echo 'libcurl4-openssl-dev|libcurl4-gnutls-dev|libcurl4-nss-dev'
  is_release "$1" || echo 'autoconf automake libtool'
}

# build_folder PATH: creates it, or fails with the reason why it cannot be used.
build_folder() {
  case $1 in
  *[[:space:]]*) fail "configure does not support directories with spaces in their names; set BUILD=/another/folder" ;;
  esac
  if ! mkdir -p "$1" || [ ! -w "$1" ]; then
    fail "$1 cannot be written to (created by another user?); remove it, or set BUILD=/another/folder"
  fi
}

# copy_source FROM TO: everything except files left there by a build.
copy_source() {
  mkdir -p "$2"
  tar -C "$1" -cf - --exclude=./.git --exclude=./build --exclude=./autom4te.cache \
    --exclude=./config.status --exclude=./Makefile --exclude=.deps --exclude=.libs \
    --exclude='*.o' --exclude='*.lo' --exclude='*.la' --exclude=__pycache__ . |
    tar -C "$2" -xf -
}

# must LOG WHAT COMMAND...: runs it quietly; on failure shows the end of the log and exits.
must() {
  must_log=$1
  must_what=$2
  shift 2
  quietly "$must_log" "$@" || {
    tail -n 30 "$must_log" >&2
    fail "$must_what failed; its complete output is in $must_log"
  }
}

# configure_and_make LOG SOURCE FOLDER TARGET OPTION...: builds TARGET in FOLDER, with these
# options for configure.
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
