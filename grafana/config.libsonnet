// Every threshold, window and selector of the rules and dashboards, each once, with a line on
// why one would change it. The thresholds are the profiling guide's red flags, and are the
// defaults of the plugin sidecar. To change them, put your values after the mixin's,
//   (import 'mixin.libsonnet') + { _config+:: { flags+: { fds+: { warning: 400 } } } }
// and run `make grafana`.
local KiB = 1024;
local MiB = 1024 * KiB;
local GiB = 1024 * MiB;

{
  _config+:: {
    // --- where the data are

    // Matchers that every query gets, such as 'job="collectd", team="tools"'. Set it where one
    // Prometheus has the sidecars of several teams.
    selector: '',
    // How names of metrics begin. Both change only where write_prometheus' names are relabelled:
    // standardPrefix to '' with the rule that gives go_* and process_* client_golang's names.
    prefix: 'collectd_sidecar_',
    standardPrefix: self.prefix,
    // How often troughs, and what looks back for hours, are computed anew. Both stay below five
    // minutes, after which Prometheus forgets a series.
    troughInterval: '1m',
    slowInterval: '2m',

    // --- where links lead

    // Your Grafana as a browser reaches it.
    grafanaUrl: 'http://localhost:3000',
    // The runbook as a browser reaches it: put grafana/runbook.md into your wiki or repository.
    runbookUrl: 'https://wiki.example.org/collectd-sidecar/runbook.md#%s',
    // The ids of the dashboards, which are in links and bookmarks: change them only where they
    // meet somebody else's. Graphite's have -graphite behind them.
    dashboards: {
      fleet: 'sidecar-fleet',
      triage: 'sidecar-triage',
      runtime: 'sidecar-runtime',
    },
    // The dashboards' variables are called as the labels they choose from, and are in links.
    variables: { host: 'instance', sidecar: 'sidecar' },

    // --- dashboards

    // The plugin's codes for how a collector fares, from 0 on (man collectd-sidecar, COLLECTORS).
    collectorStatuses: ['ok', 'off', 'denied', 'foreign', 'refused', 'timeout', 'malformed', 'invalid', 'ceiling', 'unsupported', 'error'],
    dashboardTags: ['collectd', 'sidecar'],
    // How often they ask anew; slower spares a Prometheus that many people look at.
    dashboardRefresh: '1m',
    // Starts of sidecars that are marked: more make a busy fleet's pages slow.
    annotationLimit: 100,
    // Prefix in write_graphite's Node, as it stands there; it ends with a dot unless it is empty.
    graphitePrefix: 'collectd.',
    // The Graphite data source's uid, for rules that Grafana evaluates (provisioning/datasources).
    graphiteUid: 'graphite',
    // The recording rule that has the red flags that are up, and only those: a fleet has 19 flags
    // for each sidecar, and nearly all are 0.
    flagsUp: 'sidecar:red_flag:up',

    // --- red flags: the level from which on one is up

    // Raise a level where healthy sidecars reach it; null switches that severity off. `hold` is
    // how long a level has to last before anybody is told: longer is calmer and later.
    flags: {
      // Of what is resident and not just retained by Go. Raise it for large session archives.
      rss: { warning: 500 * MiB, failure: 2 * GiB, unit: 'bytes', hold: '1m' },
      // Lines of /proc/PID/maps. Raise it for a program that maps many files.
      memory_regions: { warning: 1000, failure: 5000, unit: 'regions', hold: '1m' },
      // Raise it where many projects are open at once.
      fds: { warning: 200, failure: 1000, unit: 'descriptors', hold: '1m' },
      // Opens of one file. Raise it where something legitimately opens a file often.
      same_file: { warning: 4, failure: 50, unit: 'opens', hold: '1m' },
      // Open files of one pattern (sessionPatterns). Raise it with the number of live sessions.
      session_files: { warning: 100, failure: 1000, unit: 'files', hold: '1m' },
      // Raise it on machines with more than 32 cores: Go starts a thread for each busy one.
      threads: { warning: 60, failure: 100, unit: 'threads', hold: '1m' },
      // Raise it where many projects are open at once.
      goroutines: { warning: 200, failure: 1000, unit: 'goroutines', hold: '1m' },
      // Goroutines in fetchData at once. Raise it where the database is on a slow disk.
      fetch_data_piling: { warning: 3, failure: 10, unit: 'goroutines', hold: '1m' },
      // Raise it for a sidecar that follows very talkative agents.
      allocation_rate: { warning: 20 * MiB, failure: 100 * MiB, unit: 'bytes/s', hold: '2m' },
      // Cores. Failure: at least so many. Warning: at least so many, and twice its own usual
      // (`cpu` below). Raise it where busy hours after quiet ones are nothing to tell of.
      cpu: { warning: 0.1, failure: 1, unit: 'cores', hold: { warning: '30m', failure: '10m' } },
      // Foreign locks on open files of a sidecar that has a database open. Lengthen the hold
      // where other programs legitimately keep it locked.
      sqlite_contention: { warning: 1, failure: null, unit: 'locks', hold: '30s' },
      // Share of inotifyLimit.
      inotify_watches: { warning: 0.5, failure: 0.9, unit: 'ratio', hold: '1m' },
    },

    // --- red flags: growth

    // A trough is the least in a window. Growth is a trough that has risen in each of `windows`
    // windows, and in all of them by `rise` and by growthShare of what it was. Longer and more
    // windows find slower leaks later and mistake fewer saw-teeth for one; a smaller rise finds
    // smaller leaks. The first warmUp of a process counts for nothing: lengthen it where loading
    // sessions takes longer.
    warmUp: '15m',
    growthShare: 0.1,
    growthHold: '5m',
    growth: {
      // The host is short of memory. Raise the rise on one that swaps by design.
      swap_growing: { window: '10m', windows: 3, rise: 16 * MiB, unit: 'bytes' },
      fds_growing: { window: '15m', windows: 4, rise: 20, unit: 'descriptors' },
      goroutines_growing: { window: '15m', windows: 4, rise: 10, unit: 'goroutines' },
      // Of goroutines that have waited for ten minutes and more, so few are already many.
      goroutines_stuck: { window: '10m', windows: 3, rise: 3, unit: 'goroutines' },
      // Of HeapAlloc; a window has to hold several garbage collections, and Go forces one every
      // two minutes.
      heap_growing: { window: '1h', windows: 3, rise: 16 * MiB, unit: 'bytes' },
    },
    // A spike has not receded when for all of `hold` the heap was above the lowest trough of this
    // process by `rise`, and `times` as high. What is still there after `plateau` is the new
    // usual. Lengthen the hold where sessions are legitimately kept for longer.
    heap_not_receding: { hold: '30m', times: 1.5, rise: 64 * MiB, plateau: '6h', unit: 'bytes' },

    // --- what the flags are about

    // Names of FdMatch that are session files: add those of other agents that you match.
    sessionPatterns: ['claude_sessions', 'codex_sessions'],
    // fs.inotify.max_user_watches of the hosts, which is no metric. Set it to the lowest among
    // yours (`sysctl fs.inotify.max_user_watches`).
    inotifyLimit: 65536,
    // What rate() looks back over: at least two detail intervals of the plugin.
    rateWindow: '5m',
    // The time whose median is "its own usual" CPU use, how often that a use has to be to be
    // unusual, and the age from which a process has a usual.
    cpu: { usualWindow: '1d', times: 2, usualMinimum: '2h' },

    // --- the watching itself

    // How long the plugin of a host, or a collector, may be silent: longer is calmer and later.
    notReportingHold: '5m',
    // How long a host that is gone is still missed; shorten it where hosts come and go.
    missedFor: '1d',
    collectorHold: '10m',
    pprofOffHold: '15m',
    // Starts of one sidecar in restartWindow that are "again and again". Raise it where people
    // restart theirs often.
    restartWindow: '1h',
    restarts: 5,

    // --- healthy bands, for the dashboards: from, to

    // Your own sidecars' quiet hours are the better measure, where they differ.
    bands: {
      process_open_fds: [50, 150],
      'process_fds/regular': [10, 30],
      'process_fds/pipe': [10, 30],
      'process_fds/directory': [5, 15],
      process_threads: [20, 60],
      go_goroutines: [20, 50],
    },
  },
}
