// Flags that the plugin judges: their alerts are up while red_flag is, and give the amount, the rise
// and the rate where these are known.
local t = import 'lib.libsonnet';
local MiB = 1024 * 1024;

// metric: name, type and value of what it is judged from, as promtool or lib.libsonnet have it;
// says: what the alert has of it; alone: what it has without.
local growing(flag, alert, summary, metric, next, subject, says) = {
  flag: flag,
  alert: alert,
  summary: summary,
  metric: metric,
  next: next,
  says: '%s: growing, %s' % [subject, says],
  alone: subject + ': growing.',
};
local byType = "lsof -p 4711 | awk '{print $5}' | sort | uniq -c | sort -rn";
local byName = "lsof -p 4711 | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | head -20";

local flags = [
  growing(
    'swap_growing',
    'SidecarSwapGrowing',
    'Sidecar is being swapped out more and more.',
    ['process_memory_bytes', 'swap', '= %d * (100 + i)' % MiB],
    "grep -E 'VmRSS|VmSwap' /proc/4711/status; cat /proc/pressure/memory",
    'swap',
    'now 220MiB, by 60MiB in 1h.'
  ),
  growing(
    'rss_growing',
    'SidecarRSSGrowing',
    "Sidecar's anonymous memory keeps growing.",
    ['process_memory_bytes', 'anon', '= %d * (100 + i)' % MiB],
    "grep -E 'RssAnon|VmSwap' /proc/4711/status; " + t.top(),
    'anonymous memory',
    'now 220MiB, by 60MiB in 1h.'
  ),
  growing(
    'fds_growing',
    'SidecarFDsGrowing',
    "Sidecar's open file descriptors keep growing.",
    ['process_open_fds', '', '= 100 + i // 2'],
    byType + '; ' + byName,
    'FDs',
    'now 160, by 30 in 1h.'
  ),
  growing(
    'goroutines_growing',
    'SidecarGoroutinesGrowing',
    "Sidecar's goroutines keep growing.",
    ['go_goroutines', '', '= 40 + i'],
    t.curl('goroutine?debug=1') + ' | head -40',
    'goroutines',
    'now 160, by 60 in 1h.'
  ),
  growing(
    'goroutines_stuck',
    'SidecarGoroutinesStuck',
    'Sidecar has goroutines stuck for long.',
    ['go_goroutines_blocked', '10m', '= i // 10'],
    t.curl('goroutine?debug=2') + " | grep -A5 -E '^goroutine [^{]*(, [0-9]+ minutes|\\(leaked\\))'",
    'goroutines blocked for 10 minutes',
    'now 12, by 6 in 1h.'
  ),
  growing(
    'heap_growing',
    'SidecarHeapGrowing',
    "Sidecar's Go heap keeps growing.",
    // For less than the time over which it is judged: no rise is known.
    ['go_memstats_heap_alloc_bytes', '', '= %d * (40 + i)' % MiB],
    t.top(),
    'the Go heap',
    'now 160MiB.'
  ),
  {
    flag: 'heap_not_receding',
    alert: 'SidecarHeapNotReceding',
    summary: "Sidecar's Go heap does not recede after a spike.",
    metric: ['go_memstats_heap_alloc_bytes', '', '= %d * (50 if i < 60 else 150)' % MiB],
    next: t.top(),
    says: 'the Go heap after a spike: not receding, now 150MiB. 100MiB more than its lowest of the last 6h.',
    alone: 'the Go heap after a spike: not receding.',
  },
  {
    flag: 'fds_above_baseline',
    alert: 'SidecarFDsAboveBaseline',
    summary: 'Sidecar has several times the open file descriptors that it began with.',
    metric: ['process_open_fds', '', '= 25 if i < 60 else 110'],
    next: byType + '; ' + byName,
    says: 'FDs, compared with its baseline: several times as many, now 110.',
    alone: 'FDs, compared with its baseline: several times as many.',
  },
  {
    flag: 'cpu',
    alert: 'SidecarCPUHigh',
    summary: 'Sidecar uses much CPU.',
    // A quarter of a core in user mode, and as much in the kernel: only the rate has both.
    metric: ['ps_cputime_user_total', '', '= 15000000 * i'],
    and: [['ps_cputime_syst_total', '', '= 15000000 * i']],
    next: "top -b -n 1 -H -p 4711 | head -20; go tool pprof -top 'http://localhost:6061/debug/pprof/profile?seconds=30'",
    says: 'CPU: high for this process, now 0.50 cores. Usual are 0.50.',
    alone: 'CPU: high for this process.',
  },
  {
    flag: 'pprof_missing',
    alert: 'SidecarPprofMissing',
    summary: 'Sidecar has a red flag and runs without pprof.',
    severity: 'info',
    next: 'restart it with SIDECAR_PPROF=1',
    alone: 'pprof: another red flag is up, and there is none to look further with.',
  },
];

