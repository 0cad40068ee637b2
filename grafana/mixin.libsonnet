// All of the mixin, made from _config: grafanaDashboards, grafanaAlerts, prometheusAlerts,
// prometheusRules and clientGolangRules.
(import 'config.libsonnet') +
(import 'alerts/red_flags.libsonnet') +
(import 'alerts/watching.libsonnet') +
(import 'rules/levels.libsonnet') +
(import 'rules/client_golang.libsonnet') +
(import 'alerts/graphite.libsonnet') +
(import 'dashboards/dashboards.libsonnet')
