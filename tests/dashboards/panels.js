// What Grafana's panels show of their data frames: texts, colours, numbers, and what stands there
// instead of them. Each type of panel has its rule, a function of the panel and its data.
const { theme, dataOf, replaceVariables } = require('./frames.js');
const grafana = require('@grafana/data');

// --- colours: by name where a colour has one

const HUES = ['green', 'yellow', 'orange', 'red', 'blue', 'purple'];
const SHADES = ['', 'light-', 'super-light-', 'semi-dark-', 'dark-'];
const hexOf = (name) => grafana.colorManipulator.asHexString(theme.visualization.getColorByName(name)).toLowerCase();
const nameOfHex = new Map();
for (const shade of SHADES) {
  for (const hue of HUES) {
    const hex = hexOf(shade + hue);
    if (!nameOfHex.has(hex)) {
      nameOfHex.set(hex, shade + hue);
    }
  }
}
nameOfHex.set(hexOf('text'), 'text');

function colorName(color) {
  if (color === undefined || color === null) {
    return null;
  }
  if (color === 'transparent' || /^rgba\(0, ?0, ?0, ?0\)$/.test(color) || /^#[0-9a-f]{6}00$/i.test(color)) {
    return 'transparent';
  }
  const hex = grafana.colorManipulator.asHexString(theme.visualization.getColorByName(color)).toLowerCase();
  return nameOfHex.get(hex) ?? hex;
}

// --- what the panels make of that

const textOf = ({ prefix, text, suffix }) => (prefix ?? '') + text + (suffix ?? '');
const isNothing = (value) => value === null || value === undefined || Number.isNaN(value);
const hasTime = (frame) => frame.fields.some(({ type }) => type === 'time');
const finite = (values) => values.filter((value) => Number.isFinite(value));

// Number fields of frames that have a time, each with its times; a hole in them is one of the data.
function seriesOf(frames) {
  return frames.filter(hasTime).flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === 'time');
    return frame.fields
      .filter(({ type, config }) => type === 'number' && !config.custom?.hideFrom?.viz)
      .map((field) => {
        const points = [];
        const interval = time.config.interval;
        for (let i = 0; i < time.values.length; i++) {
          const last = points[points.length - 1];
          if (last && interval && time.values[i] - last[0] > 1.5 * interval) {
            points.push([last[0] + interval, null]);
          }
          points.push([time.values[i], isNothing(field.values[i]) ? null : field.values[i]]);
        }
        return { name: grafana.getFieldDisplayName(field, frame, frames), field, points };
      });
  });
}

function stat(panel, frames) {
  const { reduceOptions } = panel.options;
  const found = grafana.getFieldDisplayValues({
    data: frames,
    fieldConfig: panel.fieldConfig,
    reduceOptions,
    replaceVariables,
    theme,
    timeZone: 'utc',
  });
  const values = found.map(({ display }) => ({
    title: display.title ?? null,
    text: textOf(display),
    number: display.numeric,
    color: colorName(display.color),
  }));
  return { message: null, values };
}

// What stands there instead of a chart. A state timeline does not ask for noValue.
const isEmpty = (frames) => frames.every(({ length }) => length === 0);
const timelineMessage = (frames) =>
  frames.length === 0 ? 'No data' : frames.some(hasTime) ? null : 'Data does not have a time field';
function chartMessage({ fieldConfig }, frames) {
  if (isEmpty(frames)) {
    return fieldConfig.defaults.noValue ?? 'No data';
  }
  return frames.some(hasTime) ? null : 'Data is missing a time field';
}

// The colour mode `thresholds` merges what lies between the same two thresholds and calls it by
// them: value mappings count for nothing then.
function byThreshold(field) {
  const { steps } = field.config.thresholds;
  return (value) => {
    const step = grafana.getActiveThreshold(value, steps);
    const next = steps[steps.indexOf(step) + 1];
    const from = step.value === -Infinity || step.value === null ? '' : step.value;
    return { text: next ? `${from}..${next.value}` : `${from}+`, color: colorName(step.color) };
  };
}

