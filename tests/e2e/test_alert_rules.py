"""The alert rules on real parts: a sidecar breaches, Alertmanager knows, it recovers.

The rules are made from the same sources with windows of seconds (tests/grafana/fast), and so are
the plugin's judgements (harness/red_flags.py). One target breaches all that can be breached in
seconds, at once; one has a spike; others lack pprof, or have it in vain. Not here, because they
take real minutes or a machine of one's own: swap_growing, goroutines_stuck (ten minutes' waiting),
cpu's warning (a day's usual), restarting.
"""

import http.server
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import pytest

from harness import collectd_config as config
from harness.alertmanager import Alertmanager
from harness.collectd import HOST, Collectd
from harness.daemon import free_port, need
from harness.installation import SOURCE
from harness.prometheus import Prometheus
from harness.red_flags import GROWTH
from harness.target import Target
from harness.wait import Probe, wait_until

RULES_AND_ALERTMANAGER = """\
rule_files: ['%s/prometheus_*.yaml']
alerting:
  alertmanagers:
    - static_configs:
        - targets: ['127.0.0.1:%d']
"""

# What the target holds; the levels that it breaches by that are warnings'.
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
    "garbage 40MB/s",
    "cpu 600",
    "leak fds pipe 6/s",
    "leak goroutines chan_send 4/s",
    "leak heap 4MB/s",
)

# The flags that the plugin judges, in seconds.
JUDGED = {
    **dict.fromkeys(("fds_growing", "goroutines_growing", "heap_growing"), GROWTH),
    "heap_not_receding": {"Hold": 12, "Window": 600, "Warning": 40},
    "fds": {"Hold": 2},  # for pprof_missing, which waits for another
}
# sentence, alert, severity, flag, what the description says of the value
EXPECTED = (
    ("memory", "SidecarRSSHigh", "warning", "rss", r"RSS: \d\S+MiB \(warning from 500MiB\)\. \S+MiB are resident\."),
    ("memory regions", "SidecarMemoryRegionsHigh", "warning", "memory_regions", r"memory regions: 1[1-9]\d\d \(warning from 1000\)"),
    ("descriptors", "SidecarFDsHigh", "warning", "fds", r"FDs: \d{3} \(warning from 200\)\. Most are of the class (pipe|regular): \d+\."),
    ("growing descriptors", "SidecarFDsGrowing", "warning", "fds_growing", r"FDs: growing, now \d{3}\. Most are"),
    ("one file opened often", "SidecarSameFileOpen", "warning", "same_file", r"opens of one file: 10 \(warning from 4\)"),
    ("session files", "SidecarSessionFilesOpen", "warning", "session_files", r"open session files: 100 \(warning from 100\)\. They match claude_sessions\."),
    ("inotify watches", "SidecarInotifyWatchesHigh", "warning", "inotify_watches", r"inotify watches: \S+% \(warning from 0\.002%\)\. They are 60\."),
    ("a foreign lock on its database", "SidecarSQLiteContention", "warning", "sqlite_contention", r"others' locks on its databases: 1 \(warning from 1\)"),
    ("threads", "SidecarThreadsHigh", "warning", "threads", r"threads: \d+ \(warning from 60\)"),
    ("goroutines", "SidecarGoroutinesHigh", "warning", "goroutines", r"goroutines: \d{3} \(warning from 200\)\. Most are in the state select: \d+\."),
    ("growing goroutines", "SidecarGoroutinesGrowing", "warning", "goroutines_growing", r"goroutines: growing, now \d{3}\."),
    ("fetches that pile up", "SidecarFetchDataPiling", "warning", "fetch_data_piling", r"goroutines that fetch data: 4 \(warning from 3\)"),
    ("a growing heap", "SidecarHeapGrowing", "warning", "heap_growing", r"the Go heap: growing, now \S+MiB\."),
    ("allocation", "SidecarAllocationRateHigh", "warning", "allocation_rate", r"allocations: \S+MiB/s \(warning from 20MiB/s\)"),
    ("CPU", "SidecarCPUHigh", "critical", "cpu", r"CPU: 0\.\d\d cores \(critical from 0\.1\)"),
)  # fmt: skip


def make_rules(folder):
    """The rules with seconds for minutes."""
    need("jsonnet", "jsonnet")
    os.chmod(folder, 0o755)
    fast = os.path.join(SOURCE, "tests", "grafana", "fast", "config.libsonnet")
    subprocess.run([os.path.join(SOURCE, "grafana", "generate"), folder, fast], check=True)


class Page:
    """What write_prometheus serves of the hosts in `hosts`, on a port."""

    def __init__(self, *hosts):
        self.hosts = list(hosts)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                line = 'collectd_sidecar_process_count{sidecar="sidecar",instance="%s"} 1\n'
                text = "".join(line % host for host in outer.hosts).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.timeout(240)  # it waits for Prometheus again and again
