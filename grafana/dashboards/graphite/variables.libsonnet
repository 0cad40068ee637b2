// The variables of the dashboards for Graphite. `prefix` is write_graphite's Prefix, with its dot.
local graphite_series = import '../../lib/graphite_series.libsonnet';

function(config)
  local names = graphite_series(config);
  local v = config.variables;
  local query(name, label, values) = {
    name: name,
    label: label,
    type: 'query',
    datasource: { type: 'graphite', uid: '${graphite_datasource}' },
    query: values.query,
    definition: values.query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: names.all,
    current: { selected: true, text: ['All'], value: ['$__all'] },
    hide: 0,
    regex: values.regex,
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
    query(v.host, 'Host', names.hosts('${prefix}')),
    query(v.sidecar, 'Sidecar', names.sidecars('${prefix}', v.host)),
  ]
