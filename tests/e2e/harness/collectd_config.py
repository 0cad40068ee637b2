"""collectd configuration as text, and the plugin's options in one place.

Tests speak of detail_interval and of minimum_age; how the configuration file
spells them stands only here.
"""

# keyword here -> option there; the value is a string, a number, a bool, or a list of
# tuples for an option that may be repeated
PLUGIN_OPTIONS = {
    "detail_interval": "DetailInterval",
    "proc_root": "ProcRoot",
    "smaps_max_rss": "SmapsMaxRSS",
    "pprof_budget": "PprofBudget",
    "pprof_timeout": "PprofTimeout",
    "pprof_max_bytes": "PprofMaxBytes",
    "pprof_max_size": "PprofMaxSize",
    "summary": "Summary",
    "max_new_names": "MaxNewNames",
    "max_processes": "MaxProcesses",
    "fd_match": "FdMatch",
    "goroutine_dump_interval": "GoroutineDumpInterval",
    "goroutine_dump_max": "GoroutineDumpMax",
    "goroutine_leak_interval": "GoroutineLeakInterval",
    "goroutine_leak_max_heap": "GoroutineLeakMaxHeap",
    "goroutine_match": "GoroutineMatch",
    "heap_match": "HeapMatch",
    "heap_profile_interval": "HeapProfileInterval",
    "warm_up": "WarmUp",
    "capture": "Capture",
    "capture_folder": "CaptureFolder",
    "capture_on_warning": "CaptureOnWarning",
    "capture_interval": "CaptureInterval",
    "capture_max_size": "CaptureMaxSize",
    "capture_schedule": "CaptureSchedule",
    "baseline_delay": "BaselineDelay",
    "cpu_profile_seconds": "CpuProfileSeconds",
}
PROCESS_OPTIONS = {
    "enabled": "Enabled",
    "executable": "Executable",
    "command_line": "CommandLine",
    "instance": "Instance",
    "minimum_age": "MinimumAge",
    "pprof": "Pprof",
    "pprof_path": "PprofPath",
    "pprof_port": "PprofPort",
    "pprof_variable": "PprofVariable",
}


def literal(value):
    """A value as collectd's parser reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')


def option(name, *values):
    return " ".join([name] + [literal(value) for value in values])


def block(name, argument, lines):
    """<Name "argument"> with its lines indented."""
    head = name if argument is None else "%s %s" % (name, literal(argument))
    inner = "".join("  %s\n" % line for text in lines for line in text.splitlines())
    return "<%s>\n%s</%s>" % (head, inner, name)


def _options(table, values):
    lines = []
    for key, value in values.items():
        if isinstance(value, list):
            lines += [option(table[key], *one) for one in value]
        else:
            lines.append(option(table[key], value))
    return lines


def process(name, **options):
    """A <Process> block of the plugin."""
    return block("Process", name, _options(PROCESS_OPTIONS, options))


def sidecar(*processes, **options):
    """<Plugin sidecar> for quick tests: a detail round in every interval, whatever it costs."""
    options.setdefault("detail_interval", 1)
    for interval in ("goroutine_dump_interval", "heap_profile_interval"):
        options.setdefault(interval, options["detail_interval"])
    options.setdefault("pprof_budget", 0)
    options.setdefault("capture", False)
    return block("Plugin", "sidecar", _options(PLUGIN_OPTIONS, options) + list(processes))


def red_flag(name, **options):
    """A <RedFlag> block; options are spelt as in the configuration file."""
    return block("RedFlag", name, [option(*pair) for pair in options.items()])


def young(name="sidecar", **options):
    """A <Process> block that watches a program from its first second."""
    options.setdefault("minimum_age", 0)
    return process(name, **options)


def load(plugin, *lines):
    """LoadPlugin, as a block when it has options of its own."""
    if lines:
        return block("LoadPlugin", plugin, lines)
    return "LoadPlugin %s" % plugin


def write_prometheus(port):
    return "\n".join(
        [
            load("write_prometheus"),
            block(
                "Plugin",
                "write_prometheus",
                [option("Host", "127.0.0.1"), option("Port", str(port))],
            ),
        ]
    )


def graphite_node(name, port, prefix, **options):
    """A <Node> of write_graphite; options are spelt as in the configuration file."""
    lines = [
        option("Host", "127.0.0.1"),
        option("Port", str(port)),
        option("Protocol", "tcp"),
        option("Prefix", prefix),
    ] + [option(key, value) for key, value in options.items()]
    return block("Node", name, lines)


def write_graphite_nodes(nodes):
    """FlushInterval lets small buffers through at once."""
    return "\n".join(
        [load("write_graphite", "FlushInterval 1"), block("Plugin", "write_graphite", nodes)]
    )


def write_graphite(port, prefix="collectd.", **options):
    """One carbon node."""
    return write_graphite_nodes([graphite_node("carbon", port, prefix, **options)])
