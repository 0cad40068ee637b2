// Descriptors, and what they are of: files, sessions, databases, inotify watches.
local promql = import '../lib/promql.libsonnet';
local alerts = import 'alert.libsonnet';

{
  prometheusAlerts+:: {
    local config = $._config,
    local p = promql(config),
    local a = alerts(config),
    local largestClass = a.largest('process_fds', 'Most are of the class {{ .Labels.type }}: {{ .Value }}.'),
    local byName = "lsof -p {{ $pid }} | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn",
    local sessions = 'type=~"%s"' % std.join('|', config.sessionPatterns),

    groups+: [
      {
        name: 'sidecar-files',
        rules:
          a.level(
            'fds',
            'SidecarFDsHigh',
            'Sidecar has many open file descriptors.',
            a.count,
            p.metric('process_open_fds'),
            'has %(value)s descriptors open (%(from)s).',
            "lsof -p {{ $pid }} | awk '{print $5}' | sort | uniq -c | sort -rn",
            largestClass,
          ) +
          a.growing(
            'fds_growing',
            'SidecarFDsGrowing',
            "Sidecar's open file descriptors keep growing.",
            a.count,
            'has at least %(value)s descriptors more open than %(time)s ago, and had more in each %(window)s (%(from)s).',
            byName + ' | head -20',
            largestClass,
          ) +
          a.level(
            'same_file',
            'SidecarSameFileOpen',
            'Sidecar has the same file open many times.',
            a.count,
            p.metric('process_fds_same_file_max'),
            'has one file open %(value)s times (%(from)s).',
            byName + " | awk '$1>1'",
            a.known('process_fds_duplicate', '{{ .Value }} opens are of files that are open already.'),
          ) +
          a.level(
            'session_files',
            'SidecarSessionFilesOpen',
            'Sidecar has many session files open.',
            a.count,
            'max without (type) (%s)' % p.metric('process_fds_matching', sessions),
            'has %(value)s session files of one kind open (%(from)s).',
            "lsof -p {{ $pid }} | grep -c '\\.claude/projects'; lsof -p {{ $pid }} | grep -c '\\.codex/sessions'",
            a.largest('process_fds_matching', 'They are {{ .Labels.type }}.', [sessions]),
          ) +
          a.level(
            'inotify_watches',
            'SidecarInotifyWatchesHigh',
            "Sidecar uses much of the user's inotify watches.",
            a.ratio,
            '%s / %d' % [p.metric('process_inotify_watches'), config.inotifyLimit],
            "has %(value)s of its user's inotify watches (%(from)s).",
            'sysctl fs.inotify.max_user_watches; grep -c ^inotify /proc/{{ $pid }}/fdinfo/* | grep -v :0',
            a.known('process_inotify_watches', 'They are {{ .Value }}.'),
          ) +
          a.level(
            'sqlite_contention',
            'SidecarSQLiteContention',
            "Another process holds a lock on a database of sidecar's.",
            a.count,
            'max without (type) (%s)' % p.metric('process_file_locks', 'type="contended"'),
            'has a database open, and other processes hold %(value)s locks to write on it (%(from)s).',
            "lsof -p {{ $pid }} | grep '\\.db'; cat /proc/locks",
          ),
      },
    ],
  },
}
