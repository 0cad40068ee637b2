// The plugin's series in Graphite, as write_graphite names them with the settings of
// config.libsonnet. A target that this makes has series called as without any of them,
//   … HOST.sidecar-NAME.METRIC[-TYPE][.SOURCE]
// so that code which takes a name apart needs to know only this form. With tags, where names may
// contain dots, each dot is `dot` until shown() restores it.
//
// Prefix is text. Host and sidecar are the names of Grafana's variables, or null for any.
function(config)
  local call(function_name, arguments) = function_name + '(' + std.join(', ', arguments) + ')';
  local quoted(text) = "'" + text + "'";
  local alias(target, search, replacement) = call('aliasSub', [target, quoted(search), quoted(replacement)]);
  local if_any(mark, text) = if text == null then '' else mark + text;
  local by_sidecar(target) = alias(target, @'^.*?([^.(,]+)\.sidecar-([^.,)]+).*$', @'\1.sidecar-\2');
  local glob(variable) = if variable == null then '*' else '${%s}' % variable;

  // PREFIX HOST.sidecar-NAME.METRIC[-TYPE][.SOURCE]
  local joined = {
    series(prefix, host, sidecar, metric, type=null, source=null)::
      '%s%s.sidecar-%s.%s%s%s' % [prefix, glob(host), glob(sidecar), metric, if_any('-', type), if_any('.', source)],
    shown(target):: target,
    // Any host's and sidecar's, each called HOST.sidecar-NAME.
    named_by_sidecar(prefix, metric, type=null, source=null)::
      local node = std.length(std.split(prefix, '.')) - 1;
      call('aliasByNode', [self.series(prefix, null, null, metric, type, source), '%d' % node, '%d' % (node + 1)]),
    // Templates of Grafana's for the labels of an alert, whose series have the names above, or
    // those within functions' names.
    label:: {
      local part(replacement) =
        '{{ reReplaceAll "^.*?([^.(,]+)\\\\.sidecar-([^.,)]+).*$" "%s" $labels.name }}' % replacement,
      host: part('$1'),
      sidecar: part('$2'),
      series: '{{ $labels.name }}',
    },
    all:: '*',
    hosts(prefix)::
      { query: 'expand(%s*.sidecar-*.process_count)' % prefix, regex: @'/([^.]+)\.sidecar-[^.]+\.process_count$/' },
    sidecars(prefix, host)::
      { query: 'expand(%s%s.sidecar-*.process_pid)' % [prefix, glob(host)], regex: @'/\.sidecar-([^.]+)\.process_pid$/' },
  };

  // PREFIX HOST.sidecar.NAME.METRIC[.TYPE][.SOURCE]
  local separate = joined {
    named_by_sidecar(prefix, metric, type=null, source=null):: by_sidecar(self.series(prefix, null, null, metric, type, source)),
    // A host may be called sidecar, so that what stands before it has to be known.
    label+:: {
      local part(replacement) =
        '{{ reReplaceAll "^.*?(?:%s)?([^.(,]+)\\\\.sidecar[.-]([^.,)]+).*$" "%s" $labels.name }}' % [
          std.strReplace(config.graphitePrefix, '.', @'\\.'),
          replacement,
        ],
      host: part('$1'),
      sidecar: part('$2'),
    },
    series(prefix, host, sidecar, metric, type=null, source=null)::
      local path = '%s%s.sidecar.%s.%s%s%s' % [prefix, glob(host), glob(sidecar), metric, if_any('.', type), if_any('.', source)];
      local start = @'^.*?([^.]+)\.sidecar\.([^.]+)\.' + metric;
      if type == null then alias(path, start, @'\1.sidecar-\2.' + metric)
      else alias(path, start + @'\.', @'\1.sidecar-\2.%s-' % metric),
    hosts(prefix)::
      { query: 'expand(%s*.sidecar.*.process_count)' % prefix, regex: @'/([^.]+)\.sidecar\.[^.]+\.process_count$/' },
    sidecars(prefix, host)::
      { query: 'expand(%s%s.sidecar.*.process_pid)' % [prefix, glob(host)], regex: @'/\.sidecar\.([^.]+)\.process_pid$/' },
  };

  // PREFIX sidecar.METRIC[.SOURCE];[ds_name=SOURCE;]host=HOST;plugin=sidecar;plugin_instance=NAME;
  // type=METRIC[;type_instance=TYPE], with dots in names.
  local dot = '%2E';
  local one_of(tag, variable) = if variable == null then [] else ['%s=~^(${%s:regex})$' % [tag, variable]];
  local escaped(text) = std.strReplace(text, '.', @'\.');
  // Of 'name' or '{one,other}'.
  local alternatives(globbed) = std.split(std.stripChars(globbed, '{}'), ',');
  local one_type(type) =
    if type == null || type == '*' then []
    else if std.length(alternatives(type)) == 1 then ['type_instance=' + alternatives(type)[0]]
    else ['type_instance=~^(%s)$' % std.join('|', alternatives(type))];
  local tagged = {
    series(prefix, host, sidecar, metric, type=null, source=null)::
      local name(one) =
        if one == '*' then ['name=~^%ssidecar' % escaped(prefix), 'type=' + metric]
        else ['name=%ssidecar.%s%s' % [prefix, metric, if_any('.', one)]];
      local chosen(one) = call('seriesByTag', std.map(
        quoted, name(one) + one_of('host', host) + one_of('plugin_instance', sidecar) + one_type(type)
      ));
      local all = if source == null then [null] else alternatives(source);
      local found = if std.length(all) == 1 then chosen(all[0]) else call('group', [chosen(one) for one in all]);
      alias(
        alias(found, @'\.', dot),
        '^%s.*;host=([^;]+);.*;plugin_instance=([^;]+);type=[^;]+%s$' % [
          if source == null then '' else '.*;ds_name=([^;]+)',
          if type == null then '' else ';type_instance=(.+)',
        ],
        if source != null then @'\2.sidecar-\3.%s.\1' % metric
        else @'\1.sidecar-\2.%s%s' % [metric, if type == null then '' else @'-\3']
      ),
    shown(target):: alias(target, dot, '.'),
    named_by_sidecar(prefix, metric, type=null, source=null):: by_sidecar(self.series(prefix, null, null, metric, type, source)),
    // Tags stay with a series, whatever functions make of it, and with sums of one sidecar's.
    label:: {
      host: '{{ $labels.host }}',
      sidecar: '{{ $labels.plugin_instance }}',
      series: '{{ $labels.name }} {{ $labels.type_instance }}',
    },
    all:: '.*',
    hosts(prefix):: { query: 'tag_values(host, name=%ssidecar.process_count)' % prefix, regex: '' },
    sidecars(prefix, host)::
      {
        query: 'tag_values(plugin_instance, %s)' % std.join(', ', ['name=%ssidecar.process_pid' % prefix] + one_of('host', host)),
        regex: '',
      },
  };

  if config.graphiteUseTags then tagged else if config.graphiteSeparateInstances then separate else joined
