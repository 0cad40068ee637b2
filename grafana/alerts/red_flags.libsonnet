// The alerts of the red flags for Prometheus, made from the plugin's table. Each has the name and the
// summary of the plugin's notification, so that one route or silence holds for both.
local flags = import '../lib/flags.libsonnet';
local alerts = import 'alert.libsonnet';

{
  prometheusAlerts+:: {
    local a = alerts($._config),
    local chosen(is) = [
      a.redFlag(flag, severity)
      for flag in flags($._config)
      for severity in flag.severities
      if is(severity)
    ],

    groups+: [
      { name: 'sidecar-critical', rules: chosen(function(s) !s.isJudged && s.name == 'critical') },
      { name: 'sidecar-warning', rules: chosen(function(s) !s.isJudged && s.name == 'warning') },
      { name: 'sidecar-judged', rules: chosen(function(s) s.isJudged) },
    ],
  },
}
