"""The sample configurations work as they stand, ports and all."""

import re
import textwrap
import unittest

from harness import collectd_config as config
from harness import namespace, procfs
from harness.case import PREFIX
from harness.collectd import HOST, Collectd
from harness.graphite import CarbonCache
from harness.installation import plugin_folder, sample, stock_plugins
from harness.prometheus import Prometheus
from harness.target import Target
from harness.wait import wait_until

PROMETHEUS_PORT = 9103
CARBON_PORT = 2003
PIDS = PREFIX + "process_pid"


def include(*names):
    """The samples, included as collectd.conf does; ours is found in the build folder."""
    lines = []
    for name in names:
        folder = plugin_folder("sidecar") if name == "sidecar.conf" else stock_plugins()
        lines.append(config.option("PluginDir", folder))
        lines.append(config.option("Include", sample("collectd.conf.d", name)))
    return "\n".join(lines)


class Samples(unittest.TestCase):
    def setUp(self):
        if not namespace.inside():
            self.skipTest("needs a network namespace: the ports may be taken on this machine")

    def test_all_together(self):
        """the three samples together bring a sidecar to Prometheus and to carbon"""
        carbon = self.enterContext(CarbonCache(port=CARBON_PORT))
        target = self.enterContext(Target("sampled"))
        parts = include("sidecar.conf", "write_prometheus.conf", "write_graphite.conf")
        collectd = self.enterContext(Collectd(parts, load=(), port=PROMETHEUS_PORT))
        prometheus = self.enterContext(
            Prometheus(configuration=self.scrape_configuration("write_prometheus.conf"))
        )
        pid = collectd.endpoint.sample(PIDS, timeout=20, sidecar="sampled").value
        self.assertEqual(target.pid, pid)
        found = wait_until(
            "the sidecar in Prometheus",
            lambda: prometheus.query('%sprocess_open_fds{sidecar="sampled"}' % PREFIX),
            20,
        )
        self.assertEqual(procfs.count_descriptors(target.pid), found[0][1])
        self.assertEqual(HOST, found[0][0]["instance"])
        series = "collectd.%s.sidecar-sampled.process_open_fds" % HOST.replace(".", "_")
        wait_until("the sidecar in carbon", lambda: series in carbon.metric_names(), 30)
        self.assertNotRegex(collectd.log(), r"\[(warning|error)\] sidecar plugin")

    def scrape_configuration(self, name):
        """What the sample's comment says to write into prometheus.yml."""
        with open(sample("collectd.conf.d", name), encoding="utf-8") as file:
            lines = re.findall(r"^#(.*)$", file.read(), re.M)
        first = next(at for at, line in enumerate(lines) if line.strip() == "scrape_configs:")
        last = next(at for at, line in enumerate(lines) if at > first and not line.strip())
        text = textwrap.dedent("\n".join(lines[first:last]))
        return "global: {scrape_interval: 1s}\n%s\n" % text

    def test_every_line(self):
        """sidecar.conf with every option uncommented is accepted"""
        with open(sample("collectd.conf.d", "sidecar.conf"), encoding="utf-8") as file:
            text = re.sub(
                r"^#(?=[ <] *[A-Z</])(?! ?[A-Z][a-z]+ [a-z])", "", file.read(), flags=re.M
            )
        self.assertRegex(text, r"(?m)^<Plugin sidecar>$")
        self.assertRegex(text, r"(?m)^ +MinimumAge \d")
        parts = text.replace(
            "LoadPlugin sidecar",
            config.option("PluginDir", plugin_folder("sidecar")) + "\nLoadPlugin sidecar",
        )
        with Collectd(parts, load=()) as collectd:
            collectd.endpoint.sample(PREFIX + "process_count", sidecar="sidecar")
            self.assertNotRegex(collectd.log(), r"\[(warning|error)\] sidecar plugin")
