// The recording rule that the Fleet dashboard reads: the plugin's red flags that are up. A fleet has
// tens of thousands of flags, of which nearly all are 0; over time only the others are worth reading.
local promql = import '../lib/promql.libsonnet';

{
  prometheusRules+:: {
    groups+: [{
      name: 'sidecar-red-flags',
      rules: [{ record: $._config.flagsUp, expr: promql($._config).metric('red_flag') + ' > 0' }],
    }],
  },
}
