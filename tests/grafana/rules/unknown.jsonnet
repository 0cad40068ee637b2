// What becomes of an alert when its value becomes unknown: it keeps the last one for a quarter of an
// hour, as long as the process runs, and no other process of that name inherits it. Then it is resolved:
// what the plugin judges at once, a level when it has been over for the five minutes of its holds.
local t = import 'lib.libsonnet';
local MiB = 1024 * 1024;

// give: name, type, the value that fires and one that does not; says: the alert's text.
local level(flag, alert, severity, summary, metric, type, up, down, says, next, clear=5) = {
  flag: flag,
  alert: alert,
  severity: severity,
  summary: summary,
  give: [metric, type, '%s' % up, '%s' % down],
  says: says,
  next: next,
  clear: clear,
};
local judged(flag, alert, summary, says, next, severity='warning') =
  level(flag, alert, severity, summary, 'red_flag', flag, 1, 0, says, next, 0);
local flags = [
  level('rss', 'SidecarRSSHigh', 'warning', 'Sidecar holds much resident memory.', 'process_resident_memory_bytes', '', 600 * MiB, 100 * MiB, 'RSS: 600MiB (warning from 500MiB).', "grep -E 'Rss|LazyFree|Swap' /proc/4711/smaps_rollup; lsof -p 4711 | wc -l; " + t.top()),
  level('fds', 'SidecarFDsHigh', 'warning', 'Sidecar has many open file descriptors.', 'process_open_fds', '', 214, 100, 'FDs: 214 (warning from 200).', "lsof -p 4711 | awk '{print $5}' | sort | uniq -c | sort -rn; lsof -p 4711 | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | head -20"),
  level('session_files', 'SidecarSessionFilesOpen', 'warning', 'Sidecar has many session files open.', 'process_fds_matching', 'codex_sessions', 214, 10, 'open session files: 214 (warning from 100).', "lsof -p 4711 | grep -E '[.]claude/projects|[.]codex/sessions'"),
  level('goroutines', 'SidecarGoroutinesHigh', 'warning', 'Sidecar has many goroutines.', 'go_goroutines', '', 214, 100, 'goroutines: 214 (warning from 200).', t.curl('goroutine?debug=1') + ' | head -40'),
  level('inotify_watches', 'SidecarInotifyWatchesHigh', 'warning', "Sidecar uses much of the user's inotify watches.", 'process_inotify_watches_ratio', '', 0.55, 0.01, 'inotify watches: 55% (warning from 50%).', 'sysctl fs.inotify.max_user_watches; grep -c ^inotify /proc/4711/fdinfo/* | grep -v :0'),
  judged('goroutines_growing', 'SidecarGoroutinesGrowing', "Sidecar's goroutines keep growing.", 'goroutines: growing.', t.curl('goroutine?debug=1') + ' | head -40'),
  judged('heap_not_receding', 'SidecarHeapNotReceding', "Sidecar's Go heap does not recede after a spike.", 'the Go heap after a spike: not receding.', t.top()),
  judged('cpu', 'SidecarCPUHigh', 'Sidecar uses much CPU.', 'CPU: high for this process.', "top -b -n 1 -H -p 4711 | head -20; go tool pprof -top 'http://localhost:6061/debug/pprof/profile?seconds=30'"),
  judged('pprof_missing', 'SidecarPprofMissing', 'Sidecar has a red flag and runs without pprof.', 'pprof: another red flag is up, and there is none to look further with.', 'restart it with SIDECAR_PPROF=1', 'info'),
];

local held = ' This is the last known state: it is unknown at the moment.';
local fired(flag, more=held) =
  t.alert(flag.alert, flag.severity, 'proj', flag.summary, flag.says + more, flag.flag, next=flag.next);
// The value is known until minute 20.
local test(flag, sentence, process, after, expectations) = {
  name: flag.flag + ': ' + sentence,
  interval: '1m',
  input_series: process + [t.series('proj', flag.give[0], '%sx19 %s' % [flag.give[2], after % { up: flag.give[2], down: flag.give[3] }], flag.give[1])],
  alert_rule_test: expectations,
};
// What a process sends that ends in minute 25.
local ending = [series { values: std.split(series.values, 'x')[0] + 'x24 stale' } for series in t.process('proj')];
// Another one from minute 25 on: a moment's silence between them changes nothing.
local restarted = [
  series { values: if std.length(std.split(series.values, 'x')) > 1 && std.split(series.values, 'x')[0] == '0' then '0x24 1500x100' else super.values }
  for series in t.process('proj')
];

// Over since the minute m: it fires until just before its end, and not just after. early: a minute where
// the time for which a value is held decides, for since Prometheus 3 a range is open at its left.
local over(flag, m, early=0) =
  (if flag.clear == 0 then [] else [t.at('%dm' % (m + flag.clear - 1 - early), flag.alert, [fired(flag)])]) +
  [t.silent('%dm30s' % (m + flag.clear), flag.alert)];

local tests(flag) = [
  test(flag, 'it is held for a quarter of an hour in which it is unknown', t.process('proj'), 'stale _x100', [
    t.at('19m', flag.alert, [fired(flag, if flag.flag == 'rss' then ' 600MiB are resident.' else if flag.flag == 'session_files' then ' They match codex_sessions.' else '')]),
    t.at('21m', flag.alert, [fired(flag)]),
    t.at('33m', flag.alert, [fired(flag)]),
  ] + over(flag, 35, 1)),
  test(flag, 'what is unknown ends with its process', ending, 'stale _x100', [
    t.at('24m', flag.alert, [fired(flag)]),
  ] + over(flag, 25)),
  test(flag, 'what is unknown is not inherited by the next process of the name', restarted, 'stale _x100', [
    t.at('24m', flag.alert, [fired(flag)]),
  ] + over(flag, 25) + [t.silent('33m', flag.alert)]),
  test(flag, 'what was unknown and is well is over', t.process('proj'), 'stale _x4 %(down)sx100', [
    t.at('24m', flag.alert, [fired(flag)]),
    // The text of rss may be of the moment before its recording rule has the new value, or after.
  ] + (if flag.flag == 'rss' then [t.silent('31m', flag.alert)] else over(flag, 25))),
];

std.flattenArrays([tests(flag) for flag in flags]) + [
  {
    name: 'allocation_rate: a rate is held too, and ends with its process',
    interval: '1m',
    input_series: ending + [
      t.series('proj', 'go_memstats_alloc_bytes_total', '= %d * 60 * i' % (21 * MiB)) {
        values: '0+%dx14 stale _x100' % (21 * MiB * 60),
      },
    ],
    alert_rule_test: [
      t.at('24m', 'SidecarAllocationRateHigh', [
        t.alert('SidecarAllocationRateHigh', 'warning', 'proj', 'Sidecar allocates memory at a high rate.', 'allocations: 21MiB/s (warning from 20MiB/s).' + held, 'allocation_rate', next='go tool pprof -sample_index=alloc_space -top http://localhost:6061/debug/pprof/heap'),
      ]),
      t.silent('35m30s', 'SidecarAllocationRateHigh'),
    ],
  },
]
