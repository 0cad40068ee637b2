// Go runtime: what the runtime says of heap, allocation, garbage collection and goroutines.
local text = import 'lib/text.libsonnet';

function(config, q, panels)
  local flags = config.levels;
  local sections = [
    {
      title: 'Heap',
      panels: [
        panels.timeseries(
          'Heap classes',
          "The address space of the heap, by what it is used for. In use holds objects; retained is free but still the process's, and high after a spike: no leak; released was given back. In use that grows for hours is a leak: compare two heap profiles.",
          [
            q.value('sum', 'go_memstats_heap_inuse_bytes', 'in use'),
            q.remainder('go_memstats_heap_idle_bytes', ['go_memstats_heap_released_bytes'], 'retained'),
            q.value('sum', 'go_memstats_heap_released_bytes', 'released'),
            q.value('sum', 'go_memstats_heap_sys_bytes', 'heap from the system'),
          ],
          'bytes'
        ) + panels.stacked + panels.overlay('heap from the system') + panels.size(12, 9),
        panels.timeseries(
          'Live heap and the next collection',
          'HeapAlloc is a saw-tooth: up to the target of the next collection, then down. Normal: its floor, the lowest of each %s, is level. A floor that rises for hours is a leak; a target that stays high is a heap that has grown.' % config.growthWindow,
          [
            q.value('max', 'go_memstats_heap_alloc_bytes', 'allocated'),
            q.value('max', 'go_memstats_heap_inuse_bytes', 'in use'),
            q.value('max', 'go_memstats_next_gc_bytes', 'next collection at'),
            q.floor('go_memstats_heap_alloc_bytes', 'floor'),
          ],
          'bytes'
        ) + panels.series('floor', { 'custom.lineWidth': 3, color: { mode: 'fixed', fixedColor: 'text' } }) + panels.size(12, 9),
        panels.timeseries(
          'Heap objects',
          'Normal: a saw-tooth on one level. More objects while bytes stay: many small things are kept, such as messages in a list.',
          [q.value('max', 'go_memstats_heap_objects', 'objects')],
          'locale'
        ),
        panels.timeseries(
          'Memory from the system',
          'All that the runtime has of the system, and the stacks in it. Sys never shrinks: a high number is the highest point so far and no leak. Stacks grow with the number of goroutines.',
          [
            q.value('max', 'go_memstats_sys_bytes', 'all (Sys)'),
            q.value('max', 'go_memstats_stack_inuse_bytes', 'stacks'),
          ],
          'bytes'
        ),
        panels.timeseries(
          'Heap in use by origin',
          "What was allocated below functions that are known to leak (HeapMatch), estimated from the heap profile's samples. Normal: small beside the heap in use. One that grows with it names the leak.",
          [q.types('max', 'go_heap_inuse_matching_bytes')],
          'bytes'
        ),
      ],
    },
    {
      title: 'Allocation',
      panels: [
        panels.timeseries(
          'Allocation rate',
          text.levels(flags.allocation_rate, text.bytes) + ' Bytes allocated, whether freed later or not. High: the allocs profile (`go tool pprof -sample_index=alloc_space`) says where.',
          [q.rate('max', 'go_memstats_alloc_bytes', 'allocated', slow=true)],
          'binBps'
        ) + panels.bounds(flags.allocation_rate),
        panels.timeseries(
          'Objects allocated and freed',
          'Normal: both the same over minutes. Allocated above freed for hours: the heap is growing.',
          [
            q.rate('max', 'go_memstats_mallocs', 'allocated', slow=true),
            q.rate('max', 'go_memstats_frees', 'freed', slow=true),
          ],
          'cps'
        ),
        panels.timeseries(
          'Bytes for each object',
          'The mean size of what is allocated. It jumps when another code path does the allocating, such as large buffers.',
          [q.quotient('go_memstats_alloc_bytes', 'go_memstats_mallocs', 'bytes')],
          'bytes'
        ),
      ],
    },
    {
      title: 'Garbage collection',
      panels: [
        panels.timeseries(
          'Collections',
          'Normal: one every two minutes when idle (0.5 per minute), and several per second only under load. Many with little heap: a small heap with much garbage.',
          [q.rate('max', 'go_gc_cycles', 'collections', scale=60, slow=true)],
          'opm'
        ),
        panels.timeseries(
          'Time paused',
          'The share of time in which the program stood still for the collector. Normal: far below 1 %. More: too many goroutines or too little CPU.',
          [q.rate('max', 'go_gc_pause_nanoseconds', 'paused', scale=1e-9, slow=true)],
          'percentunit'
        ),
        panels.timeseries(
          'Pause for each collection',
          'Normal: below a millisecond. Longer: the host has no CPU left, or is swapping.',
          [q.quotient('go_gc_pause_nanoseconds', 'go_gc_cycles', 'pause')],
          'ns'
        ),
        panels.timeseries(
          'CPU of the collector',
          'Its share of the CPU time since the program started. Normal: below 5 %. More: reduce allocation, or raise GOGC.',
          [q.value('max', 'go_gc_cpu_fraction', 'collector')],
          'percentunit'
        ) + panels.size(16, 8),
        panels.stat(
          'Last collection',
          'Go forces one every two minutes. Longer ago: the process is stopped or starved.',
          [q.time('go_memstats_last_gc_time_seconds', 'last')],
          'dateTimeFromNow'
        ) + panels.size(8, 8),
      ],
    },
    {
      title: 'Goroutines',
      panels: [
        panels.timeseries(
          'Goroutines',
          text.band(config.bands.go_goroutines) + ' ' + text.levels(flags.goroutines) + ' Steady growth is a leak: Triage shows their states and stacks.',
          [q.value('max', 'go_goroutines', 'goroutines')],
          'locale'
        ) + panels.bounds(flags.goroutines, config.bands.go_goroutines) + panels.size(12, 8),
        panels.timeseries(
          'By state',
          'What they wait for. Normal: most in select, chan receive and IO wait. Runnable ones mean too little CPU.',
          [q.types('sum', 'go_goroutines_state')],
          'locale'
        ) + panels.stacked + panels.size(12, 8),
      ],
    },
  ];

  [section { panels: [panel + panels.empty('no pprof') for panel in section.panels] } for section in sections]
