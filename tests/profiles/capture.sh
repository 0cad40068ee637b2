#!/bin/sh
# Captures the goroutine dumps and heap profiles that the tests replay. Each program gets a
# folder here with
#   goroutines.txt   goroutine?debug=2
#   grouped.txt      goroutine?debug=1
#   heap.txt         heap?debug=1
#   heap.pb.gz       the same moment's binary profile
#   pprof.txt        what `go tool pprof` makes of heap.pb.gz: bytes by pattern
# and with --hour also goroutines_aged.txt, with waits of 0, 1, 11 and 61 minutes; or
#   cpu.pb.gz        a CPU profile
#   cpu.txt          what `go tool pprof` makes of it: nanoseconds by the innermost function of
#                    each stack that is not of the standard library, or else the outermost
#
# usage: capture.sh target GO [--hour]      the example target, built with the program GO
#        capture.sh cpu GO                  the same, its CPU profile only
#        capture.sh cgo GO                  a program that waits in C and in Go, and has labels
#        capture.sh sidecar PROGRAM GO      the real sidecar, in tmux, with state of its own
set -eu

here=$(cd "$(dirname "$0")" && pwd)
temp=$(mktemp -d)
pid=
tmux_socket=
cleanup() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || :
  [ -z "$tmux_socket" ] || tmux -S "$tmux_socket" kill-server 2>/dev/null || :
  rm -rf "$temp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# The patterns that the plugin has by default, as its source has them.
heap_patterns() {
  sed -n '/stack_patterns_of_heap\[\]/,/^};/p' \
    "$here/../../plugins/sidecar/go/stack.c" |
    tr -d '\n' | sed 's/"  *"//g; s/{"/\n{"/g; s/$/\n/' |
    sed -n 's/^{"\([a-z_]*\)", "\(.*\)"}.*/\1 \2/p' | sed 's/\\\\/\\/g'
}

free_port() {
  /usr/bin/python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

get() { # PORT QUESTION FILE
  curl -fsS -o "$3" "http://127.0.0.1:$1/debug/pprof/$2"
}

wait_for() { # PORT
  n=0
  until get "$1" '' /dev/null 2>/dev/null; do
    n=$((n + 1))
    [ "$n" -lt 100 ] || { echo "no answer on port $1" >&2; exit 1; }
    sleep 0.2
  done
}

pprof_bytes() { # GO FILE [REGEX]
  "$1" tool pprof -top -sample_index=inuse_space -unit=B -nodecount=100000 \
    -nodefraction=0 -edgefraction=0 ${3:+"-focus=$3"} "$2" 2>/dev/null |
    sed -n 's/^Showing nodes accounting for \([0-9]*\)B\{0,1\},.*/\1/p'
}

# A garbage collection between the two heap profiles would make them differ.
heap_pair() { # GO PORT FOLDER
  for attempt in 1 2 3 4 5; do
    get "$2" 'heap?debug=1' "$3/heap.txt"
    get "$2" 'heap' "$3/heap.pb.gz"
    get "$2" 'heap?debug=1' "$temp/again.txt"
    if [ "$(grep '^# NumGC' "$3/heap.txt")" = "$(grep '^# NumGC' "$temp/again.txt")" ]; then
      break
    fi
    [ "$attempt" -lt 5 ] || { echo "collections all the time" >&2; exit 1; }
  done
  {
    bytes=$(pprof_bytes "$1" "$3/heap.pb.gz")
    echo "total ${bytes:-0}"
    heap_patterns | while read -r name regex; do
      bytes=$(pprof_bytes "$1" "$3/heap.pb.gz" "$regex")
      echo "$name ${bytes:-0}"
    done
  } >"$3/pprof.txt"
}

version_of() {
  "$1" version | cut -d' ' -f3
}

say() { # a command to the target; its answer is awaited
  echo "$1" >&3
  IFS= read -r reply <&4
  case $reply in ok*) ;; *) echo "$1: $reply" >&2; exit 1 ;; esac
}

start_target() { # GO
  folder=$here/target-$(version_of "$1")
  mkdir -p "$folder"
  (cd "$here/../target" && "$1" build -trimpath -o "$temp/sidecar" .)
  mkfifo "$temp/in" "$temp/out"
  port=$(free_port)
  SIDECAR_PPROF=$port "$temp/sidecar" <"$temp/in" >"$temp/out" 2>/dev/null &
  pid=$!
  exec 3>"$temp/in" 4<"$temp/out"
  IFS= read -r ready <&4
  echo "$ready" >&2
}

capture_cpu() { # GO
  start_target "$1"
  say "cpu 400"
  say "garbage 60MB/s"
  get "$port" 'profile?seconds=4' "$folder/cpu.pb.gz"
  "$1" tool pprof -traces -unit=ns "$folder/cpu.pb.gz" 2>/dev/null | awk '
    function end() { if (name != "") time[name] += ns; total += ns; name = ""; own = 0 }
    /^-+\+/ { if (begun) end(); begun = 1; ns = 0; next }
    !begun { next }
    $1 ~ /^[0-9]+ns$/ { ns = $1; sub(/ns$/, "", ns); $1 = ""; sub(/^ /, "") }
    { sub(/^ +/, ""); sub(/ \(inline\)$/, "") }
    !own { name = $0; own = name ~ /^main\./ }
    END { end(); print "total", total; for (name in time) print time[name], name }' |
    sort -k1,1rn -k2 >"$folder/cpu.txt"
}

