// Targets for Prometheus. Both back ends have the functions below, so that one layout serves both:
// `combine` says how several chosen sidecars become one line ('max' or 'sum').
local promql = import '../../lib/promql.libsonnet';

function(config)
  local datasource = { type: 'prometheus', uid: '${prometheus_datasource}' };
  local v = config.variables;
  local chosen = ['job=~"$job"', '%s=~"$%s"' % [v.host, v.host]];
  local one_sidecar = ['sidecar=~"$%s"' % v.sidecar];
  local metric_of(name, matchers) = promql(config).metric(name, std.join(', ', chosen + matchers));
  local gauge(metric, type=null) =
    metric_of(metric, one_sidecar + if type == null then [] else ['type="%s"' % type]);
  local per_second(metric, source=null, at='') =
    local name = metric + (if source == null then '' else '_' + source) + '_total';
    'rate(%s[$__rate_interval]%s)' % [metric_of(name, one_sidecar), at];

  local scaled(expression, scale) = if scale == 1 then expression else '%s * %g' % [expression, scale];
  local target(expression, legend) = { datasource: datasource, expr: expression, legendFormat: legend };
  local instant(expression, legend='') = target(expression, legend) { instant: true, range: false };
  // What is read once a minute: rate() looks over four of those.
  local each_minute = { interval: '1m' };
  local by_sidecar = 'max by (%s, sidecar)' % v.host;
  local names = '{{sidecar}} @ {{%s}}' % v.host;
  // The n that are highest at the end of the time range, and only those on the whole of it.
  // expression(at) has `at` behind each selector.
  local highest(expression, n) =
    '%s (%s) and topk(%d, %s (%s))' % [by_sidecar, expression(''), n, by_sidecar, expression(' @ end()')];

  // 0 while no flag is up of sidecars that are known: the rules run, and have made something of them.
  local nothing_up = 'nothing up';
  local calm = target(
    '0 * group(%s) unless on () %s' % [metric_of('sidecar:held_bytes', one_sidecar), metric_of(config.flagsUp, one_sidecar)],
    nothing_up
  );

  {
    datasource: datasource,

    value(combine, metric, legend, type=null)::
      target('%s(%s)' % [combine, gauge(metric, type)], legend),
    // A line for each type instance.
    types(combine, metric)::
      target('%s by (type) (%s)' % [combine, gauge(metric)], '{{type}}'),
    // A counter's rate; `slow` ones belong to the detail tier.
    rate(combine, metric, legend, source=null, scale=1, slow=false)::
      target(scaled('%s(%s)' % [combine, per_second(metric, source)], scale), legend) +
      if slow then each_minute else {},
    quotient(metric, divisor, legend, scale=1)::
      target(scaled('max(%s / %s)' % [per_second(metric), per_second(divisor)], scale), legend) + each_minute,
    // first - less + more, for each sidecar, and never less than nothing. Without any of them there
    // is no answer.
    difference(first, less, more, legend)::
      local expression = std.join(' - ', [gauge(m) for m in [first] + less]) + std.join('', [' + ' + gauge(m) for m in more]);
      target('sum(clamp_min(%s, 0))' % expression, legend),
    remainder(first, less, legend):: self.difference(first, less, [], legend),
    // What stands as a number, and not as a line: the newest value.
    latest(metric, legend):: self.value('max', metric, legend),
    time(metric, legend)::
      target('max(%s) * 1000' % gauge(metric), legend),

    // --- many sidecars

    worst(metric, n, scale=1)::
      target(scaled('(%s)' % highest(function(at) gauge(metric) + at, n), scale), names),
    worst_rate(metric, n, sources=[null], scale=1, slow=false)::
      local expression(at) = std.join(' + ', [per_second(metric, source, at) for source in sources]);
      target(scaled('(%s)' % highest(expression, n), scale), names) + if slow then each_minute else {},
    hosts(legend)::
      target('count(count by (%s) (%s))' % [v.host, metric_of('process_count', [])], legend),
    sidecars(legend)::
      target('sum(%s)' % metric_of('process_count', []), legend),
    // How many flags are up, at `level` or above.
    flags_up(level, legend)::
      instant('sum(%s >= bool %d)' % [gauge('red_flag'), level], legend),
    without(collector, legend)::
      target('sum(%s != bool 0)' % gauge('collector_status', collector), legend),

    // Flags over time, of one or a few sidecars, read from what the plugin sends: those that were up
    // in the time range, and when none was.
    flags()::
      local worst = 'max by (type) (%s)';
      [
        target(
          '%s and on (type) %s > 0' % [
            worst % gauge('red_flag'),
            worst % ('max_over_time(%s[$__range] @ end())' % gauge('red_flag')),
          ],
          '{{type}}'
        ),
        target('max(%s) == 0' % gauge('red_flag'), nothing_up),
      ],
    // The same of many: from the recording rule, which has only the flags that are up.
    flags_of_many():: [
      target('max by (type) (%s)' % metric_of(config.flagsUp, one_sidecar), '{{type}}'),
      calm,
    ],
    flagged_sidecars(n):: [
      target(highest(function(at) metric_of(config.flagsUp, one_sidecar) + at, n), names),
      calm,
    ],

    // A table with a row for each sidecar: { targets, transformations }. columns: [{ name, metric,
    // scale? }]; the one with flags: true counts the flags that are up.
    table(columns)::
      local expression(column) =
        if std.objectHas(column, 'flags') then
          'sum by (%s, sidecar) (%s > bool 0)' % [v.host, gauge('red_flag')]
        else scaled('%s (%s)' % [by_sidecar, gauge(column.metric)], if std.objectHas(column, 'scale') then column.scale else 1);
      {
        targets: [instant(expression(column)) { format: 'table' } for column in columns],
        transformations: [
          { id: 'merge', options: {} },
          {
            id: 'organize',
            options: {
              excludeByName: { Time: true },
              indexByName: { [v.host]: 0, sidecar: 1 },
              renameByName: {
                ['Value #' + 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[i]]: columns[i].name
                for i in std.range(0, std.length(columns) - 1)
              },
            },
          },
        ],
      },
    // What a link has to take along beside host and sidecar, and what makes a panel show the present.
    url_variables: '&${prometheus_datasource:queryparam}&${job:queryparam}',
    now: {},

    // --- annotations: when sidecars started and ended

    annotations()::
      local start = gauge('process_start_time_seconds');
      local one_each(expression) = 'group by (%s, sidecar) (%s)' % [v.host, expression];
      local annotation(name, color, expression, extra) = {
        name: name,
        datasource: datasource,
        enable: true,
        hide: false,
        iconColor: color,
        expr: expression,
        titleFormat: '{{sidecar}} @ {{%s}}' % v.host,
        textFormat: name,
        tagKeys: '',
      } + extra;
      [
        annotation(
          'started',
          'green',
          'topk(%d, %s (%s) * 1000 > $__from)' % [config.annotationLimit, by_sidecar, start],
          { useValueForTime: true },
        ),
        annotation(
          'ended',
          'purple',
          '%s unless %s' % [one_each(start + ' offset $__interval'), one_each(start)],
          {},
        ),
      ],
  }
