// Alerts that are no red flag: about the watching itself (the plugin, its collectors, pprof), sidecars
// that do not stay, and memory that is only retained.
local promql = import '../lib/promql.libsonnet';
local alerts = import 'alert.libsonnet';

{
  prometheusAlerts+:: {
    local config = $._config,
    local p = promql(config),
    local a = alerts(config),
    local status(matchers) = p.metric('collector_status', matchers),
    local code(name) = std.find(name, config.collectorStatuses)[0],
    local pprofIs(name) = 'max without (type) (%s == %d)' % [status('type="pprof"'), code(name)],
    local inWords = std.join('', ['{{ if eq $value %d.0 }}%s{{ end }}' % [code(s), s] for s in config.collectorFailures]),
    local rss = config.flags.rss,
    local bytes = a.amounts.bytes,

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
            // After a start of Prometheus the first scrape of each host has to come first.
            config.notReportingGrace,
            "collectd's plugin sidecar no longer reports.",
            'has sent nothing of the plugin sidecar for {{ $value | humanizeDuration }} (warning from %s). What sidecars do there is unknown.' %
            config.notReportingHold,
            'systemctl status collectd; journalctl -u collectd -n 50; curl -s http://127.0.0.1:9103/metrics | grep -c ^collectd_sidecar_',
          ),
          // For Alertmanager, which inhibits collectd's own alerts by it (alertmanager.yml): a host whose
          // collectd sends alerts itself is watched by the rules as well, and they agree.
          a.host(
            'SidecarWatchedByRules',
            'info',
            |||
              min by (instance) (time() - %(report)s) < %(hold)d
              and on (instance)
              %(notify)s
              unless on (instance)
              (
                (%(up)s and %(up)s offset %(lag)s)
                unless on (instance, sidecar, type)
                label_replace(%(alerts)s, "type", "$1", "flag", "(.*)")
              )
            ||| % {
              report: p.metric('sidecar:plugin_last_report:timestamp'),
              hold: p.seconds(config.notReportingHold),
              notify: p.named(config.notifyPrefix + 'alerts'),
              up: p.metric(config.flagsUp),
              lag: config.agreementHold,
              alerts: p.named('ALERTS', 'alertstate="firing", flag!=""'),
            },
            null,
            'Alerts of this host come from the rules, and not from collectd.',
            "sends alerts itself, and is watched by these rules too. Alertmanager sends the rules' alerts.",
            'amtool alert query --inhibited plugin=sidecar',
            // At the end of a flag one rule may be an evaluation behind the other.
          ) { keep_firing_for: p.duration(p.seconds(config.agreementHold) / 3) },
          a.sidecar(
            'SidecarCollectorFailing',
            'warning',
            '%s > %d%s' % [
              status(''),
              code('off'),
              std.join('', [
                ' != %d' % code(s)
                for s in config.collectorStatuses
                if code(s) > code('off') && !std.member(config.collectorFailures, s)
              ]),
            ],
            config.collectorHold,
            'The plugin sidecar cannot read some of what it should.',
            ' is not read by the collector {{ $labels.type }}: ' + inWords + ' (status {{ $value }}) for %s. Its values are missing.' %
                                                                             config.collectorHold,
            "journalctl -u collectd | grep 'sidecar plugin.*{{ $labels.type }}' | tail -5",
          ),
        ] + (if !config.pprofAlerts then [] else [
               a.sidecar(
                 'SidecarPprofForeign',
                 'info',
                 pprofIs('foreign'),
                 config.collectorHold,
                 "Sidecar's pprof port belongs to another process.",
                 ' cannot be queried about its Go runtime: the port in its SIDECAR_PPROF is that of another process, as a rule of a sidecar started earlier.',
                 "tr '\\0' '\\n' </proc/{{ $pid }}/environ | grep ^SIDECAR_PPROF=; ss -ltnp",
               ),
               a.sidecar(
                 'SidecarPprofOff',
                 'info',
                 pprofIs('off'),
                 config.pprofOffHold,
                 'Sidecar runs without pprof.',
                 ' has run for %s without pprof: heap and goroutines are unknown.' % config.pprofOffHold,
                 'restart it with SIDECAR_PPROF=1',
               ),
             ]) + [
          a.sidecar(
            'SidecarRestarting',
            'warning',
            '%s >= %d' % [p.metric('sidecar:starts:changes'), config.restarts],
            null,
            'Sidecar is started again and again.',
            ' has been started %s times in %s (warning from %d).' % [a.amounts.count.write('$value'), config.restartWindow, config.restarts],
            "ps -o pid,ppid,lstart,etime,args -p {{ $pid }}; journalctl --since -1h | grep -i -E 'oom|sidecar'",
          ),
          a.host(
            'SidecarCrashLooping',
            'warning',
            // not increase(), which extrapolates: these are processes
            '%s - min_over_time(%s[%s]) >= %d' % [
              p.metric('process_short_lived_total'),
              p.metric('process_short_lived_total'),
              config.shortLivedWindow,
              config.shortLived,
            ],
            null,
            'Sidecar ends right after its start, again and again.',
            'has had %s processes of <Process "{{ $labels.sidecar }}"> in %s that ended before they were old enough to be watched (warning from %d).' %
            [a.amounts.count.write('$value'), config.shortLivedWindow, config.shortLived],
            "journalctl --since -10m | grep -i -E 'oom|sidecar'; coredumpctl list",
          ) { keep_firing_for: config.shortLivedWindow },
        ] + (if !std.isNumber(rss.warning) then [] else [
               a.sidecar(
                 'SidecarRSSRetained',
                 'info',
                 '%s >= %s\nunless\n%s >= %s' % [
                   p.metric('process_resident_memory_bytes'),
                   p.number(rss.warning),
                   p.metric('sidecar:held_bytes'),
                   p.number(rss.warning),
                 ],
                 rss.hold,
                 'Sidecar is large because Go has kept memory that it freed.',
                 ' has %s resident, but holds less than %s: Go keeps the rest to use it again, which is no leak.' %
                 [bytes.write('$value'), bytes.of(rss.warning)] +
                 a.known('sidecar:retained_bytes', '{{ .Value | humanize1024 }}B are kept.'),
                 a.commands({
                   confirm: null,
                   confirm_pprof: "curl -s 'http://localhost:PORT/debug/pprof/heap?debug=1' | grep '^# Heap'",
                 }),
               ),
             ]),
      },
    ],
  },
}
