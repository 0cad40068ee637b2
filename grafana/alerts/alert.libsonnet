// What all alerts have in common: how they look, and annotations that say who, how much, since what
// threshold, and which command comes next, with pid and port filled in. Those are looked up by the
// template, so that neither is a label: a sidecar that is restarted keeps its alerts.
local promql = import '../lib/promql.libsonnet';

function(config) {
  local p = promql(config),

  // --- what a template looks up in Prometheus

  // The matchers that hold for the alert's sidecar, for printf.
  local ours(name, matchers=[]) =
    p.metric(name, std.join(', ', matchers + ['instance=%q', 'sidecar=%q'])),
  local query(expr) =
    local selectors = (std.length(std.split(expr, '%')) - 1) / 2;
    'query (printf `%s`%s)' % [expr, std.repeat(' $labels.instance $labels.sidecar', selectors)],
  local variable(variable, name) =
    '{{- $%s := "" }}{{ range %s }}{{ $%s = printf "%%.0f" .Value }}{{ end -}}\n' %
    [variable, query(ours(name)), variable],
  local each(expr, text) = '\n{{- range %s }}%s{{ end }}' % [query(expr), text],

  // Sentences for a description; each is left out where its value is unknown. largest has the
  // value and the type of the largest of a family; known the value of a series; computed that of
  // an expression of a metric, %(m)s.
  largest(name, text, matchers=[]): each('topk(1, %s)' % ours(name, matchers), ' ' + text),
  known(name, text, matchers=[]): each(ours(name, matchers), ' ' + text),
  computed(expr, name, text): each(expr % { m: ours(name) }, ' ' + text),

  // --- values as people read them: as a template writes them and, in `of`, in a rule's text

  local number(format, template, unit='') = {
    write(variable): '{{ %s | %s }}%s' % [variable, template, unit],
    of(n): format(n) + (if std.startsWith(unit, ' ') then '' else unit),
  },
  local binary(n) =
    local fit = [u for u in [['Gi', 1073741824], ['Mi', 1048576], ['Ki', 1024], ['', 1]] if n >= u[1]] + [['', 1]];
    p.number(n / fit[0][1]) + fit[0][0],
  amounts:: {
    none: self.count,
    count: number(p.number, 'printf "%.0f"'),
    cores: number(p.number, 'printf "%.2f"', ' cores'),
    ratio: number(function(n) p.number(100 * n) + '%', 'humanizePercentage'),
    bytes: number(binary, 'humanize1024', 'B'),
    'bytes/s': number(binary, 'humanize1024', 'B/s'),
  },

  // --- alerts

  // labels: pairs of a name in config.variables and the label whose value it takes.
  local links(name, dashboard, labels) = {
    runbook_url: config.runbookUrl % std.asciiLower(name),
    dashboard_url: '%s/d/%s?%s' % [
      config.grafanaUrl,
      config.dashboards[dashboard],
      std.join('&', ['var-%s={{ $labels.%s | urlquery }}' % [config.variables[l[0]], l[1]] for l in labels]),
    ],
  },

  local new(name, severity, expr, hold, annotations, labels={}) = {
    alert: name,
    expr: expr,
    [if hold != null then 'for']: hold,
    labels: { severity: severity } + labels,
    annotations: annotations,
  },

  // An alert about one sidecar. says follows "proj on web1 (pid 4711)"; next is the command.
  sidecar(name, severity, expr, hold, summary, says, next, labels={}):
    new(
      name, severity, expr, hold, {
        summary: summary,
        description: variable('pid', 'process_pid') +
                     (if std.strReplace(next, '$port', '') != next then variable('port', 'process_pprof_port') else '') +
                     '{{ $labels.sidecar }} on {{ $labels.instance }} (pid {{ $pid }})' + says + '\nNext: ' + next,
      } + links(name, 'triage', [['host', 'instance'], ['sidecar', 'sidecar']]), labels
    ),

  // An alert about a host.
  host(name, severity, expr, hold, summary, says, next):
    new(name, severity, expr, hold, {
      summary: summary,
      description: '{{ $labels.instance }} ' + says + '\nNext: ' + next,
    } + links(name, 'fleet', [['host', 'instance']])),

  // --- the alerts of a red flag, one of lib/flags.libsonnet

  local restart = 'restart it with SIDECAR_PPROF=1',
  // The commands of its row. What queries pprof is left out where there is none.
  commands(flag)::
    local filled(command) = std.strReplace(std.strReplace(command, 'PID', '{{ $pid }}'), 'PORT', '{{ $port }}');
    local pprof =
      if flag.confirm_pprof != null then ['{{ if $port }}%s{{ else }}%s{{ end }}' % [filled(flag.confirm_pprof), restart]]
      else if flag.kind == 'others' then [restart]
      else [];
    std.join('; ', (if flag.confirm == null then [] else [filled(flag.confirm)]) + pprof),

  local matcher(types) =
    if types == '' then []
    else if std.length(std.split(types, '|')) > 1 then ['type=~"%s"' % types]
    else ['type="%s"' % types],

  // A value that is held while it is unknown and the process runs, see unknownHold. Who ended has
  // no start time any more, and who was restarted has another than the one recorded.
  local held(name, types) =
    local series = p.metric(name, std.join('', matcher(types)));
    local text = |||
      %s
        or
        last_over_time(%s[%s])
        and on (instance, sidecar)
        (%s == %s)
    ||| % [
      series,
      series,
      config.unknownHold,
      p.metric('process_start_time_seconds'),
      p.metric('sidecar:start_time:unchanged'),
    ];
    (if types == '' then '' else 'max without (type) ') + '(\n  ' + text + ')',

  // Whether the value is held.
  local unknown(name, types) =
    '\n{{- if not (%s) }} This is the last known state: it is unknown at the moment.{{ end }}' %
    query(ours(name, matcher(types))),

  // What is now, and how it compares with an hour ago, or with the shortest time over which growth
  // is judged where that is longer.
  local now(flag, text) = each(ours(flag.signal, matcher(flag.types)), ', now ' + text.write('.Value')),
  local rise(flag, text) =
    local hour = 3600, seconds = std.max(flag.hold_seconds, hour);
    local span = p.duration(seconds);
    local series = ours(flag.signal, matcher(flag.types));
    local risen(factor) =
      '%s (%s - %s offset %s) > 0 and on (instance, sidecar) (time() - %s > %d)' %
      [factor, series, series, span, ours('process_start_time_seconds'), seconds];
    each(risen('1 *'), ', by %s in %s' % [text.write('.Value'), span]) +
    (if seconds == hour then '' else each(risen('%g *' % (hour / seconds)), ' (%s/h)' % text.write('.Value'))),

  // What the plugin's judgement says, in words.
  words:: {
    level: 'over its threshold',
    rate: self.level,
    growth: 'growing',
    step: 'not receding',
    usual: 'high for this process',
    baseline: 'several times as many',
    others: 'another red flag is up, and there is none to look further with',
  },
  local judgement(flag, text) =
    self.words[flag.kind]
    + (if flag.signal == null then '' else now(flag, text))
    + (if flag.kind == 'growth' then rise(flag, text) else ''),

  redFlag(flag, severity)::
    local text = self.amounts[flag.amount];
    local value = held(flag.signal, flag.types);
    self.sidecar(
      flag.alert,
      severity.name,
      if severity.isJudged then '%s >= %d' % [held('red_flag', flag.name), severity.state]
      else '%s >= %s' % [value, p.number(severity.threshold)],
      // The plugin has judged over its hold already: waiting again would only be later.
      if severity.isJudged then null else severity.hold,
      flag.summary,
      ': %s: ' % flag.subject + (
        if severity.isJudged then judgement(flag, text)
        else '%s (%s from %s)' % [text.write('$value'), severity.name, text.of(severity.threshold)]
      ) + '.' + (
        if severity.isJudged then unknown('red_flag', flag.name) else unknown(flag.signal, flag.types)
      ) + flag.evidence(self),
      self.commands(flag),
      { flag: flag.name }
    ) + (if severity.clearHold == null then {} else { keep_firing_for: severity.clearHold }),
}
