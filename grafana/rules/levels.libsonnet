// What the level alerts compare with a threshold where no metric has it as it stands: rates,
// and resident memory without what Go only retains.
local promql = import '../lib/promql.libsonnet';

{
  prometheusRules+:: {
    local config = $._config,
    local p = promql(config),
    local rate(name) = 'rate(%s[%s])' % [p.metric(name), config.rateWindow],

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
            expr: |||
              (
                %s
                + %s
              ) / 1e6
            ||| % [rate('ps_cputime_user_total'), rate('ps_cputime_syst_total')],
          },
          {
            record: 'sidecar:allocated_bytes:rate',
            expr: rate('go_memstats_alloc_bytes_total'),
          },
          // When the plugin of each host was last heard of. The rule reads its own result, and so
          // remembers hosts that are gone at the price of one series each.
          {
            record: 'sidecar:plugin_last_report:timestamp',
            expr: |||
              max without (sidecar) (timestamp(%s))
              or
              (%s > time() - %d)
            ||| % [
              p.metric('process_count'),
              p.metric('sidecar:plugin_last_report:timestamp'),
              p.seconds(config.missedFor),
            ],
          },
        ],
      },
    ],
  },
}
