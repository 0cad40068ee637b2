# What the trials of the README's first command share; sourced by tests/clean-room/commands/*,
# inside the clean room, as its process 1.
# shellcheck shell=bash
set -euo pipefail

say() {
  printf 'clean room: %s\n' "$*"
}

fail() {
  say "$*"
  cat /tmp/demo.log
  exit 1
}

# get PORT PATH: without curl, which a minimal Debian does not have.
get() {
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3
  cat <&3
  exec 3>&-
}

# Everything that runs here, but for this script and what it runs for the question.
others() {
  local pid line
  for pid in /proc/[0-9]*; do
    pid=${pid#/proc/}
    line=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) || continue
    [ -n "$line" ] && [ "$pid" -ne 1 ] && [ "$pid" -ne "$BASHPID" ] && echo "$pid $line"
  done
  true
}

# demo PORT COMMAND...: runs it as in a terminal, looks at it for 20 seconds, presses Ctrl-C.
demo() {
  local port=$1 pid status=0 page
  shift
  set -m # a process group of its own
  # Whoever runs this in the background may have SIGINT ignored, and no shell can undo that.
  env --default-signal=INT "$@" >/tmp/demo.log 2>&1 </dev/null &
  pid=$!
  set +m
  for _ in $(seq 900); do
    grep -q 'heap in use' /tmp/demo.log && break
    kill -0 "$pid" 2>/dev/null || fail "it ended by itself"
    sleep 1
  done
  sleep 20
  grep -q '^No sidecar runs on this machine' /tmp/demo.log || fail "it does not say that no sidecar runs"
  grep -Eq 'example +pid [0-9]+ +RSS +[0-9.]+ MB +FDs +[0-9]+ +threads +[0-9]+ +goroutines +[0-9]+ +heap in use +[0-9.]+ MB' \
    /tmp/demo.log || fail "no line has all values of the example"
  grep -q 'HIGH: ' /tmp/demo.log || fail "the example does not leave the healthy range"
  page=$(get "$port" /metrics) || fail "nobody answers on port $port"
  for metric in process_resident_memory_bytes process_open_fds process_smaps_bytes go_goroutines go_memstats_heap_inuse_bytes; do
    grep -q "^collectd_sidecar_$metric{.*sidecar=\"example\"" <<<"$page" || fail "no $metric in /metrics"
  done
  kill -INT -- "-$pid"
  wait "$pid" || status=$?
  [ "$status" -eq 130 ] || fail "Ctrl-C ended it with status $status"
  [ -z "$(others)" ] || fail "still running: $(others)"
  ! compgen -G '/tmp/sidecar-quick-start.*' >/dev/null || fail "its folder is still in /tmp"
  [ ! -e /usr/sbin/policy-rc.d ] || fail "/usr/sbin/policy-rc.d is still there"
  tail -n 3 /tmp/demo.log
}
