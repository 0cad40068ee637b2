// Memory: resident, swapped, mapped, and Go's heap.
local promql = import '../lib/promql.libsonnet';
local alerts = import 'alert.libsonnet';

{
  prometheusAlerts+:: {
    local config = $._config,
    local p = promql(config),
    local a = alerts(config),
    local rss = config.flags.rss,
    local bytes = '{{ .Value | humanize1024 }}B ',
    local resident = a.known('process_resident_memory_bytes', bytes + 'are resident.'),
    local heapTop = a.pprof('heap', '> heap.prof && go tool pprof -top heap.prof'),
    local spike = config.heap_not_receding,

    groups+: [
      {
        name: 'sidecar-memory',
        rules:
          a.level(
            'rss',
            'SidecarRSSHigh',
            'Sidecar holds much resident memory.',
            a.bytes,
            p.metric('sidecar:held_bytes'),
            'holds %(value)s in memory (%(from)s).',
            'lsof -p {{ $pid }} | wc -l; pmap -x {{ $pid }} | tail -5; ' + heapTop,
            resident +
            a.known('go_memstats_heap_inuse_bytes', bytes + 'are in use in the Go heap.') +
            a.known('process_open_fds', '{{ .Value }} descriptors are open.'),
          ) +
          (if rss.warning == null then [] else [
             a.sidecar(
               'SidecarRSSRetained',
               'info',
               '%s >= %s\nunless\n%s >= %s' % [
                 p.metric('process_resident_memory_bytes'),
                 rss.warning,
                 p.metric('sidecar:held_bytes'),
                 rss.warning,
               ],
               rss.hold,
               'Sidecar is large because Go has kept memory that it freed.',
               'has %s resident, but holds less than %s: Go keeps the rest to use it again, which is no leak.' %
               [a.bytes.value, a.bytes.threshold(rss.warning)] +
               a.known('sidecar:retained_bytes', bytes + 'are kept.'),
               a.pprof('heap?debug=1', "| grep '^# Heap'"),
             ),
           ]) +
          a.growing(
            'swap_growing',
            'SidecarSwapGrowing',
            'Sidecar is being swapped out more and more.',
            a.bytes,
            'has %(value)s more in swap than %(time)s ago, and had more in each %(window)s (%(from)s).',
            "grep -E 'VmRSS|VmSwap' /proc/{{ $pid }}/status; vmstat 1 5",
            resident,
          ) +
          a.level(
            'memory_regions',
            'SidecarMemoryRegionsHigh',
            'Sidecar has many memory regions.',
            a.count,
            p.metric('process_memory_regions'),
            'has %(value)s memory regions (%(from)s).',
            'pmap -x {{ $pid }} | tail -5',
          ) +
          a.growing(
            'heap_growing',
            'SidecarHeapGrowing',
            "Sidecar's Go heap keeps growing.",
            a.bytes,
            'has a heap whose low points rose by %(value)s in %(time)s, and rose in each %(window)s (%(from)s).',
            a.pprof('heap', '> heap1.prof') +
            ', again to heap2.prof an hour later, and go tool pprof -top -base heap1.prof heap2.prof',
            a.largest('go_heap_inuse_matching_bytes', '{{ .Labels.type }} holds ' + bytes + 'of it.'),
          ) +
          [
            a.sidecar(
              'SidecarHeapNotReceding',
              'warning',
              |||
                (%(trough)s - %(lowest)s) >= %(rise)s
                and
                %(trough)s >= %(times)s * %(lowest)s
                unless
                (%(trough)s offset %(plateau)s - %(lowest)s) >= %(rise)s
              ||| % {
                trough: p.metric('sidecar:heap_not_receding:trough'),
                lowest: p.metric('sidecar:heap_not_receding:lowest'),
                rise: spike.rise,
                times: spike.times,
                plateau: spike.plateau,
              },
              null,
              "Sidecar's Go heap does not recede after a spike.",
              'has had a heap at least %s above its lowest for %s (warning from %s and %s times the lowest).' %
              [a.bytes.value, spike.hold, a.bytes.threshold(spike.rise), spike.times] +
              a.known('sidecar:heap_not_receding:lowest', 'The lowest was {{ .Value | humanize1024 }}B.'),
              heapTop,
              { flag: 'heap_not_receding' },
            ),
          ] +
          a.level(
            'allocation_rate',
            'SidecarAllocationRateHigh',
            'Sidecar allocates memory at a high rate.',
            a.bytes,
            p.metric('sidecar:allocated_bytes:rate'),
            'allocates %(value)s a second (%(from)s).',
            a.pprof('allocs', '> allocs.prof && go tool pprof -top allocs.prof'),
            a.known('go_gc_cpu_fraction', 'Collecting takes {{ .Value | humanizePercentage }} of its CPU time.'),
          ),
      },
    ],
  },
}
