// The levels for collectd's own threshold plugin, for people who want no Prometheus and no verdicts
// of the plugin's. It knows neither growth nor rates nor how long something lasts.
local types = [
  ['rss', 'process_resident_memory_bytes', ''],
  ['memory_regions', 'process_memory_regions', ''],
  ['fds', 'process_open_fds', ''],
  ['same_file', 'process_fds_same_file_max', ''],
  ['session_files', 'process_fds_matching', 'claude_sessions'],
  ['session_files', 'process_fds_matching', 'codex_sessions'],
  ['threads', 'process_threads', ''],
  ['goroutines', 'go_goroutines', ''],
  ['fetch_data_piling', 'go_goroutines_matching', 'fetch_data'],
];

function(config)
  local most(word, value) = if value == null then [] else ['      %s %d' % [word, value - 1]];
  local block(flag, type, instance) =
    [
      '    # ' + flag,
      '    <Type "%s">' % type,
    ] +
    (if instance == '' then [] else ['      Instance "%s"' % instance]) +
    most('WarningMax', config.flags[flag].warning) +
    most('FailureMax', config.flags[flag].failure) +
    ['    </Type>'];

  std.join('\n', [
    '# Generated from grafana/*.libsonnet by `make grafana`: change it there.',
    '#',
    "# Thresholds for collectd's threshold plugin; notify_alertmanager, or any other plugin that takes",
    '# notifications, tells people. A maximum is the highest value that is still good.',
    'LoadPlugin threshold',
    '',
    '<Plugin threshold>',
    '  <Plugin sidecar>',
  ] + std.flattenArrays([block(t[0], t[1], t[2]) for t in types]) + ['  </Plugin>', '</Plugin>', ''])
