#!/bin/sh
# sidecar-backtest as a command: options, input, exit status, errors. Runs in the build folder.
# shellcheck disable=SC2016 # the shells that it starts expand their arguments
set -u
program=$PWD/sidecar-backtest
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 99
failed=no

# expect NAME STATUS WORDS COMMAND...: the status, and words in what it prints; "" nothing there
expect() {
  name=$1 status=$2 words=$3
  shift 3
  "$@" >out 2>&1 </dev/null
  got=$?
  if [ "$got" != "$status" ]; then
    echo "FAIL $name: status $got, not $status"
  elif [ -n "$words" ] && ! grep -qF -e "$words" out; then
    echo "FAIL $name: it does not say: $words"
  else
    echo "ok   $name"
    return
  fi
  sed 's/^/  | /' out
  failed=yes
}

# as expect, and on standard output is exactly this
prints() {
  name=$1 status=$2 text=$3
  shift 3
  printf '%s\n' "$text" >wanted
  "$@" >out 2>err
  got=$?
  if [ "$got" = "$status" ] && cmp -s out wanted && [ ! -s err ]; then
    echo "ok   $name"
    return
  fi
  echo "FAIL $name: status $got, not $status, or another text"
  diff wanted out
  cat err
  failed=yes
}

header='time,flag,severity,value,threshold,since,message'
cat >shop.csv <<END
time,process_start_time_seconds,process_open_fds
1000,900,250
1060,900,250
1120,1100,20
END
cat >quiet.csv <<END
time,process_open_fds
1000,20
END
up='1060,fds,warning,250,200,1000'

expect 'help' 0 'Usage: sidecar-backtest' "$program" --help
expect 'each option is in the help' 0 '--watches-limit=NUMBER' "$program" -h
expect 'version' 0 'sidecar-backtest ' "$program" --version
expect 'an unknown option' 2 "Try 'sidecar-backtest --help'" "$program" --wrong

prints 'nothing went up: 0' 0 "$header" "$program" quiet.csv
prints 'a flag went up: 1' 1 "$header
$up,shop: FDs: 250 (warning from 200) for 1 min
1120,fds,ok,,,1120,shop: FDs: the process ended" "$program" shop.csv
prints 'with a name' 1 "$header
$up,web: FDs: 250 (warning from 200) for 1 min
1120,fds,ok,,,1120,web: FDs: the process ended" "$program" --name web shop.csv
awk 'BEGIN {
  print "time,process_open_fds"
  for (i = 0; i < 100; i++) print 1000 + i * 60 "," (i < 3 ? 250 : 20)
}' >calm.csv
expect 'a cell with a comma' 1 ',"calm: FDs: back to normal, now 20"' "$program" calm.csv
expect 'a name of standard input' 1 "$up,sidecar: FDs" sh -c '"$1" <shop.csv' - "$program"
expect 'standard input as a file' 1 "$up,sidecar: FDs" sh -c '"$1" - <shop.csv' - "$program"
expect 'several files' 1 "$up,shop: FDs" "$program" quiet.csv shop.csv quiet.csv
expect 'a name for several files' 2 'allowed with one recording; here are 2' \
  "$program" -n x quiet.csv shop.csv
expect 'an empty name' 2 '--name: allowed is' "$program" -n '' quiet.csv

prints 'a threshold that is not reached' 0 "$header" "$program" -o fds.Warning=300 shop.csv
expect 'options may be repeated' 1 'failure from 240' \
  "$program" -o fds.Warning=220 --option=fds.Failure=240 shop.csv
expect 'the largest number of options' 2 'allowed are 256' \
  sh -c 'i=0; set -- "$1"; while [ $i -le 256 ]; do set -- "$@" -o a.b=1; i=$((i+1)); done; "$@"' \
  - "$program"
expect 'an option that is none' 2 'FLAG.OPTION=VALUE' "$program" -o fds shop.csv
expect 'an option out of range' 2 'allowed is a number in descriptors above 0' \
  "$program" -o fds.Warning=0 shop.csv
printf '<RedFlag "fds">\n  Warning 300\n</RedFlag>\n' >flags.conf
prints 'a file of thresholds' 0 "$header" "$program" -c flags.conf shop.csv
expect 'an option above the file' 1 'warning from 230' \
  "$program" --config flags.conf -o fds.Warning=230 shop.csv
expect 'a file of thresholds that is not there' 2 'nowhere.conf: No such file' \
  "$program" -c nowhere.conf shop.csv
printf '<RedFlag "fds">\n  Warning 300\n' >broken.conf
expect 'a file of thresholds that is broken' 2 'broken.conf: line 3: a block has no end' \
  "$program" -c broken.conf shop.csv

prints 'a summary' 1 'name,flag,times_up,minutes_up,first_after_minutes
shop,fds,1,1.0,1.0' sh -c '"$1" --summary shop.csv | grep -E "^name|,fds,"; "$1" -s shop.csv >/dev/null' \
  - "$program"
expect 'an interval' 1 "1120,fds,warning,250,200,1070" sh -c \
  'printf "time,process_open_fds\n1000,20\n1020,250\n1070,250\n1110,20\n1120,250\n" | "$1" -i 60 -o fds.Hold=50' \
  - "$program"
for bad in 0 -1 x 86401 nan ''; do
  expect "an interval of '$bad'" 2 'allowed is a number of seconds from 0.001 to 86400' \
    "$program" --interval="$bad" shop.csv
done
for bad in 0 -1 1.5 x 99999999999; do
  expect "a limit of '$bad'" 2 'max_user_watches' "$program" --watches-limit="$bad" shop.csv
done
printf 'time,process_inotify_watches\n1000,60\n1060,60\n' >watches.csv
expect 'a limit of watches' 1 '60 of fs.inotify.max_user_watches = 100' \
  "$program" -w 100 watches.csv

expect 'no file' 2 'nowhere.csv: No such file or directory' "$program" nowhere.csv
printf 'time,process_open_fds\n1000,x\n' >bad.csv
expect 'bad input' 2 'bad.csv: line 2, column 2 "process_open_fds": x is no value; allowed' \
  "$program" bad.csv
expect 'bad input after good' 2 "$up" "$program" shop.csv bad.csv
expect 'bad standard input' 2 'standard input: line 1' "$program"
expect 'a line without end' 2 'line 1: longer than 65536 bytes' sh -c '"$1" </dev/zero' - "$program"
expect 'bytes that are no text' 2 'line 1: a NUL byte' \
  sh -c 'printf "time\000\n" | "$1"' - "$program"
awk 'BEGIN {
  print "time,process_threads,process_open_fds"
  for (i = 0; i < 20000; i++) print 1000 + i * 10 "," 20 "," (i < 19990 ? i % 100 : 250)
}' >long.csv
prints 'a recording that is read in pieces' 1 "$header
200960,fds,warning,250,200,200900,long: FDs: 250 (warning from 200) for 1 min" "$program" long.csv
expect 'a folder without files' 2 'sidecar-INSTANCE' "$program" .
mkdir sidecar-proj
printf 'epoch,value\n1000.000,250\n1060.000,250\n' >sidecar-proj/process_open_fds-2026-11-29
expect 'a folder' 1 "$up,proj: FDs" "$program" sidecar-proj/
expect 'a full disk' 2 'standard output: No space left' sh -c '"$1" shop.csv >/dev/full' - "$program"

[ "$failed" = no ]
