// The rules with seconds for minutes, for end-to-end tests: the same sources, thresholds as they
// are, but for those that a test cannot reach in seconds or on a machine that others use too.
local short(hold) = if std.isObject(hold) then { warning: '1s', failure: '1s' } else '1s';

{
  _config+:: {
    troughInterval: '1s',
    slowInterval: '1s',
    flags: std.mapWithKey(function(name, flag) flag { hold: short(flag.hold) }, super.flags) + {
      cpu+: { failure: 0.3 },
    },
    warmUp: '3s',
    growthHold: '1s',
    growth: std.mapWithKey(function(name, flag) flag { window: '4s', windows: 3 }, super.growth),
    heap_not_receding+: { hold: '4s', plateau: '1h' },
    inotifyLimit: 100,
    rateWindow: '10s',
    cpu+: { usualWindow: '1m', usualMinimum: '1h' },
    notReportingHold: '5s',
    collectorHold: '2s',
    pprofOffHold: '2s',
    restartWindow: '1m',
  },
}
