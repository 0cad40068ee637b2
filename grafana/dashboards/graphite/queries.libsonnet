// Targets for Graphite, of series called PREFIX HOST.sidecar-NAME.TYPE[-INSTANCE][.SOURCE], see
// lib/graphite_series.libsonnet. The functions are those of the other back end. Nodes are counted from
// the end, because the prefix may have any number of them. Counters come as rates: write_graphite's
// StoreRates.
local graphite_series = import '../../lib/graphite_series.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config)
  local datasource = { type: 'graphite', uid: '${graphite_datasource}' };
  local v = config.variables;
  local names = graphite_series(config);
  local path(metric, type=null, source=null) = names.series('${prefix}', v.host, v.sidecar, metric, type, source);
  local of_blocks(metric) = names.series('${prefix}', v.host, null, metric);
  local blocks = of_blocks('process_count');

  local target(expression) = { datasource: datasource, target: expression };
  // Put together by +, because formats within formats take more of jsonnet's stack than it has.
  local call(function_name, arguments) = function_name + '(' + std.join(', ', arguments) + ')';
  local quoted(text) = "'" + text + "'";
  local time(duration) = std.strReplace(duration, 'm', 'min');
  // `series` is the expression without its name.
  local named(expression, legend) =
    target(call('alias', [expression, quoted(legend)])) { series:: expression, legend:: legend };
  local scaled(expression, scale) = if scale == 1 then expression else call('scale', [expression, '%g' % scale]);
  local combined(combine, series) = call(combine + 'Series', [series]);
  // Counters of the detail tier move once a minute, and are flat between.
  local smooth(series, slow) = if slow then call('movingAverage', [series, quoted(time(config.rateWindow))]) else series;

  // Host and sidecar of a series whose name ends with HOST.sidecar-NAME[.TYPE…], also inside a
  // function's name; quotes and commas are none of write_graphite's characters.
  local names_in_path = @'^.*?([^.(,]+)\.sidecar-([^.,)]+).*$';
  local renamed(series, replacement) =
    target(names.shown(call('aliasSub', [series, quoted(names_in_path), quoted(replacement)])));
  // The name without functions, HOST.sidecar-NAME: groupByNodes would parse each name, which takes
  // graphite-web a millisecond or two.
  local its_sidecar(series) = call('aliasSub', [series, quoted(names_in_path), quoted(@'\1.sidecar-\2')]);
  local by_sidecar(series, combine, nodes) = call('groupByNodes', [series, quoted(combine)] + ['%d' % n for n in nodes]);
  // The type instance of a series, also inside functions' names.
  local its_type(series, metric) = call('aliasSub', [series, quoted(@'^.*%s-([^.,() ]+).*$' % metric), quoted(@'\1')]);
  local named_by_type(series, metric) = target(names.shown(its_type(series, metric)));
  local of_types(combine, metric, types='*') = call('groupByNode', [path(metric, types), '-1', quoted(combine)]);
  local at_least(series, level) = call('removeBelowValue', [series, '%d' % level]);
  local consolidated(series, how) = call('consolidateBy', [series, quoted(how)]);

  // The newest point may not have come yet from all: it is the one before then. Three points are
  // less than a process that has ended is missed for.
  local newest(series) = call('keepLastValue', [series, '3']);
  // The n that are highest at the end of the time range, where -1 stands for what has ended; all are
  // above `level`. The highest of the values that fall on one point of the screen, not their average.
  local highest(series, n, level='-0.5') =
    local running = call('currentAbove', [call('transformNull', [newest(series), '-1']), level]);
    local found = call('highest', [running, '%d' % n, "'last'"]);
    renamed(consolidated(at_least(found, 0), 'max'), @'\2 @ \1');
  // How many of the series are at `level` or above. countSeries would count those without a value
  // as well. 0 takes a value that is below; without any value there is no answer.
  local count(series, level) =
    local known = newest(series);
    local ones = call('pow', [at_least(known, level), '0']);
    consolidated(call('sumSeries', [ones, call('scale', [known, '0'])]), 'max');

  // States of flags, 0 to 2, also where Graphite has averaged them: rounded up, and the worst of
  // those that fall on one point of the screen.
  local states(series) = consolidated(call('round', [call('offset', [series, '0.49'])]), 'max');
  local raised(series) = call('maximumAbove', [states(series), '0']);
  // 0 while no flag is up of sidecars that are known.
  local calm = named(
    call('removeEmptySeries', [call('removeAboveValue', [states(combined('max', path('red_flag', '*'))), '0'])]),
    'nothing up'
  );

  // The last trough less the one before, for an hour. Of several series, `name` gives the parts of
  // each one name, and `join` sums up those of one name; `more` is 1 where growth may be shown. Sums
  // leave out what is unknown, so each part is shifted by `far`: a sum that lacks one is below the
  // others, and is removed.
  local window = promql(config).seconds(config.growthWindow);
  local far = 1000000000000;
  local rise(series, name=function(one) one, join=function(all) call('sumSeries', all), more=[]) =
    local trough = call('movingMin', [series, quoted(time(config.growthWindow))]);
    local before = call('timeShift', [trough, quoted(time(config.growthWindow))]);
    local number(n) = '%d' % n;
    local parts = [
      name(call('offset', [trough, number(far)])),
      name(call('offset', [call('scale', [before, '-1']), number(far)])),
    ] + [call('scale', [one, number(far)]) for one in more];
    local all = call('removeBelowValue', [join(parts), number((std.length(parts) - 0.5) * far)]);
    call('scale', [call('offset', [all, '-' + number(std.length(parts) * far)]), '%g' % (3600 / window)]);
  // 1 of a process that runs and was the same one three windows ago.
  local same(name=function(one) one, join=function(all) call('sumSeries', all), start) =
    local recent = call('movingMax', [start, quoted(time(config.graphiteDelay))]);
    local before = call('scale', [call('timeShift', [recent, quoted('%ds' % (3 * window))]), '-1']);
    local difference = join([name(recent), name(before)]);
    call('pow', [call('removeAboveValue', [call('removeBelowValue', [difference, '0']), '0']), '0']);
  local starts = path('process_start_time_seconds');
  local same_one = same(start=combined('max', starts));
  local joined(nodes) = function(all) call('groupByNodes', [call('group', all), quoted('sum')] + nodes);
  local grown(series) = call('divideSeries', [rise(series), same_one]);
  local grown_types(metric) =
    local name(series) = its_type(series, metric);
    call('divideSeries', [rise(of_types('max', metric), name, joined(['0'])), same_one]);
  local grown_each(metric) =
    rise(path(metric), its_sidecar, joined(['0', '1']), [same(its_sidecar, joined(['0', '1']), starts)]);

  {
    datasource: datasource,

    value(combine, metric, legend, type=null):: named(combined(combine, path(metric, type)), legend),
    types(combine, metric, only=[], but=[])::
      local all = of_types(combine, metric, if only == [] then '*' else '{%s}' % std.join(',', only));
      local some = if but == [] then all else call('exclude', [all, quoted('-(%s)$' % std.join('|', but))]);
      named_by_type(some, metric) { series:: some },
    floor(metric, legend)::
      named(call('movingMin', [combined('max', path(metric)), quoted(time(config.growthWindow))]), legend),
    rate(combine, metric, legend, source=null, scale=1, slow=false)::
      named(scaled(smooth(combined(combine, path(metric, null, source)), slow), scale), legend),
    quotient(metric, divisor, legend, scale=1)::
      local part(m) = smooth(combined('max', path(m)), true);
      named(scaled(call('divideSeries', [part(metric), part(divisor)]), scale), legend),
    // first - less + more, and nothing where that is below 0. The Go values come together or not at
    // all; where there are none there is no answer: dividing by whether they are there says so.
    difference(first, less, more, legend)::
      local sum(m) = combined('sum', path(m));
      local minuend = if more == [] then sum(first) else call('sumSeries', [path(m) for m in [first] + more]);
      local rest = call('diffSeries', [minuend] + [sum(m) for m in less]);
      named(at_least(call('divideSeries', [rest, call('isNonNull', [sum(less[0])])]), 0), legend),
    remainder(first, less, legend):: self.difference(first, less, [], legend),
    other(metric, parts, legend)::
      local whole = combined('sum', path(metric));
      local rest = call('diffSeries', [whole, combined('sum', path(parts, '*'))]);
      named(at_least(call('divideSeries', [rest, call('isNonNull', [whole])]), 0), legend),
    usual_cpu(legend)::
      local cores = call('scale', [combined('sum', path('ps_cputime', null, '{user,syst}')), '0.000001']);
      named(call('nPercentile', [cores, '50']), legend),
    // What stands as a number, and not as a line: the newest value, and no average of several.
    latest(metric, legend):: named(consolidated(newest(combined('max', path(metric))), 'last'), legend),
    single(metric, legend, scale=1)::
      local known = newest(path(metric));
      local one = call('removeAboveValue', [call('sumSeries', [call('pow', [known, '0'])]), '1']);
      named(consolidated(call('divideSeries', [scaled(combined('max', known), scale), one]), 'last'), legend),
    time(metric, legend):: self.single(metric, legend, 1000),

    // --- growth per hour, trough to trough

    growth(of):: named(grown(of.series), of.legend),
    growth_of_types(metric, n)::
      target(names.shown(call('aliasSub', [
        call('highest', [grown_types(metric), '%d' % n, "'last'"]),
        quoted(@'^.*?removeBelowValue\(([^.,() ]+).*$'),
        quoted(@'\1'),
      ]))),

    // --- many sidecars

    worst(metric, n, scale=1):: highest(scaled(path(metric), scale), n),
    worst_rate(metric, n, sources=[null], scale=1, slow=false)::
      local series =
        if sources == [null] then path(metric)
        else by_sidecar(path(metric, null, '{%s}' % std.join(',', sources)), 'sum', [-4, -3]);
      highest(scaled(smooth(series, slow), scale), n),
    hosts(legend):: named(count(call('groupByNode', [blocks, '-3', "'max'"]), 0), legend),
    sidecars(legend):: named(consolidated(combined('sum', newest(blocks)), 'max'), legend),
    flags_up(level, legend):: named(count(path('red_flag', '*'), level), legend),
    without(collector, legend):: named(count(path('collector_status', collector), 1), legend),
    // The flags that were up in the time range, and when none was.
    flags():: [
      named_by_type(raised(call('groupByNode', [newest(path('red_flag', '*')), '-1', "'max'"])), 'red_flag'),
      calm,
    ],
    flags_of_many():: self.flags(),
    flagged_sidecars(n):: [
      highest(states(by_sidecar(path('red_flag', '*'), 'max', [-3, -2])), n, '0'),
      calm,
    ],

    short_lived(legend)::
      named(call('scale', [combined('sum', of_blocks('process_short_lived')), '60']), legend),

    // Grafana makes rows of such names: a series is called
    //   row="instance=HOST sidecar=NAME" column=COLUMN
    // which is taken apart into a table with a row for each row and a column for each column.
    table(columns)::
      local name(i) = @'row="%s=\1 sidecar=\2" column=c%d' % [v.host, i];
      // 1 for a flag that is up, warning or failure, and 0 for one that is not.
      local up = call('round', [call('scale', [newest(path('red_flag', '*')), '0.6'])]);
      local series(column) =
        if std.objectHas(column, 'count') then by_sidecar(its_sidecar(up), 'sum', [0, 1])
        else if std.objectHas(column, 'worst') then
          by_sidecar(its_sidecar(call('group', [
            call('scale', [newest(path('red_flag', flag)), '%d' % column.worst[flag]])
            for flag in std.objectFields(column.worst)
          ])), 'max', [0, 1])
        else if std.objectHas(column, 'growth') then grown_each(column.growth)
        else scaled(path(column.metric), if std.objectHas(column, 'scale') then column.scale else 1);
      {
        // Without the series of sidecars that have ended, which have no value and no place in a row.
        targets: [renamed(call('removeEmptySeries', [series(columns[i])]), name(i)) for i in std.range(0, std.length(columns) - 1)],
        transformations: [
          { id: 'reduce', options: { mode: 'seriesToRows', reducers: ['lastNotNull'] } },
          { id: 'extractFields', options: { source: 'Field', format: 'kvp' } },
          {
            id: 'groupingToMatrix',
            options: { rowField: 'row', columnField: 'column', valueField: 'Last *', emptyValue: 'null' },
          },
          { id: 'extractFields', options: { source: @'row\column', format: 'kvp' } },
          {
            id: 'organize',
            options: {
              excludeByName: { @'row\column': true },
              indexByName: { [v.host]: 0, sidecar: 1 },
              renameByName: { [v.host]: 'host' } + { ['c%d' % i]: columns[i].name for i in std.range(0, std.length(columns) - 1) },
            },
          },
        ],
      },

    url_variables: '&${graphite_datasource:queryparam}&${prefix:queryparam}',
    now: { timeFrom: '5m', hideTimeOverride: true },

    // --- annotations: when sidecars started and ended

    // A target is an annotation at each of its points.
    annotations()::
      local start = path('process_start_time_seconds');
      // Missing points that come back are no end, and the newest may not have come yet.
      local there = call('isNonNull', [call('keepLastValue', [start, '3'])]);
      local events(series) =
        renamed(call('consolidateBy', [at_least(series, 1), "'max'"]), @'\2 @ \1').target;
      local annotation(name, color, series) = {
        name: name,
        datasource: datasource,
        enable: true,
        hide: false,
        iconColor: color,
        target: { refId: name, target: events(series), fromAnnotations: true, textEditor: true },
      };
      [
        annotation('started', 'green', call('derivative', [there])),
        annotation('restarted', 'green', call('changed', [start])),
        annotation('ended', 'purple', call('scale', [call('derivative', [there]), '-1'])),
      ],
  }
