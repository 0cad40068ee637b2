// Triage: one sidecar, its rows in the order of the guide's flowchart: is RSS high, then the
// descriptors, the memory map, the heap; then goroutines, threads and CPU, locks. Of several chosen
// sidecars lines are the highest and stacks are sums, so that a row never has more lines than kinds.
local text = import 'lib/text.libsonnet';

function(config, q, panels)
  local flags = config.levels;
  local bands = config.bands;
  local none = { warning: null, failure: null };
  local retained = ['go_memstats_heap_idle_bytes', 'go_memstats_heap_released_bytes'];
  local in_use = 'in use (if it grows: a leak)';
  local kept = 'free, kept by Go (if it grows: retained, no leak)';
  local stacks = 'goroutine stacks (if they grow: a goroutine leak)';
  local outside = 'outside the Go heap (if it grows: cgo or mmap)';
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
      ) + panels.colored(flags.rss),
      panels.stat(
        'Open files',
        text.band(bands.process_open_fds) + ' ' + text.levels(flags.fds),
        [q.latest('process_open_fds', 'open files')],
        'none'
      ) + panels.colored(flags.fds),
      panels.stat(
        'Heap in use',
        'Stable once sessions are loaded. Far below RSS: what is resident is retained, or outside Go.',
        [q.latest('go_memstats_heap_inuse_bytes', 'in use')],
        'bytes'
      ),
      panels.stat(
        'Goroutines',
        text.band(bands.go_goroutines) + ' ' + text.levels(flags.goroutines),
        [q.latest('go_goroutines', 'goroutines')],
        'none'
      ) + panels.colored(flags.goroutines) + panels.size(3, 4),
      panels.stat(
        'Threads',
        text.band(bands.process_threads) + ' ' + text.levels(flags.threads),
        [q.latest('process_threads', 'threads')],
        'none'
      ) + panels.colored(flags.threads) + panels.size(3, 4),
      panels.stat(
        'Started',
        'When it started. What has leaked since is gone with a restart; look at the evidence first.',
        [q.time('process_start_time_seconds', 'started')],
        'dateTimeFromNow'
      ) + panels.size(2, 4),
      panels.stat(
        'PID',
        'Its process id, for the commands of the guide on its host.',
        [q.latest('process_pid', 'pid')],
        'none'
      ) + panels.size(2, 4),
      panels.stat(
        'pprof port',
        'Where its pprof server listens, for curl on its host. Empty: none is known to be its own; see Collectors below.',
        [q.latest('process_pprof_port', 'port')],
        'none'
      ) + panels.size(2, 4),
      panels.timeline(
        'Red flags',
        'A row for each red flag that was up in the time range. Normal: one green row, nothing up. Read the others from left to right: what came first is nearer the cause.',
        q.flags(),
        {
          '0': panels.mapping(0, 'ok', 'green'),
          '1': panels.mapping(1, 'warning', 'orange'),
          '2': panels.mapping(2, 'failure', 'red'),
        }
      ) + panels.size(24, 10),
    ],
  };

  local rss = {
    title: '1. Is RSS high?',
    panels: [
      panels.timeseries(
        'RSS',
        text.levels(flags.rss, text.bytes) + ' High or rising: the next panel says what it is made of. High and flat after a spike is usually retained memory.',
        [
          q.value('max', 'process_resident_memory_bytes', 'RSS'),
          q.value('max', 'process_resident_memory_peak_bytes', 'highest so far'),
          q.value('max', 'process_smaps_bytes', 'given back if it ended', type='footprint'),
        ],
        'bytes'
      ) + panels.bounds(flags.rss) + panels.size(8, 10),
      panels.timeseries(
        'Leak, cgo or mmap, or retained?',
        "RSS, taken apart. The part that grows is the answer: heap in use is a leak (compare two heap profiles); free memory kept by Go is retained and comes back under pressure; outside Go's heap is cgo (SQLite), mapped files or the program itself (`pmap -x`). Empty without pprof: restart with SIDECAR_PPROF=1.",
        reconciled + [q.value('sum', 'process_resident_memory_bytes', 'RSS')],
        'bytes'
      ) + panels.stacked + colours + panels.overlay('RSS') + panels.size(10, 10),
      panels.bars(
        'What grew in this time range',
        'The difference of each part between the right and the left edge. Choose a time range in which RSS rises: the longest bar is the answer. All short: nothing leaks.',
        reconciled,
        'bytes',
        'diff'
      ) + panels.size(6, 10),
      panels.timeseries(
        'RSS by kind',
        'Anonymous memory is heap and stacks, file is the program and mapped files, shmem is shared. Growing file memory is mmap; anonymous that grows while the Go heap does not is cgo. Swap is not part of RSS.',
        [q.types('sum', 'process_memory_bytes')],
        'bytes'
      ) + panels.stacked + panels.size(12, 8),
      panels.timeseries(
        'Swapped out',
        'Normal: none. Growing: the host is short of memory, and all that the program does becomes slow, SQLite first. Free memory on the host.',
        [
          q.value('max', 'process_memory_bytes', 'swap', type='swap'),
          q.value('max', 'process_smaps_bytes', 'proportional share', type='swap_pss'),
        ],
        'bytes'
      ) + panels.size(12, 8),
    ],
  };

  local class_of(name, class) =
    panels.timeseries(
      name,
      text.band(bands['process_fds/' + class]) + ' Above it for long: `lsof -p PID` says which.',
      [q.value('max', 'process_fds', name, type=class)],
      'none'
    ) + panels.bounds(none, bands['process_fds/' + class], bands['process_fds/' + class][1]) + panels.size(8, 7);
  local descriptors = {
    title: '2. File descriptors',
    panels: [
      panels.timeseries(
        'Open files',
        text.band(bands.process_open_fds) + ' ' + text.levels(flags.fds) + ' Growing without end is a leak; the classes beside say of what. At the limit it can open nothing any more.',
        [
          q.value('max', 'process_open_fds', 'open files'),
          q.value('min', 'process_max_fds', 'limit'),
        ],
        'none'
      ) + panels.bounds(flags.fds, bands.process_open_fds) + panels.series('limit', { 'custom.lineStyle': { fill: 'dash', dash: [8, 8] }, 'custom.axisPlacement': 'right' }),
      panels.timeseries(
        'By class',
        'Normal: each class is flat. Regular files: sessions that are not closed. Pipes: tmux commands that are not waited for. Sockets: pprof or watchers.',
        [q.types('sum', 'process_fds')],
        'none'
      ) + panels.stacked,
      panels.timeseries(
        'Session files and databases',
        'Open files that match a pattern (FdMatch). ' + text.levels(flags.session_files) + " Session files that grow: the adapters' watchers do not close what they read.",
        [q.types('max', 'process_fds_matching')],
        'none'
      ) + panels.bounds(flags.session_files),
      class_of('Regular files', 'regular'),
      class_of('Pipes', 'pipe'),
      class_of('Directories', 'directory'),
      panels.timeseries(
        'The same file, and deleted files',
        'Opens of the file that is open most. ' + text.levels(flags.same_file) + ' Repeats: a handle that is not closed. Deleted: its space on disk is not free before it is closed.',
        [
          q.value('max', 'process_fds_same_file_max', 'opens of one file'),
          q.value('max', 'process_fds_duplicate', 'opens beyond the first'),
          q.value('max', 'process_fds_deleted', 'deleted'),
        ],
        'none'
      ) + panels.bounds(flags.same_file) + panels.size(12, 8),
      panels.timeseries(
        'inotify watches',
        'All processes of a user share a limit (`sysctl fs.inotify.max_user_watches`). ' + text.levels({
          [severity]: if flags.inotify_watches[severity] == null then null else flags.inotify_watches[severity] * config.inotifyLimit
          for severity in ['warning', 'failure']
        }) + ' Growing: folders are watched and not given up.',
        [q.value('max', 'process_inotify_watches', 'watches')],
        'none'
      ) + panels.bounds({
        [severity]: if flags.inotify_watches[severity] == null then null else flags.inotify_watches[severity] * config.inotifyLimit
        for severity in ['warning', 'failure']
      }, to=100) + panels.size(12, 8),
    ],
  };

  local map = {
    title: '3. Memory map',
    panels: [
      panels.timeseries(
        'Regions',
        text.levels(flags.memory_regions) + ' Thousands of regions are a leak of files or of mmap: compare with the open files.',
        [q.value('max', 'process_memory_regions', 'regions')],
        'none'
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
    panels: [
      panels.timeseries(
        'Heap',
        'Allocated is a saw-tooth. Normal: troughs on one level once sessions are loaded. Troughs that rise for hours are a leak; a spike that does not recede is retained memory. `go tool pprof -base heap1.prof heap2.prof` names the place.',
        [
          q.value('max', 'go_memstats_heap_alloc_bytes', 'allocated'),
          q.value('max', 'go_memstats_heap_inuse_bytes', 'in use'),
          q.value('max', 'go_memstats_next_gc_bytes', 'next collection at'),
        ],
        'bytes'
      ),
      panels.timeseries(
        'Allocation rate',
        text.levels(flags.allocation_rate, text.bytes) + ' A high rate is work for the collector, and CPU; it is no leak.',
        [q.rate('max', 'go_memstats_alloc_bytes', 'allocated', slow=true)],
        'Bps'
      ) + panels.bounds(flags.allocation_rate),
      panels.timeseries(
        'Heap in use by origin',
        'Allocated below functions that are known to leak (HeapMatch), estimated from samples. Normal: small. One that grows names the leak.',
        [q.types('max', 'go_heap_inuse_matching_bytes')],
        'bytes'
      ),
    ],
  };

  local goroutines = {
    title: '5. Goroutines',
    panels: [
      panels.timeseries(
        'Goroutines',
        text.band(bands.go_goroutines) + ' ' + text.levels(flags.goroutines) + ' Steady growth is a leak: take `goroutine?debug=2` and look for what many of them share.',
        [q.value('max', 'go_goroutines', 'goroutines')],
        'none'
      ) + panels.bounds(flags.goroutines, bands.go_goroutines) + panels.size(12, 8),
      panels.timeseries(
        'By state',
        'What they wait for. Growing chan receive or chan send: the other end does not read or send. Growing IO wait: connections or files. Running and runnable: CPU.',
        [q.types('sum', 'go_goroutines_state')],
        'none'
      ) + panels.stacked + panels.size(12, 8),
      panels.timeseries(
        'By age',
        'How many have waited for at least that long. Those that wait by design are on one level; growth at 10 minutes and more is goroutines that are stuck.',
        [q.types('max', 'go_goroutines_blocked')],
        'none'
      ) + panels.size(12, 8),
      panels.timeseries(
        'Matching stacks',
        'Goroutines with a known function on their stack (GoroutineMatch). fetch_data: ' + text.levels(flags.fetch_data_piling) + ' More at once: the one before has not returned, as a rule because the database is locked.',
        [q.types('max', 'go_goroutines_matching')],
        'none'
      ) + panels.bounds(flags.fetch_data_piling) + panels.size(12, 8),
      panels.timeseries(
        'Matching stacks that wait',
        'Of those, the goroutines that have been waiting for two minutes at least. Normal: none of fetch_data and monitor; commands of bubbletea (tea_cmd) wait for events. ' + text.levels(flags.fetch_stuck) + ' One is a plugin that is frozen.',
        [q.types('max', 'go_goroutines_matching_blocked')],
        'none'
      ) + panels.bounds(flags.fetch_stuck) + panels.size(24, 8),
    ],
  };

  local threads = {
    title: '6. Threads, CPU and I/O',
    panels: [
      panels.timeseries(
        'Threads',
        text.band(bands.process_threads) + ' ' + text.levels(flags.threads) + ' Each blocking system call holds one: many goroutines in syscall make many threads.',
        [q.value('max', 'process_threads', 'threads')],
        'none'
      ) + panels.bounds(flags.threads, bands.process_threads),
      panels.timeseries(
        'CPU',
        'Cores used. ' + text.levels({ warning: null, failure: flags.cpu.failure }) + ' Twice the usual while it is not typed into: poll chains that run side by side. `pprof/profile?seconds=30` says where.',
        [
          q.rate('sum', 'ps_cputime', 'user', source='user', scale=1e-6),
          q.rate('sum', 'ps_cputime', 'system', source='syst', scale=1e-6),
        ],
        'none'
      ) + panels.stacked + panels.bounds({ warning: null, failure: flags.cpu.failure }, to=flags.cpu.failure),
      panels.timeseries(
        'Context switches',
        'Normal: hundreds a second while it is in use. Thousands when idle: a poll loop without a pause.',
        [q.rate('max', 'contextswitch', 'switches', slow=true)],
        'ops'
      ),
      panels.timeseries(
        'Page faults',
        'Minor ones follow allocation. Major ones read from disk: normal at the start, later a sign of swapping.',
        [
          q.rate('max', 'ps_pagefaults', 'minor', source='minflt'),
          q.rate('max', 'ps_pagefaults', 'major', source='majflt'),
        ],
        'ops'
      ) + panels.size(12, 8),
      panels.timeseries(
        'Storage',
        'Bytes read from and written to storage. Normal: little. Steady reading: session files are read again and again.',
        [
          q.rate('max', 'ps_disk_octets', 'read', source='read'),
          q.rate('max', 'ps_disk_octets', 'written', source='write'),
        ],
        'Bps'
      ) + panels.size(12, 8),
    ],
  };

  local locks = {
    title: '7. SQLite locks',
    panels: [
      panels.timeseries(
        'Locks on its open files',
        'Its own, and those of other processes. ' + text.levels(flags.sqlite_contention) + ' Contended are those that stop readers of a database. One that stays: another program, such as td, keeps the database; `fuser` or /proc/locks says which.',
        [q.types('max', 'process_file_locks')],
        'none'
      ) + panels.bounds(flags.sqlite_contention) + panels.size(12, 8),
      panels.timeseries(
        'Handles on databases',
        'Open files of databases, with their journals, and handles on the database with most. Normal: a few files for each database, and one or two handles. ' + text.levels(flags.sqlite_handles) + ' Many on one: handles are not closed, and wait for each other.',
        [
          q.value('max', 'process_fds_matching', 'database files', type='sqlite'),
          q.value('max', 'process_fds_same_database_max', 'handles on one'),
        ],
        'none'
      ) + panels.bounds(flags.sqlite_handles) + panels.size(12, 8),
    ],
  };

  local watching = {
    title: 'The watching itself',
    panels: [
      panels.timeline(
        'Collectors',
        'The status of each collector at its last reading; a gap is a collector that is off. Not ok: values of that kind are missing, and `man collectd-sidecar`, COLLECTORS, has the remedy.',
        [q.types('max', 'collector_status')],
        {
          [std.toString(i)]: panels.mapping(i, config.collectorStatuses[i], if i == 0 then 'green' else if i == 1 then 'blue' else 'orange')
          for i in std.range(0, std.length(config.collectorStatuses) - 1)
        }
      ) + panels.size(12, 7),
      panels.timeseries(
        'Time for a reading',
        "How long each collector's last reading took. Normal: milliseconds. Near PprofTimeout: the process hardly answers.",
        [q.types('max', 'collector_duration_seconds')],
        's'
      ) + panels.size(12, 7),
    ],
  };

  [now, rss, descriptors, map, heap, goroutines, threads, locks, watching]
