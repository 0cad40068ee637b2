// A Prometheus rule file: YAML in the order in which people read a rule, with expressions and
// templates in lines of their own (std.manifestYamlDoc sorts fields and escapes quotes).
local order = ['name', 'interval', 'alert', 'record', 'expr', 'for', 'labels', 'annotations', 'summary', 'description'];
local keys(object) =
  [f for f in order if std.objectHas(object, f)] +
  [f for f in std.objectFields(object) if !std.member(order, f)];

local isPlain(c) =
  (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
local scalar(text, indent) =
  local lines = std.split(text, '\n');
  if std.length(lines) > 1 then ' |-\n' + std.join('\n', [indent + line for line in lines if line != ''])
  else if std.length([c for c in std.stringChars(text) if !isPlain(c)]) == 0 then ' ' + text
  else if std.member(text, "'") then ' ' + std.escapeStringJson(text)
  else " '" + text + "'";

local fields(object, indent) =
  local value(v) =
    if std.isObject(v) then '\n' + indent + '  ' + fields(v, indent + '  ')
    else if std.isArray(v) then std.join('', ['\n' + indent + '  - ' + fields(e, indent + '    ') for e in v])
    else scalar(v, indent + '  ');
  std.join('\n' + indent, [key + ':' + value(object[key]) for key in keys(object)]);

function(groups)
  '# Generated from grafana/*.libsonnet by `make grafana`: change it there.\n' + fields(groups, '') + '\n'
