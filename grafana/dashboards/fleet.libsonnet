// Fleet: every sidecar of the chosen hosts, made for a thousand hosts. What costs a series for each
// sidecar is queried for one moment only, in the table; over time there are the worst ten of each kind
// and the flags that are up.
local text = import 'lib/text.libsonnet';

function(config, q, panels, triage)
  local flags = config.levels;
  local flag_states = {
    '0': panels.mapping(0, 'ok', 'green'),
    '1': panels.mapping(1, 'warning', 'orange'),
    '2': panels.mapping(2, 'failure', 'red'),
  };
  local worst(title, what, targets, unit, levels) =
    panels.timeseries(
      title,
      what + ' The ten that are highest at the end of the time range. Open the one that stands out in Triage.',
      targets,
      unit
    ) + panels.bounds(levels) + panels.size(8, 8);
  local none = { warning: null, failure: null };

  local columns = [
    { name: 'Flags now', flags: true, levels: { warning: 1, failure: 3 }, decimals: 0 },
    { name: 'RSS', metric: 'process_resident_memory_bytes', unit: 'bytes', levels: flags.rss },
    { name: 'Heap in use', metric: 'go_memstats_heap_inuse_bytes', unit: 'bytes' },
    { name: 'Open files', metric: 'process_open_fds', unit: 'none', levels: flags.fds },
    { name: 'Threads', metric: 'process_threads', unit: 'none', levels: flags.threads },
    { name: 'Goroutines', metric: 'go_goroutines', unit: 'none', levels: flags.goroutines },
    { name: 'Started', metric: 'process_start_time_seconds', scale: 1000, unit: 'dateTimeFromNow' },
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
          'none'
        ) + q.now,
        panels.stat(
          'Sidecars',
          'Sidecars that are watched. A step down without a deployment: look for the purple marks, when sidecars ended.',
          [q.sidecars('sidecars')],
          'none'
        ) + q.now,
        panels.stat(
          'Red flags up',
          'Flags of all chosen sidecars at warning or failure. Normal: 0. The table below says whose.',
          [q.flags_up(1, 'up')],
          'none'
        ) + panels.colored({ warning: 1, failure: null }) + q.now,
        panels.stat(
          'Of these, failures',
          'Flags at failure: these sidecars are sick now. Normal: 0. Sort the table by flags and open the first in Triage.',
          [q.flags_up(2, 'failures')],
          'none'
        ) + panels.colored({ warning: null, failure: 1 }) + q.now,
        panels.stat(
          'Without Go values',
          "Sidecars whose pprof server cannot be read: started without SIDECAR_PPROF, or its port is another's. Nothing is known of their heap and goroutines. Restart them with SIDECAR_PPROF=1, a second one on a host with a port of its own.",
          [q.without('pprof', 'sidecars')],
          'none'
        ) + panels.colored({ warning: 1, failure: null }, 'text') + q.now,
        panels.stat(
          'Not readable',
          'Sidecars that collectd may not or cannot read from /proc. Normal: 0. Grant CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; `collector_status` says why.',
          [q.without('process', 'sidecars')],
          'none'
        ) + panels.colored({ warning: 1, failure: null }) + q.now,
      ],
    },
    {
      title: 'Now',
      panels: [
        panels.table(
          'All sidecars',
          "Every sidecar of the chosen hosts, as it is now. An empty cell is a value that could not be read. Numbers turn orange at the red flag's warning and red at its failure. Click a sidecar to open it in Triage.",
          table.targets,
          table.transformations,
          [{ name: 'sidecar', links: to_triage }] + columns,
          'Flags now'
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
          flag_states
        ) + panels.size(24, 8),
        panels.timeline(
          'Flagged sidecars',
          'The twenty worst of the sidecars that have a flag up at the end of the time range, each coloured by its worst flag. Normal: one green row, nothing up. Open a red one in Triage.',
          q.flagged_sidecars(20),
          flag_states
        ) + panels.size(24, 8),
      ],
    },
    {
      title: 'The worst ten of each kind',
      panels: [
        worst('RSS', text.levels(flags.rss, text.bytes), [q.worst('process_resident_memory_bytes', 10)], 'bytes', flags.rss),
        worst('Open files', text.levels(flags.fds), [q.worst('process_open_fds', 10)], 'none', flags.fds),
        worst('Goroutines', text.levels(flags.goroutines), [q.worst('go_goroutines', 10)], 'none', flags.goroutines),
        worst('Heap in use', 'Stable after sessions are loaded; a trend upwards over hours is a leak.', [q.worst('go_memstats_heap_inuse_bytes', 10)], 'bytes', none),
        worst('Threads', text.levels(flags.threads), [q.worst('process_threads', 10)], 'none', flags.threads),
        worst(
          'CPU',
          'Cores used. More than one for minutes: take a CPU profile.',
          [q.worst_rate('ps_cputime', 10, ['user', 'syst'], scale=1e-6)],
          'none',
          { warning: null, failure: flags.cpu.failure }
        ),
        worst('Memory regions', text.levels(flags.memory_regions), [q.worst('process_memory_regions', 10)], 'none', flags.memory_regions),
        worst('Allocation rate', text.levels(flags.allocation_rate, text.bytes), [q.worst_rate('go_memstats_alloc_bytes', 10, slow=true)], 'Bps', flags.allocation_rate),
        worst('Opens of one file', text.levels(flags.same_file), [q.worst('process_fds_same_file_max', 10)], 'none', flags.same_file),
      ],
    },
  ]
