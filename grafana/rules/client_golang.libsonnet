// Recording rules for public dashboards: the names of client_golang that the plugin does not send
// because it sends the same value under another name. They read what the relabel rule of
// prometheus.yml has renamed, and are of use only with it.
local promql = import '../lib/promql.libsonnet';

{
  clientGolangRules+:: {
    local p = promql($._config { standardPrefix: '' }),

    groups+: [
      {
        name: 'sidecar-client-golang',
        // Those dashboards use rate() over 30 seconds.
        interval: '10s',
        rules: [
          {
            record: 'process_cpu_seconds_total',
            expr: '(%s + %s) / 1e6' % [p.metric('ps_cputime_user_total'), p.metric('ps_cputime_syst_total')],
          },
          // The kernel's count of threads; that of client_golang includes those that have ended.
          { record: 'go_threads', expr: p.metric('process_threads') + ' and ' + p.metric('go_goroutines') },
          // Alloc is HeapAlloc (runtime.MemStats).
          { record: 'go_memstats_alloc_bytes', expr: p.metric('go_memstats_heap_alloc_bytes') },
          { record: 'go_gc_duration_seconds_sum', expr: p.metric('go_gc_pause_nanoseconds_total') + ' / 1e9' },
          { record: 'go_gc_duration_seconds_count', expr: p.metric('go_gc_cycles_total') },
        ],
      },
    ],
  },
}
