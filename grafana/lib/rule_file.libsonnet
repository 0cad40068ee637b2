// A Prometheus rule file: YAML in the order in which people read a rule, with expressions and
// templates in lines of their own (std.manifestYamlDoc sorts fields and escapes quotes).
local order = ['name', 'interval', 'alert', 'record', 'expr', 'for', 'keep_firing_for', 'labels', 'annotations', 'summary', 'description'];
local keys(object) =
  [f for f in order if std.objectHas(object, f)] +
  [f for f in std.objectFields(object) if !std.member(order, f)];

// std.findSubstr and std.member take seconds for texts like these.
local has(text, part) = std.length(std.split(text, part)) > 1;
local words = ['name', 'interval', 'alert', 'record', 'for', 'keep_firing_for', 'severity', 'flag'];
local scalar(key, text, indent) =
  if has(text, '\n') then ' |-\n' + std.join('\n', [indent + line for line in std.split(text, '\n') if line != ''])
  else if std.member(words, key) then ' ' + text
  else if has(text, "'") then ' ' + std.escapeStringJson(text)
  else " '" + text + "'";

local fields(object, indent) =
  local value(key, v) =
    if std.isObject(v) then '\n' + indent + '  ' + fields(v, indent + '  ')
    else if std.isArray(v) then std.join('', ['\n' + indent + '  - ' + fields(e, indent + '    ') for e in v])
    else scalar(key, v, indent + '  ');
  std.join('\n' + indent, [key + ':' + value(key, object[key]) for key in keys(object)]);

function(groups)
  '# Generated from grafana/*.libsonnet by `make grafana`: change it there.\n' + fields(groups, '') + '\n'