function timeline(panel, frames) {
  const message = timelineMessage(frames);
  if (message) {
    return { message, rows: [] };
  }
  const rows = seriesOf(frames).map(({ name, field, points }) => {
    const merges = panel.options.mergeValues !== false;
    const byRange = merges && field.config.color?.mode === 'thresholds' && field.config.thresholds?.steps.length > 0;
    const shown = byRange
      ? byThreshold(field)
      : (value) => {
          const display = field.display(value);
          return { text: textOf(display), color: colorName(display.color) };
        };
    const segments = [];
    for (const [time, value] of points) {
      const last = segments[segments.length - 1];
      if (value === null) {
        if (last && last.to === undefined) {
          last.to = time;
        }
        continue;
      }
      const { text, color } = shown(value);
      if (last && last.to === undefined && last.text === text && merges) {
        continue;
      }
      if (last && last.to === undefined) {
        last.to = time;
      }
      segments.push({ from: time, to: undefined, text, color });
    }
    const end = points.length ? points[points.length - 1][0] : null;
    return { name, segments: segments.map((one) => ({ ...one, to: one.to ?? end })) };
  });
  return { message: null, rows };
}

// Fields share a scale when these agree.
function scaleKey({ config }) {
  const { min, max, unit, custom = {} } = config;
  const { axisSoftMin, axisSoftMax, axisPlacement = 'auto', axisLabel, scaleDistribution } = custom;
  return JSON.stringify([unit, min, max, axisSoftMin, axisSoftMax, axisPlacement, axisLabel, scaleDistribution?.type]);
}

function timeseries(panel, frames) {
  const message = chartMessage(panel, frames);
  if (message) {
    return { message, series: [], scales: [], legend: [] };
  }
  const all = seriesOf(frames);
  const scales = new Map();
  const stacks = new Map();
  for (const { field, points } of all) {
    const key = scaleKey(field);
    const { config } = field;
    const custom = config.custom ?? {};
    if (!scales.has(key)) {
      // The first field of a scale brings its thresholds.
      scales.set(key, { key, min: Infinity, max: -Infinity, style: 'off', areas: [] });
    }
    const scale = scales.get(key);
    const values = finite(points.map(([, value]) => value));
    let [low, high] = [Math.min(...values), Math.max(...values)];
    if (custom.stacking?.mode === 'normal') {
      const group = key + custom.stacking.group;
      const sums = stacks.get(group) ?? new Map();
      points.forEach(([time, value]) => sums.set(time, (sums.get(time) ?? 0) + (value ?? 0)));
      stacks.set(group, sums);
      high = Math.max(...sums.values());
      low = Math.min(low, 0);
    }
    scale.min = config.min ?? Math.min(scale.min, low, custom.axisSoftMin ?? Infinity);
    scale.max = config.max ?? Math.max(scale.max, high, custom.axisSoftMax ?? -Infinity);
    const style = custom.thresholdsStyle?.mode ?? 'off';
    if (style !== 'off' && scale.style === 'off' && config.thresholds) {
      scale.style = style;
      scale.areas = config.thresholds.steps.map((step, i, steps) => ({
        color: colorName(step.color),
        from: Number.isFinite(step.value) ? step.value : null,
        to: steps[i + 1]?.value ?? null,
      }));
    }
  }
  const keys = [...scales.keys()];
  const series = all.map(({ name, field, points }) => {
    const custom = field.config.custom ?? {};
    const calcs = panel.options.legend?.calcs ?? [];
    const reducers = [...calcs, 'lastNotNull'];
    const reduced = grafana.reduceField({ field: { ...field, state: undefined }, reducers });
    const shown = (value) => (isNothing(value) ? '' : textOf(field.display(value)));
    return {
      name,
      color: colorName(grafana.getFieldSeriesColor(field, theme).color),
      scale: keys.indexOf(scaleKey(field)),
      points,
      last: reduced.lastNotNull ?? null,
      text: shown(reduced.lastNotNull),
      legend: Object.fromEntries(
        calcs.map((calc) => [calc, { number: reduced[calc] ?? null, text: shown(reduced[calc]) }])
      ),
      isInLegend: panel.options.legend?.showLegend !== false && !custom.hideFrom?.legend,
    };
  });
  const { sortBy, sortDesc } = panel.options.legend ?? {};
  let rows = series.filter(({ isInLegend }) => isInLegend);
  if (panel.options.legend?.displayMode === 'table' && sortBy) {
    const named = { Name: null };
    for (const calc of panel.options.legend.calcs) {
      named[grafana.fieldReducers.get(calc).name] = calc;
    }
    if (!(sortBy in named)) {
      throw new Error(`the legend has no column ${sortBy} to be sorted by`);
    }
    const by = (one) => (named[sortBy] === null ? one.name : one.legend[named[sortBy]].number ?? -Infinity);
    rows = [...rows].sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0) * (sortDesc ? -1 : 1));
  }
  return { message: null, series, scales: [...scales.values()], legend: rows.map(({ name }) => name) };
}

