// A value that swings about its threshold is one alert, which is resolved when the plugin would clear
// its flag: five holds after the value was last at the threshold, at most ten minutes.
local t = import 'lib.libsonnet';

local byType = "lsof -p 4711 | awk '{print $5}' | sort | uniq -c | sort -rn";
local byName = "lsof -p 4711 | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | head -20";
local fds(value) =
  t.alert('SidecarFDsHigh', 'warning', 'proj', 'Sidecar has many open file descriptors.', 'FDs: %d (warning from 200).' % value, 'fds', next=byType + '; ' + byName);
local contended =
  t.alert('SidecarSQLiteContention', 'warning', 'proj', "Another process holds a lock on a database of sidecar's.", "others' locks on its databases: 1 (warning from 1).", 'sqlite_contention', next='lsof -p 4711 | grep -F .db; cat /proc/locks');
local stuck =
  t.alert('SidecarFetchStuck', 'warning', 'proj', "A fetch of sidecar's does not return.", 'fetches that have been waiting for minutes: 1 (warning from 1). They match monitor.', 'fetch_stuck', next=t.curl('goroutine?debug=2') + " | grep -B2 -A10 -E 'etchData|onitor'");

[
  {
    name: 'flapping: a level about its threshold is one alert, from a hold until five holds after',
    interval: '1m',
    // two minutes at it and four below, until minute 61
    input_series: t.process('proj') + [t.series('proj', 'process_open_fds', '= 210 if i % 6 < 2 and i < 62 else 190')],
    alert_rule_test:
      [t.at('%dm' % m, 'SidecarFDsHigh', [fds(210)]) for m in std.range(1, 66)] +
      [t.silent('%dm30s' % m, 'SidecarFDsHigh') for m in [67, 68, 80]],
  },
  {
    name: 'flapping: what does not last its hold never is an alert',
    interval: '1m',
    input_series: t.process('proj') + [t.series('proj', 'process_open_fds', '= 210 if i % 3 < 1 else 190')],
    alert_rule_test: [t.silent('%dm' % m, 'SidecarFDsHigh') for m in std.range(1, 30)],
  },
  {
    name: 'flapping: a hold of half a minute is five halves, one of three minutes is ten',
    interval: '1m',
    input_series: t.process('proj') + [
      t.series('proj', 'process_file_locks', '= 1 if i <= 10 else 0', 'contended'),
      t.series('proj', 'go_goroutines_matching_blocked', '= 1 if i <= 10 else 0', 'monitor'),
    ],
    alert_rule_test: [
      t.at('13m', 'SidecarSQLiteContention', [contended]),
      t.silent('13m30s', 'SidecarSQLiteContention'),
      t.at('20m30s', 'SidecarFetchStuck', [stuck]),
      t.silent('21m', 'SidecarFetchStuck'),
    ],
  },
]
