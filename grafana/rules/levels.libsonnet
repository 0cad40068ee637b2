// Recording rules: what alerts and dashboards read where no metric has it as it stands. Rates,
// resident memory without what Go only retains, and what looks back over a range, so that 2,000
// sidecars cost one range each and not one for each alert.
local flags = import '../lib/flags.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  prometheusRules+:: {
    local config = $._config,
    local p = promql(config),
    local start = p.metric('process_start_time_seconds'),
    // While the counter is known: what rate() makes of the rest of its window would fall, and would
    // outlive the process.
    local rate(name) = 'rate(%s[%s])' % [p.metric(name), config.rateWindow],
    local known(expr, name) = '%s\nand\n%s' % [expr, p.metric(name)],

    groups+: [
      {
        name: 'sidecar-levels',
        rules: [
          // Freed by the program and still resident: idle spans that are not released, and, with
          // MADV_FREE, released pages that the kernel has not yet taken. Either may be unknown.
          {
            record: 'sidecar:retained_bytes',
            expr: |||
              sum without (type) (
                (%s - %s)
                or
                %s
              )
            ||| % [
              p.metric('go_memstats_heap_idle_bytes'),
              p.metric('go_memstats_heap_released_bytes'),
              p.metric('process_smaps_bytes', 'type="lazyfree"'),
            ],
          },
          {
            record: 'sidecar:held_bytes',
            expr: |||
              %(rss)s
              - (%(retained)s or 0 * %(rss)s)
            ||| % {
              rss: p.metric('process_resident_memory_bytes'),
              retained: p.metric('sidecar:retained_bytes'),
            },
          },
          {
            record: 'sidecar:cpu_cores:rate',
            expr: known(
              '(%s + %s) / 1e6' % [rate('ps_cputime_user_total'), rate('ps_cputime_syst_total')], 'ps_cputime_user_total'
            ),
          },
          {
            record: 'sidecar:child_cpu_cores:rate',
            expr: known(
              rate('process_children_cpu_microseconds_total') + ' / 1e6', 'process_children_cpu_microseconds_total'
            ),
          },
          // When a process started, if it is the only one of its name within unknownHold: then a
          // value of that time is its own.
          {
            record: 'sidecar:start_time:unchanged',
            expr: |||
              %s
              and
              (changes(%s[%s]) == 0)
            ||| % [start, start, config.unknownHold],
          },
          // For the Fleet dashboard: the plugin's red flags that are up. A fleet has tens of
          // thousands of flags, of which nearly all are 0.
          { record: config.flagsUp, expr: p.metric('red_flag') + ' > 0' },
          // When the plugin of each host last reported. The rule reads its own result, and so
          // remembers hosts that are gone at the price of one series each; after an outage of
          // Prometheus, in which its own result is too old to be read, it reads what was saved.
          {
            record: 'sidecar:plugin_last_report:timestamp',
            expr: |||
              max without (sidecar) (timestamp(%s))
              or
              (%s > time() - %d)
              or
              (last_over_time(%s[%s]) > time() - %d)
            ||| % [
              p.metric('process_count'),
              p.metric('sidecar:plugin_last_report:timestamp'),
              p.seconds(config.missedFor),
              p.metric('sidecar:plugin_last_report:saved'),
              config.missedFor,
              p.seconds(config.missedFor),
            ],
          },
        ] + [
          { record: flag.signal, expr: known(rate(flag.metric + '_total'), flag.metric + '_total') }
          for flag in flags(config)
          if flag.kind == 'rate' && flag.metric != null
        ],
      },
      {
        name: 'sidecar-slow',
        interval: config.slowInterval,
        rules: [{ record: 'sidecar:starts:changes', expr: 'changes(%s[%s])' % [start, config.restartWindow] }],
      },
      {
        // Few samples, since all of missedFor is read at each evaluation.
        name: 'sidecar-saved',
        interval: config.savedInterval,
        rules: [{ record: 'sidecar:plugin_last_report:saved', expr: p.metric('sidecar:plugin_last_report:timestamp') }],
      },
    ],
  },
}
