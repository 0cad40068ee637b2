// The red flags for people with Graphite alone: Grafana-managed rules over the Graphite data
// source, as a file that Grafana provisions. Names, thresholds and holds are those of the rules for
// Prometheus. What is compared with its own past is asked for twice, over two time ranges, and not
// by timeShift: that leaves a tag, and Grafana joins series by their tags.
//
// Left out: SidecarRSSRetained, which would have to join two series of different names. Growth has
// no warm-up for the same reason; after a start it takes all its windows.
local text = import '../dashboards/lib/text.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local config = $._config,
  local seconds = promql(config).seconds,
  local root = config.graphitePrefix + '*.sidecar-*.',
  // The node that is a sidecar, for applyByNode.
  local node = std.length(std.findSubstr('.', config.graphitePrefix)) + 1,
  local for_each(metric, expression) =
    "applyByNode(%s%s, %d, '%s')" % [root, metric, node, expression],

  // --- the parts of a rule: { refId: query or expression }

  local query(target, from, to=0) = {
    relativeTimeRange: { from: from, to: to },
    datasourceUid: config.graphiteUid,
    model: { target: target, textEditor: true },
  },
  local expression(model) = {
    relativeTimeRange: { from: 0, to: 0 },
    datasourceUid: '__expr__',
    model: model { datasource: { type: '__expr__', uid: '__expr__' } },
  },
  local reduce(of, reducer) = expression({ type: 'reduce', expression: of, reducer: reducer, settings: { mode: 'dropNN' } }),
  local math(formula) = expression({ type: 'math', expression: formula }),
  // Grafana has long answers thinned out: then the least is what is left.
  local least(target) = "consolidateBy(%s, 'min')" % target,
  // VALUE: the reduced answer of target over that time.
  local reduced(name, target, reducer, from, to=0) = {
    ['QUERY_' + name]: query(target, from, to),
    [name]: reduce('QUERY_' + name, reducer),
  },
  // What alerts compare: five minutes are enough for a detail interval and for Graphite's delay.
  local now(target, reducer='last') = reduced('VALUE', target, reducer, 300),

  // --- rules

  local name_part(replacement) =
    '{{ reReplaceAll "^.*?([^.(,]+)\\\\.sidecar-([^.,)]+).*$" "%s" $labels.name }}' % replacement,
  local host = name_part('$1'),
  local sidecar = name_part('$2'),
  local dashboard(id, variables) =
    '%s/d/%s-graphite?%s' % [config.grafanaUrl, config.dashboards[id], std.join('&', variables)],

  local rule(name, severity, parts, condition, hold, summary, says, labels={}) =
    local data = parts { CONDITION: math(condition) };
    {
      uid: std.asciiLower(name) + '-' + severity,
      title: name,
      condition: 'CONDITION',
      data: [data[id] { refId: id, model+: { refId: id } } for id in std.objectFields(data)],
      noDataState: 'OK',
      execErrState: 'Error',
      'for': hold,
      labels: { severity: severity, [config.variables.host]: host } + labels,
      annotations: {
        summary: summary,
        description: says,
        runbook_url: config.runbookUrl % std.asciiLower(name),
      },
    },
  local of_sidecar(name, severity, parts, condition, hold, summary, says, flag=null) =
    rule(
      name,
      severity,
      parts,
      condition,
      hold,
      summary,
      '%s on %s %s' % [sidecar, host, says],
      { sidecar: sidecar } + if flag == null then {} else { flag: flag }
    ) {
      annotations+: {
        dashboard_url: dashboard('triage', ['var-%s=%s' % [config.variables.host, host], 'var-sidecar=' + sidecar]),
      },
    },

  local value(unit) = if unit == 'bytes' || unit == 'bytes/s' then '{{ humanize1024 $values.VALUE.Value }}B' else '{{ humanize $values.VALUE.Value }}',
  local shown(unit) = if unit == 'bytes' || unit == 'bytes/s' then text.bytes else function(n) '%g' % n,
  local pid = ' Its pid is on the Triage dashboard.',
  local severities(flag) =
    [s for s in [['failure', 'critical'], ['warning', 'warning']] if config.flags[flag][s[0]] != null],
  local level(flag, name, summary, parts, says, next, scale=1, condition=null) = [
    local settings = config.flags[flag];
    local threshold = settings[s[0]];
    of_sidecar(
      name,
      s[1],
      parts,
      if condition != null then condition(s[0], threshold * scale) else '$VALUE >= %d' % (threshold * scale),
      if std.isObject(settings.hold) then settings.hold[s[0]] else settings.hold,
      summary,
      '%s (%s from %s).%s Next: %s' % [says % value(settings.unit), s[1], shown(settings.unit)(threshold * scale), pid, next],
      flag
    )
    for s in severities(flag)
  ],

  // Troughs of windows next to each other: TROUGH0 is the newest.
  local growing(flag, name, summary, target, says, next) =
    local growth = config.growth[flag];
    local window = seconds(growth.window);
    local last = growth.windows;
    local troughs = std.foldl(
      function(all, i) all + reduced('TROUGH%d' % i, least(target), 'min', (i + 1) * window, i * window),
      std.range(0, last),
      {}
    );
    [
      of_sidecar(
        name,
        'warning',
        troughs { VALUE: math('$TROUGH0 - $TROUGH%d' % last) },
        std.join(' && ', [
          '$VALUE >= %d' % growth.rise,
          '$TROUGH0 >= %g * $TROUGH%d' % [1 + config.growthShare, last],
        ] + ['$TROUGH%d > $TROUGH%d' % [i, i + 1] for i in std.range(0, last - 1)]),
        config.growthHold,
        summary,
        '%s than %d windows of %s ago, and rose in each.%s Next: %s' % [says % value(growth.unit), last, growth.window, pid, next],
        flag
      ),
    ],

  local spike = config.heap_not_receding,
  local cpu_time = for_each('ps_cputime.user', 'sumSeries(%.ps_cputime.*)'),
  local code(status) = std.find(status, config.collectorStatuses)[0],
  local heap_profile = 'curl -s http://localhost:PORT/debug/pprof/heap > heap.prof && go tool pprof -top heap.prof',
  local dump = 'curl -s http://localhost:PORT/debug/pprof/goroutine?debug=1 | head -40',

  local groups = {
    memory:
      level(
        'rss',
        'SidecarRSSHigh',
        'Sidecar holds much resident memory.',
        // Without Go values there is nothing known to be retained, and this is RSS.
        now(for_each('process_resident_memory_bytes', 'diffSeries(sumSeries(%.process_resident_memory_bytes, %.go_memstats_heap_released_bytes), %.go_memstats_heap_idle_bytes)')),
        'holds %s in memory that Go has not just kept',
        'pmap -x PID | tail -5; ' + heap_profile
      ) +
      growing(
        'swap_growing',
        'SidecarSwapGrowing',
        'Sidecar is being swapped out more and more.',
        root + 'process_memory_bytes-swap',
        'has %s more in swap',
        "grep -E 'VmRSS|VmSwap' /proc/PID/status; vmstat 1 5"
      ) +
      level(
        'memory_regions',
        'SidecarMemoryRegionsHigh',
        'Sidecar has many memory regions.',
        now(root + 'process_memory_regions'),
        'has %s memory regions',
        'pmap -x PID | tail -5'
      ) +
      growing(
        'heap_growing',
        'SidecarHeapGrowing',
        "Sidecar's Go heap keeps growing.",
        root + 'go_memstats_heap_alloc_bytes',
        'has a heap whose low points are %s higher',
        heap_profile
      ) +
      [
        of_sidecar(
          'SidecarHeapNotReceding',
          'warning',
          reduced('TROUGH', least(root + 'go_memstats_heap_alloc_bytes'), 'min', seconds(spike.hold)) +
          reduced('LOWEST', least(root + 'go_memstats_heap_alloc_bytes'), 'min', seconds(spike.plateau)) +
          { VALUE: math('$TROUGH - $LOWEST') },
          '$VALUE >= %d && $TROUGH >= %g * $LOWEST' % [spike.rise, spike.times],
          '1m',
          "Sidecar's Go heap does not recede after a spike.",
          'has had a heap at least %s above its lowest for %s.%s Next: %s' % [value('bytes'), spike.hold, pid, heap_profile],
          'heap_not_receding'
        ),
      ] +
      level(
        'allocation_rate',
        'SidecarAllocationRateHigh',
        'Sidecar allocates memory at a high rate.',
        now(root + 'go_memstats_alloc_bytes', 'mean'),
        'allocates %s a second',
        'curl -s http://localhost:PORT/debug/pprof/allocs > allocs.prof && go tool pprof -top allocs.prof'
      ),
    files:
      level(
        'fds',
        'SidecarFDsHigh',
        'Sidecar has many open file descriptors.',
        now(root + 'process_open_fds'),
        'has %s descriptors open',
        "lsof -p PID | awk '{print $5}' | sort | uniq -c | sort -rn"
      ) +
      growing(
        'fds_growing',
        'SidecarFDsGrowing',
        "Sidecar's open file descriptors keep growing.",
        root + 'process_open_fds',
        'has at least %s descriptors more open',
        "lsof -p PID | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | head -20"
      ) +
      level(
        'same_file',
        'SidecarSameFileOpen',
        'Sidecar has the same file open many times.',
        now(root + 'process_fds_same_file_max'),
        'has one file open %s times',
        "lsof -p PID | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | awk '$1>1'"
      ) +
      level(
        'session_files',
        'SidecarSessionFilesOpen',
        'Sidecar has many session files open.',
        now('%sprocess_fds_matching-{%s}' % [root, std.join(',', config.sessionPatterns)]),
        'has %s session files of one kind open',
        "lsof -p PID | grep -c '\\.claude/projects'; lsof -p PID | grep -c '\\.codex/sessions'"
      ) +
      level(
        'inotify_watches',
        'SidecarInotifyWatchesHigh',
        "Sidecar uses much of the user's inotify watches.",
        now(root + 'process_inotify_watches'),
        'has %s inotify watches',
        'sysctl fs.inotify.max_user_watches',
        scale=config.inotifyLimit
      ) +
      level(
        'sqlite_contention',
        'SidecarSQLiteContention',
        "Another process holds a lock on a database of sidecar's.",
        now(root + 'process_file_locks-contended'),
        'has databases on which other processes hold %s locks to write',
        "lsof -p PID | grep '\\.db'; cat /proc/locks"
      ),
    execution:
      level(
        'threads',
        'SidecarThreadsHigh',
        'Sidecar has many threads.',
        now(root + 'process_threads'),
        'has %s threads',
        'ls /proc/PID/task | wc -l; ' + dump
      ) +
      level(
        'goroutines',
        'SidecarGoroutinesHigh',
        'Sidecar has many goroutines.',
        now(root + 'go_goroutines'),
        'has %s goroutines',
        dump
      ) +
      growing(
        'goroutines_growing',
        'SidecarGoroutinesGrowing',
        "Sidecar's goroutines keep growing.",
        root + 'go_goroutines',
        'has at least %s goroutines more',
        dump
      ) +
      growing(
        'goroutines_stuck',
        'SidecarGoroutinesStuck',
        'Sidecar has goroutines stuck for long.',
        root + 'go_goroutines_blocked-10m',
        'has at least %s goroutines that have waited for 10 minutes more',
        "curl -s http://localhost:PORT/debug/pprof/goroutine?debug=2 | grep -A5 -E ', [0-9]+ minutes'"
      ) +
      level(
        'fetch_data_piling',
        'SidecarFetchDataPiling',
        "Sidecar's data fetches pile up.",
        now(root + 'go_goroutines_matching-fetch_data'),
        'has %s goroutines in fetchData at once',
        "curl -s http://localhost:PORT/debug/pprof/goroutine?debug=2 | grep -B2 'fetchData\\|FetchData'"
      ) +
      level(
        'cpu',
        'SidecarCPUHigh',
        'Sidecar uses much CPU.',
        reduced('MICROSECONDS', cpu_time, 'mean', seconds(config.rateWindow)) +
        reduced('USUAL', cpu_time, 'mean', seconds(config.cpu.usualWindow)) +
        { VALUE: math('$MICROSECONDS / 1000000') },
        'uses %s cores',
        'curl -s http://localhost:PORT/debug/pprof/profile?seconds=30 > cpu.prof && go tool pprof -top cpu.prof',
        condition=function(which, threshold)
          '$VALUE >= %g%s' % [threshold, if which == 'failure' then '' else ' && $MICROSECONDS >= %g * $USUAL' % config.cpu.times]
      ),
    watching: [
      rule(
        'SidecarPluginNotReporting',
        'warning',
        reduced('RECENT', 'isNonNull(%sprocess_count)' % root, 'sum', seconds(config.notReportingHold)) +
        reduced('EARLIER', 'isNonNull(%sprocess_count)' % root, 'sum', seconds(config.missedFor)),
        '$RECENT == 0 && $EARLIER > 0',
        '1m',
        "collectd's plugin sidecar no longer reports.",
        host + ' has sent nothing of the plugin sidecar for %s. What sidecars do there is unknown. Next: systemctl status collectd; journalctl -u collectd -n 50' % config.notReportingHold
      ) { annotations+: { dashboard_url: dashboard('fleet', ['var-%s=%s' % [config.variables.host, host]]) } },
      of_sidecar(
        'SidecarCollectorFailing',
        'warning',
        now(root + 'collector_status-*'),
        std.join(' && ', ['$VALUE > %d' % code('off')] + ['$VALUE != %d' % code(s) for s in ['foreign', 'ceiling', 'unsupported']]),
        config.collectorHold,
        'The plugin sidecar cannot read some of what it should.',
        'has a collector that fails: {{ $labels.name }} is {{ $values.VALUE.Value }}. Next: journalctl -u collectd | grep "sidecar plugin" | tail -5'
      ),
      of_sidecar(
        'SidecarPprofForeign',
        'warning',
        now(root + 'collector_status-pprof'),
        '$VALUE == %d' % code('foreign'),
        config.collectorHold,
        "Sidecar's pprof port belongs to another process.",
        'cannot be asked about its Go runtime: its port is that of another process. Next: ss -ltnp'
      ),
      of_sidecar(
        'SidecarPprofOff',
        'info',
        now(root + 'collector_status-pprof'),
        '$VALUE == %d' % code('off'),
        config.pprofOffHold,
        'Sidecar runs without pprof.',
        'has run for %s without pprof: heap and goroutines are unknown. Next: restart it with SIDECAR_PPROF=1' % config.pprofOffHold
      ),
      of_sidecar(
        'SidecarPprofMissing',
        'info',
        now(root + 'red_flag-pprof_missing'),
        '$VALUE >= 1',
        '1m',
        'Sidecar has a red flag and runs without pprof.',
        'has a red flag, and what its heap and goroutines do is unknown. Next: restart it with SIDECAR_PPROF=1, and reproduce',
        'pprof_missing'
      ),
      of_sidecar(
        'SidecarRestarting',
        'warning',
        reduced('VALUE', 'changed(%sprocess_start_time_seconds)' % root, 'sum', seconds(config.restartWindow)),
        '$VALUE >= %d' % config.restarts,
        '1m',
        'Sidecar is started again and again.',
        'has been started {{ humanize $values.VALUE.Value }} times in %s. Next: journalctl --since -1h | grep -i -E "oom|sidecar"' % config.restartWindow
      ),
    ],
  },

  // Two rules of one name need two folders. In a provisioned file $$ is a dollar.
  local folder(severity) = if severity == 'critical' then 'Sidecar critical' else 'Sidecar',
  local dollars(value) =
    if std.isObject(value) then { [f]: dollars(value[f]) for f in std.objectFields(value) }
    else if std.isArray(value) then [dollars(v) for v in value]
    else if std.isString(value) then std.strReplace(value, '$', '$$')
    else value,
  grafanaAlerts+:: {
    apiVersion: 1,
    groups: [
      {
        orgId: 1,
        name: 'sidecar-' + name,
        folder: title,
        interval: '1m',
        rules: [dollars(r) for r in groups[name] if folder(r.labels.severity) == title],
      }
      for name in ['memory', 'files', 'execution', 'watching']
      for title in ['Sidecar critical', 'Sidecar']
      if std.length([r for r in groups[name] if folder(r.labels.severity) == title]) > 0
    ],
  },
}
