// Retained memory, and alerts about the watching itself.
local t = import 'lib.libsonnet';
local MiB = 1024 * 1024;
local mib(name, n, type='', sidecar='proj') = t.series(sidecar, name, '%dx1000' % (n * MiB), type);
local status(code, collector, sidecar='proj') = t.series(sidecar, 'collector_status', '%dx1000' % code, collector);

local heapStats = t.curl('heap?debug=1') + " | grep '^# Heap'";
local rss(severity, says, next) = t.alert('SidecarRSSHigh', severity, 'proj', 'Sidecar holds much resident memory.', says, 'rss', next=next);
local retained(says, next) = t.alert('SidecarRSSRetained', 'info', 'proj', 'Sidecar is large because Go has kept memory that it freed.', says, next=next);
local restart = 'restart it with SIDECAR_PPROF=1';
local watched =
  t.alert('SidecarWatchedByRules', 'info', null, 'Alerts of this host come from the rules, and not from collectd.', "sends alerts itself, and is watched by these rules too. Alertmanager sends the rules' alerts.", next='amtool alert query --inhibited plugin=sidecar') {
    exp_labels: { instance: 'web1', severity: 'info' },
  };
local crashing = t.alert('SidecarCrashLooping', 'warning', null, 'Sidecar ends right after its start, again and again.', 'has had 5 processes of <Process "sidecar"> in 10m that ended before they were old enough to be watched (warning from 5).', next="journalctl --since -10m | grep -i -E 'oom|sidecar'; coredumpctl list") { exp_labels+: { sidecar: 'sidecar' } };

local failing(collector, says) =
  t.alert('SidecarCollectorFailing', 'warning', 'proj', 'The plugin sidecar cannot read some of what it should.', 'is not read by the collector %s: %s for 10m. Its values are missing.' % [collector, says], type=collector, next="journalctl -u collectd | grep 'sidecar plugin.*%s' | tail -5" % collector);

