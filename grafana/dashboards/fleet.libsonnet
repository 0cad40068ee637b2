// Fleet: every sidecar of the chosen hosts, made for a thousand hosts. What costs a series for each
// sidecar is queried for one moment only, in the table; over time there are the worst five of each
// kind and the flags that are up.
local promql = import '../lib/promql.libsonnet';
local flag_rows = import 'lib/flag_rows.libsonnet';
local text = import 'lib/text.libsonnet';

function(config, q, panels, triage)
  local flags = config.levels;
  local rows = flag_rows(config, panels);
  local worst(title, what, targets, unit, levels) =
    panels.timeseries(
      title,
      what + ' The five that are highest at the end of the time range. Open the one that stands out in Triage.',
      targets,
      unit
    ) + panels.bounds(levels) + panels.ranked + panels.size(12, 11);
  local none = { warning: null, failure: null };
  // What a growth flag takes for growth, within an hour.
  local rising(flag) = { warning: flags[flag].warning, failure: null };

  local columns = [
    { name: 'Worst flag', worst: rows.numbers, mappings: rows.mappings, width: 150 },
    { name: 'Flags', count: true, decimals: 0, width: 60 },
    { name: 'RSS', metric: 'process_resident_memory_bytes', unit: 'bytes', levels: flags.rss, width: 85 },
    { name: 'RSS/h', growth: 'process_resident_memory_bytes', unit: 'bytes', levels: rising('rss_growing'), width: 90 },
    { name: 'Heap', metric: 'go_memstats_heap_inuse_bytes', unit: 'bytes', width: 85 },
    { name: 'Files', metric: 'process_open_fds', unit: 'locale', levels: flags.fds, width: 65 },
    { name: 'Files/h', growth: 'process_open_fds', unit: 'locale', decimals: 0, levels: rising('fds_growing'), width: 75 },
    { name: 'Goroutines', metric: 'go_goroutines', unit: 'locale', levels: flags.goroutines, width: 100 },
    { name: 'Gor./h', growth: 'go_goroutines', unit: 'locale', decimals: 0, levels: rising('goroutines_growing'), width: 75 },
    { name: 'Threads', metric: 'process_threads', unit: 'locale', levels: flags.threads, width: 80 },
    { name: 'Started', metric: 'process_start_time_seconds', scale: 1000, unit: 'dateTimeFromNow', width: 110 },
  ];
  local to_triage = [{
    title: 'Triage',
    url: '/d/%s?var-%s=${__data.fields.%s}&var-sidecar=${__data.fields.sidecar}&${__url_time_range}%s' % [
      triage.uid,
      config.variables.host,
      config.variables.host,
      q.url_variables,
    ],
  }];
  local table = q.table(columns);

  [
    {
      panels: [
        panels.stat(
          'Hosts',
          'Hosts whose plugin reports. Fewer than you expect: a collectd is down, or its plugin is not loaded. `collectd -T` on the host says which.',
          [q.hosts('hosts')],
          'locale'
        ) + q.now,
        panels.stat(
          'Sidecars',
          'Sidecars that are watched. A step down without a deployment: look for the purple marks, when sidecars ended.',
          [q.sidecars('sidecars')],
          'locale'
        ) + q.now,
        panels.stat(
          'Red flags up',
          'Flags of all chosen sidecars at warning or failure. Normal: 0. The table below says whose.',
          [q.flags_up(1, 'up')],
          'locale'
        ) + panels.colored({ warning: 1, failure: null }) + q.now,
        panels.stat(
          'Of these, failures',
          'Flags at failure: these sidecars are sick now. Normal: 0. They are the first in the table below.',
          [q.flags_up(2, 'failures')],
          'locale'
        ) + panels.colored({ warning: null, failure: 1 }) + q.now,
        panels.stat(
          'Without Go values',
          "Sidecars whose pprof server cannot be read: started without SIDECAR_PPROF, or its port is another's. Nothing is known of their heap and goroutines. Restart them with SIDECAR_PPROF=1, a second one on a host with a port of its own.",
          [q.without('pprof', 'sidecars')],
          'locale'
        ) + panels.colored({ warning: 1, failure: null }, 'text') + q.now,
        panels.stat(
          'Not readable',
          'Sidecars that collectd may not or cannot read from /proc. Normal: 0. Grant CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; `collector_status` says why.',
          [q.without('process', 'sidecars')],
          'locale'
        ) + panels.colored({ warning: 1, failure: null }) + q.now,
      ],
    },
    {
      title: 'Now',
      panels: [
        panels.table(
          'All sidecars',
          "Every sidecar of the chosen hosts, as it is now, the sickest first. A column with /h is growth per hour, trough to trough: above 0 for hours is a leak; it is known of sidecars that have been running for %d minutes. An empty cell is a value that is not known. Numbers turn orange at the red flag's warning and red at its failure. Click a sidecar to open it in Triage." % (3 * promql(config).seconds(config.growthWindow) / 60),
          table.targets,
          table.transformations,
          [{ name: 'host', least: 110 }, { name: 'sidecar', least: 120, links: to_triage }] + columns,
          'Worst flag'
        ) + q.now,
      ],
    },
    {
      title: 'Red flags',
      panels: [
        panels.timeline(
          'Red flags of all chosen sidecars',
          'A row for each flag that was up, coloured by the worst sidecar. Normal: one green row, nothing up. A flag that is up on many hosts at once came with a version; one that comes each night, with a job.',
          q.flags_of_many(),
          rows.states
        ) + rows.runbook + panels.size(24, 7),
        panels.timeline(
          'Flagged sidecars',
          'The twenty worst of the sidecars that have a flag up at the end of the time range, each coloured by its worst flag. Normal: one green row, nothing up. Open a red one in Triage.',
          q.flagged_sidecars(20),
          rows.states
        ) + panels.size(24, 7),
      ],
    },
    {
      title: 'The worst five of each kind',
      panels: [
        worst('RSS', text.levels(flags.rss, text.bytes), [q.worst('process_resident_memory_bytes', 5)], 'bytes', flags.rss),
        worst('Open files', text.levels(flags.fds), [q.worst('process_open_fds', 5)], 'locale', flags.fds),
        worst('Goroutines', text.levels(flags.goroutines), [q.worst('go_goroutines', 5)], 'locale', flags.goroutines),
        worst('Heap in use', 'Stable after sessions are loaded; a trend upwards over hours is a leak.', [q.worst('go_memstats_heap_inuse_bytes', 5)], 'bytes', none),
      ],
    },
    {
      title: 'More of the worst',
      collapsed: true,
      panels: [
        worst('Threads', text.levels(flags.threads), [q.worst('process_threads', 5)], 'locale', flags.threads),
        worst(
          'CPU',
          'Cores used. More than one for minutes: take a CPU profile.',
          [q.worst_rate('ps_cputime', 5, ['user', 'syst'], scale=1e-6)],
          'locale',
          { warning: null, failure: flags.cpu.failure }
        ),
        worst('Memory regions', text.levels(flags.memory_regions), [q.worst('process_memory_regions', 5)], 'locale', flags.memory_regions),
        worst('Allocation rate', text.levels(flags.allocation_rate, text.bytes), [q.worst_rate('go_memstats_alloc_bytes', 5, slow=true)], 'binBps', flags.allocation_rate),
        worst('Opens of one file', text.levels(flags.same_file), [q.worst('process_fds_same_file_max', 5)], 'locale', flags.same_file),
        panels.timeseries(
          'Short-lived processes',
          'Processes of all chosen hosts that ended before they were watched, a minute. Normal: near 0. Steady: sidecar is started again and again, and ends at once; run it by hand on its host.',
          [q.short_lived('a minute')],
          'locale'
        ) + panels.span(5) + panels.size(12, 11),
      ],
    },
  ]
