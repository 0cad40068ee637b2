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
  // What is read once a minute needs more than the four scrapes of $__rate_interval.
  local per_second(metric, source=null, at='', slow=false) =
    local name = metric + (if source == null then '' else '_' + source) + '_total';
    'rate(%s[%s]%s)' % [metric_of(name, one_sidecar), if slow then config.rateWindow else '$__rate_interval', at];

  local scaled(expression, scale) = if scale == 1 then expression else '%s * %g' % [expression, scale];
  local target(expression, legend) = { datasource: datasource, expr: expression, legendFormat: legend };
  local instant(expression, legend='') = target(expression, legend) { instant: true, range: false };
  local by_sidecar = 'max by (%s, sidecar)' % v.host;
  local names = '{{sidecar}} @ {{%s}}' % v.host;
  // The n that are highest at the end of the time range, and only those on the whole of it.
  // expression(at) has `at` behind each selector.
  local highest(expression, n) =
    '%s (%s) and topk(%d, %s (%s))' % [by_sidecar, expression(''), n, by_sidecar, expression(' @ end()')];

  // The last trough less the one before, for an hour; nothing before a process is old enough.
  // min_over: up to where its offset goes.
  local window = promql(config).seconds(config.growthWindow);
  local rise(min_over, condition) =
    '(%s) - %s offset %s)) * %g%s' % [min_over, min_over, config.growthWindow, 3600 / window, condition];
  local old_enough(max) = 'time() - %s (%s) >= %d' % [max, gauge('process_start_time_seconds'), 3 * window];

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
    // A line for each type instance: `only` those, or all `but` those.
    types(combine, metric, only=[], but=[])::
      local some =
        (if only == [] then [] else ['type=~"%s"' % std.join('|', only)]) +
        (if but == [] then [] else ['type!~"%s"' % std.join('|', but)]);
      target('%s by (type) (%s)' % [combine, metric_of(metric, one_sidecar + some)], '{{type}}'),
    // The lowest of the last growthWindow, which a saw-tooth returns to.
    floor(metric, legend)::
      target('max(min_over_time(%s[%s]))' % [gauge(metric), config.growthWindow], legend),
    // A counter's rate; `slow` ones belong to the detail tier.
    rate(combine, metric, legend, source=null, scale=1, slow=false)::
      target(scaled('%s(%s)' % [combine, per_second(metric, source, slow=slow)], scale), legend),
    quotient(metric, divisor, legend, scale=1)::
      target(scaled('max(%s / %s)' % [per_second(metric, slow=true), per_second(divisor, slow=true)], scale), legend),
    // first - less + more, for each sidecar, and never less than nothing. Without any of them there
    // is no answer.
    difference(first, less, more, legend)::
      local expression = std.join(' - ', [gauge(m) for m in [first] + less]) + std.join('', [' + ' + gauge(m) for m in more]);
      target('sum(clamp_min(%s, 0))' % expression, legend),
    remainder(first, less, legend):: self.difference(first, less, [], legend),
    // What of a whole none of its parts has; where there are none that is all of it.
    other(metric, parts, legend)::
      local whole = 'sum(%s)' % gauge(metric);
      target('clamp_min(%s - (sum(%s) or 0 * %s), 0)' % [whole, gauge(parts), whole], legend),
    // Cores that it usually takes: the median of the time range.
    usual_cpu(legend)::
      target('max(quantile_over_time(0.5, %s[$__range] @ end()))' % metric_of('sidecar:cpu_cores:rate', one_sidecar), legend),
    // What stands as a number, and not as a line: the newest value.
    latest(metric, legend):: self.value('max', metric, legend),
    // Of the one that is chosen; of several there is none.
    single(metric, legend)::
      target('max(%s) and count(%s) == 1' % [gauge(metric), gauge(metric)], legend),
    time(metric, legend)::
      target('max(%s) * 1000 and count(%s) == 1' % [gauge(metric), gauge(metric)], legend),

    // --- growth per hour, trough to trough

    growth(of):: of {
      expr: rise('min_over_time((%s)[%s:1m]' % [of.expr, config.growthWindow], ' and on () %s' % old_enough('max')),
      instant: true,
      range: false,
    },
    // Of the n types that grow most, the fastest first.
    growth_of_types(metric, n)::
      local grown = self.growth(self.types('max', metric));
      grown { expr: 'sort_desc(topk(%d, %s))' % [n, grown.expr] },

    // --- many sidecars

    worst(metric, n, scale=1)::
      target(scaled('(%s)' % highest(function(at) gauge(metric) + at, n), scale), names),
    worst_rate(metric, n, sources=[null], scale=1, slow=false)::
      local expression(at) = std.join(' + ', [per_second(metric, source, at, slow) for source in sources]);
      target(scaled('(%s)' % highest(expression, n), scale), names),
    // Of the moment: over time, the last value of what has ended would stand.
    hosts(legend)::
      instant('count(count by (%s) (%s))' % [v.host, metric_of('process_count', [])], legend),
    sidecars(legend)::
      instant('sum(%s)' % metric_of('process_count', []), legend),
    // Processes a minute that ended before they were watched.
    short_lived(legend)::
      target('60 * sum(rate(%s[%s]))' % [metric_of('process_short_lived_total', []), config.rateWindow], legend),
    // How many flags are up, at `level` or above.
    flags_up(level, legend)::
      instant('sum(%s >= bool %d)' % [gauge('red_flag'), level], legend),
    without(collector, legend)::
      instant('sum(%s != bool 0)' % gauge('collector_status', collector), legend),

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
    // scale? }], or instead of a metric `growth` of one; `count` of the flags that are up; `worst`,
    // { flag: number }, which is that flag's number times its state.
    table(columns)::
      local up(matchers) = metric_of(config.flagsUp, one_sidecar + matchers);
      local or_none(expression) =
        '%s or 0 * group by (%s, sidecar) (%s)' % [expression, v.host, metric_of('sidecar:held_bytes', one_sidecar)];
      local expression(column) =
        if std.objectHas(column, 'count') then
          or_none('count by (%s, sidecar) (%s)' % [v.host, up([])])
        else if std.objectHas(column, 'worst') then
          or_none('%s (%s)' % [
            by_sidecar,
            std.join(' or ', [
              '%s * %d' % [up(['type="%s"' % flag]), column.worst[flag]]
              for flag in std.objectFields(column.worst)
            ]),
          ])
        else if std.objectHas(column, 'growth') then
          '%s (%s)' % [
            by_sidecar,
            rise(
              'min_over_time(%s[%s]' % [gauge(column.growth), config.growthWindow],
              ' and on (%s, sidecar) %s' % [v.host, old_enough('max by (%s, sidecar)' % v.host)],
            ),
          ]
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
                [v.host]: 'host',
              } + {
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
