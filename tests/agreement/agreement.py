"""What the code says about itself, for the tests that hold the documents against it.

Metrics and defaults are printed by two small programs that are linked with the code;
the options and the statuses are read from the tables in its source. The tests run in the
build folder, with the source's path in the variable srcdir, as automake has it.
"""

import json
import os
import re
import subprocess
import sys

SOURCE = os.path.abspath(os.environ.get("srcdir", os.path.join(os.path.dirname(__file__), "../..")))
BUILD = os.getcwd()

README = "README.md"
MANUAL = "plugins/sidecar/collectd-sidecar.5.pod"
TYPES = "plugins/sidecar/sidecar.types.db"
FLAGS = "grafana/generated/red_flags.json"
SAMPLE = "packaging/collectd.conf.d/sidecar.conf"


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def output_of(program, *arguments):
    path = os.path.join(BUILD, "tests", "agreement", program)
    return subprocess.run([path, *arguments], stdout=subprocess.PIPE, check=True).stdout.decode()


# --- metrics


class Metric:
    def __init__(self, line):
        self.type, self.kind, self.tier, instances, self.unit, self.help = line.split("\t")
        self.instances = instances.split()

    # The data sources of the stock types that have more than one (collectd's types.db).
    SOURCES = {
        "ps_cputime": ("user", "syst"),
        "ps_pagefaults": ("minflt", "majflt"),
        "ps_disk_octets": ("read", "write"),
    }

    def prometheus_names(self):
        """What write_prometheus makes of it."""
        name = "collectd_sidecar_" + self.type
        if self.kind == "gauge":
            return [name]
        sources = self.SOURCES.get(self.type)
        return [name + "_total"] if sources is None else ["%s_%s_total" % (name, s) for s in sources]


def metrics():
    return [Metric(line) for line in output_of("print_metrics").splitlines()]


# --- options


class Option:
    """One option of config_options.c: where it stands, its default in its own unit, its rule."""

    def __init__(self, where, name, field, scale, allowed, repeatable):
        self.where, self.name, self.field = where, name, field
        self.scale, self.allowed, self.repeatable = scale, allowed, repeatable


ROW = re.compile(
    r'\{"(\w+)", \w+,\s*(0|IN_CONFIG\(([\w.]+)\)|IN_BLOCK\((\w+)\)),\s*[^,]+,\s*[^,]+,\s*([^,]+),'
    r'\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*(true|false),\s*(?:NULL|"(\w+)")\}'
)
SCALES = {"0": 0, "1": 1, "1e3": 1000, "1 << 20": 1 << 20}


def c_string(literals):
    """The text of adjacent C string literals."""
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"', literals)
    return re.sub(r"\\(.)", r"\1", "".join(parts))


def options():
    source = read("plugins/sidecar/config_options.c")
    found = []
    for where, table in (("plugin", "plugin_options"), ("process", "process_options")):
        body = source.split(" %s[] = {" % table)[1].split("\n};")[0]
        rows = ROW.findall(body)
        if len(rows) != len(re.findall(r'\{"', body)):
            sys.exit("the rows of %s in config_options.c are not as this test knows them" % table)
        for name, _, in_config, in_block, scale, allowed, repeatable, now in rows:
            if now:
                continue  # an old name of that option
            field = in_config or in_block
            found.append(
                Option(where, name, field, SCALES[scale], c_string(allowed), repeatable == "true")
            )
    return found


def defaults():
    """{where: {field: value}}, where: plugin, sidecar (that block), other (any other block)."""
    found = {"plugin": {}, "sidecar": {}, "other": {}}
    for line in output_of("print_defaults").splitlines():
        where, field, value = line.split("\t")
        found[where][field] = value
    return found


def default_in_its_unit(option, value):
    """The field's value as one would write it in the configuration."""
    if not option.scale:
        return value
    number = int(value) / option.scale
    return "%d" % number if number == int(number) else repr(number)


PATTERNS = {
    "FdMatch": ("plugins/sidecar/config.c", "fd_defaults"),
    "GoroutineMatch": ("plugins/sidecar/go/stack.c", "stack_patterns_of_goroutines"),
    "HeapMatch": ("plugins/sidecar/go/stack.c", "stack_patterns_of_heap"),
}


def default_patterns():
    """[(option, name, expression)] that stand in the code."""
    found = []
    for option, (path, table) in PATTERNS.items():
        body = read(path).split(table + "[] = {")[1].split("\n};")[0]
        rows = re.findall(r'\{"(\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\}', body)
        found += [(option, name, c_string(expression)) for name, expression in rows]
    return found


# --- red flags


