// Flags that are a level, each at each of its severities: a sidecar just below it is silent, one
// just at it fires, and not a moment before it has lasted.
local t = import 'lib.libsonnet';
local MiB = 1024 * 1024;

// give(value): the series [name, type, values] that make a sidecar have that value; says and next:
// what the alert says of it.
local flags = [
  {
    flag: 'rss',
    alert: 'SidecarRSSHigh',
    summary: 'Sidecar holds much resident memory.',
    hold: ['30s', '2m'],  // and a moment for the recording rule, before or after
    give(bytes): [['process_resident_memory_bytes', '', bytes]],
    warning: { below: 524287999, at: 524288000, says: 'RSS: 500MiB (warning from 500MiB). 500MiB are resident.' },
    critical: { below: 2147483647, at: 2147483648, says: 'RSS: 2GiB (critical from 2GiB). 2GiB are resident.' },
    also: {
      belowCritical: 'RSS: 2GiB (warning from 500MiB). 2GiB are resident.',
      atCritical: 'RSS: 2GiB (warning from 500MiB). 2GiB are resident.',
    },
    next: "grep -E 'Rss|LazyFree|Swap' /proc/4711/smaps_rollup; lsof -p 4711 | wc -l; " + t.top(),
  },
  {
    flag: 'memory_regions',
    alert: 'SidecarMemoryRegionsHigh',
    summary: 'Sidecar has many memory regions.',
    give(regions): [['process_memory_regions', '', regions]],
    warning: { below: 999, at: 1000, says: 'memory regions: 1000 (warning from 1000).' },
    critical: { below: 4999, at: 5000, says: 'memory regions: 5000 (critical from 5000).' },
    also: {
      belowCritical: 'memory regions: 4999 (warning from 1000).',
      atCritical: 'memory regions: 5000 (warning from 1000).',
    },
    next: "awk '{print $6}' /proc/4711/maps | sort | uniq -c | sort -rn | head",
  },
  {
    flag: 'fds',
    alert: 'SidecarFDsHigh',
    summary: 'Sidecar has many open file descriptors.',
    give(fds): [['process_open_fds', '', fds], ['process_fds', 'pipe', 20], ['process_fds', 'regular', 170]],
    warning: { below: 199, at: 200, says: 'FDs: 200 (warning from 200). Most are of the class regular: 170.' },
    critical: { below: 999, at: 1000, says: 'FDs: 1000 (critical from 1000). Most are of the class regular: 170.' },
    also: {
      belowCritical: 'FDs: 999 (warning from 200). Most are of the class regular: 170.',
      atCritical: 'FDs: 1000 (warning from 200). Most are of the class regular: 170.',
    },
    next: "lsof -p 4711 | awk '{print $5}' | sort | uniq -c | sort -rn; lsof -p 4711 | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | head -20",
  },
  {
    flag: 'same_file',
    alert: 'SidecarSameFileOpen',
    summary: 'Sidecar has the same file open many times.',
    give(opens): [['process_fds_same_file_max', '', opens], ['process_fds_duplicate', '', 77]],
    warning: { below: 3, at: 4, says: 'opens of one file: 4 (warning from 4). 77 opens are of files that are open already.' },
    critical: { below: 49, at: 50, says: 'opens of one file: 50 (critical from 50). 77 opens are of files that are open already.' },
    also: {
      belowCritical: 'opens of one file: 49 (warning from 4). 77 opens are of files that are open already.',
      atCritical: 'opens of one file: 50 (warning from 4). 77 opens are of files that are open already.',
    },
    next: "lsof -p 4711 | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | head -20",
  },
  {
    flag: 'fds_limit',
    alert: 'SidecarFDsNearLimit',
    summary: 'Sidecar has nearly as many file descriptors open as it may have.',
    give(ratio): [['process_open_fds_ratio', '', ratio], ['process_open_fds', '', 150], ['process_fds', 'pipe', 90], ['process_fds', 'regular', 60]],
    warning: { below: 0.799, at: 0.8, says: 'FDs: 80% (warning from 80%). 150 are open. Most are of the class pipe: 90.' },
    critical: { below: 0.949, at: 0.95, says: 'FDs: 95% (critical from 95%). 150 are open. Most are of the class pipe: 90.' },
    also: {
      belowCritical: 'FDs: 94.9% (warning from 80%). 150 are open. Most are of the class pipe: 90.',
      atCritical: 'FDs: 95% (warning from 80%). 150 are open. Most are of the class pipe: 90.',
    },
    next: "ls /proc/4711/fd | wc -l; grep files /proc/4711/limits; lsof -p 4711 | awk '{print $5}' | sort | uniq -c | sort -rn",
  },
  {
    flag: 'session_files',
    alert: 'SidecarSessionFilesOpen',
    summary: 'Sidecar has many session files open.',
    // neither other patterns nor the sum of two count
    give(files): [['process_fds_matching', 'codex_sessions', files], ['process_fds_matching', 'claude_sessions', 3], ['process_fds_matching', 'sqlite', 3000]],
    warning: { below: 99, at: 100, says: 'open session files: 100 (warning from 100). They match codex_sessions.' },
    critical: { below: 999, at: 1000, says: 'open session files: 1000 (critical from 1000). They match codex_sessions.' },
    also: {
      belowCritical: 'open session files: 999 (warning from 100). They match codex_sessions.',
      atCritical: 'open session files: 1000 (warning from 100). They match codex_sessions.',
    },
    next: "lsof -p 4711 | grep -E '[.]claude/projects|[.]codex/sessions'",
  },
  {
    flag: 'inotify_watches',
    alert: 'SidecarInotifyWatchesHigh',
    summary: "Sidecar uses much of the user's inotify watches.",
    give(ratio): [['process_inotify_watches_ratio', '', ratio], ['process_inotify_watches', '', 5000]],
    warning: { below: 0.499, at: 0.5, says: 'inotify watches: 50% (warning from 50%). They are 5000.' },
    critical: { below: 0.899, at: 0.9, says: 'inotify watches: 90% (critical from 90%). They are 5000.' },
    also: {
      belowCritical: 'inotify watches: 89.9% (warning from 50%). They are 5000.',
      atCritical: 'inotify watches: 90% (warning from 50%). They are 5000.',
    },
    next: 'sysctl fs.inotify.max_user_watches; grep -c ^inotify /proc/4711/fdinfo/* | grep -v :0',
  },
  {
    flag: 'sqlite_contention',
    alert: 'SidecarSQLiteContention',
    summary: "Another process holds a lock on a database of sidecar's.",
    hold: ['0s', '30s'],
    give(locks): [['process_file_locks', 'contended', locks], ['process_file_locks', 'foreign', 7]],
    warning: { below: 0, at: 1, says: "others' locks on its databases: 1 (warning from 1)." },
    next: 'lsof -p 4711 | grep -F .db; cat /proc/locks',
  },
  {
    flag: 'sqlite_handles',
    alert: 'SidecarSQLiteHandles',
    summary: 'Sidecar has several handles on one database.',
    // not what matches the pattern, which has journals and other databases too
    give(handles): [['process_fds_same_database_max', '', handles], ['process_fds_same_file_max', '', 3], ['process_fds_matching', 'sqlite', 9]],
    warning: { below: 2, at: 3, says: 'handles on one database: 3 (warning from 3). 9 databases and journals are open.' },
    next: 'lsof -p 4711 | grep -F .db',
  },
  {
    flag: 'threads',
    alert: 'SidecarThreadsHigh',
    summary: 'Sidecar has many threads.',
    give(threads): [['process_threads', '', threads], ['go_goroutines', '', 41]],
    warning: { below: 59, at: 60, says: 'threads: 60 (warning from 60). It has 41 goroutines.' },
    critical: { below: 99, at: 100, says: 'threads: 100 (critical from 100). It has 41 goroutines.' },
    also: {
      belowCritical: 'threads: 99 (warning from 60). It has 41 goroutines.',
      atCritical: 'threads: 100 (warning from 60). It has 41 goroutines.',
    },
    next: 'ls /proc/4711/task | wc -l; ' + t.curl('goroutine?debug=1') + ' | head -40',
  },
  {
    flag: 'goroutines',
    alert: 'SidecarGoroutinesHigh',
    summary: 'Sidecar has many goroutines.',
    give(goroutines): [['go_goroutines', '', goroutines], ['go_goroutines_state', 'select', 150], ['go_goroutines_state', 'sleep', 9]],
    warning: { below: 199, at: 200, says: 'goroutines: 200 (warning from 200). Most are in the state select: 150.' },
    critical: { below: 999, at: 1000, says: 'goroutines: 1000 (critical from 1000). Most are in the state select: 150.' },
    also: {
      belowCritical: 'goroutines: 999 (warning from 200). Most are in the state select: 150.',
      atCritical: 'goroutines: 1000 (warning from 200). Most are in the state select: 150.',
    },
    next: t.curl('goroutine?debug=1') + ' | head -40',
  },
  {
    flag: 'goroutines_leaked',
    alert: 'SidecarGoroutinesLeaked',
    summary: 'Sidecar has goroutines that nothing can wake.',
    give(goroutines): [['go_goroutines_leaked', '', goroutines]],
    warning: { below: 0, at: 1, says: 'leaked goroutines: 1 (warning from 1).' },
    critical: { below: 49, at: 50, says: 'leaked goroutines: 50 (critical from 50).' },
    also: {
      belowCritical: 'leaked goroutines: 49 (warning from 1).',
      atCritical: 'leaked goroutines: 50 (warning from 1).',
    },
    next: t.curl('goroutineleak?debug=1') + ' | head -40',
  },
  {
    flag: 'fetch_data_piling',
    alert: 'SidecarFetchDataPiling',
    summary: "Sidecar's data fetches pile up.",
    give(goroutines): [['go_goroutines_matching', 'fetch_data', goroutines], ['go_goroutines_matching', 'monitor', 500], ['process_file_locks', 'contended', 6]],
    warning: { below: 2, at: 3, says: 'goroutines that fetch data: 3 (warning from 3). Other processes hold 6 locks to write on its databases.' },
    critical: { below: 9, at: 10, says: 'goroutines that fetch data: 10 (critical from 10). Other processes hold 6 locks to write on its databases.' },
    also: {
      belowCritical: 'goroutines that fetch data: 9 (warning from 3). Other processes hold 6 locks to write on its databases.',
      atCritical: 'goroutines that fetch data: 10 (warning from 3). Other processes hold 6 locks to write on its databases.',
    },
    next: t.curl('goroutine?debug=2') + ' | grep -B2 -A10 -i fetchData',
  },
  {
    flag: 'fetch_stuck',
    alert: 'SidecarFetchStuck',
    summary: "A fetch of sidecar's does not return.",
    hold: ['2m30s', '3m'],
    // bubbletea's commands may wait for ever, and fetches that are under way are not stuck
    give(goroutines): [['go_goroutines_matching_blocked', 'monitor', goroutines], ['go_goroutines_matching_blocked', 'fetch_data', 0], ['go_goroutines_matching_blocked', 'tea_cmd', 9], ['go_goroutines_matching', 'fetch_data', 2]],
    warning: { below: 0, at: 1, says: 'fetches that have been waiting for minutes: 1 (warning from 1). They match monitor.' },
    next: t.curl('goroutine?debug=2') + " | grep -B2 -A10 -E 'etchData|onitor'",
  },
];

local sidecar(name, give, value) =
  t.process(name) + [t.series(name, s[0], '%sx1000' % s[2], s[1]) for s in give(value)];

local fired(flag, severity, name, says) =
  t.alert(flag.alert, severity, name, flag.summary, says, flag.flag, next=flag.next);

local test(flag, severity) =
  local level = flag[severity];
  local hold = if std.objectHas(flag, 'hold') then flag.hold else ['30s', '1m'];
  {
    name: '%s: %d is silent and %d is %s once it lasts' % [flag.flag, level.below, level.at, severity],
    interval: '30s',
    input_series: sidecar('below', flag.give, level.below) + sidecar('proj', flag.give, level.at),
    alert_rule_test: [
      t.silent(hold[0], flag.alert),
      t.at(hold[1], flag.alert, (
        if severity == 'warning' then [] else [
          fired(flag, 'warning', 'below', flag.also.belowCritical),
          fired(flag, 'warning', 'proj', flag.also.atCritical),
        ]
      ) + [fired(flag, severity, 'proj', level.says)]),
    ],
  };

[test(flag, severity) for flag in flags for severity in ['warning', 'critical'] if std.objectHas(flag, severity)]
