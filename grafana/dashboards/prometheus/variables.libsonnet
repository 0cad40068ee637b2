// The variables of the dashboards for Prometheus.
local promql = import '../../lib/promql.libsonnet';

function(config)
  local datasource = { type: 'prometheus', uid: '${prometheus_datasource}' };
  local v = config.variables;
  local metric = promql(config).metric;
  local query(name, label, expression) = {
    name: name,
    label: label,
    type: 'query',
    datasource: datasource,
    query: { query: expression, refId: name },
    definition: expression,
    refresh: 2,  // when the time range changes: sidecars come and go
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.+',
    current: { selected: true, text: ['All'], value: ['$__all'] },
    hide: 0,
    regex: '',
  };
  [
    {
      name: 'prometheus_datasource',
      label: 'Prometheus data source',
      type: 'datasource',
      query: 'prometheus',
      refresh: 1,
      hide: 0,
      regex: '',
      multi: false,
      includeAll: false,
    },
    query('job', 'Job', 'label_values(%s, job)' % metric('process_count')),
    query(
      v.host,
      'Host',
      'label_values(%s, %s)' % [metric('process_count', 'job=~"$job"'), v.host],
    ),
    query(
      v.sidecar,
      'Sidecar',
      'label_values(%s, sidecar)' % metric('process_pid', 'job=~"$job", %s=~"$%s"' % [v.host, v.host]),
    ),
  ]
