// Fleet's table, made by Grafana's own transformations (npm package @grafana/data) from answers as
// the data sources give them: a row for each sidecar, a column for each value, and nothing where a
// value is unknown. Takes the paths of the two fleet.json. extractFields is not in the package;
// what its format kvp does with our names is here.
global.window = { location: {}, localStorage: {}, navigator: { userAgent: '' }, addEventListener() {} };
global.document = { documentElement: { style: {} }, createElement: () => ({ style: {} }) };
const assert = require('assert');
const fs = require('fs');
const {
  getFieldDisplayName,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} = require('@grafana/data');

const used = ['reduceTransformer', 'groupingToMatrixTransformer', 'organizeFieldsTransformer', 'mergeTransformer'];
standardTransformersRegistry.setInit(() =>
  used.map((name) => ({ id: standardTransformers[name].id, name, transformation: standardTransformers[name] }))
);

const HOSTS = ['web1', 'web2'];
const unknown = (host, column) => host === 'web2' && column === 2; // no pprof there, say
const refId = (column) => String.fromCharCode('A'.charCodeAt(0) + column);
const value = (host, column) => 10 * column + HOSTS.indexOf(host);

function fromPrometheus(column) {
  const hosts = HOSTS.filter((host) => !unknown(host, column));
  const fields = [
    { name: 'Time', type: 'time', values: hosts.map(() => 0) },
    { name: 'instance', type: 'string', values: hosts },
    { name: 'sidecar', type: 'string', values: hosts.map(() => 'proj') },
    { name: 'Value #' + refId(column), type: 'number', values: hosts.map((host) => value(host, column)) },
  ];
  return [toDataFrame({ refId: refId(column), fields })];
}

function fromGraphite(column, target) {
  const name = target.match(/'(row=.*)'\)$/)[1];
  return HOSTS.filter((host) => !unknown(host, column)).map((host) => {
    const title = name.replace('\\1', host).replace('\\2', 'proj');
    const datapoints = [[null, 0], [value(host, column), 1], [null, 2]];
    return toDataFrame({ refId: refId(column), target: title, title, datapoints });
  });
}

function extractFields({ source }, frame) {
  const texts = frame.fields.find((field) => field.name === source).values;
  const rows = texts.map((text) =>
    Object.fromEntries([...text.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)].map((m) => [m[1], m[2] ?? m[3]]))
  );
  const names = [...new Set(rows.flatMap(Object.keys))];
  const added = names.map((name) => ({ name, type: 'string', config: {}, values: rows.map((row) => row[name]) }));
  return { ...frame, fields: [...frame.fields, ...added] };
}

async function check(path) {
  const table = JSON.parse(fs.readFileSync(path)).panels.find((panel) => panel.type === 'table');
  let frames = table.targets.flatMap((target, column) =>
    target.expr ? fromPrometheus(column) : fromGraphite(column, target.target)
  );
  for (const one of table.transformations) {
    if (one.id === 'extractFields') {
      frames = frames.map((frame) => extractFields(one.options, frame));
    } else {
      frames = await new Promise((resolve) => transformDataFrame([one], frames).subscribe(resolve));
    }
  }
  assert.strictEqual(frames.length, 1);
  const found = Object.fromEntries(
    frames[0].fields.map((field) => [getFieldDisplayName(field, frames[0]), [...field.values].map((v) => v ?? null)])
  );
  const names = table.fieldConfig.overrides.map((override) => override.matcher.options).slice(-table.targets.length);
  const expected = { host: HOSTS, sidecar: ['proj', 'proj'] };
  names.forEach((name, column) => {
    expected[name] = HOSTS.map((host) => (unknown(host, column) ? null : value(host, column)));
  });
  assert.deepStrictEqual(found, expected, path);
}

Promise.all(process.argv.slice(2).map(check)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
