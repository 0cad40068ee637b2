// Panels as Grafana's classic JSON has them. Each kind is a function of title, text, targets and
// unit; what else a panel has is added with +, such as panels.timeseries(…) + panels.stacked.
// Sizes are in Grafana's grid of 24 columns; the dashboard places the panels. Colours have names,
// not codes, so that both themes show their own shade.
local letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

local panel(type, title, description, targets, unit) = {
  type: type,
  title: title,
  description: description,
  targets: [targets[i] { refId: letters[i] } for i in std.range(0, std.length(targets) - 1)],
  datasource: targets[0].datasource,
  width:: 8,
  height:: 8,
  fieldConfig: {
    defaults: { unit: unit, min: 0, color: { mode: 'palette-classic' } },
    overrides: [],
  },
  options: {},
};

// A level's colour from its value on; the first step begins below everything.
local step(color, value) = { color: color, value: value };
local steps_of(levels, below) =
  [step(below, null)] +
  (if levels.warning != null then [step('orange', levels.warning)] else []) +
  (if levels.failure != null then [step('red', levels.failure)] else []);

{
  timeseries(title, description, targets, unit):: panel('timeseries', title, description, targets, unit) {
    fieldConfig+: {
      defaults+: {
        custom: {
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: 0,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: 'none', group: 'A' },
        },
      },
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  },

  stat(title, description, targets, unit):: panel('stat', title, description, targets, unit) {
    width:: 4,
    height:: 4,
    fieldConfig+: { defaults+: { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps: [step('text', null)] } } },
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      colorMode: 'value',
      graphMode: 'none',  // a flat sparkline strikes the number through
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: 'auto',
    },
  },

  // Bars of one number for each series, from 0 on: orange from `warning`, full at four times that,
  // so that a calm sidecar's are short.
  bars(title, description, targets, unit, warning):: panel('bargauge', title, description, targets, unit) {
    fieldConfig+: {
      defaults+: {
        [if warning != null then 'max']: 4 * warning,
        color: { mode: 'thresholds' },
        thresholds: { mode: 'absolute', steps: steps_of({ warning: warning, failure: null }, 'green') },
      },
    },
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      orientation: 'horizontal',
      displayMode: 'basic',
      valueMode: 'color',
      showUnfilled: true,
      minVizWidth: 0,
      minVizHeight: 10,
      // The size for which Grafana always leaves room: it measures names by the height of their bar,
      // at 12 or more, whatever this is.
      text: { titleSize: 12, valueSize: 16 },
    },
  },

  // A row of colour for each series. `mappings` gives values a text and a colour. The colour mode is
  // fixed: with thresholds, Grafana merges values by threshold and forgets the mappings.
  timeline(title, description, targets, mappings):: panel('state-timeline', title, description, targets, 'locale') {
    width:: 24,
    fieldConfig+: {
      defaults+: {
        color: { mode: 'fixed', fixedColor: 'text' },
        mappings: [{ type: 'value', options: mappings }],
        custom: { lineWidth: 0, fillOpacity: 80, spanNulls: false },
      },
    },
    options: {
      alignValue: 'left',
      mergeValues: true,
      rowHeight: 0.9,
      showValue: 'never',
      legend: { displayMode: 'list', placement: 'bottom', showLegend: false },
      tooltip: { mode: 'single', sort: 'none' },
    },
  },
  mapping(index, text, color):: { index: index, text: text, color: color },

  // `columns`: [{ name, unit?, decimals?, width?, least?, mappings?, levels?, links? }] in their order; the
  // targets' answers are made columns of those names by `transformations`, the query back end's part.
  table(title, description, targets, transformations, columns, sort):: panel('table', title, description, targets, 'locale') {
    width:: 24,
    height:: 12,
    transformations: transformations,
    fieldConfig+: {
      defaults+: {
        min:: null,
        color: { mode: 'thresholds' },
        thresholds: { mode: 'absolute', steps: [step('text', null)] },
        custom: { align: 'auto', cellOptions: { type: 'auto' }, filterable: true },
      },
      overrides: [
        {
          matcher: { id: 'byName', options: column.name },
          properties:
            (if std.objectHas(column, 'unit') then [{ id: 'unit', value: column.unit }] else []) +
            (if std.objectHas(column, 'decimals') then [{ id: 'decimals', value: column.decimals }] else []) +
            (if std.objectHas(column, 'least') then [{ id: 'custom.minWidth', value: column.least }] else []) +
            (if std.objectHas(column, 'width') then [{ id: 'custom.width', value: column.width }] else []) +
            (if std.objectHas(column, 'mappings') then [
               { id: 'mappings', value: [{ type: 'value', options: column.mappings }] },
               { id: 'custom.align', value: 'left' },
               { id: 'custom.cellOptions', value: { type: 'color-text' } },
             ] else []) +
            (if std.objectHas(column, 'links') then [{ id: 'links', value: column.links }] else []) +
            (if std.objectHas(column, 'levels') then [
               { id: 'custom.cellOptions', value: { type: 'color-text' } },
               { id: 'thresholds', value: { mode: 'absolute', steps: steps_of(column.levels, 'text') } },
             ] else []),
        }
        for column in columns
      ],
    },
    options: {
      showHeader: true,
      cellHeight: 'sm',
      footer: { show: false, enablePagination: false, reducer: ['sum'], countRows: false },
      sortBy: [{ displayName: sort, desc: true }],
    },
  },

  // --- what is added to a panel

  // What stands where there is no value.
  empty(text):: { fieldConfig+: { defaults+: { noValue: text } } },
  decimals(n):: { fieldConfig+: { defaults+: { decimals: n } } },
  // The axis reaches at least to here, so that a calm panel does not zoom into noise.
  span(to):: { fieldConfig+: { defaults+: { custom+: { axisSoftMin: 0, axisSoftMax: to } } } },
  // The legend as a table of the newest values, the highest first.
  ranked:: {
    options+: { legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['lastNotNull'], sortBy: 'Last *', sortDesc: true } },
  },
  size(width, height):: { width:: width, height:: height },
  stacked:: {
    fieldConfig+: { defaults+: { custom+: { fillOpacity: 40, stacking: { mode: 'normal', group: 'A' } } } },
  },

  // The healthy band shaded, and the red flag's levels drawn. The axis reaches to the first level,
  // so that one sees how far away it is; `to` where that is too far.
  bounds(levels, band=[], to=null):: {
    fieldConfig+: {
      defaults+: {
        custom+: {
          thresholdsStyle: { mode: 'line+area' },
          axisSoftMin: 0,
          [if to != null || levels.warning != null then 'axisSoftMax']: if to != null then to else levels.warning,
        },
        thresholds: {
          mode: 'absolute',
          steps:
            [step('transparent', null)] +
            (if band != [] then [step('green', band[0]), step('transparent', band[1])] else []) +
            steps_of(levels, null)[1:],
        },
      },
    },
  },
  // The same levels as the colour of a stat's number.
  colored(levels, below='green'):: {
    fieldConfig+: { defaults+: { thresholds: { mode: 'absolute', steps: steps_of(levels, below) } } },
  },

  // A series, by its name in the legend, drawn differently from the others.
  series(name, properties):: {
    fieldConfig+: {
      overrides+: [{
        matcher: { id: 'byName', options: name },
        properties: [{ id: id, value: properties[id] } for id in std.objectFields(properties)],
      }],
    },
  },
  color(name, color):: self.series(name, { color: { mode: 'fixed', fixedColor: color } }),
  // Over a stack: a line that is not part of it.
  overlay(name, color='text'):: self.series(name, {
    color: { mode: 'fixed', fixedColor: color },
    'custom.fillOpacity': 0,
    'custom.lineWidth': 2,
    'custom.stacking': { mode: 'none', group: 'A' },
  }),
}