[
  {
    name: 'rss: what Go retains is information, and no warning',
    interval: '30s',
    input_series: t.process('proj') + [
      mib('process_resident_memory_bytes', 600),
      mib('go_memstats_heap_idle_bytes', 300),
      mib('go_memstats_heap_released_bytes', 199),
    ],
    alert_rule_test: [
      t.silent('10m', 'SidecarRSSHigh'),
      t.silent('30s', 'SidecarRSSRetained'),
      t.at('10m', 'SidecarRSSRetained', [retained('has 600MiB resident, but holds less than 500MiB: Go keeps the rest to use it again, which is no leak. 101MiB are kept.', heapStats)]),
    ],
  },
  {
    name: 'rss: pages given up with MADV_FREE are retained, also where there is no pprof',
    interval: '30s',
    input_series: t.process('proj', port=null) + [
      mib('process_resident_memory_bytes', 600),
      mib('process_smaps_bytes', 101, 'lazyfree'),
      mib('process_smaps_bytes', 600, 'pss'),
    ],
    alert_rule_test: [
      t.silent('10m', 'SidecarRSSHigh'),
      t.at('10m', 'SidecarRSSRetained', [retained('has 600MiB resident, but holds less than 500MiB: Go keeps the rest to use it again, which is no leak. 101MiB are kept.', restart)]),
    ],
  },
  {
    name: 'rss: what is retained makes a warning of what would be critical',
    interval: '30s',
    input_series: t.process('proj', port=null) + [
      mib('process_resident_memory_bytes', 2560),
      mib('go_memstats_heap_inuse_bytes', 1024),
      mib('go_memstats_heap_idle_bytes', 1024),
      mib('go_memstats_heap_released_bytes', 256),
      t.series('proj', 'process_open_fds', '80x1000'),
    ],
    alert_rule_test: [
      t.silent('10m', 'SidecarRSSRetained'),
      t.at('10m', 'SidecarRSSHigh', [rss('warning', 'RSS: 1.75GiB (warning from 500MiB). 2.5GiB are resident. 768MiB that Go retains are not counted. 1GiB are in use in the Go heap. 80 descriptors are open.', "grep -E 'Rss|LazyFree|Swap' /proc/4711/smaps_rollup; lsof -p 4711 | wc -l; " + restart)]),
    ],
  },
  {
    name: 'not reporting: a host whose plugin is silent for more than seven minutes, for a day',
    interval: '1m',
    input_series: [
      { series: 'collectd_sidecar_process_count{instance="web1", job="collectd", sidecar="sidecar"}', values: '2x60 stale' },
      { series: 'collectd_sidecar_process_count{instance="web1", job="collectd", sidecar="other"}', values: '0x60 stale' },
      { series: 'collectd_sidecar_process_count{instance="web2", job="collectd", sidecar="sidecar"}', values: '2x2000' },
    ],
    alert_rule_test: [
      t.silent('67m', 'SidecarPluginNotReporting'),
      t.at('68m', 'SidecarPluginNotReporting', [
        t.alert('SidecarPluginNotReporting', 'warning', null, "collectd's plugin sidecar no longer reports.", 'has sent nothing of the plugin sidecar for 8m 0s (warning from 5m). What sidecars do there is unknown.', next='systemctl status collectd; journalctl -u collectd -n 50; curl -s http://127.0.0.1:9103/metrics | grep -c ^collectd_sidecar_'),
      ]),
      t.silent('1502m', 'SidecarPluginNotReporting'),
    ],
  },
  {
    name: 'collector failing: each collector that is denied, refused, slow or makes no sense, after ten minutes',
    interval: '30s',
    input_series: t.process('proj') + [
      status(0, 'process'),
      status(2, 'descriptors'),
      status(5, 'goroutines'),
      status(7, 'pprof'),
      status(10, 'smaps'),
    ],
    alert_rule_test: [
      t.silent('9m30s', 'SidecarCollectorFailing'),
      t.at('10m', 'SidecarCollectorFailing', [
        failing('descriptors', 'denied (status 2)'),
        failing('goroutines', 'timeout (status 5)'),
        failing('pprof', 'invalid (status 7)'),
        failing('smaps', 'error (status 10)'),
      ]),
    ],
  },
  {
    name: 'collector failing: what is off, foreign, held back or not in this kernel is no failure',
    interval: '30s',
    input_series: t.process('proj') + [
      status(9, 'process'),
      status(1, 'descriptors'),
      status(1, 'goroutines'),
      status(3, 'pprof'),
      status(8, 'smaps'),
    ],
    alert_rule_test: [t.silent('1h', 'SidecarCollectorFailing')],
  },
  {
    name: "pprof foreign: where it is switched on, a sidecar whose port is another process's, after ten minutes",
    configuration: '{ pprofAlerts: true }',
    interval: '30s',
    input_series: t.process('proj', port=null) + [status(3, 'pprof'), status(0, 'pprof', 'owner')],
    alert_rule_test: [
      t.silent('9m30s', 'SidecarPprofForeign'),
      t.at('10m', 'SidecarPprofForeign', [
        t.alert('SidecarPprofForeign', 'info', 'proj', "Sidecar's pprof port belongs to another process.", 'cannot be queried about its Go runtime: the port in its SIDECAR_PPROF is that of another process, as a rule of a sidecar started earlier.', next="tr '\\0' '\\n' </proc/4711/environ | grep ^SIDECAR_PPROF=; ss -ltnp"),
      ]),
    ],
  },
  {
    name: 'pprof off: where it is switched on, a sidecar without SIDECAR_PPROF, after a quarter of an hour',
    configuration: '{ pprofAlerts: true }',
    interval: '30s',
    input_series: t.process('proj', port=null) + [status(1, 'pprof'), status(0, 'pprof', 'other')],
    alert_rule_test: [
      t.silent('14m30s', 'SidecarPprofOff'),
      t.at('15m', 'SidecarPprofOff', [
        t.alert('SidecarPprofOff', 'info', 'proj', 'Sidecar runs without pprof.', 'has run for 15m without pprof: heap and goroutines are unknown.', next='restart it with SIDECAR_PPROF=1'),
      ]),
    ],
  },
  {
    name: 'pprof: a healthy sidecar without pprof, and one whose port is taken, have no alert',
    interval: '30s',
    input_series: t.process('proj', port=null) + [status(1, 'pprof'), status(3, 'pprof', 'late')],
    alert_rule_test: [
      t.silent('2h', name)
      for name in ['SidecarPprofOff', 'SidecarPprofForeign', 'SidecarPprofMissing', 'SidecarCollectorFailing']
    ],
  },
  {
    name: 'watched by rules: a host whose collectd sends alerts too, while the rules have those of its flags',
    interval: '1m',
    input_series:
      t.process('proj') + [
        { series: 'collectd_sidecar_process_count{instance="web1", job="collectd", sidecar="sidecar"}', values: '1x300 stale' },
        { series: 'collectd_notify_alertmanager_alerts{instance="web1", job="collectd", notify_alertmanager="-", type="firing"}', values: '0x1000' },
        // collectd sends no alerts
        { series: 'collectd_sidecar_process_count{instance="web2", job="collectd", sidecar="sidecar"}', values: '1x1000' },
        // a judgement, whose alert fires with it; a level on which both agree; a level that is the plugin's alone
        t.series('proj', 'red_flag', '0x59 1x29 0x1000', 'fds_growing'),
        t.series('proj', 'red_flag', '0x121 1x29 0x1000', 'threads'),
        t.series('proj', 'process_threads', '10x119 70x29 10x1000'),
        t.series('proj', 'red_flag', '0x199 1x29 0x1000', 'fds'),
        t.series('proj', 'process_open_fds', '120x1000'),
      ],
    alert_rule_test:
      [t.at('%dm' % m, 'SidecarWatchedByRules', [watched]) for m in [5, 59, 60, 61, 64, 85, 89, 90, 95, 119, 122, 125, 128, 150, 155, 160, 201, 202, 240, 304]] +
      [t.silent('%dm' % m, 'SidecarWatchedByRules') for m in [206, 220, 229, 310]],
  },
  {
    name: 'restarting: four restarts in an hour are silent',
    interval: '1m',
    input_series: t.process('proj', 100, start='= 900 * (i // 15)'),
    alert_rule_test: [t.silent('%dm' % (10 * i), 'SidecarRestarting') for i in std.range(1, 10)],
  },
  {
    name: 'restarting: five restarts in an hour are a warning',
    interval: '1m',
    input_series: t.process('proj', 100, start='= 600 * (i // 10)'),
    alert_rule_test: [
      t.silent('49m', 'SidecarRestarting'),
      t.at('53m', 'SidecarRestarting', [
        t.alert('SidecarRestarting', 'warning', 'proj', 'Sidecar is started again and again.', 'has been started 5 times in 1h (warning from 5).', next="ps -o pid,ppid,lstart,etime,args -p 4711; journalctl --since -1h | grep -i -E 'oom|sidecar'"),
      ]),
    ],
  },
  {
    name: 'crash looping: three of a block in ten minutes are silent, and so are many of a day',
    interval: '1m',
    input_series: [
      t.series('sidecar', 'process_short_lived_total', '= i // 3'),
      t.series('other', 'process_short_lived_total', '= 4000 + i // 4'),
    ],
    alert_rule_test: [t.silent('%dm' % (10 * i), 'SidecarCrashLooping') for i in std.range(1, 10)],
  },
  {
    name: 'crash looping: five of a block in ten minutes are a warning, until they end',
    interval: '1m',
    input_series: [
      t.series('sidecar', 'process_short_lived_total', '= 0 if i < 60 else (i - 60) // 2 if i < 90 else 15'),
      // collectd was restarted, and with it the counter
      t.series('other', 'process_short_lived_total', '= 9 if i < 75 else 4'),
    ],
    alert_rule_test: [
      t.silent('69m', 'SidecarCrashLooping'),
      t.at('80m', 'SidecarCrashLooping', [crashing]),
      t.at('81m', 'SidecarCrashLooping', [crashing]),
      t.at('95m', 'SidecarCrashLooping', [crashing]),
      t.silent('103m', 'SidecarCrashLooping'),
    ],
  },
]
