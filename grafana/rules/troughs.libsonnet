// Troughs: the least in the last window, for the growth alerts. A heap, and whatever else comes
// and goes, is a saw-tooth: only its lower edge tells of a leak.
//
// A trough is recorded only when its whole window lies behind the process's warm-up, so that
// after a restart there is none for warm-up and window. Troughs on both sides of such a gap are
// never compared, because every comparison asks for those between.
local promql = import '../lib/promql.libsonnet';

{
  prometheusRules+:: {
    local config = $._config,
    local p = promql(config),

    local trough(name, matchers, window) = |||
      min without (type) (min_over_time(%s[%s]))
      and
      (%s > %d)
    ||| % [
      p.metric(name, matchers),
      window,
      p.age,
      p.seconds(window) + p.seconds(config.warmUp),
    ],
    local growth(flag, name, matchers='') = {
      record: 'sidecar:%s:trough' % flag,
      expr: trough(name, matchers, config.growth[flag].window),
    },
    local spike = 'sidecar:heap_not_receding:',

    groups+: [
      {
        name: 'sidecar-troughs',
        interval: config.troughInterval,
        rules: [
          growth('swap_growing', 'process_memory_bytes', 'type="swap"'),
          growth('fds_growing', 'process_open_fds'),
          growth('goroutines_growing', 'go_goroutines'),
          growth('goroutines_stuck', 'go_goroutines_blocked', 'type="10m"'),
          growth('heap_growing', 'go_memstats_heap_alloc_bytes'),
          {
            record: spike + 'trough',
            expr: trough('go_memstats_heap_alloc_bytes', '', config.heap_not_receding.hold),
          },
          // The lowest trough of this process: the rule reads its own result, which the gap after
          // a restart makes it forget.
          {
            record: spike + 'lowest',
            expr: |||
              (%(lowest)s <= %(trough)s)
              or
              %(trough)s
            ||| % { lowest: p.metric(spike + 'lowest'), trough: p.metric(spike + 'trough') },
          },
        ],
      },
    ],
  },
}
