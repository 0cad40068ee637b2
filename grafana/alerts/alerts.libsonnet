// Alert rules, by what they are about. Each red flag has the name and the summary under which
// collectd's plugin notify_alertmanager tells of it, so that one route or silence holds for both.
(import 'memory.libsonnet') +
(import 'files.libsonnet') +
(import 'execution.libsonnet') +
(import 'watching.libsonnet')
