// The watching itself: the plugin, its collectors, pprof; and sidecars that do not stay.
local promql = import '../lib/promql.libsonnet';
local alerts = import 'alert.libsonnet';

{
  prometheusAlerts+:: {
    local config = $._config,
    local p = promql(config),
    local a = alerts(config),
    local status(matchers) = p.metric('collector_status', matchers),
    local pprofIs(code) = 'max without (type) (%s == %d)' % [status('type="pprof"'), code],
    // What collector_status says, by its numbers; see collectd-sidecar(5).
    local statuses = {
      off: 1,
      denied: 2,
      foreign: 3,
      refused: 4,
      timeout: 5,
      malformed: 6,
      invalid: 7,
      ceiling: 8,
      unsupported: 9,
      'error': 10,
    },
    // Those that are no failure: off is a setting, foreign has an alert of its own, and the
    // last two are how it is meant to be.
    local noFailure = ['foreign', 'ceiling', 'unsupported'],
    local failures = [s for s in std.objectFields(statuses) if statuses[s] > statuses.off && !std.member(noFailure, s)],
    local inWords = std.join('', ['{{ if eq $value %d.0 }}%s{{ end }}' % [statuses[s], s] for s in failures]),

    groups+: [
      {
        name: 'sidecar-watching',
        rules: [
          a.host(
            'SidecarPluginNotReporting',
            'warning',
            'time() - %s > %d' % [
              p.metric('sidecar:plugin_last_report:timestamp'),
              p.seconds(config.notReportingHold),
            ],
            null,
            "collectd's plugin sidecar no longer reports.",
            'has sent nothing of the plugin sidecar for {{ $value | humanizeDuration }} (warning from %s). What sidecars do there is unknown.' %
            config.notReportingHold,
            'systemctl status collectd; journalctl -u collectd -n 50; curl -s http://127.0.0.1:9103/metrics | grep -c ^collectd_sidecar_',
          ),
          a.sidecar(
            'SidecarCollectorFailing',
            'warning',
            '%s > %d%s' % [
              status(''),
              statuses.off,
              std.join('', [' != %d' % statuses[s] for s in noFailure]),
            ],
            config.collectorHold,
            'The plugin sidecar cannot read some of what it should.',
            'is not read by the collector {{ $labels.type }}: ' + inWords + ' (status {{ $value }}) for %s. Its values are missing.' %
                                                                            config.collectorHold,
            "journalctl -u collectd | grep 'sidecar plugin.*{{ $labels.type }}' | tail -5",
          ),
          a.sidecar(
            'SidecarPprofForeign',
            'warning',
            pprofIs(statuses.foreign),
            config.collectorHold,
            "Sidecar's pprof port belongs to another process.",
            'cannot be asked about its Go runtime: the port in its SIDECAR_PPROF is that of another process, as a rule of a sidecar started earlier.',
            "tr '\\0' '\\n' </proc/{{ $pid }}/environ | grep ^SIDECAR_PPROF=; ss -ltnp",
          ),
          a.sidecar(
            'SidecarPprofOff',
            'info',
            pprofIs(statuses.off),
            config.pprofOffHold,
            'Sidecar runs without pprof.',
            'has run for %s without pprof: heap and goroutines are unknown.' % config.pprofOffHold,
            'restart it with SIDECAR_PPROF=1',
          ),
          a.sidecar(
            'SidecarPprofMissing',
            'info',
            |||
              %s
              and on (instance, sidecar)
              ALERTS{%s}
            ||| % [
              pprofIs(statuses.off),
              std.join(', ', ['flag!=""', 'alertstate="firing"', 'severity=~"warning|critical"'] +
                             (if config.selector == '' then [] else [config.selector])),
            ],
            null,
            'Sidecar has a red flag and runs without pprof.',
            'has a red flag, and what its heap and goroutines do is unknown.',
            'restart it with SIDECAR_PPROF=1, and reproduce',
            { flag: 'pprof_missing' },
          ),
          a.sidecar(
            'SidecarRestarting',
            'warning',
            '%s >= %d' % [p.metric('sidecar:starts:changes'), config.restarts],
            null,
            'Sidecar is started again and again.',
            'has been started %s times in %s (warning from %d).' % [a.count.value, config.restartWindow, config.restarts],
            "ps -o pid,ppid,lstart,etime,args -p {{ $pid }}; journalctl --since -1h | grep -i -E 'oom|sidecar'",
          ),
        ],
      },
    ],
  },
}
