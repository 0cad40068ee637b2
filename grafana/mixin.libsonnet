// All of the mixin: grafanaDashboards, prometheusAlerts and prometheusRules, made from _config.
(import 'config.libsonnet') +
(import 'alerts/alerts.libsonnet') +
(import 'rules/rules.libsonnet') +
(import 'dashboards/dashboards.libsonnet')
