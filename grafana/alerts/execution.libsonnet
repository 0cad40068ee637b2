// What runs: threads, goroutines, CPU.
local promql = import '../lib/promql.libsonnet';
local alerts = import 'alert.libsonnet';

{
  prometheusAlerts+:: {
    local config = $._config,
    local p = promql(config),
    local a = alerts(config),
    local state = a.largest('go_goroutines_state', 'Most are in the state {{ .Labels.type }}: {{ .Value }}.'),
    local commonStacks = a.pprof('goroutine?debug=1', '| head -40'),
    local cpu = p.metric('sidecar:cpu_cores:rate'),

    groups+: [
      {
        name: 'sidecar-execution',
        rules:
          a.level(
            'threads',
            'SidecarThreadsHigh',
            'Sidecar has many threads.',
            a.count,
            p.metric('process_threads'),
            'has %(value)s threads (%(from)s).',
            'ls /proc/{{ $pid }}/task | wc -l; ' + commonStacks,
            a.known('go_goroutines', 'It has {{ .Value }} goroutines.'),
          ) +
          a.level(
            'goroutines',
            'SidecarGoroutinesHigh',
            'Sidecar has many goroutines.',
            a.count,
            p.metric('go_goroutines'),
            'has %(value)s goroutines (%(from)s).',
            commonStacks,
            state,
          ) +
          a.growing(
            'goroutines_growing',
            'SidecarGoroutinesGrowing',
            "Sidecar's goroutines keep growing.",
            a.count,
            'has at least %(value)s goroutines more than %(time)s ago, and had more in each %(window)s (%(from)s).',
            commonStacks,
            state,
          ) +
          a.growing(
            'goroutines_stuck',
            'SidecarGoroutinesStuck',
            'Sidecar has goroutines stuck for long.',
            a.count,
            'has at least %(value)s goroutines more than %(time)s ago that have waited for 10 minutes, and had more in each %(window)s (%(from)s).',
            a.pprof('goroutine?debug=2', "| grep -A5 -E ', [0-9]+ minutes'"),
            state,
          ) +
          a.level(
            'fetch_data_piling',
            'SidecarFetchDataPiling',
            "Sidecar's data fetches pile up.",
            a.count,
            'max without (type) (%s)' % p.metric('go_goroutines_matching', 'type="fetch_data"'),
            'has %(value)s goroutines in fetchData at once (%(from)s).',
            a.pprof('goroutine?debug=2', "| grep -B2 'fetchData\\|FetchData'"),
            a.known('process_file_locks', 'Other processes hold {{ .Value }} locks to write on its databases.', ['type="contended"']),
          ) +
          a.level(
            'cpu',
            'SidecarCPUHigh',
            'Sidecar uses much CPU.',
            a.cores,
            function(which, threshold)
              if which == 'failure' then '%s >= %s' % [cpu, threshold]
              else |||
                %(cpu)s >= %(least)s
                and
                %(cpu)s >= %(times)s * %(usual)s
              ||| % { cpu: cpu, least: threshold, times: config.cpu.times, usual: p.metric('sidecar:cpu_cores:usual') },
            function(which)
              'uses %(value)s cores (%(from)s' + (if which == 'failure' then ').' else ' and %s times its usual).' % config.cpu.times),
            a.pprof('profile?seconds=30', '> cpu.prof && go tool pprof -top cpu.prof'),
            a.known('sidecar:cpu_cores:usual', 'Usual are {{ .Value | printf "%.2f" }}.'),
          ),
      },
    ],
  },
}
