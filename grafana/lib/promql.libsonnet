// PromQL in small pieces: names of metrics with the configuration's prefix and selector, and
// sums of durations.
function(config) {
  local isStandard(name) = std.startsWith(name, 'go_') || std.startsWith(name, 'process_'),

  // metric('process_fds', 'type="pipe"'): a metric, or the series of a recording rule, with its
  // prefix and all its matchers. What counts has _total behind its name already.
  metric(name, matchers=''):
    local prefix =
      if std.length(std.split(name, ':')) > 1 then ''
      else if isStandard(name) then config.standardPrefix
      else config.prefix;
    self.named(prefix + name, matchers),

  // The same of a series that is not the plugin's.
  named(name, matchers=''):
    local all = std.join(', ', [m for m in [matchers, config.selector] if m != '']);
    name + (if all == '' then '' else '{' + all + '}'),

  // 0.1 and not 0.10000000000000001; 2147483648 and not 2.14748e+09.
  number(n): if std.floor(n) == n then '%d' % n else '%g' % n,

  seconds(duration):
    local factors = { s: 1, m: 60, h: 3600, d: 86400 };
    local last = std.length(duration) - 1;
    std.parseInt(std.substr(duration, 0, last)) * factors[duration[last]],

  // The shortest way to write it that Prometheus reads.
  duration(seconds):
    local units = [['d', 86400], ['h', 3600], ['m', 60], ['s', 1]];
    local fit = [u for u in units if seconds % u[1] == 0];
    '%d%s' % [seconds / fit[0][1], fit[0][0]],

  times(duration, n): self.duration(self.seconds(duration) * n),

  // How long a value has to be below its threshold until the plugin clears a flag of that hold
  // (clear_hold in detectors.c): five holds and at most ten minutes, or one hold that is longer.
  clearHold(hold):
    local seconds = self.seconds(hold);
    self.duration(std.min(5 * seconds, std.max(seconds, 600))),

  // Seconds for which the process has been running. Names are used again: what looks back has
  // to stay within one process's life.
  age: 'time() - ' + self.metric('process_start_time_seconds'),
}
