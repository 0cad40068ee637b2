// Flags that are compared with what a counter gains: allocation, and the failure of CPU.
local t = import 'lib.libsonnet';
local MiB = 1024 * 1024;
local minute(m) = '%ds' % (60 * m);

local allocating(mib) =
  t.process('proj', 60) + [
    t.series('proj', 'go_memstats_alloc_bytes_total', '= %d * 60 * max(0, i - 10)' % (mib * MiB)),
    t.series('proj', 'go_gc_cpu_fraction', '0.25x60'),
  ];
local allocates(severity, says) =
  t.alert('SidecarAllocationRateHigh', severity, 'proj', 'Sidecar allocates memory at a high rate.', says + ' Collecting takes 25% of its CPU time.', 'allocation_rate', next='go tool pprof -sample_index=alloc_space -top http://localhost:6061/debug/pprof/heap');

// Cores from the minute `from` on, and usual ones before; half of each in the kernel.
local burning(usual, cores, from, minutes=300) =
  t.process('proj', minutes) + [
    t.series('proj', name, '= int(30e6 * (%g * min(i, %d) + %g * max(0, i - %d)))' % [usual, from, cores, from])
    for name in ['ps_cputime_user_total', 'ps_cputime_syst_total']
  ];
local burns(severity, says) =
  t.alert('SidecarCPUHigh', severity, 'proj', 'Sidecar uses much CPU.', says, 'cpu', next="top -b -n 1 -H -p 4711 | head -20; go tool pprof -top 'http://localhost:6061/debug/pprof/profile?seconds=30'");
local busy(cores) =
  t.alert('SidecarCPUBusy', 'warning', 'proj', 'Sidecar has used CPU for an hour without a pause.', 'CPU for an hour: %s cores (warning from 0.2).' % cores, 'cpu_busy', next="top -b -n 1 -H -p 4711 | head -20; go tool pprof -top 'http://localhost:6061/debug/pprof/profile?seconds=30'");

// Children that use so many cores from the minute 10 on.
local delegating(cores) =
  t.process('proj', 60) + [
    t.series('proj', 'process_children_cpu_microseconds_total', '= int(60e6 * %g * max(0, i - 10))' % cores),
  ];
local delegates(severity, says) =
  t.alert('SidecarChildCPUHigh', severity, 'proj', "Sidecar's child processes use much CPU.", says, 'child_cpu', next='for i in 1 2 3 4 5 6 7 8 9 10; do ps -o pid=,etime=,args= --ppid 4711; sleep 1; done');

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
      t.silent(minute(24), 'SidecarAllocationRateHigh'),
      t.at(minute(27), 'SidecarAllocationRateHigh', [allocates('warning', 'allocations: 21MiB/s (warning from 20MiB/s).')]),
    ],
  },
  {
    name: 'allocation_rate: 101 MiB a second are critical',
    interval: '1m',
    input_series: allocating(101),
    alert_rule_test: [t.at(minute(30), 'SidecarAllocationRateHigh', [
      allocates('warning', 'allocations: 101MiB/s (warning from 20MiB/s).'),
      allocates('critical', 'allocations: 101MiB/s (critical from 100MiB/s).'),
    ])],
  },
  {
    name: 'child_cpu: a twelfth of a core is silent',
    interval: '1m',
    input_series: delegating(0.08),
    alert_rule_test: silentAlways('SidecarChildCPUHigh', 60),
  },
  {
    name: 'child_cpu: the tenth of a core is a warning, a core critical, after their average and hold',
    interval: '1m',
    input_series: delegating(1.1),
    alert_rule_test: [
      t.silent(minute(20), 'SidecarChildCPUHigh'),
      t.at(minute(40), 'SidecarChildCPUHigh', [
        delegates('warning', 'CPU of child processes: 1.10 cores (warning from 0.1).'),
        delegates('critical', 'CPU of child processes: 1.10 cores (critical from 1).'),
      ]),
    ],
  },
  {
    name: 'cpu_busy: a quarter of a core since the start is a warning after an hour',
    interval: '1m',
    input_series: burning(0.25, 0.25, 0, 120),
    alert_rule_test: [
      t.silent(minute(58), 'SidecarCPUBusy'),
      t.at(minute(70), 'SidecarCPUBusy', [busy('0.25')]),
    ],
  },
  {
    name: 'cpu_busy: an hour with a pause of ten minutes is silent',
    interval: '1m',
    input_series: t.process('proj', 120) + [
      t.series('proj', name, '= int(30e6 * (0.5 * min(i, 50) + 0.5 * max(0, i - 60)))')
      for name in ['ps_cputime_user_total', 'ps_cputime_syst_total']
    ],
    alert_rule_test: silentAlways('SidecarCPUBusy', 110),
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
      t.silent(minute(42), 'SidecarCPUHigh'),
      t.at(minute(46), 'SidecarCPUHigh', [burns('critical', 'CPU: 1.05 cores (critical from 1). Usual are 0.90.')]),
    ],
  },
]
