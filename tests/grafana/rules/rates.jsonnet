// Flags that are judged by what a counter gains: allocation and CPU.
local t = import 'lib.libsonnet';
local MiB = 1024 * 1024;
local minute(m) = '%ds' % (60 * m);

local allocating(mib) =
  t.process('proj', 60) + [
    t.series('proj', 'go_memstats_alloc_bytes_total', '= %d * 60 * max(0, i - 10)' % (mib * MiB)),
    t.series('proj', 'go_gc_cpu_fraction', '0.25x60'),
  ];
local allocates(severity, says) =
  t.alert('SidecarAllocationRateHigh', severity, 'proj', 'Sidecar allocates memory at a high rate.', says + ' Collecting takes 25% of its CPU time.', 'allocation_rate', next=t.curl('allocs') + ' > allocs.prof && go tool pprof -top allocs.prof');

// Cores from the minute `from` on, and usual ones before; half of each in the kernel.
local burning(usual, cores, from, minutes=300, start='0') =
  t.process('proj', minutes, start=start) + [
    t.series('proj', name, '= int(30e6 * (%g * min(i, %d) + %g * max(0, i - %d)))' % [usual, from, cores, from])
    for name in ['ps_cputime_user_total', 'ps_cputime_syst_total']
  ];
local burns(severity, says) =
  t.alert('SidecarCPUHigh', severity, 'proj', 'Sidecar uses much CPU.', says, 'cpu', next=t.curl('profile?seconds=30') + ' > cpu.prof && go tool pprof -top cpu.prof');
local silentAlways(name, minutes) = [t.silent(minute(10 * i), name) for i in std.range(1, minutes / 10)];

[
  {
    name: 'allocation_rate: 19 MiB a second are silent',
    interval: '1m',
    input_series: allocating(19),
    alert_rule_test: silentAlways('SidecarAllocationRateHigh', 60),
  },
  {
    name: 'allocation_rate: 21 MiB a second are a warning after their average and hold',
    interval: '1m',
    input_series: allocating(21),
    alert_rule_test: [
      t.silent(minute(16), 'SidecarAllocationRateHigh'),
      t.at(minute(19), 'SidecarAllocationRateHigh', [allocates('warning', 'allocates 21MiB a second (warning from 20MiB).')]),
    ],
  },
  {
    name: 'allocation_rate: 101 MiB a second are critical',
    interval: '1m',
    input_series: allocating(101),
    alert_rule_test: [t.at(minute(30), 'SidecarAllocationRateHigh', [
      allocates('warning', 'allocates 101MiB a second (warning from 20MiB).'),
      allocates('critical', 'allocates 101MiB a second (critical from 100MiB).'),
    ])],
  },
  {
    name: 'cpu: less than twice the usual is silent',
    interval: '1m',
    input_series: burning(0.1, 0.19, 180),
    alert_rule_test: silentAlways('SidecarCPUHigh', 300),
  },
  {
    name: 'cpu: twice the usual is a warning after half an hour',
    interval: '1m',
    input_series: burning(0.1, 0.21, 180),
    alert_rule_test: [
      t.silent(minute(214), 'SidecarCPUHigh'),
      t.at(minute(217), 'SidecarCPUHigh', [burns('warning', 'uses 0.21 cores (warning from 0.1 and 2 times its usual). Usual are 0.10.')]),
    ],
  },
  {
    name: 'cpu: little is silent, however unusual',
    interval: '1m',
    input_series: burning(0.01, 0.09, 180),
    alert_rule_test: silentAlways('SidecarCPUHigh', 300),
  },
  {
    name: 'cpu: nothing is unusual in the first two hours after a restart',
    interval: '1m',
    input_series: burning(0.1, 0.5, 180, start='= 0 if i < 180 else 10800'),
    alert_rule_test: silentAlways('SidecarCPUHigh', 290),
  },
  {
    name: 'cpu: less than a core is silent',
    interval: '1m',
    input_series: burning(0.99, 0.99, 0),
    alert_rule_test: silentAlways('SidecarCPUHigh', 300),
  },
  {
    name: 'cpu: a core is critical after ten minutes',
    interval: '1m',
    input_series: burning(0.9, 1.05, 30, 60),
    alert_rule_test: [
      t.silent(minute(43), 'SidecarCPUHigh'),
      t.at(minute(46), 'SidecarCPUHigh', [burns('critical', 'uses 1.05 cores (critical from 1).')]),
    ],
  },
]
