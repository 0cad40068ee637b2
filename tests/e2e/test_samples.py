"""The sample configurations work together as they are shipped: their ports, their options."""

import os
import re
import unittest

from harness import collectd_config as config
from harness import installation
from harness.collectd import HOST, Collectd
from harness.daemon import listens
from harness.graphite import CarbonCache
from harness.prometheus import Prometheus
from harness.target import Target
from harness.wait import Probe, wait_until

PROMETHEUS_PORT, CARBON_PORT = 9103, 2003


def shipped(*path):
    with open(os.path.join(installation.SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def sample(name):
    return shipped("packaging", "collectd.conf.d", name)


class Shipped(Collectd):
    """A collectd whose configuration says where things are, and for the rest is the samples."""

    def __init__(self):
        super().__init__()
        self.port = PROMETHEUS_PORT
        self.endpoint.url = "http://127.0.0.1:%d/metrics" % self.port

    def configuration(self):
        head = super().configuration().split("LoadPlugin write_prometheus")[0]
        return "\n".join(
            [
                head,
                sample("write_prometheus.conf"),
                sample("write_graphite.conf"),
                config.option("PluginDir", installation.plugin_folder("sidecar")),
                sample("sidecar.conf"),
            ]
        )


def free(port):
    try:
        return not listens(port)
    except OSError:
        return True


class Samples(unittest.TestCase):
    def setUp(self):
        for port in (PROMETHEUS_PORT, CARBON_PORT):
            if not free(port):
                self.skipTest("port %d is taken, and it is the one of the sample" % port)

    def test_samples(self):
        """a sidecar gets from the shipped samples into /metrics and into carbon"""
        carbon = CarbonCache()
        carbon.port = CARBON_PORT
        with carbon, Target("proj"), Shipped() as collectd:
            collectd.endpoint.sample("collectd_sidecar_process_pid", 20, sidecar="proj")

            def stored():
                names = carbon.metric_names()
                wanted = "collectd.%s.sidecar-proj.process_pid" % HOST.replace(".", "_")
                if wanted not in names:
                    raise Probe("stored: %s" % sorted(names))
                return True

            wait_until("the sidecar in carbon", stored, 30, poll=0.5)

    def check_scrape(self, section, name="collectd_sidecar_process_pid"):
        """Prometheus with that scrape_configs sees the sidecar, on the host that it is on."""
        text = "global:\n  scrape_interval: 1s\n" + section
        with Target("proj"), Shipped() as collectd:
            collectd.endpoint.sample("collectd_sidecar_process_pid", 20, sidecar="proj")
            with Prometheus(configuration=text) as prometheus:
                expression = '%s{sidecar="proj",instance="%s"}' % (name, HOST)
                wait_until("the sidecar in Prometheus", lambda: prometheus.query(expression), 30)

    def test_scrape_of_sample(self):
        """the scrape configuration in write_prometheus.conf is one that Prometheus takes"""
        text = sample("write_prometheus.conf")
        self.check_scrape("\n".join(re.findall(r"^#   (.*)$", text, re.MULTILINE)))

    def test_scrape_of_readme(self):
        """that of README.md is too, and its rule makes the names those of client_golang"""
        text = shipped("README.md").split("```yaml\n")[1].split("```")[0]
        self.check_scrape(text)
        renaming = re.sub(r"(?m)^(    )#(?! Optional)", r"\1", text)
        self.check_scrape(renaming, name="process_pid")
