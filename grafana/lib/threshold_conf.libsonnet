// The levels for collectd's own threshold plugin, for people who want no Prometheus and no judgement
// of the plugin's. It knows neither growth nor rates nor how long something lasts.
local flags = import 'flags.libsonnet';

function(config)
  local most(word, value) = if std.isNumber(value) then ['      %s %d' % [word, value - 1]] else [];
  local block(flag, instance) =
    [
      '    # ' + flag.name,
      '    <Type "%s">' % flag.metric,
    ] +
    (if instance == '' then [] else ['      Instance "%s"' % instance]) +
    most('WarningMax', config.flags[flag.name].warning) +
    most('FailureMax', config.flags[flag.name].failure) +
    ['    </Type>'];

  std.join('\n', [
    '# Generated from grafana/*.libsonnet by `make grafana`: change it there.',
    '#',
    "# Thresholds for collectd's threshold plugin; notify_alertmanager, or any other plugin that takes",
    '# notifications, sends them on. A maximum is the highest value that is still good.',
    'LoadPlugin threshold',
    '',
    '<Plugin threshold>',
    '  <Plugin sidecar>',
  ] + std.flattenArrays([
    block(flag, instance)
    for flag in flags(config)
    if flag.kind == 'level' && flag.metric != null && !flag.isMomentary
    for instance in (if flag.type_instance == '*' then config.flags[flag.name].patterns else [flag.type_instance])
  ]) + ['  </Plugin>', '</Plugin>', ''])
