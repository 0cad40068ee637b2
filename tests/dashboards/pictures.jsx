// Draws window.page (see pictures): the panels of a dashboard with the answers to their queries.
import 'uplot/dist/uPlot.min.css';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { BarGauge, BigValue, Table, TimeSeries } from '@grafana/ui';
import { dateTime, getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';
import { dataOf, replaceVariables, theme } from './frames.js';
import { look } from './panels.js';

const { placed, backEnd, now, range, width } = window.page;
const COLUMN = (width - 24) / 24;

function Stats({ panel, data, width, height }) {
  const values = getFieldDisplayValues({
    data,
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables,
    sparkline: panel.options.graphMode !== 'none',
    theme,
  });
  const each = height / values.length;
  const shared = { alignmentFactors: getDisplayValueAlignmentFactors(values), text: panel.options.text, theme, width };
  return values.map((one, i) =>
    panel.type === 'stat' ? (
      <BigValue
        key={i}
        {...shared}
        value={one.display}
        sparkline={one.sparkline}
        colorMode={panel.options.colorMode}
        graphMode={panel.options.graphMode}
        textMode={panel.options.textMode}
        count={values.length}
        height={each}
      />
    ) : (
      <BarGauge
        key={i}
        {...shared}
        value={one.display}
        field={one.field}
        display={one.view?.getFieldDisplayProcessor(one.colIndex)}
        displayMode={panel.options.displayMode}
        orientation={panel.options.orientation}
        namePlacement={panel.options.namePlacement || 'auto'}
        height={each - 8}
      />
    )
  );
}

function Chart({ panel, data, seen, width, height }) {
  if (seen.message) {
    return <Message text={seen.message} />;
  }
  const time = { from: dateTime((now - range) * 1000), to: dateTime(now * 1000) };
  return (
    <TimeSeries
      frames={data}
      structureRev={1}
      timeRange={{ ...time, raw: time }}
      timeZone="utc"
      legend={panel.options.legend}
      width={width}
      height={height}
    >
      {() => null}
    </TimeSeries>
  );
}

const Message = ({ text }) => <div style={{ textAlign: 'center', paddingTop: 40 }}>{text}</div>;

function Timeline({ seen, width, height }) {
  if (seen.message) {
    return <Message text={seen.message} />;
  }
  const begin = (now - range) * 1000;
  const x = (at) => 160 + ((Math.max(at, begin) - begin) / (range * 1000)) * (width - 160);
  const row = height / seen.rows.length;
  const place = { position: 'absolute', overflow: 'hidden' };
  return seen.rows.map(({ name, segments }, i) => (
    <div key={i}>
      <div style={{ ...place, top: i * row, width: 155, height: row, fontSize: 12, textAlign: 'right' }}>{name}</div>
      {segments.map(({ from, to, text, color }, j) => (
        <div
          key={j}
          title={text}
          style={{
            ...place,
            top: i * row + 1,
            height: row - 2,
            left: x(from),
            width: x(to) - x(from),
            background: color === 'transparent' ? 'black' : theme.visualization.getColorByName(color),
          }}
        />
      ))}
    </div>
  ));
}

function TheTable({ panel, data, seen, width, height }) {
  if (seen.message) {
    return <Message text={seen.message} />;
  }
  return <Table data={data[0]} initialSortBy={panel.options.sortBy} width={width} height={height} />;
}

const TYPES = { stat: Stats, bargauge: Stats, timeseries: Chart, table: TheTable, 'state-timeline': Timeline };

function Panel({ panel, data, seen }) {
  const { x, y, w, h } = panel.gridPos;
  const box = { position: 'absolute', left: 8 + x * COLUMN, top: 8 + y * 38, width: w * COLUMN - 8, height: h * 38 - 8 };
  if (panel.type === 'row') {
    return <div style={{ ...box, fontWeight: 500 }}>{(panel.collapsed ? '› ' : '⌄ ') + panel.title}</div>;
  }
  const Type = TYPES[panel.type];
  const inner = { width: box.width - 16, height: box.height - 36 };
  return (
    <div style={{ ...box, background: theme.colors.background.primary, border: '1px solid #333', overflow: 'hidden' }}>
      <div style={{ padding: '6px 8px', whiteSpace: 'nowrap', height: 20, fontWeight: 500 }}>{panel.title}</div>
      <div style={{ position: 'absolute', left: 8, top: 32, ...inner }}>
        <Type panel={panel} data={data} seen={seen} {...inner} />
      </div>
    </div>
  );
}

async function main() {
  const panels = [];
  for (const panel of placed) {
    const question = { panel, backEnd, answers: panel.answers };
    panels.push(
      panel.type === 'row' ? { panel } : { panel, data: await dataOf(question), seen: await look(question) }
    );
  }
  Object.assign(document.body.style, {
    background: theme.colors.background.canvas,
    color: theme.colors.text.primary,
    font: '14px Inter, Helvetica, Arial, sans-serif',
  });
  const root = document.body.appendChild(document.createElement('div'));
  createRoot(root).render(panels.map((one, i) => <Panel key={i} {...one} />));
}

main().catch((error) => {
  document.body.innerText = error.stack;
});
