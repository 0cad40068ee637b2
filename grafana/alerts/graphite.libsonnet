// The red flags for people with Graphite alone: Grafana-managed rules over the Graphite data
// source, as a file that Grafana provisions, made from the plugin's table. Names, thresholds and
// holds are those of the rules for Prometheus.
//
// Left out: SidecarRSSRetained, which would compare two values at two thresholds.
local flags = import '../lib/flags.libsonnet';
local graphite_series = import '../lib/graphite_series.libsonnet';
local promql = import '../lib/promql.libsonnet';
local alerts = import 'alert.libsonnet';

{
  local config = $._config,
  local seconds = promql(config).seconds,
  local amounts = alerts(config).amounts,
  local names = graphite_series(config),
  // METRIC[-TYPE] or METRIC.SOURCE
  local called(name, series) =
    local type = std.splitLimit(name, '-', 1), source = std.splitLimit(name, '.', 1);
    if std.length(type) == 2 then series(type[0], type[1])
    else series(source[0], null, if std.length(source) == 2 then source[1]),
  local all(name) =
    called(name, function(metric, type, source=null) names.series(config.graphitePrefix, null, null, metric, type, source)),

  // --- targets

  // Series are named HOST.sidecar-NAME from the beginning, so that those of one sidecar can be
  // joined here, and in Grafana, by the tag that Graphite makes of the name. aliasSub takes off what
  // functions have put around the name. It does not parse it, so that no name can make it fail.
  local of(name) =
    called(name, function(metric, type, source=null) names.named_by_sidecar(config.graphitePrefix, metric, type, source)),
  local named(target) = "aliasSub(%s, '^.*[(]([^(),]+).*', '\\1')" % target,
  local join(targets, by) = "groupByNodes(group(%s), '%s', 0, 1)" % [std.join(', ', targets), by],
  local scale(target, factor) = named('scale(%s, %s)' % [target, factor]),
  local tools = { of: of, scale: scale, sum(targets): join(targets, 'sum') },

  // A value of a process that runs; while it is unknown, the last one within the time of the query
  // (unknownHold). The product with `own`, which is 1 or nothing, leaves out what was read of an
  // earlier process of that name; that with `runs` all of one that has sent nothing for `recent`
  // seconds: it has ended. A sidecar that never had the metric has `own` alone: 1 more than 0.
  local held(target, recent) =
    local own = named('pow(removeBelowPercentile(%s, 100), 0)' % of('process_start_time_seconds'));
    local runs = named("timeSlice(%s, '-%ds')" % [own, recent]);
    local last = named('keepLastValue(%s)' % join([named('offset(%s, 1)' % target), own], 'multiply'));
    'offset(%s, -1)' % join([last, runs], 'multiply'),

  // The value of a flag.
  local target(flag) =
    local family = std.length(std.split(flag.types, '|')) > 1;
    local types = if family then '-{%s}' % std.strReplace(flag.types, '|', ',') else if flag.types == '' then '' else '-' + flag.types;
    local series = (if flag.kind == 'rate' then flag.metric else flag.signal) + types;
    if std.objectHas(flag, 'graphite') then flag.graphite(tools)
    else if family then join([of(series)], 'max')
    else of(series),

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
  // NAME: the reduced answer of target over that time.
  local reduced(name, target, reducer, from, to=0) = {
    ['QUERY_' + name]: query(target, from, to),
    [name]: reduce('QUERY_' + name, reducer),
  },
  local recent = seconds(config.graphiteDelay),
  local now(target) = reduced('VALUE', target, 'last', recent),
  local held_now(name, flag) =
    local isMean = flag.kind == 'rate' || flag.kind == 'usual';
    local time = if isMean then seconds(config.rateWindow) else recent;
    reduced(name, held(target(flag), time), if isMean then 'mean' else 'last', seconds(config.unknownHold)),

  // --- rules

  local host = names.label.host,
  local sidecar = names.label.sidecar,
  local dashboard(id, variables) =
    '%s/d/%s-graphite%s' % [
      config.grafanaUrl,
      config.dashboards[id],
      if variables == [] then '' else '?' + std.join('&', variables),
    ],

  local rule(name, severity, parts, condition, hold, summary, says, labels={}) =
    local data = parts { CONDITION: math(condition) };
    {
      uid: std.asciiLower(name) + '-' + severity,
      title: name,
      condition: 'CONDITION',
      data: [data[id] { refId: id, model+: { refId: id } } for id in std.objectFields(data)],
      // No data is only where Graphite knows no sidecar at all: a value that is unknown for a
      // while is held by its query, and the series of those that have ended are there and empty.
      noDataState: 'OK',
      // When Graphite does not answer, nothing is known of any sidecar: only SidecarGraphiteNotAnswering
      // fires. (KeepLast would keep what fires, but Grafana before 10.4 does not load it.)
      execErrState: 'OK',
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
      '%s on %s%s' % [sidecar, host, says],
      { sidecar: sidecar } + if flag == null then {} else { flag: flag }
    ) {
      annotations+: {
        dashboard_url: dashboard('triage', ['var-%s=%s' % [config.variables.host, host], 'var-sidecar=' + sidecar]),
      },
    },

  // --- red flags

  local commands(flag) =
    local both = [c for c in [flag.confirm, flag.confirm_pprof] if c != null];
    if flag.kind == 'others' then 'Next: restart it with SIDECAR_PPROF=1'
    else 'Its pid and port, PID and PORT, are on the Triage dashboard. Next: ' + std.join('; ', both),

  local compared(flag, severity) =
    local amount = amounts[flag.amount];
    of_sidecar(
      flag.alert,
      severity.name,
      held_now('VALUE', flag),
      '$VALUE >= %s' % promql(config).number(severity.threshold),
      severity.hold,
      flag.summary,
      ': %s: %s (%s from %s). %s' % [
        flag.subject,
        amount.write('$values.VALUE.Value'),
        severity.name,
        amount.of(severity.threshold),
        commands(flag),
      ],
      flag.name
    ) + (if severity.clearHold == null then {} else { keepFiringFor: severity.clearHold }),

  local judged(flag, severity) =
    local now = '{{ if $values.NOW.Labels }}, now %s{{ end }}' % amounts[flag.amount].write('$values.NOW.Value');
    of_sidecar(
      flag.alert,
      severity.name,
      reduced('VALUE', held(of('red_flag-' + flag.name), recent), 'last', seconds(config.unknownHold))
      + (if flag.signal == null then {} else held_now('NOW', flag)),
      '$VALUE >= %d' % severity.state,
      '0s',
      flag.summary,
      ': %s: %s. %s' % [
        flag.subject,
        alerts(config).words[flag.kind] + (if flag.signal == null then '' else now),
        commands(flag),
      ],
      flag.name
    ),

  local chosen(is) = [
    (if severity.isJudged then judged else compared)(flag, severity)
    for flag in flags(config)
    for severity in flag.severities
    if is(severity)
  ],

  local code(status) = std.find(status, config.collectorStatuses)[0],
  local groups = {
    critical: chosen(function(s) !s.isJudged && s.name == 'critical'),
    warning: chosen(function(s) !s.isJudged && s.name == 'warning'),
    judged: chosen(function(s) s.isJudged),
    watching: [
      // The one rule to which an error is an alert. Its condition never holds, and it has no host, so
      // labels and texts have nothing to fill in.
      rule(
        'SidecarGraphiteNotAnswering',
        'warning',
        reduced('VALUE', 'isNonNull(%s)' % all('process_count'), 'sum', recent),
        '$VALUE < 0',
        config.notReportingHold,
        'Graphite does not answer about sidecars.',
        'Grafana has had no answer from Graphite, or only errors, for %s. What sidecars do is unknown, and their alerts are resolved. ' % config.notReportingHold +
        'Next: on the host of graphite-web look at its log, and ask it: curl -s "http://127.0.0.1:8080/render?target=constantLine(1)&format=json"'
      ) {
        execErrState: 'Alerting',
        labels: { severity: 'warning' },
        annotations+: { dashboard_url: dashboard('fleet', []) },
      },
      rule(
        'SidecarPluginNotReporting',
        'warning',
        reduced('RECENT', 'isNonNull(%s)' % all('process_count'), 'sum', seconds(config.notReportingHold)) +
        reduced('EARLIER', 'isNonNull(%s)' % all('process_count'), 'sum', seconds(config.missedFor)),
        '$RECENT == 0 && $EARLIER > 0',
        '1m',
        "collectd's plugin sidecar no longer reports.",
        host + ' has sent nothing of the plugin sidecar for %s. What sidecars do there is unknown. Next: systemctl status collectd; journalctl -u collectd -n 50' % config.notReportingHold
      ) { annotations+: { dashboard_url: dashboard('fleet', ['var-%s=%s' % [config.variables.host, host]]) } },
      of_sidecar(
        'SidecarCollectorFailing',
        'warning',
        now(all('collector_status-*')),
        std.join(' && ', ['$VALUE > %d' % code('off')] + [
          '$VALUE != %d' % code(s)
          for s in config.collectorStatuses
          if code(s) > code('off') && !std.member(config.collectorFailures, s)
        ]),
        config.collectorHold,
        'The plugin sidecar cannot read some of what it should.',
        ' has a collector that fails: %s is {{ $values.VALUE.Value }}. Next: journalctl -u collectd | grep "sidecar plugin" | tail -5' % names.label.series
      ),
    ] + (if !config.pprofAlerts then [] else [
           of_sidecar(
             'SidecarPprofForeign',
             'info',
             now(all('collector_status-pprof')),
             '$VALUE == %d' % code('foreign'),
             config.collectorHold,
             "Sidecar's pprof port belongs to another process.",
             ' cannot be queried about its Go runtime: its port is that of another process. Next: ss -ltnp'
           ),
           of_sidecar(
             'SidecarPprofOff',
             'info',
             now(all('collector_status-pprof')),
             '$VALUE == %d' % code('off'),
             config.pprofOffHold,
             'Sidecar runs without pprof.',
             ' has run for %s without pprof: heap and goroutines are unknown. Next: restart it with SIDECAR_PPROF=1' % config.pprofOffHold
           ),
         ]) + [
      of_sidecar(
        'SidecarRestarting',
        'warning',
        reduced('VALUE', 'changed(%s)' % all('process_start_time_seconds'), 'sum', seconds(config.restartWindow)),
        '$VALUE >= %d' % config.restarts,
        '1m',
        'Sidecar is started again and again.',
        ' has been started {{ humanize $values.VALUE.Value }} times in %s. Next: journalctl --since -1h | grep -i -E "oom|sidecar"' % config.restartWindow
      ),
      // A rate, as write_graphite sends counters unless StoreRates is false.
      of_sidecar(
        'SidecarCrashLooping',
        'warning',
        reduced('VALUE', all('process_short_lived'), 'mean', seconds(config.shortLivedWindow)),
        '$VALUE * %d >= %d' % [seconds(config.shortLivedWindow), config.shortLived],
        '0s',
        'Sidecar ends right after its start, again and again.',
        ': its processes end before they are old enough to be watched, %d or more in %s. Next: journalctl --since -10m | grep -i -E "oom|sidecar"' %
        [config.shortLived, config.shortLivedWindow]
      ),
    ],
  },

  // Two rules of one name need two folders.
  local folder(severity) = if severity == 'critical' then 'Sidecar critical' else 'Sidecar',
  // In the labels of a provisioned file $$ is a dollar. All else is taken as it stands.
  local provisioned(rule) = rule { labels: std.mapWithKey(function(name, value) std.strReplace(value, '$', '$$'), super.labels) },
  grafanaAlerts+:: {
    apiVersion: 1,
    groups: [
      {
        orgId: 1,
        name: 'sidecar-' + name,
        folder: title,
        interval: '1m',
        rules: [provisioned(r) for r in groups[name] if folder(r.labels.severity) == title],
      }
      for name in ['critical', 'warning', 'judged', 'watching']
      for title in ['Sidecar critical', 'Sidecar']
      if std.length([r for r in groups[name] if folder(r.labels.severity) == title]) > 0
    ],
  },
}
