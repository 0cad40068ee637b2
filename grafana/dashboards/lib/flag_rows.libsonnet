// How the red flags are shown: states as colours, a number for each flag, and links to the runbook.
local rows = import '../../generated/red_flags.json';
local judged = import '../../lib/judged.libsonnet';

function(config, panels)
  // A cell that names the worst flag has its number times its state. Numbers are between 100 and 200,
  // so that a failure is above all warnings; of two in one state growth is above a level.
  local number(i) = 100 + std.length(rows) - i + if judged(rows[i]) && !rows[i].is_information then 50 else 0;
  local colors = { '1': 'orange', '2': 'red' };
  {
    states: {
      '0': panels.mapping(0, 'ok', 'green'),
      '1': panels.mapping(1, 'warning', 'orange'),
      '2': panels.mapping(2, 'failure', 'red'),
    },
    numbers: { [rows[i].name]: number(i) for i in std.range(0, std.length(rows) - 1) },
    mappings: { '0': panels.mapping(0, 'ok', 'green') } + {
      [std.toString(state * number(i))]:
        panels.mapping(100 * state + i, rows[i].name, colors[std.toString(state)])
      for state in [1, 2]
      for i in std.range(0, std.length(rows) - 1)
    },
    // Each flag's row leads to what the runbook says of it.
    runbook: std.foldl(
      function(all, row) all + panels.series(row.name, {
        links: [{ title: 'Runbook', url: config.runbookUrl % std.asciiLower(row.alert), targetBlank: true }],
      }),
      rows,
      {}
    ),
  }
