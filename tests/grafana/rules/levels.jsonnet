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
    warning: { below: 524287999, at: 524288000, says: 'holds 500MiB in memory (warning from 500MiB). 500MiB are resident.' },
    critical: { below: 2147483647, at: 2147483648, says: 'holds 2GiB in memory (critical from 2GiB). 2GiB are resident.' },
    also: {
      belowCritical: 'holds 2GiB in memory (warning from 500MiB). 2GiB are resident.',
      atCritical: 'holds 2GiB in memory (warning from 500MiB). 2GiB are resident.',
    },
    next: 'lsof -p 4711 | wc -l; pmap -x 4711 | tail -5; ' + t.curl('heap') + ' > heap.prof && go tool pprof -top heap.prof',
  },
  {
    flag: 'memory_regions',
    alert: 'SidecarMemoryRegionsHigh',
    summary: 'Sidecar has many memory regions.',
    give(regions): [['process_memory_regions', '', regions]],
    warning: { below: 999, at: 1000, says: 'has 1000 memory regions (warning from 1000).' },
    critical: { below: 4999, at: 5000, says: 'has 5000 memory regions (critical from 5000).' },
    also: {
      belowCritical: 'has 4999 memory regions (warning from 1000).',
      atCritical: 'has 5000 memory regions (warning from 1000).',
    },
    next: 'pmap -x 4711 | tail -5',
  },
  {
    flag: 'fds',
    alert: 'SidecarFDsHigh',
    summary: 'Sidecar has many open file descriptors.',
    give(fds): [['process_open_fds', '', fds], ['process_fds', 'pipe', 20], ['process_fds', 'regular', 170]],
    warning: { below: 199, at: 200, says: 'has 200 descriptors open (warning from 200). Most are of the class regular: 170.' },
    critical: { below: 999, at: 1000, says: 'has 1000 descriptors open (critical from 1000). Most are of the class regular: 170.' },
    also: {
      belowCritical: 'has 999 descriptors open (warning from 200). Most are of the class regular: 170.',
      atCritical: 'has 1000 descriptors open (warning from 200). Most are of the class regular: 170.',
    },
    next: "lsof -p 4711 | awk '{print $5}' | sort | uniq -c | sort -rn",
  },
  {
    flag: 'same_file',
    alert: 'SidecarSameFileOpen',
    summary: 'Sidecar has the same file open many times.',
    give(opens): [['process_fds_same_file_max', '', opens], ['process_fds_duplicate', '', 77]],
    warning: { below: 3, at: 4, says: 'has one file open 4 times (warning from 4). 77 opens are of files that are open already.' },
    critical: { below: 49, at: 50, says: 'has one file open 50 times (critical from 50). 77 opens are of files that are open already.' },
    also: {
      belowCritical: 'has one file open 49 times (warning from 4). 77 opens are of files that are open already.',
      atCritical: 'has one file open 50 times (warning from 4). 77 opens are of files that are open already.',
    },
    next: "lsof -p 4711 | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | awk '$1>1'",
  },
  {
    flag: 'session_files',
    alert: 'SidecarSessionFilesOpen',
    summary: 'Sidecar has many session files open.',
    // neither other patterns nor the sum of two count
    give(files): [['process_fds_matching', 'codex_sessions', files], ['process_fds_matching', 'claude_sessions', 3], ['process_fds_matching', 'sqlite', 3000]],
    warning: { below: 99, at: 100, says: 'has 100 session files of one kind open (warning from 100). They are codex_sessions.' },
    critical: { below: 999, at: 1000, says: 'has 1000 session files of one kind open (critical from 1000). They are codex_sessions.' },
    also: {
      belowCritical: 'has 999 session files of one kind open (warning from 100). They are codex_sessions.',
      atCritical: 'has 1000 session files of one kind open (warning from 100). They are codex_sessions.',
    },
    next: "lsof -p 4711 | grep -c '\\.claude/projects'; lsof -p 4711 | grep -c '\\.codex/sessions'",
  },
  {
    flag: 'inotify_watches',
    alert: 'SidecarInotifyWatchesHigh',
    summary: "Sidecar uses much of the user's inotify watches.",
    give(watches): [['process_inotify_watches', '', watches]],
    warning: { below: 32767, at: 32768, says: "has 50% of its user's inotify watches (warning from 50%). They are 32768." },
    critical: { below: 58982, at: 58983, says: "has 90% of its user's inotify watches (critical from 90%). They are 58983." },
    also: {
      belowCritical: "has 90% of its user's inotify watches (warning from 50%). They are 58982.",
      atCritical: "has 90% of its user's inotify watches (warning from 50%). They are 58983.",
    },
    next: 'sysctl fs.inotify.max_user_watches; grep -c ^inotify /proc/4711/fdinfo/* | grep -v :0',
  },
  {
    flag: 'sqlite_contention',
    alert: 'SidecarSQLiteContention',
    summary: "Another process holds a lock on a database of sidecar's.",
    hold: ['0s', '30s'],
    give(locks): [['process_file_locks', 'contended', locks], ['process_file_locks', 'foreign', 7]],
    warning: { below: 0, at: 1, says: 'has a database open, and other processes hold 1 locks to write on it (warning from 1).' },
    next: "lsof -p 4711 | grep '\\.db'; cat /proc/locks",
  },
  {
    flag: 'threads',
    alert: 'SidecarThreadsHigh',
    summary: 'Sidecar has many threads.',
    give(threads): [['process_threads', '', threads], ['go_goroutines', '', 41]],
    warning: { below: 59, at: 60, says: 'has 60 threads (warning from 60). It has 41 goroutines.' },
    critical: { below: 99, at: 100, says: 'has 100 threads (critical from 100). It has 41 goroutines.' },
    also: {
      belowCritical: 'has 99 threads (warning from 60). It has 41 goroutines.',
      atCritical: 'has 100 threads (warning from 60). It has 41 goroutines.',
    },
    next: 'ls /proc/4711/task | wc -l; ' + t.curl('goroutine?debug=1') + ' | head -40',
  },
  {
    flag: 'goroutines',
    alert: 'SidecarGoroutinesHigh',
    summary: 'Sidecar has many goroutines.',
    give(goroutines): [['go_goroutines', '', goroutines], ['go_goroutines_state', 'select', 150], ['go_goroutines_state', 'sleep', 9]],
    warning: { below: 199, at: 200, says: 'has 200 goroutines (warning from 200). Most are in the state select: 150.' },
    critical: { below: 999, at: 1000, says: 'has 1000 goroutines (critical from 1000). Most are in the state select: 150.' },
    also: {
      belowCritical: 'has 999 goroutines (warning from 200). Most are in the state select: 150.',
      atCritical: 'has 1000 goroutines (warning from 200). Most are in the state select: 150.',
    },
    next: t.curl('goroutine?debug=1') + ' | head -40',
  },
  {
    flag: 'fetch_data_piling',
    alert: 'SidecarFetchDataPiling',
    summary: "Sidecar's data fetches pile up.",
    give(goroutines): [['go_goroutines_matching', 'fetch_data', goroutines], ['go_goroutines_matching', 'monitor', 500], ['process_file_locks', 'contended', 6]],
    warning: { below: 2, at: 3, says: 'has 3 goroutines in fetchData at once (warning from 3). Other processes hold 6 locks to write on its databases.' },
    critical: { below: 9, at: 10, says: 'has 10 goroutines in fetchData at once (critical from 10). Other processes hold 6 locks to write on its databases.' },
    also: {
      belowCritical: 'has 9 goroutines in fetchData at once (warning from 3). Other processes hold 6 locks to write on its databases.',
      atCritical: 'has 10 goroutines in fetchData at once (warning from 3). Other processes hold 6 locks to write on its databases.',
    },
    next: t.curl('goroutine?debug=2') + " | grep -B2 'fetchData\\|FetchData'",
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
