"""The alert rules on real parts: a sidecar breaches, Alertmanager knows, it recovers.

The rules are made from the same sources with windows of seconds (tests/grafana/fast). One
target breaches all that can be breached in seconds, at once; others lack pprof, or have it in
vain. Not here, because they take real minutes or a machine of one's own: swap_growing,
goroutines_stuck (ten minutes' waiting), cpu's warning (two hours' usual), restarting.
"""

import os
import re
import subprocess
import tempfile
import unittest

from harness import collectd_config as config
from harness.alertmanager import Alertmanager
from harness.collectd import HOST, Collectd
from harness.daemon import free_port, need
from harness.installation import SOURCE
from harness.prometheus import Prometheus
from harness.target import Target
from harness.wait import Probe, wait_until

PROMETHEUS = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
scrape_configs:
  - job_name: collectd
    honor_labels: true
    honor_timestamps: false
    static_configs:
      - targets: ['127.0.0.1:%d']
rule_files: ['%s/prometheus_*.yaml']
alerting:
  alertmanagers:
    - static_configs:
        - targets: ['127.0.0.1:%d']
"""

# What the target is told to hold; the level that it breaches thereby is a warning's.
BREACHES = (
    "maps anon 1 size=520MB",
    "maps regions 1100",
    "fds regular 100 path=.claude/projects/p/%d.jsonl",
    "fds regular 10 path=notes.txt",
    "fds pipe 100",
    "watches 60",
    "threads 60",
    "goroutines select 210",
    "goroutines chan_receive 4 as=fetchData",
    "heap 128MB",
    "garbage 40MB/s",
    "cpu 600",
    "leak fds pipe 6/s",
    "leak goroutines chan_send 4/s",
    "leak heap 4MB/s",
)

# sentence, alert, severity, flag, what the description says of the value
EXPECTED = (
    ("memory", "SidecarRSSHigh", "warning", "rss", r"holds \d\S+MiB in memory \(warning from 500MiB\)"),
    ("memory regions", "SidecarMemoryRegionsHigh", "warning", "memory_regions", r"has 1[1-9]\d\d memory regions \(warning from 1000\)"),
    ("descriptors", "SidecarFDsHigh", "warning", "fds", r"has \d{3} descriptors open \(warning from 200\)\. Most are of the class (pipe|regular): \d+\."),
    ("growing descriptors", "SidecarFDsGrowing", "warning", "fds_growing", r"has at least \d+ descriptors more open than 12s ago.*\(warning from 20\)"),
    ("one file opened often", "SidecarSameFileOpen", "warning", "same_file", r"has one file open 10 times \(warning from 4\)"),
    ("session files", "SidecarSessionFilesOpen", "warning", "session_files", r"has 100 session files .*\(warning from 100\)\. They are claude_sessions\."),
    ("inotify watches", "SidecarInotifyWatchesHigh", "warning", "inotify_watches", r"has 60% of its user's inotify watches \(warning from 50%\)"),
    ("a foreign lock on its database", "SidecarSQLiteContention", "warning", "sqlite_contention", r"other processes hold 1 locks to write on it"),
    ("threads", "SidecarThreadsHigh", "warning", "threads", r"has \d+ threads \(warning from 60\)"),
    ("goroutines", "SidecarGoroutinesHigh", "warning", "goroutines", r"has \d{3} goroutines \(warning from 200\)\. Most are in the state select: \d+\."),
    ("growing goroutines", "SidecarGoroutinesGrowing", "warning", "goroutines_growing", r"has at least \d+ goroutines more than 12s ago.*\(warning from 10\)"),
    ("fetches that pile up", "SidecarFetchDataPiling", "warning", "fetch_data_piling", r"has 4 goroutines in fetchData at once \(warning from 3\)"),
    ("a growing heap", "SidecarHeapGrowing", "warning", "heap_growing", r"low points rose by \S+MiB in 12s.*\(warning from 16MiB\)"),
    ("a spike of the heap", "SidecarHeapNotReceding", "warning", "heap_not_receding", r"a heap at least \S+MiB above its lowest for 4s"),
    ("allocation", "SidecarAllocationRateHigh", "warning", "allocation_rate", r"allocates \S+MiB a second \(warning from 20MiB\)"),
    ("CPU", "SidecarCPUHigh", "critical", "cpu", r"uses 0\.\d\d cores \(critical from 0\.3\)"),
)  # fmt: skip


class Rules(unittest.TestCase):
    """All is started and breached before the first test; only test_resolved changes anything."""

    @classmethod
    def setUpClass(cls):
        need("jsonnet", "jsonnet")
        cls.rules = cls.enterClassContext(tempfile.TemporaryDirectory())
        os.chmod(cls.rules, 0o755)
        subprocess.run(
            [
                os.path.join(SOURCE, "grafana", "generate"),
                cls.rules,
                os.path.join(SOURCE, "tests", "grafana", "fast", "config.libsonnet"),
            ],
            check=True,
        )
        cls.manager = cls.enterClassContext(Alertmanager())
        cls.collectd = cls.enterClassContext(Collectd(config.sidecar(config.young()), interval=1))
        text = PROMETHEUS % (cls.collectd.port, cls.rules, cls.manager.port)
        cls.prometheus = cls.enterClassContext(Prometheus(configuration=text))
        cls.port = free_port()
        pprof = {"SIDECAR_PPROF": str(cls.port)}
        cls.proj = cls.enterClassContext(Target("proj", variables=pprof))
        database = cls.proj.path("app.db")
        cls.proj.do("fds regular 1 path=%s" % database)
        # the others: with another's port, with none, with a bad one; the last holds the lock
        cls.enterClassContext(Target("late", variables=pprof))
        cls.enterClassContext(Target("bare", do=["fds pipe 250"]))
        cls.holder = cls.enterClassContext(
            Target("bad", variables={"SIDECAR_PPROF": "abc"}, do=["locks posix 1 path=%s" % database])
        )
        wait_until(
            "a trough of the heap before it is breached",
            lambda: cls.prometheus.query('sidecar:heap_not_receding:lowest{sidecar="proj"}'),
            30,
        )
        for command in BREACHES:
            cls.proj.do(command)

    # --- what Alertmanager knows

    def found(self, name, sidecar="proj"):
        """The active alerts of this name."""
        return [
            alert
            for alert in self.manager.alerts()
            if alert["labels"]["alertname"] == name and alert["labels"].get("sidecar") == sidecar
        ]

    def one(self, name, severity, sidecar="proj", timeout=40):
        def probe():
            for alert in self.found(name, sidecar):
                if alert["labels"]["severity"] == severity:
                    return alert
            known = sorted(alert["labels"]["alertname"] for alert in self.manager.alerts())
            raise Probe("there are %s" % known)

        return wait_until("%s of %s" % (name, sidecar), probe, timeout, poll=0.3)

    def check(self, name, severity, flag, text):
        alert = self.one(name, severity)
        expected = {
            "alertname": name,
            "severity": severity,
            "flag": flag,
            "instance": HOST,
            "job": "collectd",
            "sidecar": "proj",
        }
        self.assertEqual(expected, alert["labels"])
        said = alert["annotations"]
        self.assertRegex(said["description"], r"\Aproj on %s \(pid %d\) " % (re.escape(HOST), self.proj.pid))
        self.assertRegex(said["description"], text)
        command = said["description"].split("\nNext: ")[1]
        self.assertNotIn("{{", command)
        self.assertRegex(command, r"\b(%d|%d)\b" % (self.proj.pid, self.port))
        self.assertNotIn("6060", command)
        self.assertTrue(said["runbook_url"].endswith("#" + name.lower()))
        self.assertIn("var-instance=%s&var-sidecar=proj" % HOST, said["dashboard_url"])

    # --- those about the watching

    def test_pprof_foreign(self):
        """a sidecar whose port is another's is told of"""
        alert = self.one("SidecarPprofForeign", "warning", "late")
        self.assertIn("the port in its SIDECAR_PPROF is that of another", alert["annotations"]["description"])

    def test_pprof_missing(self):
        """a sidecar with a red flag and no pprof is advised to have it; one in good health is not"""
        self.one("SidecarFDsHigh", "warning", "bare")
        alert = self.one("SidecarPprofMissing", "info", "bare")
        self.assertIn("restart it with SIDECAR_PPROF=1", alert["annotations"]["description"])
        self.one("SidecarPprofOff", "info", "bare")
        self.assertEqual([], self.found("SidecarPprofMissing", "late"))

    def test_collector_failing(self):
        """a collector that fails is named, and why"""
        alert = self.one("SidecarCollectorFailing", "warning", "bad")
        self.assertEqual("pprof", alert["labels"]["type"])
        self.assertIn("collector pprof: invalid (status 7)", alert["annotations"]["description"])

    # --- the end of all

    def test_resolved(self):
        """what is given back is resolved, all of it; and then a host that falls silent is told of"""
        for _, name, severity, _, _ in EXPECTED:
            self.one(name, severity)
        self.proj.do("release all")
        self.proj.do("gc os")
        self.holder.do("release all")
        names = {name for _, name, _, _, _ in EXPECTED}

        def left():
            return sorted(
                alert["labels"]["alertname"]
                for alert in self.manager.alerts()
                if alert["labels"].get("sidecar") == "proj" and alert["labels"]["alertname"] in names
            )

        wait_until("all alerts of proj to be resolved", left, 50, accept=lambda found: not found, poll=0.5)
        self.collectd.stop()
        alert = self.one("SidecarPluginNotReporting", "warning", None, 30)
        self.assertEqual(HOST, alert["labels"]["instance"])


def _make(name, severity, flag, text):
    return lambda self: self.check(name, severity, flag, text)


for _sentence, _name, _severity, _flag, _text in EXPECTED:
    _test = _make(_name, _severity, _flag, _text)
    _test.__doc__ = "%s above the threshold: %s in Alertmanager, with value, pid and command" % (_sentence, _name)
    setattr(Rules, "test_breach_" + re.sub(r"\W+", "_", _sentence), _test)