capture_target() { # GO [--hour]
  start_target "$1"

  for kind in chan_receive chan_send chan_receive_nil chan_send_nil select select_forever \
    io_wait sleep mutex rwmutex rwmutex_write cond waitgroup syscall; do
    say "goroutines $kind 2"
  done
  say "goroutines chan_receive 3 as=fetchData"
  say "goroutines chan_send 4 as=Monitor.fetchData"
  say "goroutines select 5 as=monitorPoll"
  say "goroutines sleep 6 as=tea"
  say "goroutines mutex 3 depth=150"
  say "goroutines chan_receive 2 locked"
  say "goroutines running 1"
  get "$port" 'goroutine?debug=2' "$folder/goroutines.txt"
  get "$port" 'goroutine?debug=1' "$folder/grouped.txt"
  say "release goroutines running"

  say "heap 100MB"
  for via in scanner json output_buffer ansi append; do
    say "heap 8MB via=$via"
    say "heap 1MB via=$via block=2KB"
  done
  say "gc"
  say "gc"
  heap_pair "$1" "$port" "$folder"

  [ "${2:-}" = --hour ] || return 0
  say "gc"
  sleep 3005
  say "goroutines chan_send 7"
  say "gc"
  sleep 601
  say "goroutines select 8"
  say "gc"
  sleep 65
  say "goroutines sleep 9"
  get "$port" 'goroutine?debug=2' "$folder/goroutines_aged.txt"
}

capture_cgo() { # GO
  folder=$here/cgo-$(version_of "$1")
  mkdir -p "$folder" "$temp/cgo"
  cat >"$temp/cgo/go.mod" <<'GO_MOD'
module example.com/cgo

GO_MOD
  version_of "$1" | sed 's/^go\([0-9]*\.[0-9]*\).*/go \1/' >>"$temp/cgo/go.mod"
  cat >"$temp/cgo/main.go" <<'GO_SOURCE'
package main

// #include <unistd.h>
// extern void waitInGo(void);
// static void callBack(void) { waitInGo(); }
import "C"

import (
	"context"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime/pprof"
)

//export waitInGo
func waitInGo() { select {} }

func main() {
	for i := 0; i < 3; i++ {
		go C.pause()
		go C.callBack()
	}
	labels := pprof.Labels("path", "a]:\n[b, 7 minutes\t{\"}]: \u00fc", "plain", "value")
	go pprof.Do(context.Background(), labels, func(context.Context) { select {} })
	plain := pprof.Labels("plain", "value")
	go pprof.Do(context.Background(), plain, func(context.Context) { select {} })
	http.ListenAndServe(os.Args[1], nil)
}
GO_SOURCE
  (cd "$temp/cgo" && CGO_ENABLED=1 "$1" build -trimpath -o "$temp/program" .)
  for setting in plain ancestors system leaks; do
    port=$(free_port)
    unset GODEBUG GOTRACEBACK
    case $setting in
    ancestors) export GODEBUG=tracebackancestors=5,tracebacklabels=1 ;;
    system) export GOTRACEBACK=system ;;
    esac
    "$temp/program" "127.0.0.1:$port" &
    pid=$!
    wait_for "$port"
    # since Go 1.27; in Go 1.26 with GOEXPERIMENT=goroutineleakprofile
    if [ "$setting" != leaks ] ||
      get "$port" 'goroutineleak?debug=1' "$folder/grouped_$setting.txt" 2>/dev/null; then
      [ "$setting" = leaks ] || get "$port" 'goroutine?debug=1' "$folder/grouped_$setting.txt"
      get "$port" 'goroutine?debug=2' "$folder/goroutines_$setting.txt"
    fi
    kill "$pid"
    wait "$pid" 2>/dev/null || :
    pid=
  done
}

capture_sidecar() { # PROGRAM GO
  folder=$here/sidecar-v$("$1" --version | sed 's/.* //')
  mkdir -p "$folder" "$temp/home" "$temp/state" "$temp/config" "$temp/project"
  git init -q "$temp/project"
  port=$(free_port)
  tmux_socket=$temp/tmux
  unset TMUX
  (cd "$temp/project" && exec env HOME="$temp/home" XDG_STATE_HOME="$temp/state" \
    XDG_CONFIG_HOME="$temp/config" TMUX_TMPDIR="$temp" SIDECAR_PPROF="$port" \
    tmux -S "$tmux_socket" -f /dev/null new-session -d -x 200 -y 50 \
    "$1" -config "$temp/config/config.json")
  wait_for "$port"
  sleep 6
  get "$port" 'goroutine?debug=2' "$folder/goroutines.txt"
  get "$port" 'goroutine?debug=1' "$folder/grouped.txt"
  get "$port" 'heap?gc=1' /dev/null
  heap_pair "$2" "$port" "$folder"
}

case ${1:-} in
target | cpu | cgo | sidecar) what=$1; shift; "capture_$what" "$@" ;;
*) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '/^usage/,$p' >&2; exit 2 ;;
esac
