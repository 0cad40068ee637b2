// What the rule tests are written in. Nothing here is taken from the rules or their
// configuration: what is expected stands here again.
{
  // --- series

  local labels(sidecar, type) =
    '{instance="web1", job="collectd", sidecar="%s"%s}' % [sidecar, if type == '' then '' else ', type="%s"' % type],

  // A series of promtool: collectd_sidecar_NAME of one sidecar. values as promtool has them, or
  // '= ' and an expression of Python: of i, the number of the sample.
  series(sidecar, name, values, type=''):
    { series: 'collectd_sidecar_' + name + labels(sidecar, type), values: '%s' % values },

  // What every sidecar sends: the process 4711, started at second 0, with pprof on port 6061.
  process(sidecar, samples=1000, pid=4711, start='0', port=6061):
    [
      self.series(sidecar, 'process_pid', '%dx%d' % [pid, samples]),
      self.series(sidecar, 'process_start_time_seconds', if start == '0' then '0x%d' % samples else start),
    ] + (if port == null then [] else [self.series(sidecar, 'process_pprof_port', '%dx%d' % [port, samples])]),

  // --- what is expected

  local link(dashboard, sidecar) =
    'http://localhost:3000/d/%s?var-instance=web1' % dashboard +
    (if sidecar == null then '' else '&var-sidecar=%s' % sidecar),

  alert(name, severity, sidecar, summary, description, flag=null, type=null, next=null): {
    exp_labels: {
      severity: severity,
      instance: 'web1',
      job: 'collectd',
      [if sidecar != null then 'sidecar']: sidecar,
      [if flag != null then 'flag']: flag,
      [if type != null then 'type']: type,
    },
    exp_annotations: {
      summary: summary,
      description: (if sidecar == null then 'web1 ' else sidecar + ' on web1 (pid 4711)' + (if flag == null then ' ' else ': ')) + description + '\nNext: ' + next,
      dashboard_url: link(if sidecar == null then 'sidecar-fleet' else 'sidecar-triage', sidecar),
      runbook_url: 'https://wiki.example.org/collectd-sidecar/runbook.md#' + std.asciiLower(name),
    },
  },

  at(time, name, alerts): { eval_time: time, alertname: name, exp_alerts: alerts },
  silent(time, name): self.at(time, name, []),

  curl(path, port=6061): "curl -s 'http://localhost:%d/debug/pprof/%s'" % [port, path],
  top(path='heap', port=6061): 'go tool pprof -top http://localhost:%d/debug/pprof/%s' % [port, path],
}
