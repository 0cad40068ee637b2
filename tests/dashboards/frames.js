// A panel's data frames: what Grafana's data sources make of a server's answer, put through
// @grafana/data (transformations, field overrides, display processors), as the panel gets them.
if (typeof window === 'undefined') {
  global.window = { location: {}, localStorage: {}, navigator: { userAgent: '' }, addEventListener() {} };
  global.document = { documentElement: { style: {} }, createElement: () => ({ style: {} }) };
  global.navigator ??= { language: 'en-US', languages: ['en-US'], userAgent: '' };
}
const grafana = require('@grafana/data');

const theme = grafana.createTheme({ colors: { mode: 'dark' } });

// --- data frames, as the data sources make them

function legend(format, labels) {
  if (!format || format === '__auto') {
    const own = Object.keys(labels).filter((name) => name !== '__name__');
    return own.length || !labels.__name__
      ? (labels.__name__ ?? '') + '{' + own.map((name) => `${name}="${labels[name]}"`).join(', ') + '}'
      : labels.__name__;
  }
  return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name) => labels[name] ?? '');
}

const number = (text) => ({ NaN: NaN, '+Inf': Infinity, '-Inf': -Infinity })[text] ?? Number(text);

function fromPrometheus(answers) {
  const tables = answers.filter(({ target }) => target.format === 'table');
  return answers.flatMap(({ target, step, result }) => {
    const { refId } = target;
    if (target.format === 'table') {
      const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
      const rows = result.flatMap(({ metric, values }) => values.map(([at, value]) => ({ metric, at, value })));
      return [
        grafana.toDataFrame({
          refId,
          fields: [
            { name: 'Time', type: 'time', values: rows.map(({ at }) => at * 1000) },
            ...labels.map((name) => ({ name, type: 'string', values: rows.map(({ metric }) => metric[name] ?? '') })),
            {
              name: tables.length > 1 ? 'Value #' + refId : 'Value',
              type: 'number',
              values: rows.map(({ value }) => number(value)),
            },
          ],
        }),
      ];
    }
    if (result.length === 0) {
      return [grafana.toDataFrame({ refId, fields: [] })];
    }
    return result.map(({ metric, values }) => {
      const name = legend(target.legendFormat, metric);
      const { __name__, ...labels } = metric;
      const times = values.map(([at]) => at * 1000);
      const time = { name: 'Time', type: 'time', config: { interval: step * 1000 }, values: times };
      const numbers = values.map(([, value]) => number(value));
      const value = { name: 'Value', type: 'number', labels, config: { displayNameFromDS: name }, values: numbers };
      return grafana.toDataFrame({ refId, name, meta: { type: 'timeseries-multi' }, fields: [time, value] });
    });
  });
}

// Grafana's data source for Graphite does not say which target a series came from.
const fromGraphite = (answers) =>
  answers.flatMap(({ result }) =>
    result.map(({ target, tags, datapoints }) =>
      grafana.toDataFrame({ target, title: target, tags, datapoints: datapoints.map(([v, t]) => [v, t * 1000]) })
    )
  );

// --- transformations

// Not in the package: what its format kvp does with our names.
function extractFields({ source, format, replace }, frames) {
  if (format !== 'kvp') {
    throw new Error('extractFields knows the format kvp only here');
  }
  return frames.map((frame) => {
    const from = frame.fields.find((field) => grafana.getFieldDisplayName(field, frame) === source);
    if (!from) {
      return frame;
    }
    const rows = [...from.values].map((text) =>
      Object.fromEntries([...String(text).matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)].map((m) => [m[1], m[2] ?? m[3]]))
    );
    const names = [...new Set(rows.flatMap(Object.keys))];
    const added = names.map((name) => ({ name, type: 'string', config: {}, values: rows.map((row) => row[name]) }));
    return { ...frame, fields: replace ? added : [...frame.fields, ...added] };
  });
}

// Some stand there under two names.
const transformers = new Map(Object.values(grafana.standardTransformers).map((one) => [one.id, one]));
grafana.standardTransformersRegistry.setInit(() =>
  [...transformers].map(([id, transformation]) => ({ id, name: id, transformation }))
);

async function transformed(transformations, frames) {
  for (const one of transformations ?? []) {
    if (one.disabled) {
      continue;
    }
    if (one.id === 'extractFields') {
      frames = extractFields(one.options, frames);
    } else if (!transformers.has(one.id)) {
      throw new Error('a transformation that is not known here: ' + one.id);
    } else {
      frames = await new Promise((next, error) => grafana.transformDataFrame([one], frames).subscribe({ next, error }));
    }
  }
  return frames;
}

// --- field configuration

const always = () => true;
const onNumbers = (field) => field.type === 'number';
const standard = [
  ['displayName', grafana.displayNameOverrideProcessor, always],
  ['unit', grafana.unitOverrideProcessor, always],
  ['decimals', grafana.numberOverrideProcessor, onNumbers],
  ['min', grafana.numberOverrideProcessor, onNumbers],
  ['max', grafana.numberOverrideProcessor, onNumbers],
  ['fieldMinMax', grafana.identityOverrideProcessor, onNumbers],
  ['noValue', grafana.stringOverrideProcessor, always],
  ['links', grafana.dataLinksOverrideProcessor, always],
  ['mappings', grafana.valueMappingsOverrideProcessor, always],
  ['color', grafana.identityOverrideProcessor, always],
  ['thresholds', grafana.thresholdsOverrideProcessor, onNumbers],
].map(([id, process, shouldApply]) => ({ id, path: id, name: id, settings: {}, process, shouldApply }));

function registryFor({ defaults, overrides }) {
  const named = overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
  const ids = [...Object.keys(defaults.custom ?? {}).map((key) => 'custom.' + key), ...named];
  const custom = [...new Set(ids.filter((id) => id.startsWith('custom.')))].map((id) => ({
    id,
    path: id.slice('custom.'.length),
    name: id,
    settings: {},
    isCustom: true,
    process: grafana.identityOverrideProcessor,
    shouldApply: always,
  }));
  for (const id of named) {
    if (!id.startsWith('custom.') && !standard.some((one) => one.id === id)) {
      throw new Error('an override that is not known here: ' + id);
    }
  }
  return new grafana.Registry(() => [...standard, ...custom]);
}

const replaceVariables = (text) => text;

async function dataOf({ panel, backEnd, answers }) {
  const frames = backEnd === 'prometheus' ? fromPrometheus(answers) : fromGraphite(answers);
  return grafana.applyFieldOverrides({
    data: await transformed(panel.transformations, frames),
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registryFor(panel.fieldConfig),
    replaceVariables,
    theme,
    timeZone: 'utc',
  });
}

module.exports = { dataOf, replaceVariables, theme };
