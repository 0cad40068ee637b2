// Recording rules. Alerts and dashboards read these instead of long ranges of raw series, so
// that 2,000 sidecars cost as many samples as they must and no more.
(import 'levels.libsonnet') +
(import 'troughs.libsonnet') +
(import 'slow.libsonnet') +
(import 'red_flags.libsonnet')
