"""The rules for Graphite alone, over a real graphite-web: up on what is sick, and only there."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import collectd_config as config
from harness.case import TIMEOUT, SidecarCase
from harness.collectd import HOST
from harness.daemon import free_port, need, private_folder, remove_folder
from harness.grafana_rules import Rule
from harness.graphite import CarbonCache, GraphiteWeb
from harness.installation import SOURCE
from harness.red_flags import GROWTH
from harness.target import Target
from harness.wait import Probe, wait_until

# Seconds instead of minutes, and few megabytes instead of many.
SHORT = """\
{ _config+:: {
  unknownHold: '60s',
  graphiteDelay: '8s',
  flags+: { rss+: { warning: 100 * 1024 * 1024 }, memory_regions+: { warning: 400 } },
} }
"""
SICK = [
    "fds regular 110 path=.claude/projects/p/%d.jsonl",
    "fds regular 60 path=.claude/projects/p/same.jsonl",
    "fds pipe 60",
    "watches 3",
    "goroutines select 230",
    "goroutines chan_receive 4 as=fetchData",
    "threads 60",
    "maps regions 500",
    "heap 120MB",
    "garbage 60MB/s",
    "cpu 1100",
]
UP = {
    "SidecarRSSHigh", "SidecarMemoryRegionsHigh", "SidecarAllocationRateHigh", "SidecarFDsHigh",
    "SidecarSameFileOpen", "SidecarSessionFilesOpen", "SidecarThreadsHigh",
    "SidecarGoroutinesHigh", "SidecarFetchDataPiling",
}  # fmt: skip


class Alerts(SidecarCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = private_folder("rules")
        cls.addClassCleanup(remove_folder, cls.folder)
        own = os.path.join(cls.folder, "own.libsonnet")
        with open(own, "w", encoding="utf-8") as file:
            file.write(SHORT)
        mixin = os.path.join(SOURCE, "grafana", "mixin.libsonnet")
        code = "((import '%s') + (import '%s')).grafanaAlerts" % (mixin, own)
        output = os.path.join(cls.folder, "graphite_alerts.json")
        program = need("jsonnet", "jsonnet")
        subprocess.run([program, "-o", output, "-e", code], check=True, timeout=45)
        cls.short = cls.rules(cls.folder)
        cls.shipped = cls.rules(os.path.join(SOURCE, "grafana", "generated"))
        cls.carbon = cls.enterClassContext(CarbonCache())
        super().setUpClass()
        cls.web = cls.enterClassContext(GraphiteWeb(cls.carbon))
        cls.well = cls.enterClassContext(
            Target("well", variables={"SIDECAR_PPROF": str(free_port())})
        )

    @classmethod
    def parts(cls):
        growth = config.red_flag("fds_growing", **GROWTH)
        baseline = config.red_flag("fds_above_baseline", Window=2)
        return [
            config.sidecar(config.young(), growth, baseline, warm_up=1),
            config.write_graphite(cls.carbon.port),
        ]

    @classmethod
    def rules(cls, folder):
        with open(os.path.join(folder, "graphite_alerts.json"), encoding="utf-8") as file:
            groups = json.load(file)["groups"]
        return [Rule(rule) for group in groups for rule in group["rules"]]

    def render(self, target, seconds, web=None):
        query = {"target": target, "format": "json", "maxDataPoints": 500}
        query.update({"from": "-%ds" % seconds["from"], "until": "-%ds" % seconds["to"]})
        url = "http://127.0.0.1:%d/render?%s" % ((web or self.web).port, urllib.parse.urlencode(query))
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.loads(answer.read())

    def firing(self, sidecar, rules):
        """The titles of the rules whose condition holds for that sidecar."""
        host = HOST.replace(".", "_")
        return {rule.title for rule in rules if (host, sidecar) in rule.firing(self.render)}

    def test_queries(self):
        """every query of every rule has an answer, and so has every metric in it"""

        def probe():
            for rule in self.shipped:
                if rule.title == "SidecarGoroutinesLeaked":
                    continue  # the program is of an older Go
                for target, _ in rule.queries():
                    for part in [target, *re.findall(r"aliasByNode\((\S+), 1, 2\)", target)]:
                        series = self.render(part, {"from": 60, "to": 0})
                        if not any(v is not None for one in series for v, _ in one["datapoints"]):
                            raise Probe("no answer to %s of %s" % (part, rule.title))
            return True

        wait_until("answers", probe, 40, poll=1)

    def test_levels(self):
        """what is sick is up in Graphite by its name and host, and what is well is not"""
        variables = {"SIDECAR_PPROF": str(free_port())}
        with Target("sick", variables=variables, do=SICK):
            warnings = [rule for rule in self.short if rule.severity == "warning"]

            def probe():
                found = self.firing("sick", warnings)
                if not UP <= found:
                    raise Probe("not up: %s" % sorted(UP - found))
                return found

            wait_until("the flags of sick", probe, 60, poll=1)
            self.assertEqual(set(), self.firing("well", self.shipped))

    def test_growth(self):
        """a leak of files is growth, and one that is given back again and again is none"""
        growing = [rule for rule in self.short if rule.title == "SidecarFDsGrowing"]
        with Target("leak", do=["leak fds regular 3/s"]), Target("saw") as saw:

            def probe():
                saw.do("fds pipe 40")
                saw.do("release fds pipe")
                self.assertEqual(set(), self.firing("saw", growing))
                if not self.firing("leak", growing):
                    raise Probe("no growth yet")
                return True

            wait_until("the leak to be growth", probe, 90, poll=1)

    def test_unknown(self):
        """a value that becomes unknown is held while its process runs, and no longer"""
        goroutines = [rule for rule in self.short if rule.title == "SidecarGoroutinesHigh"]

        def up():
            return bool(self.firing("odd=name", goroutines))

        variables = {"SIDECAR_PPROF": str(free_port())}
        with Target("odd=name", variables=variables, do=["goroutines select 230"]) as target:
            wait_until("the alert", up, 30, poll=1)
            os.kill(target.pid, signal.SIGSTOP)
            try:
                self.wait_for_status("odd=name", "pprof", TIMEOUT, timeout=20)
                for _ in range(12):  # longer than graphiteDelay
                    time.sleep(1)
                    self.assertTrue(up())
                self.assertEqual([], self.go_values("odd=name"))
            finally:
                os.kill(target.pid, signal.SIGCONT)
        with Target("odd=name"):
            self.sample("process_pid", "odd=name", after=time.time())
            wait_until("another process not to have it", lambda: not up(), 6, poll=0.5)
        wait_until("the end", lambda: not up(), 12, poll=1)

    def test_outage(self):
        """a Graphite that does not answer is one alert, whatever was up before, and no other"""

        def alerts(render):
            return [alert for rule in self.shipped for alert in rule.alerts(render)]

        def broken(*_):
            raise urllib.error.HTTPError("http://graphite", 500, "no", {}, None)

        self.assertEqual([], [a for a in alerts(self.render) if a[0] == "SidecarGraphiteNotAnswering"])
        only = [("SidecarGraphiteNotAnswering", None, None)]
        self.assertEqual(only, alerts(broken))
        with GraphiteWeb(self.carbon) as other:
            self.assertNotIn(only[0], alerts(lambda *args: self.render(*args, web=other)))
        self.assertEqual(only, alerts(lambda *args: self.render(*args, web=other)))

    def test_outage_texts(self):
        """what is sent of an outage has nothing that would have to be filled in"""
        (rule,) = [r for r in self.shipped if r.title == "SidecarGraphiteNotAnswering"]
        sent = json.dumps([rule.rule["labels"], rule.rule["annotations"]])
        self.assertNotIn("{{", sent)
        self.assertNotIn("$", sent)
        self.assertEqual({"severity": "warning"}, rule.rule["labels"])

    def test_reporting(self):
        """a plugin that no longer reports is missed, by its host"""
        (rule,) = [r for r in self.short if r.title == "SidecarPluginNotReporting"]
        host = HOST.replace(".", "_")
        self.assertNotIn((host, None), rule.firing(self.render))
        recent = rule.parts["QUERY_RECENT"]["relativeTimeRange"]
        recent["from"] = 3
        self.collectd.process.send_signal(signal.SIGSTOP)
        try:
            wait_until("it to be missed", lambda: (host, None) in rule.firing(self.render), 20)
        finally:
            self.collectd.process.send_signal(signal.SIGCONT)