// A link of a cell, with the values of its row.
function followed(url, frame, rowIndex) {
  const fields = grafana.getFieldDisplayValuesProxy({ frame, rowIndex });
  return url.replace(/\$\{__data\.fields\.(\w+)\}/g, (_, name) => fields[name]?.text ?? '');
}

function table(panel, frames) {
  const frame = frames[0];
  if (!frame || frame.fields.length === 0) {
    return { message: panel.fieldConfig.defaults.noValue ?? 'No data', columns: [], rows: [] };
  }
  const shown = frame.fields.filter(({ config }) => !config.custom?.hidden);
  const columns = shown.map((field) => ({
    name: grafana.getFieldDisplayName(field, frame, frames),
    width: field.config.custom?.width ?? null,
    minWidth: field.config.custom?.minWidth ?? null,
    links: (field.config.links ?? []).map(({ url }) => url),
  }));
  let order = [...Array(frame.length).keys()];
  for (const { displayName, desc } of [...(panel.options.sortBy ?? [])].reverse()) {
    const field = frame.fields.find((one) => grafana.getFieldDisplayName(one, frame, frames) === displayName);
    if (!field) {
      throw new Error(`the table has no column ${displayName} to be sorted by`);
    }
    const value = (i) => field.values[i] ?? -Infinity;
    order = order.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (desc ? -1 : 1));
  }
  const colored = ['color-text', 'color-background'];
  const rows = order.map((row) =>
    Object.fromEntries(
      shown.map((field, i) => {
        const value = field.values[row];
        const display = field.display(value);
        const type = field.config.custom?.cellOptions?.type ?? 'auto';
        const color = colored.includes(type) ? colorName(display.color) : 'text';
        const links = columns[i].links.map((url) => followed(url, frame, row));
        return [columns[i].name, { value: value ?? null, text: textOf(display), color, links }];
      })
    )
  );
  return { message: rows.length ? null : 'No data', columns, rows };
}

const RULES = { stat, bargauge: stat, gauge: stat, 'state-timeline': timeline, timeseries, table };

async function look(question) {
  const { panel } = question;
  const rule = RULES[panel.type];
  if (!rule) {
    throw new Error('a type of panel that is not known here: ' + panel.type);
  }
  let data;
  try {
    data = await dataOf(question);
  } catch (error) {
    if (!(error instanceof TypeError)) {
      throw error;
    }
    // A transformation that fails: Grafana shows the error instead of the panel.
    return { message: String(error), values: [], series: [], scales: [], legend: [], columns: [], rows: [] };
  }
  return rule(panel, data);
}

module.exports = { look, timeline };
