// The variables of the dashboards for Graphite. `prefix` is write_graphite's Prefix, with its dot.
function(config)
  local v = config.variables;
  local query(name, label, expression, regex) = {
    name: name,
    label: label,
    type: 'query',
    datasource: { type: 'graphite', uid: '${graphite_datasource}' },
    query: expression,
    definition: expression,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '*',
    current: { selected: true, text: ['All'], value: ['$__all'] },
    hide: 0,
    regex: regex,
  };
  [
    {
      name: 'graphite_datasource',
      label: 'Graphite data source',
      type: 'datasource',
      query: 'graphite',
      refresh: 1,
      hide: 0,
      regex: '',
      multi: false,
      includeAll: false,
    },
    {
      name: 'prefix',
      label: 'Prefix',
      type: 'textbox',
      query: config.graphitePrefix,
      current: { selected: true, text: config.graphitePrefix, value: config.graphitePrefix },
      hide: 0,
    },
    // expand() answers with whole paths, of which the expression takes a part.
    query(v.host, 'Host', 'expand(${prefix}*.sidecar-*.process_count)', @'/([^.]+)\.sidecar-[^.]+\.process_count$/'),
    query(
      v.sidecar, 'Sidecar', 'expand(${prefix}${%s}.sidecar-*.process_pid)' % v.host, @'/\.sidecar-([^.]+)\.process_pid$/'
    ),
  ]
