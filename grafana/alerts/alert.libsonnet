// What all alerts have in common: severities, holds, and annotations that say who, how much,
// since what threshold, and which command of the profiling guide comes next, with its pid and
// port filled in. Those are asked for by the template, so that neither is a label: a sidecar that
// is restarted keeps its alerts.
local promql = import '../lib/promql.libsonnet';

function(config) {
  local p = promql(config),
  local alert = self,

  // --- values as people read them

  count:: { value: '{{ $value | printf "%.0f" }}', threshold(n): p.number(n) },
  cores:: { value: '{{ $value | printf "%.2f" }}', threshold(n): p.number(n) },
  ratio:: { value: '{{ $value | humanizePercentage }}', threshold(n): p.number(100 * n) + '%' },
  bytes:: {
    value: '{{ $value | humanize1024 }}B',
    threshold(n):
      local units = [['GiB', 1073741824], ['MiB', 1048576], ['KiB', 1024], ['B', 1]];
      local fit = [u for u in units if n >= u[1]] + [['B', 1]];
      p.number(n / fit[0][1]) + fit[0][0],
  },

  // --- what a template asks Prometheus for

  // The matchers that hold for the alert's sidecar, for printf.
  local ours(name, matchers=[]) =
    p.metric(name, std.join(', ', matchers + ['instance=%q', 'sidecar=%q'])),
  local ask(expr) = 'query (printf `%s` $labels.instance $labels.sidecar)' % expr,
  local lookup(variable, name) =
    '{{- $%s := "" }}{{ range %s }}{{ $%s = printf "%%.0f" .Value }}{{ end -}}\n' %
    [variable, ask(ours(name)), variable],

  // A sentence for the description with the value and the type of the largest of a family.
  largest(name, text, matchers=[]):
    '\n{{- range %s }} %s{{ end }}' % [ask('topk(1, %s)' % ours(name, matchers)), text],
  // A sentence for the description with the value of a series; nothing where that is unknown.
  known(name, text, matchers=[]): '\n{{- range %s }} %s{{ end }}' % [ask(ours(name, matchers)), text],

  // A command that asks the process's pprof server, where there is one.
  pprof(path, what):
    local command = "curl -s 'http://localhost:%s/debug/pprof/" + path + "' " + what;
    '{{ if $port }}%s{{ else }}restart it with SIDECAR_PPROF=1 and run %s{{ end }}' %
    [command % '{{ $port }}', command % '6060'],

  // --- alerts

  // about: what it is about, for the links: labels, and the dashboard's name.
  local links(name, dashboard, labels) = {
    runbook_url: config.runbookUrl % std.asciiLower(name),
    dashboard_url: '%s/d/%s?%s' % [
      config.grafanaUrl,
      config.dashboards[dashboard],
      std.join('&', ['var-%s={{ $labels.%s | urlquery }}' % [config.variables[l[0]], l[1]] for l in labels]),
    ],
  },

  new(name, severity, expr, hold, annotations, labels={}): {
    alert: name,
    expr: expr,
    [if hold != null then 'for']: hold,
    labels: { severity: severity } + labels,
    annotations: annotations,
  },

  // An alert about one sidecar. says follows "proj on web1 (pid 4711) "; next is the command.
  sidecar(name, severity, expr, hold, summary, says, next, labels={}):
    self.new(
      name, severity, expr, hold, {
        summary: summary,
        description: lookup('pid', 'process_pid') +
                     (if std.strReplace(next, '$port', '') != next then lookup('port', 'process_pprof_port') else '') +
                     '{{ $labels.sidecar }} on {{ $labels.instance }} (pid {{ $pid }}) ' + says + '\nNext: ' + next,
      } + links(name, 'triage', [['host', 'instance'], ['sidecar', 'sidecar']]), labels
    ),

  // An alert about a host.
  host(name, severity, expr, hold, summary, says, next):
    self.new(name, severity, expr, hold, {
      summary: summary,
      description: '{{ $labels.instance }} ' + says + '\nNext: ' + next,
    } + links(name, 'fleet', [['host', 'instance']])),

  // The severities of a red flag that are on: [name in the configuration, severity].
  local severities(flag) =
    [s for s in [['failure', 'critical'], ['warning', 'warning']] if config.flags[flag][s[0]] != null],

  // The alerts of a red flag that is a level, or two. says has %(value)s and %(from)s in it,
  // and may be, like expr, a function: of the severity's name in the configuration, and for expr
  // of the threshold.
  level(flag, name, summary, unit, expr, says, next, evidence=''): [
    local which = s[0];
    local threshold = config.flags[flag][which];
    local hold = config.flags[flag].hold;
    alert.sidecar(
      name,
      s[1],
      if std.isFunction(expr) then expr(which, p.number(threshold)) else '%s >= %s' % [expr, p.number(threshold)],
      if std.isObject(hold) then hold[which] else hold,
      summary,
      (if std.isFunction(says) then says(which) else says) %
      { value: unit.value, from: s[1] + ' from ' + unit.threshold(threshold) } + evidence,
      next,
      { flag: flag },
    )
    for s in severities(flag)
  ],

  // The alert of a red flag that is growth: the trough has risen in each window.
  growing(flag, name, summary, unit, says, next, evidence=''):
    local growth = config.growth[flag];
    local trough(i) =
      p.metric('sidecar:%s:trough' % flag) + (if i == 0 then '' else ' offset ' + p.times(growth.window, i));
    local last = growth.windows;
    local rises = ['and %s > %s' % [trough(i), trough(i + 1)] for i in std.range(0, last - 1)];
    [
      alert.sidecar(
        name,
        'warning',
        std.join('\n', [
          '(%s - %s) >= %s' % [trough(0), trough(last), growth.rise],
          'and %s >= %s * %s' % [trough(0), p.number(1 + config.growthShare), trough(last)],
        ] + rises),
        config.growthHold,
        summary,
        says % {
          value: unit.value,
          from: 'warning from ' + unit.threshold(growth.rise),
          time: p.times(growth.window, last),
          window: growth.window,
        } + evidence,
        next,
        { flag: flag },
      ),
    ],
}
