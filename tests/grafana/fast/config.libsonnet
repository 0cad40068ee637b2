// The rules with seconds for minutes, for end-to-end tests: the same sources, thresholds as they
// are, but for those that a test cannot reach in seconds or on a machine that others use too.
{
  _config+:: {
    slowInterval: '1s',
    flags: std.mapWithKey(function(name, flag) flag { hold: '1s' }, super.flags) + {
      cpu+: { failure: 0.1 },
      inotify_watches+: { warning: 0.00002 },
    },
    unknownHold: '30s',
    rateWindow: '10s',
    agreementHold: '6s',
    notReportingHold: '5s',
    notReportingGrace: '10s',
    savedInterval: '1s',
    collectorHold: '2s',
    pprofAlerts: true,
    pprofOffHold: '2s',
    restartWindow: '1m',
  },
}
