// What a row of the plugin's table cannot say of a red flag, by its name: the series of a value that
// no metric has as it stands, and sentences of evidence from other metrics. A flag needs none.
//
// signal, types: as in lib/flags.libsonnet. graphite(g): the signal as a target of Graphite, from
// g.of(metric): its series, g.scale(target, factor), g.sum(targets): a sum for each sidecar.
// isMomentary: a threshold without a hold would notify of what is over in a moment. evidence(a):
// sentences of alerts/alert.libsonnet.
function(config)
  local state(a) = a.largest('go_goroutines_state', 'Most are in the state {{ .Labels.type }}: {{ .Value }}.');
  local class(a) = a.largest('process_fds', 'Most are of the class {{ .Labels.type }}: {{ .Value }}.');
  local bytes = '{{ .Value | humanize1024 }}B ';
  local resident(a) = a.known('process_resident_memory_bytes', bytes + 'are resident.');
  local site(a) = a.largest('go_heap_inuse_matching_bytes', '{{ .Labels.type }} holds ' + bytes + 'of it.');
  local heap = 'go_memstats_heap_alloc_bytes';
  local cores(g) = g.scale(g.sum([g.of('ps_cputime.*')]), '0.000001');
  {
    rss: {
      // Without Go values nothing is known to be retained, and this is RSS.
      signal: 'sidecar:held_bytes',
      graphite(g): g.sum([
        g.of('process_resident_memory_bytes'),
        g.of('go_memstats_heap_released_bytes'),
        g.scale(g.of('go_memstats_heap_idle_bytes'), -1),
      ]),
      evidence(a):
        resident(a) +
        a.known('sidecar:retained_bytes', bytes + 'that Go retains are not counted.') +
        a.known('go_memstats_heap_inuse_bytes', bytes + 'are in use in the Go heap.') +
        a.known('process_open_fds', '{{ .Value }} descriptors are open.'),
    },
    rss_growing: { signal: 'process_memory_bytes', types: 'anon', evidence(a): resident(a) + site(a) },
    swap_growing: { evidence(a): resident(a) },
    fds: { evidence(a): class(a) },
    fds_growing: { evidence(a): class(a) },
    fds_above_baseline: { evidence(a): class(a) },
    same_file: {
      evidence(a): a.known('process_fds_duplicate', '{{ .Value }} opens are of files that are open already.'),
    },
    session_files: {
      evidence(a): a.largest('process_fds_matching', 'They match {{ .Labels.type }}.', [
        'type=~"%s"' % std.join('|', config.flags.session_files.patterns),
      ]),
    },
    threads: { evidence(a): a.known('go_goroutines', 'It has {{ .Value }} goroutines.') },
    goroutines: { evidence(a): state(a) },
    goroutines_growing: { evidence(a): state(a) },
    goroutines_stuck: { evidence(a): state(a) },
    fetch_data_piling: {
      evidence(a): a.known(
        'process_file_locks', 'Other processes hold {{ .Value }} locks to write on its databases.', ['type="contended"']
      ),
    },
    fetch_stuck: {
      evidence(a): a.largest('go_goroutines_matching_blocked', 'They match {{ .Labels.type }}.', [
        'type=~"%s"' % std.join('|', config.flags.fetch_stuck.patterns),
      ]),
    },
    heap_growing: { signal: heap, evidence(a): site(a) },
    heap_not_receding: {
      signal: heap,
      evidence(a):
        a.computed('%(m)s - min_over_time(%(m)s[6h])', heap, bytes + 'more than its lowest of the last 6h.') + site(a),
    },
    allocation_rate: {
      evidence(a): a.known('go_gc_cpu_fraction', 'Collecting takes {{ .Value | humanizePercentage }} of its CPU time.'),
    },
    fds_limit: { evidence(a): a.known('process_open_fds', '{{ .Value }} are open.') + class(a) },
    cpu_busy: { signal: 'sidecar:cpu_cores:rate', graphite(g): cores(g) },
    child_cpu: {
      signal: 'sidecar:child_cpu_cores:rate',
      graphite(g): g.scale(g.of('process_children_cpu_microseconds'), '0.000001'),
    },
    cpu: {
      signal: 'sidecar:cpu_cores:rate',
      graphite(g): cores(g),
      evidence(a): a.computed(
        'quantile_over_time(0.5, %(m)s[1d])', 'sidecar:cpu_cores:rate', 'Usual are {{ .Value | printf "%.2f" }}.'
      ),
    },
    sqlite_contention: { isMomentary: true },
    sqlite_handles: {
      evidence(a): a.known('process_fds_matching', '{{ .Value }} databases and journals are open.', ['type="sqlite"']),
    },
    inotify_watches: {
      evidence(a): a.known('process_inotify_watches', 'They are {{ .Value }}.'),
    },
  }
