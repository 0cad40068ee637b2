// All of the mixin: grafanaDashboards, grafanaAlerts, prometheusAlerts and prometheusRules, made from _config.
(import 'config.libsonnet') +
(import 'alerts/alerts.libsonnet') +
(import 'rules/rules.libsonnet') +
(import 'alerts/graphite.libsonnet') +
(import 'dashboards/dashboards.libsonnet')
