"""The harness proves itself with collectd's own plugins, before ours is tried."""

import unittest

from harness import collectd_config as config
from harness.alertmanager import Alertmanager
from harness.collectd import HOST, Collectd
from harness.graphite import CarbonCache, GraphiteWeb
from harness.prometheus import Prometheus
from harness.wait import wait_until


class StockPlugins(unittest.TestCase):
    def test_prometheus(self):
        """a stock collectd's load reaches a real Prometheus by write_prometheus"""
        with Collectd(load=("load", "memory")) as collectd:
            collectd.endpoint.sample("collectd_load_shortterm", instance=HOST)
            with Prometheus(collectd.port) as prometheus:
                wait_until(
                    "the load in Prometheus",
                    lambda: prometheus.query('collectd_load_shortterm{instance="%s"}' % HOST),
                    20,
                )
                self.assertEqual([("up", "")], prometheus.targets_health())

    def test_graphite(self):
        """a stock collectd's memory is drawn by a real graphite-web from a real carbon-cache"""
        with CarbonCache() as carbon:
            parts = [config.write_graphite(carbon.port)]
            with Collectd(*parts, load=("memory",)) as collectd:
                free = collectd.endpoint.sample("collectd_memory", memory="free").value
                self.assertGreater(free, 0)
                with GraphiteWeb(carbon) as web:
                    series = "collectd.%s.memory.memory-free" % HOST.replace(".", "_")
                    points = wait_until(
                        "points of " + series, lambda: web.render(series).get(series), 20
                    )
                    self.assertGreater(points[-1][0], 0)

    def test_alertmanager(self):
        """a real Alertmanager starts with no alerts"""
        with Alertmanager() as alertmanager:
            self.assertEqual([], alertmanager.alerts())
