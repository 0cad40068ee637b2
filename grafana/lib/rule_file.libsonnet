// A Prometheus rule file: YAML in the order in which people read a rule, with expressions and
// templates in lines of their own (std.manifestYamlDoc sorts fields and escapes quotes).
local order = ['name', 'interval', 'alert', 'record', 'expr', 'for', 'labels', 'annotations', 'summary', 'description'];

local fields(object) =
  [f for f in order if std.objectHas(object, f)] +
  [f for f in std.objectFields(object) if !std.member(order, f)];

local isLetterOrDigit(c) = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
local isPlain(text) =
  std.length([c for c in std.stringChars(text) if std.length(std.findSubstr(c, ':_-')) == 0 && !isLetterOrDigit(c)]) == 0;

local yaml(value, indent) =
  if std.isObject(value) then
    std.join('', ['\n' + indent + f + ':' + yaml(value[f], indent + '  ') for f in fields(value)])
  else if std.isArray(value) then
    std.join('', [
      local item = yaml(element, indent + '  ');
      '\n' + indent + '- ' + std.lstripChars(item, '\n ')
      for element in value
    ])
  else
    local text = std.rstripChars(value, '\n');
    if std.length(std.findSubstr('\n', text)) > 0 then
      ' |-' + std.join('', ['\n' + indent + line for line in std.split(text, '\n')])
    else if isPlain(text) then ' ' + text
    else if std.length(std.findSubstr("'", text)) > 0 then ' ' + std.escapeStringJson(text)
    else " '" + text + "'";

function(groups)
  '# Generated from grafana/*.libsonnet by `make grafana`: change it there.' + yaml(groups, '') + '\n'
