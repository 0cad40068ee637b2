#!/bin/sh
# Captures processes as /proc shows them, so that tests can replay them anywhere:
#
#   capture.sh PID... > NAME.tree
#
# Written is a text that can be read and reviewed, because a source archive cannot hold
# links that lead nowhere, and git no file modes: see replay_tree.h beside the unit tests
# for its form. Of the environment only the variables named in $KEEP are written
# (SIDECAR_PPROF unless set): the rest is nobody's business. $PROCFS is another root than
# /proc, $TASK_FILES and $FILES are other files than the usual.
# shellcheck disable=SC2012 # the names that are listed are numbers
set -u
: "${PROCFS=/proc}" "${KEEP=SIDECAR_PPROF}"
: "${FILES=stat status io limits comm cmdline}" "${TASK_FILES=stat status comm}"

# Bytes on standard input as lines "|text", or "=text" for one without a newline.
# In text, what is not printable, and "\", is \xNN.
lines() {
  od -An -v -tu1 | awk '
    BEGIN { for (i = 32; i < 127; i++) show[i] = sprintf("%c", i); show[92] = "\\x5C"; show[9] = "\t" }
    { for (i = 1; i <= NF; i++)
        if ($i == 10) { print "|" line; line = ""; open = 0 }
        else { line = line (($i in show) ? show[$i] : sprintf("\\x%02X", $i)); open = 1 } }
    END { if (open) print "=" line }'
}

# A path on one line, its blanks written as \x20 and its newlines as \x0A.
word() {
  printf '%s' "$1" | od -An -v -tu1 | awk '
    BEGIN { for (i = 33; i < 127; i++) show[i] = sprintf("%c", i); show[92] = "\\x5C" }
    { for (i = 1; i <= NF; i++) printf "%s", ($i in show) ? show[$i] : sprintf("\\x%02X", $i) }'
}

# path below the root; a file that may not be read is captured as such
file() {
  [ -e "$PROCFS/$1" ] || return 0
  if content=$(lines 2>/dev/null < "$PROCFS/$1"); then
    echo "file $(word "$1")"
    [ -z "$content" ] || printf '%s\n' "$content"
  else
    echo "denied-file $(word "$1")"
  fi
}

# The target is read with a mark behind it, because $(...) takes newlines off the end.
link() {
  if target=$(readlink -n "$PROCFS/$1" && echo .); then
    echo "link $(word "$1") $(word "${target%.}")"
  fi
}

environment() {
  [ -e "$PROCFS/$1/environ" ] || return 0
  if ! (: < "$PROCFS/$1/environ") 2> /dev/null; then
    echo "denied-file $1/environ"
    return 0
  fi
  echo "file $1/environ"
  for name in $KEEP; do
    tr '\n\0' '\0\n' < "$PROCFS/$1/environ" | grep "^$name=" | tr '\n\0' '\0\n'
  done | lines
}

process() {
  for name in $FILES; do file "$1/$name"; done
  for name in exe cwd root; do link "$1/$name"; done
  environment "$1"
  if ls "$PROCFS/$1/fd" > /dev/null 2>&1; then
    echo "directory $1/fd"
    for fd in $(ls "$PROCFS/$1/fd" | sort -n); do link "$1/fd/$fd"; done
    for fd in $(ls "$PROCFS/$1/fdinfo" | sort -n); do file "$1/fdinfo/$fd"; done
  else
    echo "denied-directory $1/fd"
  fi
  for task in $(ls "$PROCFS/$1/task" | sort -n); do
    for name in $TASK_FILES; do file "$1/task/$task/$name"; done
  done
}

echo "# $(uname -s) $(uname -r | cut -d. -f1-2), captured by tests/replay/capture.sh"
echo "file uptime"
lines < "$PROCFS/uptime"
echo "file stat"
grep -E '^(cpu |btime |ctxt )' "$PROCFS/stat" | lines
for pid in "$@"; do process "$pid"; done