class Outage(unittest.TestCase):
    def test_not_reporting(self):
        """a host that is lost while Prometheus is down for longer than its lookback is missed after it"""
        lookback = 5
        options = ["--query.lookback-delta=%ds" % lookback]
        with tempfile.TemporaryDirectory() as rules, Page("web1", "web2") as page:
            make_rules(rules)
            more = "rule_files: ['%s/prometheus_*.yaml']\n" % rules
            with Prometheus(page.port, more=more, options=options) as prometheus:
                saved = "sidecar:plugin_last_report:saved"
                wait_until("both hosts to be known", lambda: len(prometheus.query(saved)) == 2, 30)
                prometheus.terminate()
                page.hosts.remove("web1")
                time.sleep(2 * lookback + 2)
                prometheus.again()
                firing = 'ALERTS{alertname="SidecarPluginNotReporting",alertstate="firing"}'
                found = wait_until("web1 to be missed", lambda: prometheus.query(firing), 30)
                self.assertEqual(["web1"], [labels["instance"] for labels, _ in found])
                time.sleep(5)
                since = prometheus.query("last_over_time(%s[1m])" % firing)
                self.assertEqual(["web1"], [labels["instance"] for labels, _ in since])


@pytest.mark.timeout(300)  # the first of them starts all
class Rules(unittest.TestCase):
    """All is started and breached before the first test; only test_resolved changes anything."""

    @classmethod
    def setUpClass(cls):
        cls.rules = cls.enterClassContext(tempfile.TemporaryDirectory())
        make_rules(cls.rules)
        cls.manager = cls.enterClassContext(Alertmanager())
        flags = [config.red_flag(flag, **options) for flag, options in JUDGED.items()]
        plugin = config.sidecar(config.young(), *flags, warm_up=1)
        cls.collectd = cls.enterClassContext(Collectd(plugin, interval=1))
        more = RULES_AND_ALERTMANAGER % (cls.rules, cls.manager.port)
        cls.prometheus = cls.enterClassContext(Prometheus(cls.collectd.port, more=more))
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
        # the garbage makes Go collect more often than every two minutes
        variables = {"SIDECAR_PPROF": str(free_port())}
        cls.spike = cls.enterClassContext(Target("spike", variables=variables, do=["garbage 5MB/s"]))
        wait_until(
            "the heap to be known",
            lambda: cls.prometheus.query('collectd_sidecar_go_memstats_heap_alloc_bytes{sidecar="proj"}'),
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

    def one(self, name, severity, sidecar="proj", timeout=80):
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
        self.assertRegex(said["description"], r"\Aproj on %s \(pid %d\): " % (re.escape(HOST), self.proj.pid))
        self.assertRegex(said["description"], text)
        command = said["description"].split("\nNext: ")[1]
        self.assertNotIn("{{", command)
        self.assertRegex(command, r"\b(%d|%d)\b" % (self.proj.pid, self.port))
        self.assertNotIn("6060", command)
        self.assertTrue(said["runbook_url"].endswith("#" + name.lower()))
        self.assertIn("var-instance=%s&var-sidecar=proj" % HOST, said["dashboard_url"])

    def test_judged_spike(self):
        """a spike of the heap that stays: SidecarHeapNotReceding in Alertmanager, until it is freed"""
        age = 'time() - collectd_sidecar_process_start_time_seconds{sidecar="spike"} > 30'
        wait_until("the heap before it to be known", lambda: self.prometheus.query(age), 60)
        self.spike.do("heap 80MB; gc")
        alert = self.one("SidecarHeapNotReceding", "warning", "spike", 60)
        self.assertEqual("heap_not_receding", alert["labels"]["flag"])
        said = alert["annotations"]["description"]
        self.assertRegex(said, r"the Go heap after a spike: not receding, now \S+MiB\. \S+MiB more than its lowest")
        self.spike.do("release all")
        wait_until("its end", lambda: not self.found("SidecarHeapNotReceding", "spike"), 60, poll=0.5)

    def test_held_unknown(self):
        """a value that becomes unknown is held while its process runs, and ends with it"""
        variables = {"SIDECAR_PPROF": str(free_port())}
        with Target("stopped", variables=variables, do=["goroutines select 230"]) as target:
            self.one("SidecarGoroutinesHigh", "warning", "stopped")
            os.kill(target.pid, signal.SIGSTOP)
            try:
                value = 'collectd_sidecar_go_goroutines{sidecar="stopped"}'
                wait_until("the value to be unknown", lambda: not self.prometheus.query(value), 20)
                for _ in range(10):
                    time.sleep(1)
                    self.assertTrue(self.found("SidecarGoroutinesHigh", "stopped"))
            finally:
                os.kill(target.pid, signal.SIGCONT)
        wait_until("its end", lambda: not self.found("SidecarGoroutinesHigh", "stopped"), 15, poll=0.5)

    # --- those about the watching

    def test_pprof_foreign(self):
        """a sidecar whose port is another's has an alert"""
        alert = self.one("SidecarPprofForeign", "info", "late")
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
        """what is given back is resolved, all of it; and then a host that falls silent is missed"""
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
