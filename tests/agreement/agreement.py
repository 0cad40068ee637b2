"""What the code says about itself, for the tests that hold the documents against it.

Metrics, options and red flags are printed by small programs that are linked with the code; the
statuses are read from their source. The tests run in the
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
HEALTHY = "grafana/generated/healthy_ranges.json"
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
    """An option of config_options.c: its block, what is allowed, and its default as one would write it."""

    def __init__(self, fields):
        self.where, self.name, self.allowed, repeatable, self.default, self.other_default = fields
        self.repeatable = repeatable == "repeatable"


def c_string(literals):
    """The text of adjacent C string literals."""
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"', literals)
    return re.sub(r"\\(.)", r"\1", "".join(parts))


def printed_options(kind):
    lines = [line.split("\t") for line in output_of("print_options").splitlines()]
    return [fields[1:] for fields in lines if fields[0] == kind]


def options():
    return [Option(fields) for fields in printed_options("option")]


PATTERNS = ("FdMatch", "GoroutineMatch", "HeapMatch")


def default_patterns():
    """[(option, name, expression)]"""
    return [tuple(fields) for fields in printed_options("pattern")]


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


# --- healthy ranges


def healthy_ranges():
    """{metric: [from, to]}"""
    return json.loads(output_of("print_healthy"))


# --- collectors


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
    "go_goroutines_matching_blocked": "GoroutineMatch",
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


HEALTHY_MARKS = ("=for agreement begin healthy\n", "=for agreement end healthy\n")


def healthy_list():
    parts = ["C<%s> %d to %d" % (metric, *span) for metric, span in healthy_ranges().items()]
    return "\nOn Linux, healthy are " + ", ".join(parts) + ".\n\n"


REGIONS = (
    (README, README_MARKS, readme_table),
    (MANUAL, MANUAL_MARKS, manual_list),
    (MANUAL, FLAG_MARKS, flag_list),
    (MANUAL, HEALTHY_MARKS, healthy_list),
)
