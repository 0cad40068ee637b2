"""A configuration with a mistake: the daemon refuses to start and says what is wrong."""

import re
import unittest

import pytest

from harness import collectd_config as config
from harness.case import labels, metric
from harness.collectd import Collectd
from harness.installation import plugin_folder
from harness.target import Target


def plugin(*lines):
    return config.block("Plugin", "sidecar", lines)


def in_process(*lines):
    return plugin(config.block("Process", "thing", lines))


# sentence, configuration, what the log must name; a process block's name counts as its block
MISTAKES = (
    ("an unknown option", plugin("Colour 3"), ("sidecar", "Colour", "DetailInterval")),
    ("an unknown block", plugin("<Procces x>\n</Procces>"), ("sidecar", "Procces", "Process")),
    ("an unknown option of a process", in_process("Colour 3"), ("thing", "Colour", "Executable")),
    ("a negative interval", plugin("DetailInterval -60"), ("sidecar", "DetailInterval", "-60")),
    ("an interval of zero", plugin("DetailInterval 0"), ("sidecar", "DetailInterval", "0")),
    (
        "an interval in words",
        plugin('DetailInterval "soon"'),
        ("sidecar", "DetailInterval", "soon"),
    ),
    ("two values for one option", plugin("DetailInterval 1 2"), ("sidecar", "DetailInterval")),
    ("a negative ceiling", plugin("SmapsMaxRSS -1"), ("sidecar", "SmapsMaxRSS", "-1")),
    ("a negative time limit", plugin("PprofTimeout -2"), ("sidecar", "PprofTimeout", "-2")),
    ("a byte limit of zero", plugin("PprofMaxBytes 0"), ("sidecar", "PprofMaxBytes", "0")),
    ("no process at most", plugin("MaxProcesses 0"), ("sidecar", "MaxProcesses", "0")),
    ("a time without its zero", plugin('CaptureSchedule "6:00"'), ("CaptureSchedule", "06:00")),
    ("a switch in words", plugin('Summary "maybe"'), ("sidecar", "Summary", "maybe")),
    ("a number for a path", plugin("ProcRoot 7"), ("sidecar", "ProcRoot", "7")),
    ("a bad pattern", plugin('FdMatch "logs" "(["'), ("sidecar", "FdMatch", "([")),
    ("a pattern without a name", plugin('FdMatch "only_one"'), ("sidecar", "FdMatch")),
    (
        "a pattern name that no metric may have",
        plugin('FdMatch "My Logs" "x"'),
        ("FdMatch", "My Logs", "a-z"),
    ),
    (
        "a pattern name given twice",
        plugin('FdMatch "logs" "a"', 'FdMatch "logs" "b"'),
        ("FdMatch", "logs"),
    ),
    ("a bad command line pattern", in_process('CommandLine "*("'), ("thing", "CommandLine", "*(")),
    ("a negative age", in_process("MinimumAge -1"), ("thing", "MinimumAge", "-1")),
    ("half a path", in_process('PprofPath "debug"'), ("thing", "PprofPath", "debug", "'/'")),
    ("port zero", in_process("PprofPort 0"), ("thing", "PprofPort", "0", "65535")),
    ("a port too high", in_process("PprofPort 70000"), ("thing", "PprofPort", "70000", "65535")),
    ("half a port", in_process("PprofPort 60.5"), ("thing", "PprofPort", "60.5", "65535")),
    ("an empty executable", in_process('Executable ""'), ("thing", "Executable")),
    (
        "an executable with its path",
        in_process('Executable "/usr/bin/thing"'),
        ("thing", "Executable", "/usr/bin/thing"),
    ),
    (
        "an instance of unknown parts",
        in_process('Instance "%{colour}"'),
        ("thing", "Instance", "%{colour}"),
    ),
    (
        "a variable name with =",
        in_process('PprofVariable "A=B"'),
        ("thing", "PprofVariable", "A=B"),
    ),
    (
        "a process name given twice",
        plugin('<Process "thing">\n</Process>', '<Process "thing">\n</Process>'),
        ("Process", "thing"),
    ),
    # collectd drops a block that has neither a name nor anything in it
    ("a process without a name", plugin("<Process>\nEnabled true\n</Process>"), ("Process",)),
)


@pytest.mark.parametrize("text, names", [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_mistake(text, names):
    """%s stops the daemon at start, with a reason"""
    plugin_folder("sidecar")
    collectd = Collectd(text)
    try:
        status = collectd.spawn().wait_for_exit()
        log = collectd.log()
    finally:
        collectd.kill()
    assert status != 0, "the daemon started:\n" + log
    assert status > 0, "the daemon died of a signal:\n" + log
    ours = [line for line in log.splitlines() if re.search(r"\bsidecar\b.*:", line)]
    errors = [line for line in ours if all(name in line for name in names)]
    assert errors, "no line of the log names %s:\n%s" % (", ".join(names), log)


class Correct(unittest.TestCase):
    def test_no_block(self):
        """LoadPlugin sidecar with no block starts"""
        with Collectd() as collectd:
            self.assertNotRegex(collectd.log(), r"\[(warning|error)\].*sidecar")

    def test_no_block_watches(self):
        """LoadPlugin sidecar with no block watches every sidecar, from its fifth second"""
        with Target("one") as one, Target("two") as two, Collectd(interval=1) as collectd:
            for name, target in (("one", one), ("two", two)):
                found = collectd.endpoint.sample(metric("process_pid"), 15, **labels(name))
                self.assertEqual(target.pid, found.value)
                collectd.endpoint.sample(metric("process_fds"), 5, **labels(name, "regular"))

    def test_every_option(self):
        """every option together starts, and nothing is complained about"""
        text = config.sidecar(
            config.process(
                "all",
                enabled=True,
                executable="prog",
                command_line="--serve",
                instance="%{cwd}",
                minimum_age=5,
                pprof=True,
                pprof_port=6061,
                pprof_variable="PROG_PPROF",
            ),
            config.process("none", enabled=False),
            detail_interval=30,
            proc_root="/proc",
            smaps_max_rss=100,
            pprof_timeout=1.5,
            pprof_max_size=1,
            summary=True,
            capture=True,
            capture_schedule=[("06:00", "18:30"), ("00:00",)],
            max_processes=10,
            fd_match=[("logs", r"\.log$"), ("go_files", r"\.go$")],
        )
        with Collectd(text) as collectd:
            self.assertNotRegex(collectd.log(), r"\[(warning|error)\].*sidecar")
