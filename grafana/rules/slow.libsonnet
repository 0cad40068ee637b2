// What looks back far and changes little, in a group of its own that is evaluated less often.
local promql = import '../lib/promql.libsonnet';

{
  prometheusRules+:: {
    local config = $._config,
    local p = promql(config),
    local cpu = config.cpu,

    groups+: [
      {
        name: 'sidecar-slow',
        interval: config.slowInterval,
        rules: [
          // A day of the rate as it is recorded would be 2,880 samples of each sidecar.
          {
            record: 'sidecar:cpu_cores:slow',
            expr: p.metric('sidecar:cpu_cores:rate'),
          },
          // Without the time that the alert itself takes, or a long spike would become its usual.
          {
            record: 'sidecar:cpu_cores:usual',
            expr: |||
              quantile_over_time(0.5, %s[%s] offset %s)
              and
              (%s > %d)
            ||| % [
              p.metric('sidecar:cpu_cores:slow'),
              cpu.usualWindow,
              config.flags.cpu.hold.warning,
              p.age,
              p.seconds(cpu.usualMinimum),
            ],
          },
          {
            record: 'sidecar:starts:changes',
            expr: 'changes(%s[%s])' % [p.metric('process_start_time_seconds'), config.restartWindow],
          },
        ],
      },
    ],
  },
}