class Flag:
    """A row of the table of red flags; thresholds and times as text, None where there is none."""

    def __init__(self, row):
        text = {name: None if value is None else "%.15g" % value for name, value in row.items() if name in self.NUMBERS}
        self.warning, self.failure, self.hold, self.window = (text[name] for name in self.NUMBERS)
        self.name, self.unit, self.kind, self.why = row["name"], row["unit"] or None, row["kind"], row["why"]
        self.alert, self.summary, self.tuning = row["alert"], row["summary"], row["tuning"]
        self.commands = [row[name] for name in ("confirm", "confirm_pprof") if row[name] is not None]

    NUMBERS = ("warning", "failure", "hold_seconds", "window_seconds")

    def options(self):
        """{option: default}, as one would write it."""
        options = {
            "Enabled": "true",
            "Failure": self.failure,
            "Hold": self.hold if self.unit else None,
            "Warning": self.warning,
            "Window": self.window,
        }
        return {name: value for name, value in options.items() if value is not None}


def flags():
    return [Flag(row) for row in json.loads(output_of("print_flags"))]


# --- collectors


def collectors():
    source = read("plugins/sidecar/collector.c")
    return re.findall(r'\[COLLECTOR_\w+\] = "(\w+)"', source)


def statuses():
    """[(code, name)]"""
    source = read("plugins/sidecar/collector.h")
    return [(int(code), name.lower()) for name, code in re.findall(r"STATUS_(\w+) = (\d+)", source)]


# --- regions of documents that are written from the code


def region(text, begin, end):
    """(before, inside, after) of the text between two marks."""
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit("the marks %r and %r must stand there once" % (begin, end))
    before, rest = text.split(begin)
    inside, after = rest.split(end)
    return before + begin, inside, end + after


README_MARKS = ("<!-- begin metrics, written by make tables -->\n", "<!-- end metrics -->\n")
MANUAL_MARKS = ("=for agreement begin metrics\n", "=for agreement end metrics\n")


def readme_table():
    lines = ["| metric | type | unit | tier | what it is |", "|---|---|---|---|---|"]
    for metric in metrics():
        name = metric.type
        if metric.kind != "gauge":
            name = " ".join(n.replace("collectd_sidecar_", "") for n in metric.prometheus_names())
        instances = " ".join("(your names)" if i == "*" else i for i in metric.instances)
        lines.append(
            "| %s | %s | %s | %s | %s |"
            % (name.replace(" ", "<br>"), instances, metric.unit, metric.tier, metric.help)
        )
    return "\n" + "\n".join(lines) + "\n\n"


def pod_text(text):
    return text.replace("<", "E<lt>").replace(">", "E<gt>")


FLAG_MARKS = ("=for agreement begin flags\n", "=for agreement end flags\n")


def flag_list():
    paragraphs = ["=over 4"]
    for flag in flags():
        limits = ["C<%s> %s" % (name, value) for name, value in flag.options().items() if name != "Enabled"]
        unit = flag.unit and " in " + flag.unit
        paragraphs.append("=item B<%s>, by %s%s" % (flag.name, flag.kind, unit or ""))
        sentences = [pod_text(flag.why[0].upper() + flag.why[1:]) + "."]
        sentences += [", ".join(limits) + "."] if limits else []
        sentences += [pod_text(flag.tuning)] if flag.tuning else []
        paragraphs.append(" ".join(sentences + ["Alert: C<%s>." % flag.alert]))
    return "\n" + "\n\n".join(paragraphs + ["=back"]) + "\n\n"


# The option that names the type instances.
NAMED_BY = {
    "process_fds_matching": "FdMatch",
    "go_goroutines_matching": "GoroutineMatch",
    "go_heap_inuse_matching_bytes": "HeapMatch",
}


def manual_list():
    paragraphs = []
    for tier, words in (("pulse", "The pulse, in every interval"), ("detail", "The detail")):
        paragraphs += ["=head2 " + words, "=over 4"]
        for metric in metrics():
            if metric.tier != tier:
                continue
            kind = {"gauge": "gauge", "derive": "counter", "stock": "counter, stock"}[metric.kind]
            paragraphs.append("=item B<%s> (%s, %s)" % (metric.type, kind, metric.unit))
            text = pod_text(metric.help[0].upper() + metric.help[1:]) + "."
            if metric.instances == ["*"]:
                text += " Type instance: the name given to %s." % NAMED_BY[metric.type]
            elif metric.instances:
                text += " Type instances: " + ", ".join("C<%s>" % i for i in metric.instances) + "."
            paragraphs.append(text)
        paragraphs.append("=back")
    return "\n" + "\n\n".join(paragraphs) + "\n\n"


REGIONS = (
    (README, README_MARKS, readme_table),
    (MANUAL, MANUAL_MARKS, manual_list),
    (MANUAL, FLAG_MARKS, flag_list),
)