local at = 120;
local sidecar(name, flag, states, metrics=[]) =
  t.process(name, at + 60) +
  [t.series(name, 'red_flag', states, flag.flag), t.series(name, 'red_flag', '0x1000', 'of_no_such_flag')] +
  [t.series(name, m[0], m[2], m[1]) for m in metrics];
local fired(flag, says, name='proj') =
  t.alert(flag.alert, std.get(flag, 'severity', 'warning'), name, flag.summary, says, flag.flag, next=flag.next);
local minute(m) = '%dm' % m;
local test(flag, sentence, series, expectations) =
  { name: flag.flag + ': ' + sentence, interval: '1m', evaluation: '1m', input_series: series, alert_rule_test: expectations };

local tests(flag) = [
  test(
    flag,
    'it is up while the plugin says so, whatever else is known',
    sidecar('proj', flag, '0x59 1x59 0x60') + sidecar('calm', flag, '0x180'),
    [
      t.silent(minute(59), flag.alert),
      t.at(minute(60), flag.alert, [fired(flag, flag.alone)]),
      t.at(minute(119), flag.alert, [fired(flag, flag.alone)]),
      t.silent(minute(120), flag.alert),
    ],
  ),
  test(
    flag,
    'it is up at a failure as at a warning',
    sidecar('proj', flag, '2x180'),
    [t.at(minute(60), flag.alert, [fired(flag, flag.alone)])],
  ),
] + (
  if !std.objectHas(flag, 'metric') then [] else [
    test(
      flag,
      'it says how much',
      sidecar('proj', flag, '1x180', [flag.metric] + std.get(flag, 'and', [])),
      [t.at(minute(at), flag.alert, [fired(flag, flag.says)])],
    ),
  ]
);

std.flattenArrays([tests(flag) for flag in flags]) + [
  {
    name: 'rss_growing: it gives the rise of anonymous memory, and no other kind',
    interval: '1m',
    input_series: t.process('proj', 300) + [
      t.series('proj', 'red_flag', '1x300', 'rss_growing'),
      t.series('proj', 'process_memory_bytes', '= %d * (40 + i)' % MiB, 'anon'),
      t.series('proj', 'process_memory_bytes', '= %d * (500 + 3 * i)' % MiB, 'file'),
    ],
    alert_rule_test: [t.at('240m', 'SidecarRSSGrowing', [
      fired(flags[1], 'anonymous memory: growing, now 280MiB, by 60MiB in 1h.'),
    ])],
  },
  {
    name: 'fds_growing: it names the class with most',
    interval: '1m',
    input_series: sidecar('proj', flags[2], '1x180', [['process_fds', 'pipe', '20x180'], ['process_fds', 'regular', '170x180']]),
    alert_rule_test: [
      t.at('10m', 'SidecarFDsGrowing', [fired(flags[2], 'FDs: growing. Most are of the class regular: 170.')]),
    ],
  },
  {
    name: 'heap_growing: it gives the rise of its span, and names the origin with most',
    interval: '1m',
    input_series: t.process('proj', 300) + [
      t.series('proj', 'red_flag', '1x300', 'heap_growing'),
      t.series('proj', 'go_memstats_heap_alloc_bytes', '= %d * (40 + i)' % MiB),
      t.series('proj', 'go_heap_inuse_matching_bytes', '%dx300' % (30 * MiB), 'bufio_scanner'),
    ],
    alert_rule_test: [t.at('240m', 'SidecarHeapGrowing', [
      fired(flags[5], 'the Go heap: growing, now 280MiB, by 150MiB in 150m (60MiB/h). bufio_scanner holds 30MiB of it.'),
    ])],
  },
  {
    name: 'fds_growing: a rise that another process of this name began is not given',
    interval: '1m',
    input_series: t.process('proj', 180, start='= 0 if i < 90 else 5400') + [
      t.series('proj', 'red_flag', '0x99 1x80', 'fds_growing'),
      t.series('proj', 'process_open_fds', '= 100 + i // 2'),
    ],
    alert_rule_test: [t.at('120m', 'SidecarFDsGrowing', [fired(flags[2], 'FDs: growing, now 160.')])],
  },
]
