// The red flags as rules need them: the plugin's rows (generated/red_flags.json) with thresholds and
// holds of the configuration, and with what alerts/evidence.libsonnet has for a flag by its name.
//
// signal, types: the series that has the value, and its type instances as a regular expression; ''
// where it has none. severities: those that are on; one
// that isJudged fires on the plugin's red_flag from `state` on; the others are resolved when the value
// has been below the threshold for clearHold.
local evidence = import '../alerts/evidence.libsonnet';
local rows = import '../generated/red_flags.json';
local judged = import 'judged.libsonnet';
local promql = import 'promql.libsonnet';

function(config)
  local particular = evidence(config);

  local severity(row, name, field, state) =
    local threshold = config.flags[row.name][field];
    local onlyPlugin = field == 'warning' && judged(row);
    assert !onlyPlugin || !std.isNumber(threshold) :
           "%s of %s is the plugin's to judge: set Warning in its <RedFlag> block; here true or null" % [field, row.name];
    local both = config.flags[row.name].hold;
    local hold = if std.isObject(both) then both[field] else both;
    {
      name: name,
      threshold: threshold,
      isJudged: threshold == true,
      state: state,
      hold: hold,
      // The plugin has waited before it cleared what it judges.
      clearHold: if threshold == true then null else promql(config).clearHold(hold),
    };

  [
    row
    {
      signal: if row.kind == 'rate' then 'sidecar:%s:rate' % row.name else row.metric,
      types: if row.type_instance == '*' then std.join('|', config.flags[row.name].patterns)
      else if row.type_instance == null then ''
      else row.type_instance,
      evidence(a): '',
      isMomentary: false,
    }
    + std.get(particular, row.name, {})
    + {
      assert self.signal != null || std.filter(function(s) !s.isJudged, self.severities) == [] :
             'no metric has the value of %s: alerts/evidence.libsonnet wants a signal' % row.name,
      severities: [
        s
        for s in [
          severity(row, 'critical', 'failure', 2),
          severity(row, if row.is_information then 'info' else 'warning', 'warning', 1),
        ]
        if s.threshold != null
      ],
    }
    for row in rows
  ]
