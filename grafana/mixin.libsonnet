// All of the mixin, made from _config: grafanaDashboards, grafanaAlerts, prometheusAlerts and
// prometheusRules.
(import 'config.libsonnet') +
(import 'alerts/alerts.libsonnet') +
(import 'rules/rules.libsonnet') +
(import 'alerts/graphite.libsonnet') +
(import 'dashboards/dashboards.libsonnet')
