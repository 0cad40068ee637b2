// Triage: one sidecar, its rows in the order of the guide's flowchart: is RSS high, then the
// descriptors, the memory map, the heap; then goroutines, threads and CPU, locks. Above them stand
// what it grows by and its red flags; from the descriptors on, rows are opened when wanted. Of several chosen
// sidecars lines are the highest and stacks are sums, so that a row never has more lines than kinds.
local promql = import '../lib/promql.libsonnet';
local flag_rows = import 'lib/flag_rows.libsonnet';
local text = import 'lib/text.libsonnet';

function(config, q, panels)
  local flags = config.levels;
  local bands = config.bands;
  local none = { warning: null, failure: null };
  local sessions = config.flags.session_files.patterns;
  local fetches = config.flags.fetch_data_piling.patterns;
  local stuck = config.flags.fetch_stuck.patterns;
  local MiB = 1024 * 1024;
  local retained = ['go_memstats_heap_idle_bytes', 'go_memstats_heap_released_bytes'];
  local rows = flag_rows(config, panels);
  local no_pprof = panels.empty('no pprof');
  local in_use = 'heap in use';
  local kept = 'kept by Go';
  local stacks = 'stacks';
  local outside = 'outside Go';
  local reconciled = [
    q.value('sum', 'go_memstats_heap_inuse_bytes', in_use),
    q.remainder(retained[0], [retained[1]], kept),
    q.value('sum', 'go_memstats_stack_inuse_bytes', stacks),
    q.difference(
      'process_resident_memory_bytes',
      ['go_memstats_heap_inuse_bytes', retained[0], 'go_memstats_stack_inuse_bytes'],
      [retained[1]],
      outside
    ),
  ];
  local colours =
    panels.color(in_use, 'red') + panels.color(kept, 'green') +
    panels.color(stacks, 'orange') + panels.color(outside, 'purple');

  // --- the sections, from top to bottom

  local now = {
    panels: [
      panels.stat(
        'RSS',
        text.levels(flags.rss, text.bytes) + ' High: the row "Is RSS high?" says what it is.',
        [q.latest('process_resident_memory_bytes', 'RSS')],
        'bytes'
      ) + panels.colored(flags.rss) + panels.size(3, 4),
      panels.stat(
        'Open files',
        text.band(bands.process_open_fds) + ' ' + text.levels(flags.fds),
        [q.latest('process_open_fds', 'open files')],
        'locale'
      ) + panels.colored(flags.fds),
      panels.stat(
        'Heap in use',
        'Stable once sessions are loaded. Far below RSS: what is resident is retained, or outside Go.',
        [q.latest('go_memstats_heap_inuse_bytes', 'in use')],
        'bytes'
      ) + no_pprof,
      panels.stat(
        'Goroutines',
        text.band(bands.go_goroutines) + ' ' + text.levels(flags.goroutines),
        [q.latest('go_goroutines', 'goroutines')],
        'locale'
      ) + panels.colored(flags.goroutines) + no_pprof,
      panels.stat(
        'Threads',
        text.band(bands.process_threads) + ' ' + text.levels(flags.threads),
        [q.latest('process_threads', 'threads')],
        'locale'
      ) + panels.colored(flags.threads) + panels.size(3, 4),
      panels.stat(
        'Started',
        'When it started. What has leaked since is gone with a restart; look at the evidence first. Empty when several are chosen.',
        [q.time('process_start_time_seconds', 'started')],
        'dateTimeFromNow'
      ) + panels.empty('choose one') + panels.size(3, 4),
      panels.stat(
        'Process',
        'Its process id and where its pprof server listens, for the commands of the guide on its host. Without a port none is known to be its own; see Collectors below. Empty when several are chosen.',
        [q.single('process_pid', 'pid'), q.single('process_pprof_port', 'pprof')],
        'string'
      ) + panels.empty('choose one') + panels.size(3, 4),
    ],
  };

  // The troughs of one growth window against those of the one before; negative numbers are shrinking.
  local growing(name, what, targets, unit, flag) =
    panels.bars(
      name + ' per hour',
      'Growth per hour, trough to trough: the lowest value of the last %s against the lowest of the time before. Normal: about 0. %s Known of a sidecar that has been running for %d minutes.' % [config.growthWindow, what, 3 * promql(config).seconds(config.growthWindow) / 60],
      targets,
      unit,
      flags[flag].warning
    ) + panels.empty('not known') + q.now + panels.size(6, 9);
  local growth = {
    panels: [
      growing(
        'Memory',
        'The part that grows with RSS is the answer. Heap in use: a leak, compare two heap profiles. Kept by Go: retained, it comes back under pressure. Stacks: goroutines. Outside Go: cgo (SQLite) or mmap.',
        [q.growth(q.value('max', 'process_resident_memory_bytes', 'RSS'))] + [q.growth(part) for part in reconciled],
        'bytes',
        'rss_growing'
      ),
      growing(
        'Descriptors and regions',
        'All, regions of the memory map, and the six classes that grow most. Regular files: sessions that are not closed. Pipes: tmux commands that are not waited for. Regions without files: mmap.',
        [
          q.growth(q.value('max', 'process_open_fds', 'all')),
          q.growth(q.value('max', 'process_memory_regions', 'regions')),
          q.growth_of_types('process_fds', 6),
        ],
        'locale',
        'fds_growing'
      ) + panels.decimals(0),
      growing(
        'Goroutines',
        'All, and the six states that grow most. Chan receive and chan send: the other end does not read or send. IO wait: connections or files.',
        [
          q.growth(q.value('max', 'go_goroutines', 'all')),
          q.growth_of_types('go_goroutines_state', 6),
        ],
        'locale',
        'goroutines_growing'
      ) + panels.decimals(0) + panels.empty('no pprof, or not known'),
      growing(
        'Heap by origin',
        'The known origins (HeapMatch) below which most was allocated and kept, and all other heap in use. One that grows names the leak.',
        [
          q.growth(q.other('go_memstats_heap_inuse_bytes', 'go_heap_inuse_matching_bytes', 'other')),
          q.growth_of_types('go_heap_inuse_matching_bytes', 6),
        ],
        'bytes',
        'rss_growing'
      ) + panels.empty('no pprof, or not known'),
    ],
  };
  local flag_timeline = {
    panels: [
      panels.timeline(
        'Red flags',
        'A row for each red flag that was up in the time range. Normal: one green row, nothing up. Read the others from left to right: what came first is nearer the cause. A click leads to the runbook.',
        q.flags(),
        rows.states
      ) + rows.runbook + panels.size(24, 7),
    ],
  };

  local rss = {
    title: '1. Is RSS high?',
    panels: [
      panels.timeseries(
        'RSS',
        text.levels(flags.rss, text.bytes) + ' High or rising: the next panel says what it is made of. High and flat after a spike is usually retained memory.',
        [q.value('max', 'process_resident_memory_bytes', 'RSS')],
        'bytes'
      ) + panels.bounds(flags.rss) + panels.size(8, 10),
      panels.timeseries(
        'Leak, cgo or mmap, or retained?',
        "RSS, taken apart. The part that grows is the answer: heap in use is a leak (compare two heap profiles); free memory kept by Go is retained and comes back under pressure; stacks are goroutines; outside Go's heap is cgo (SQLite), mapped files or the program itself (`pmap -x`). Without pprof: restart with SIDECAR_PPROF=1.",
        reconciled + [q.value('sum', 'process_resident_memory_bytes', 'RSS')],
        'bytes'
      ) + panels.stacked + colours + panels.overlay('RSS') + panels.size(16, 10),
      panels.timeseries(
        'RSS by kind',
        'Anonymous memory is heap and stacks, file is the program and mapped files, shmem is shared. Growing file memory is mmap; anonymous that grows while the Go heap does not is cgo. Swap is not part of RSS.',
        [q.types('sum', 'process_memory_bytes')],
        'bytes'
      ) + panels.stacked,
      panels.timeseries(
        'Peak, and given back at the end',
        'The highest RSS so far, and what would be free if it ended now. Far above RSS: a spike that is over.',
        [
          q.value('max', 'process_resident_memory_peak_bytes', 'highest so far'),
          q.value('max', 'process_smaps_bytes', 'given back', type='footprint'),
        ],
        'bytes'
      ),
      panels.timeseries(
        'Swapped out',
        'Normal: none. Growing: the host is short of memory, and all that the program does becomes slow, SQLite first. Free memory on the host.',
        [
          q.value('max', 'process_memory_bytes', 'swap', type='swap'),
          q.value('max', 'process_smaps_bytes', 'proportional share', type='swap_pss'),
        ],
        'bytes'
      ) + panels.span(16 * MiB),
      panels.timeseries(
        'Retained by Go',
        'Freed by the program and kept for later: idle heap that was not returned, and pages that the kernel may take (lazyfree) and has not taken. Both count as RSS, and neither is a leak.',
        [
          q.remainder(retained[0], [retained[1]], 'idle, not returned'),
          q.value('max', 'process_smaps_bytes', 'lazyfree', type='lazyfree'),
        ],
        'bytes'
      ) + panels.span(16 * MiB) + panels.size(24, 7),
    ],
  };

  local class_of(name, class) =
    panels.timeseries(
      name,
      text.band(bands['process_fds/' + class]) + ' Above it for long: `lsof -p PID` says which.',
      [q.value('max', 'process_fds', name, type=class)],
      'locale'
    ) + panels.bounds(none, bands['process_fds/' + class], bands['process_fds/' + class][1]) + panels.size(8, 7);
  local descriptors = {
    title: '2. File descriptors',
    collapsed: true,
    panels: [
      panels.timeseries(
        'Open files',
        text.band(bands.process_open_fds) + ' ' + text.levels(flags.fds) + ' Growing without end is a leak; the classes beside say of what. At the limit it can open nothing any more.',
        [
          q.value('max', 'process_open_fds', 'open files'),
          q.value('min', 'process_max_fds', 'limit'),
        ],
        'locale'
      ) + panels.bounds(flags.fds, bands.process_open_fds) + panels.series('limit', {
        'custom.axisPlacement': 'right',
        'custom.lineStyle': { fill: 'dash', dash: [8, 8] },
        'custom.thresholdsStyle': { mode: 'off' },
      }),
      panels.timeseries(
        'By class',
        'Normal: each class is flat. Regular files: sessions that are not closed. Pipes: tmux commands that are not waited for. Sockets: pprof or watchers.',
        [q.types('sum', 'process_fds')],
        'locale'
      ) + panels.stacked,
      panels.timeseries(
        'Session files',
        'Open files that match a pattern of session files (FdMatch). ' + text.levels(flags.session_files) + " Growing: the adapters' watchers do not close what they read.",
        [q.types('max', 'process_fds_matching', only=sessions)],
        'locale'
      ) + panels.bounds(flags.session_files),
      class_of('Regular files', 'regular'),
      class_of('Pipes', 'pipe'),
      class_of('Directories', 'directory'),
      panels.timeseries(
        'Opens of one file',
        'Opens of the file that is open most. ' + text.levels(flags.same_file) + ' Repeats: a handle that is not closed.',
        [q.value('max', 'process_fds_same_file_max', 'opens of one file')],
        'locale'
      ) + panels.bounds(flags.same_file),
      panels.timeseries(
        'Duplicate and deleted files',
        'Opens after the first of each file, and open files that were deleted: their space on disk is not free before they are closed. Normal: a few, on one level.',
        [
          q.value('max', 'process_fds_duplicate', 'opens beyond the first'),
          q.value('max', 'process_fds_deleted', 'deleted'),
        ],
        'locale'
      ) + panels.span(10),
      panels.timeseries(
        'Other matching files',
        'Open files that match the other patterns (FdMatch), such as databases with their journals. Normal: on one level.',
        [q.types('max', 'process_fds_matching', but=sessions)],
        'locale'
      ) + panels.span(10),
      panels.timeseries(
        'inotify watches',
        'Watches of folders and files. Normal: on one level. Growing: folders are watched and not given up.',
        [q.value('max', 'process_inotify_watches', 'watches')],
        'locale'
      ) + panels.span(100),
      panels.timeseries(
        'inotify watches, of the limit',
        'Of the watches that all processes of a user may have together (`sysctl fs.inotify.max_user_watches`). ' + text.levels(flags.inotify_watches, text.share),
        [q.value('max', 'process_inotify_watches_ratio', 'of the limit')],
        'percentunit'
      ) + panels.bounds(flags.inotify_watches),
      panels.timeseries(
        'Descriptors, of the limit',
        'Of those that the process may have open (`ulimit -n`). ' + text.levels(flags.fds_limit, text.share) + ' At the limit nothing can be opened.',
        [q.value('max', 'process_open_fds_ratio', 'of the limit')],
        'percentunit'
      ) + panels.bounds(flags.fds_limit),
    ],
  };

  local map = {
    title: '3. Memory map',
    collapsed: true,
    panels: [
      panels.timeseries(
        'Regions',
        text.levels(flags.memory_regions) + ' Thousands of regions are a leak of files or of mmap: compare with the open files.',
        [q.value('max', 'process_memory_regions', 'regions')],
        'locale'
      ) + panels.bounds(flags.memory_regions),
      panels.timeseries(
        'Sums over the map',
        'From smaps_rollup. Private dirty is its own; lazyfree is given up with MADV_FREE and still counts as RSS: retained, no leak. Missing: RSS is above SmapsMaxRSS.',
        [q.types('max', 'process_smaps_bytes')],
        'bytes'
      ),
      panels.timeseries(
        'Virtual memory',
        'Address space, which Go reserves generously: a large number alone is harmless. Growth together with the regions is not.',
        [q.value('max', 'process_virtual_memory_bytes', 'virtual')],
        'bytes'
      ),
    ],
  };

  local heap = {
    title: '4. Heap',
    collapsed: true,
    panels: [
      panels.timeseries(
        'Heap',
        'Allocated is a saw-tooth. Normal: its floor, the lowest of each %s, is level once sessions are loaded. A floor that rises for hours is a leak; a spike that does not recede is retained memory. `go tool pprof -base heap1.prof heap2.prof` names the place.' % config.growthWindow,
        [
          q.value('max', 'go_memstats_heap_alloc_bytes', 'allocated'),
          q.value('max', 'go_memstats_heap_inuse_bytes', 'in use'),
          q.value('max', 'go_memstats_next_gc_bytes', 'next collection at'),
          q.floor('go_memstats_heap_alloc_bytes', 'floor'),
        ],
        'bytes'
      ) + panels.series('floor', { 'custom.lineWidth': 3, color: { mode: 'fixed', fixedColor: 'text' } }) + no_pprof,
      panels.timeseries(
        'Allocation rate',
        text.levels(flags.allocation_rate, text.bytes) + ' A high rate is work for the collector, and CPU; it is no leak.',
        [q.rate('max', 'go_memstats_alloc_bytes', 'allocated', slow=true)],
        'binBps'
      ) + panels.bounds(flags.allocation_rate) + no_pprof,
      panels.timeseries(
        'Heap in use by origin',
        'Allocated below functions that are known to leak (HeapMatch), estimated from samples, and all other heap in use. Normal: nearly all is other. One that grows names the leak.',
        [
          q.types('sum', 'go_heap_inuse_matching_bytes'),
          q.other('go_memstats_heap_inuse_bytes', 'go_heap_inuse_matching_bytes', 'other'),
        ],
        'bytes'
      ) + no_pprof,
    ],
  };

  local goroutines = {
    title: '5. Goroutines',
    collapsed: true,
    panels: [
      panels.timeseries(
        'Goroutines',
        text.band(bands.go_goroutines) + ' ' + text.levels(flags.goroutines) + ' Steady growth is a leak: take `goroutine?debug=2` and look for what many of them share.',
        [q.value('max', 'go_goroutines', 'goroutines')],
        'locale'
      ) + panels.bounds(flags.goroutines, bands.go_goroutines) + no_pprof + panels.size(12, 8),
      panels.timeseries(
        'By state',
        'What they wait for. Growing chan receive or chan send: the other end does not read or send. Growing IO wait: connections or files. Running and runnable: CPU.',
        [q.types('sum', 'go_goroutines_state')],
        'locale'
      ) + panels.stacked + no_pprof + panels.size(12, 8),
      panels.timeseries(
        'By age',
        'How many have waited for at least that long. Those that wait by design are on one level; growth at 10 minutes and more is goroutines that are stuck.',
        [q.types('max', 'go_goroutines_blocked')],
        'locale'
      ) + panels.span(10) + no_pprof + panels.size(12, 8),
      panels.timeseries(
        'Leaked',
        'Goroutines that nothing can wake, which the runtime of Go 1.27 and later proves. Normal: none. ' + text.levels(flags.goroutines_leaked) + ' Those that wait for what a global variable refers to are not found: see the ages.',
        [q.value('max', 'go_goroutines_leaked', 'leaked')],
        'locale'
      ) + panels.bounds(flags.goroutines_leaked) + no_pprof + panels.size(12, 8),
      panels.timeseries(
        'Fetches at once',
        'Goroutines with fetchData on their stack (GoroutineMatch). ' + text.levels(flags.fetch_data_piling) + ' More at once: the one before has not returned, as a rule because the database is locked.',
        [q.types('max', 'go_goroutines_matching', only=fetches)],
        'locale'
      ) + panels.bounds(flags.fetch_data_piling) + no_pprof + panels.size(12, 8),
      panels.timeseries(
        'Fetches that are stuck',
        'Goroutines of fetches and monitors that have been waiting for two minutes at least. Normal: none. ' + text.levels(flags.fetch_stuck) + ' One is a plugin that is frozen.',
        [q.types('max', 'go_goroutines_matching_blocked', only=stuck)],
        'locale'
      ) + panels.bounds(flags.fetch_stuck) + no_pprof + panels.size(12, 8),
      panels.timeseries(
        'Other matching stacks',
        'Goroutines with another known function on their stack (GoroutineMatch). Normal: on one level.',
        [q.types('max', 'go_goroutines_matching', but=fetches)],
        'locale'
      ) + panels.span(10) + no_pprof + panels.size(12, 8),
      panels.timeseries(
        'Other matching stacks that wait',
        'Of the other patterns, goroutines that have been waiting for two minutes at least. Commands of bubbletea (tea_cmd) wait for events. Normal: on one level.',
        [q.types('max', 'go_goroutines_matching_blocked', but=stuck)],
        'locale'
      ) + panels.span(10) + no_pprof + panels.size(12, 8),
    ],
  };

  local threads = {
    title: '6. Threads, CPU and I/O',
    collapsed: true,
    panels: [
      panels.timeseries(
        'Threads',
        text.band(bands.process_threads) + ' ' + text.levels(flags.threads) + ' Each blocking system call holds one: many goroutines in syscall make many threads.',
        [q.value('max', 'process_threads', 'threads')],
        'locale'
      ) + panels.bounds(flags.threads, bands.process_threads),
      panels.timeseries(
        'CPU',
        'Cores used. ' + text.levels({ warning: null, failure: flags.cpu.failure }) + ' The line is its usual, the median of the time range. Twice that while it is not typed into: poll chains that run side by side. `pprof/profile?seconds=30` says where.',
        [
          q.rate('sum', 'ps_cputime', 'user', source='user', scale=1e-6),
          q.rate('sum', 'ps_cputime', 'system', source='syst', scale=1e-6),
          q.usual_cpu('usual'),
        ],
        'locale'
      ) + panels.stacked + panels.overlay('usual') + panels.bounds({ warning: null, failure: flags.cpu.failure }, to=flags.cpu.failure),
      panels.timeseries(
        'CPU of child processes',
        'Cores used by child processes, once they have ended. Normal: next to nothing while it is not typed into. ' + text.levels(flags.child_cpu) + ' A steady part of a core: it runs git or another program all the time.',
        [q.rate('max', 'process_children_cpu_microseconds', 'children', scale=1e-6)],
        'locale'
      ) + panels.bounds(flags.child_cpu),
      panels.timeseries(
        'Context switches',
        'Normal: hundreds a second while it is in use. Thousands when idle: a poll loop without a pause.',
        [q.rate('max', 'contextswitch', 'switches', slow=true)],
        'cps'
      ) + panels.span(1000),
      panels.timeseries(
        'Page faults',
        'Minor ones follow allocation. Major ones read from disk: normal at the start, later a sign of swapping.',
        [
          q.rate('max', 'ps_pagefaults', 'minor', source='minflt'),
          q.rate('max', 'ps_pagefaults', 'major', source='majflt'),
        ],
        'cps'
      ) + panels.span(100),
      panels.timeseries(
        'Storage',
        'Bytes read from and written to storage. Normal: little. Steady reading: session files are read again and again.',
        [
          q.rate('max', 'ps_disk_octets', 'read', source='read'),
          q.rate('max', 'ps_disk_octets', 'written', source='write'),
        ],
        'binBps'
      ) + panels.span(MiB),
    ],
  };

  local locks = {
    title: '7. SQLite locks',
    collapsed: true,
    panels: [
      panels.timeseries(
        'Contended locks',
        'Write locks of other processes that stop readers of its databases. ' + text.levels(flags.sqlite_contention) + ' One that stays: another program, such as td, keeps the database; `fuser` or /proc/locks says which.',
        [q.value('max', 'process_file_locks', 'contended', type='contended')],
        'locale'
      ) + panels.bounds(flags.sqlite_contention),
      panels.timeseries(
        'Locks on its open files',
        'Its own locks, and those of other processes on files that it has open. Normal: a few that come and go.',
        [
          q.value('max', 'process_file_locks', 'held', type='held'),
          q.value('max', 'process_file_locks', 'foreign', type='foreign'),
        ],
        'locale'
      ) + panels.span(10),
      panels.timeseries(
        'Handles on one database',
        'Opens of the database that is open most, without its journals. Normal: one or two. ' + text.levels(flags.sqlite_handles) + ' Many: handles are not closed, and wait for each other.',
        [q.value('max', 'process_fds_same_database_max', 'handles on one')],
        'locale'
      ) + panels.bounds(flags.sqlite_handles),
    ],
  };

  local watching = {
    title: 'The watching itself',
    collapsed: true,
    panels: [
      panels.timeline(
        'Collectors',
        'The status of each collector at its last reading; a gap is a collector that is off. Not ok: values of that kind are missing, and `man collectd-sidecar`, COLLECTORS, has the remedy.',
        [q.types('max', 'collector_status')],
        {
          [std.toString(i)]: panels.mapping(i, config.collectorStatuses[i], if i == 0 then 'green' else if i == 1 then 'blue' else 'orange')
          for i in std.range(0, std.length(config.collectorStatuses) - 1)
        }
      ) + panels.size(8, 7),
      panels.timeseries(
        'Time for a reading',
        "How long each collector's last reading took. Normal: milliseconds. Seconds, of pprof: the process hardly answers, or its heap page is large.",
        [q.types('max', 'collector_duration_seconds')],
        's'
      ) + panels.size(8, 7),
      panels.timeseries(
        'Intervals of pprof',
        'How often MemStats, the heap profile and the goroutines are queried. Normal: as configured, a minute. Longer: an answer costs the process so much CPU time that PprofBudget allows no more.',
        [q.types('max', 'pprof_interval_seconds')],
        's'
      ) + no_pprof + panels.size(8, 7),
    ],
  };

  [now, growth, flag_timeline, rss, descriptors, map, heap, goroutines, threads, locks, watching]
