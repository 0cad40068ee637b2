// The variables of the dashboards for Prometheus.
function(config)
  local datasource = { type: 'prometheus', uid: '${prometheus_datasource}' };
  local v = config.variables;
  local query(name, label, expression, several) = {
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
    current: several,
    hide: 0,
    regex: '',
  };
  local all = { selected: true, text: ['All'], value: ['$__all'] };
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
    query('job', 'Job', 'label_values(%sprocess_count, job)' % config.standardPrefix, all),
    query(
      v.host,
      'Host',
      'label_values(%sprocess_count{job=~"$job"}, %s)' % [config.standardPrefix, v.host],
      all
    ),
    query(
      v.sidecar,
      'Sidecar',
      'label_values(%sprocess_pid{job=~"$job", %s=~"$%s"}, sidecar)' % [config.standardPrefix, v.host, v.host],
      all
    ),
  ]
