// Flags that are growth. Each ramp rises by just too little and by just enough; a saw-tooth and a
// sidecar that is restarted every hour, whatever they rise by, are silent for five hours.
local t = import 'lib.libsonnet';
local MiB = 1024 * 1024;
local minutes = 300;

// metric: name, type, and the unit in which it grows; rise: what is just enough of it in `span`
// minutes; base: where it starts; fires: the minute in which it does; says, next: of that alert.
local flags = [
  {
    flag: 'swap_growing',
    alert: 'SidecarSwapGrowing',
    summary: 'Sidecar is being swapped out more and more.',
    metric: ['process_memory_bytes', 'swap', MiB],
    rise: 16,
    base: 100,
    span: 30,
    fires: 62,
    says: 'has 16MiB more in swap than 30m ago, and had more in each 10m (warning from 16MiB).',
    next: "grep -E 'VmRSS|VmSwap' /proc/4711/status; vmstat 1 5",
  },
  {
    flag: 'fds_growing',
    alert: 'SidecarFDsGrowing',
    summary: "Sidecar's open file descriptors keep growing.",
    metric: ['process_open_fds', '', 1],
    rise: 20,
    base: 100,
    span: 60,
    fires: 97,
    says: 'has at least 20 descriptors more open than 1h ago, and had more in each 15m (warning from 20).',
    next: "lsof -p 4711 | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | head -20",
  },
  {
    flag: 'goroutines_growing',
    alert: 'SidecarGoroutinesGrowing',
    summary: "Sidecar's goroutines keep growing.",
    metric: ['go_goroutines', '', 1],
    rise: 10,
    base: 40,
    span: 60,
    fires: 97,
    says: 'has at least 10 goroutines more than 1h ago, and had more in each 15m (warning from 10).',
    next: t.curl('goroutine?debug=1') + ' | head -40',
  },
  {
    flag: 'goroutines_stuck',
    alert: 'SidecarGoroutinesStuck',
    summary: 'Sidecar has goroutines stuck for long.',
    metric: ['go_goroutines_blocked', '10m', 1],
    rise: 3,
    less: 3,
    base: 2,
    span: 30,
    fires: 61,
    says: 'has at least 3 goroutines more than 30m ago that have waited for 10 minutes, and had more in each 10m (warning from 3).',
    next: t.curl('goroutine?debug=2') + " | grep -A5 -E ', [0-9]+ minutes'",
  },
  {
    flag: 'heap_growing',
    alert: 'SidecarHeapGrowing',
    summary: "Sidecar's Go heap keeps growing.",
    metric: ['go_memstats_heap_alloc_bytes', '', MiB],
    rise: 16,
    base: 50,
    span: 180,
    fires: 262,
    says: 'has a heap whose low points rose by 16MiB in 3h, and rose in each 1h (warning from 16MiB).',
    next: t.curl('heap') + ' > heap1.prof, again to heap2.prof an hour later, and go tool pprof -top -base heap1.prof heap2.prof',
  },
];

local sidecar(flag, units, start='0') =
  t.process('proj', minutes, start=start) +
  [t.series('proj', flag.metric[0], '= %d * (%d + %s)' % [flag.metric[2], flag.base, units % flag], flag.metric[1])];
// Whole units: exactly so many in every `span` minutes, or in some minutes less, because a trough
// may be a minute old when it is judged, and must have risen in every window even so.
local ramp(rise, less=0) = 'i * %d // (%%(span)d - %d)' % [rise, less];
local minute(m) = '%dm' % m;
local always(name) = [t.silent(minute(10 * i), name) for i in std.range(1, minutes / 10)];

local test(flag, sentence, series, expectations) =
  { name: flag.flag + ': ' + sentence, interval: '1m', evaluation: '1m', input_series: series, alert_rule_test: expectations };

local tests(flag) = [
  test(flag, 'a rise by %d is silent' % (flag.rise - 1), sidecar(flag, ramp(flag.rise - 1)), always(flag.alert)),
  test(
    flag,
    'a rise by %d is a warning, and not before warm-up, windows and hold' % flag.rise,
    sidecar(flag, ramp(flag.rise, std.get(flag, 'less', 1))),
    [
      t.silent(minute(flag.fires - 2), flag.alert),
      t.at('%dm30s' % (flag.fires + 1), flag.alert, [
        t.alert(flag.alert, 'warning', 'proj', flag.summary, flag.says, flag.flag, next=flag.next),
      ]),
    ],
  ) + { evaluation: '30s' },
  test(flag, 'a saw-tooth is silent', sidecar(flag, 'i %% 7 * 7 * %(rise)d'), always(flag.alert)),
  test(
    flag,
    'a saw-tooth longer than a window is silent',
    sidecar(flag, 'i %% (%(span)d * 3 // 5) * %(rise)d // 2'),
    always(flag.alert)
  ),
  test(
    flag,
    'a rise through restarts is silent',
    sidecar(flag, ramp(10 * flag.rise), '= 60 * 50 * (i // 50)'),
    always(flag.alert)
  ),
];

// The heap's spikes: to so many MiB at minute 100, from 50.
local spikes = 'SidecarHeapNotReceding';
local heap(mib, start='0') =
  t.process('proj', 600, start=start) + [t.series('proj', 'go_memstats_heap_alloc_bytes', '= %d * (%s)' % [MiB, mib])];
local spike(mib, end=1000) = '%d if 100 <= i < %d else 50' % [mib, end];
local spiked = t.alert(
  spikes,
  'warning',
  'proj',
  "Sidecar's Go heap does not recede after a spike.",
  'has had a heap at least 64MiB above its lowest for 30m (warning from 64MiB and 1.5 times the lowest). The lowest was 50MiB.',
  'heap_not_receding',
  next=t.curl('heap') + ' > heap.prof && go tool pprof -top heap.prof'
);

local spikeTest(sentence, series, expectations) = test({ flag: 'heap_not_receding' }, sentence, series, expectations);

std.flattenArrays([tests(flag) for flag in flags]) + [
  spikeTest('63 MiB more are silent', heap(spike(113)), always(spikes)),
  spikeTest(
    '64 MiB more are a warning after half an hour, until they are given back', heap(spike(114, 200)), [
      t.silent(minute(129), spikes),
      t.at(minute(132), spikes, [spiked]),
      t.at(minute(199), spikes, [spiked]),
      t.silent(minute(203), spikes),
    ]
  ),
  spikeTest('what is still there after six hours is the new usual', heap(spike(114)), [
    t.at(minute(489), spikes, [spiked]),
    t.silent(minute(492), spikes),
  ]),
  spikeTest('less than one and a half times is silent', heap('200 if i < 100 else 299'), always(spikes)),
  spikeTest('a saw-tooth is silent', heap('50 + 100 * (i % 29)'), always(spikes)),
  spikeTest('a restart with more to load is silent', heap(spike(500), '= 0 if i < 100 else 6000'), always(spikes)),
]
