// The mixin's grafanaDashboards: each layout with each query back end.
local dashboard = import 'lib/dashboard.libsonnet';
local panels = import 'lib/panels.libsonnet';
local layouts = {
  fleet: import 'fleet.libsonnet',
  runtime: import 'runtime.libsonnet',
  triage: import 'triage.libsonnet',
};

{
  local config = $._config,
  local back_ends = {
    prometheus: {
      suffix: '',
      title: '',
      queries: (import 'prometheus/queries.libsonnet')(config),
      variables: (import 'prometheus/variables.libsonnet')(config),
    },
    graphite: {
      suffix: '-graphite',
      title: ' (Graphite)',
      queries: (import 'graphite/queries.libsonnet')(config),
      variables: (import 'graphite/variables.libsonnet')(config),
    },
  },

  grafanaDashboards+:: std.foldl(
    function(all, name)
      local back_end = back_ends[name];
      local about(id, title, description, time) = {
        uid: config.dashboards[id] + back_end.suffix,
        title: 'Sidecar / ' + title + back_end.title,
        description: description,
        time: time,
      };
      local fleet = about('fleet', 'Fleet', 'All sidecars: which one is sick?', 'now-6h') + { wide: true };
      local triage = about('triage', 'Triage', 'One sidecar: what is wrong with it? Of several chosen, lines are the highest and stacks are sums.', 'now-6h');
      local runtime = about('runtime', 'Go runtime', 'Heap, allocation, garbage collection and goroutines of one sidecar. Of several chosen, lines are the highest and stacks are sums.', 'now-6h');
      local q = back_end.queries;
      local new(id, about, others, sections) = {
        ['%s/%s.json' % [name, id]]: dashboard.new(about, others, q.url_variables, back_end.variables, q.annotations(), sections, config),
      };
      all +
      new('fleet', fleet, [triage, runtime], layouts.fleet(config, q, panels, triage)) +
      new('triage', triage, [fleet, runtime], layouts.triage(config, q, panels)) +
      new('runtime', runtime, [fleet, triage], layouts.runtime(config, q, panels)),
    std.objectFields(back_ends),
    {}
  ),
}
