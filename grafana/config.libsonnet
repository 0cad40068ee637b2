// Thresholds, windows and selectors of the rules and dashboards, each with a line on why one would
// change it. What a red flag is, its thresholds and its hold are those of the plugin sidecar: the
// rows of generated/red_flags.json, which `make tables` writes from the plugin's own table. To
// change them, put your values after the mixin's,
//   (import 'mixin.libsonnet') + { _config+:: { flags+: { fds+: { warning: 400 } } } }
// and run `make grafana`.
local rows = import 'generated/red_flags.json';
local judged = import 'lib/judged.libsonnet';
local promql = import 'lib/promql.libsonnet';

{
  _config+:: {
    local config = self,
    local former = [name for name in ['growth', 'heap_not_receding', 'cpu'] if std.objectHas(config, name)],
    assert former == [] : '%s: the plugin judges that now, see `flags`' % std.join(', ', former),

    // --- where the data are

    // Matchers that every query gets, such as 'job="collectd", team="tools"'. Set it where one
    // Prometheus has the sidecars of several teams.
    selector: '',
    // How names of metrics begin. Both change only where write_prometheus' names are relabelled:
    // standardPrefix to '' with the rule that gives go_* and process_* client_golang's names.
    prefix: 'collectd_sidecar_',
    standardPrefix: self.prefix,
    // How often what looks back for an hour is computed. It stays below five minutes, after which
    // Prometheus forgets a series.
    slowInterval: '2m',

    // --- where links lead

    // Your Grafana as a browser reaches it.
    grafanaUrl: 'http://localhost:3000',
    // The runbook as a browser reaches it: put grafana/runbook.md into your wiki or repository.
    runbookUrl: 'https://wiki.example.org/collectd-sidecar/runbook.md#%s',
    // The ids of the dashboards, which are in links and bookmarks: change them only where they
    // collide with other dashboards'. Graphite's have -graphite behind them.
    dashboards: {
      fleet: 'sidecar-fleet',
      triage: 'sidecar-triage',
      runtime: 'sidecar-runtime',
    },
    // The dashboards' variables are called as the labels they choose from, and are in links.
    variables: { host: 'instance', sidecar: 'sidecar' },

    // --- dashboards

    // The plugin's codes for how a collector fares, from 0 on (man collectd-sidecar, COLLECTORS).
    collectorStatuses: ['ok', 'off', 'denied', 'foreign', 'refused', 'timeout', 'malformed', 'invalid', 'ceiling', 'unsupported', 'error', 'late'],
    // Those that are a failure. Not off, which is a setting; foreign has an alert of its own; ceiling,
    // unsupported and late are as they should be.
    collectorFailures: ['denied', 'refused', 'timeout', 'malformed', 'invalid', 'error'],
    dashboardTags: ['collectd', 'sidecar'],
    // How often they query again; slower spares a Prometheus that many people look at.
    dashboardRefresh: '1m',
    // Starts of sidecars that are marked: more make a busy fleet's pages slow.
    annotationLimit: 100,
    // Growth per hour, trough to trough: the lowest value of this time against the lowest of the time
    // before. Longer than any saw-tooth of a heap; the longer, the calmer and the later. Shown of
    // processes that have been running for three times as long.
    growthWindow: '30m',
    // How long Graphite may have nothing new of a process that runs: a process that has sent nothing
    // for longer has ended. Longer than the interval of collectd and the delay of carbon together.
    graphiteDelay: '5m',
    // Prefix in write_graphite's Node, as it stands there; it ends with a dot unless it is empty.
    graphitePrefix: 'collectd.',
    // Two settings of write_graphite's Node that make other names, as they stand there. With tags,
    // which take graphite-web 1.1, the former changes nothing.
    graphiteSeparateInstances: false,
    graphiteUseTags: false,
    // The Graphite data source's uid, for rules that Grafana evaluates (provisioning/datasources).
    graphiteUid: 'graphite',
    // The recording rule that has the red flags that are up, and only those: a fleet has 27 flags
    // for each sidecar, and nearly all are 0.
    flagsUp: 'sidecar:red_flag:up',

    // --- red flags

    // For each flag `warning` and `failure`, the values from which its alerts fire (in bytes, cores,
    // a share: the unit of the metric), and `hold`, how long the value has to last before they do
    // (or both: { warning: '5m', failure: '1m' }).
    // Raise a threshold where healthy sidecars reach it; a longer hold is calmer and later; null
    // switches a severity off. When to change which one is the row's "tuning".
    //
    // `true` stands for the plugin's own judgement, as it has to for growth, steps and what is usual
    // for a process or was its baseline: such alerts fire on the metric red_flag. Their thresholds are options of the
    // plugin, in the <RedFlag> blocks of collectd's configuration.
    flags: {
      [row.name]: {
        warning: if judged(row) then true else row.warning_value,
        failure: row.failure_value,
        hold: promql(config).duration(row.hold_seconds),
        [if row.type_instance == '*' then 'patterns']:
          if row.name == 'session_files' then config.sessionPatterns else row.patterns,
      }
      for row in rows
    },

    // The same for dashboards, which show the plugin's thresholds where it judges.
    levels:: {
      local flag = config.flags[row.name],
      local shown(threshold, own) = if threshold == true then own else threshold,
      [row.name]: {
        warning: shown(flag.warning, row.warning_value),
        failure: shown(flag.failure, row.failure_value),
      }
      for row in rows
    },

    // How long an alert keeps the last value of a process that is still running when that value is
    // unknown: pprof no longer answers, or /proc may no longer be read, which is when a process is
    // sickest. Shorter than the longest disturbance, and such an alert is resolved in its midst;
    // longer, and what has become well unseen fires for longer.
    unknownHold: '15m',

    // --- what the flags are about

    // Names of FdMatch that are session files: add those of other agents that you match.
    sessionPatterns: [row.patterns for row in rows if row.name == 'session_files'][0],
    // What rate() looks back over: at least two detail intervals of the plugin.
    rateWindow: '5m',

    // --- the watching itself

    // How the metrics of the plugin notify_alertmanager begin.
    notifyPrefix: 'collectd_notify_alertmanager_',
    // How long a flag of the plugin may be up without the alert of the rules before collectd's own alerts
    // of that host are sent again: longer than the rules lag behind, two scrapes and two evaluations.
    agreementHold: '3m',

    // How long the plugin of a host, or a collector, may be silent: longer is calmer and later.
    notReportingHold: '5m',
    // How long a start of Prometheus may take until each host is scraped: two scrape intervals at least.
    notReportingGrace: '2m',
    // How long a host that is gone is still missed; shorten it where hosts come and go.
    missedFor: '1d',
    // How often it is saved which hosts there are, for the time after an outage of Prometheus.
    savedInterval: '15m',
    collectorHold: '10m',
    // Information on each sidecar that runs without pprof, or whose port belongs to another: SidecarPprofOff
    // and SidecarPprofForeign. A sidecar has no pprof by default, and the second with SIDECAR_PPROF=1 has
    // none either, so they would fire for the whole life of healthy ones. Set it to true where every
    // sidecar is meant to have pprof. SidecarPprofMissing, which needs another red flag, is always on.
    pprofAlerts: false,
    pprofOffHold: '15m',
    // Starts of one sidecar in restartWindow that are "again and again". Raise it where people
    // restart theirs often.
    restartWindow: '1h',
    restarts: 5,
    // Sidecars that end before they are watched, in shortLivedWindow. Raise it where a subcommand of
    // sidecar that takes seconds is run all the time.
    shortLivedWindow: '10m',
    shortLived: 5,

    // --- healthy bands, for the dashboards: { metric: [from, to] }, on Linux

    // Your own sidecars' quiet hours are the better measure, where they differ.
    bands: import 'generated/healthy_ranges.json',
  },
}
