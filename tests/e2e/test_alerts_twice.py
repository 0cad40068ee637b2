"""Rules of Prometheus and collectd's own notifications at once: people hear of each problem once.

The shipped alertmanager.yml, with seconds for minutes, and a webhook that counts.
"""

import os
import tempfile
import time
import unittest

import pytest

from harness import collectd_config as config
from harness.alerting import Manager, Notifier, Webhook, node, notify_alertmanager
from harness.installation import SOURCE
from harness.prometheus import Prometheus
from harness.target import Target
from harness.wait import wait_until
from test_alert_rules import RULES_AND_ALERTMANAGER, make_rules

# A level, and a judgement of the plugin's that the rules pass on; each is up in seconds.
FLAGS = {"fds": {"Hold": 1}, "fds_above_baseline": {"Hold": 1, "Window": 3}}
NAMES = ("SidecarFDsHigh", "SidecarFDsAboveBaseline")
WAIT = 8  # of collectd's own alerts, for those of the rules


def configuration(hook):
    path = os.path.join(SOURCE, "grafana", "alertmanager", "alertmanager.yml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for shipped, quick in (
        ("group_wait: 10s ", "group_wait: 1s "),
        ("group_interval: 1m ", "group_interval: 2s "),
        ("group_wait: 2m\n", "group_wait: %ds\n" % WAIT),
        ("group_interval: 5m\n", "group_interval: %ds\n" % WAIT),
        ("  - name: people\n", "  - name: people\n    webhook_configs:\n      - url: %s\n" % hook.url),
    ):
        text = text.replace(shipped, quick)
    return text


@pytest.mark.timeout(240)
class Twice(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rules = cls.enterClassContext(tempfile.TemporaryDirectory())
        make_rules(rules)
        cls.hook = cls.enterClassContext(Webhook())
        cls.manager = Manager(cls.hook)
        cls.manager.text = configuration(cls.hook)
        cls.enterClassContext(cls.manager)
        flags = [config.red_flag(flag, **options) for flag, options in FLAGS.items()]
        cls.collectd = cls.enterClassContext(
            Notifier(
                notify_alertmanager(node("am", cls.manager.url)),
                config.sidecar(config.young(), *flags, warm_up=1),
                load=("sidecar",),
            )
        )
        cls.prometheus = Prometheus(
            cls.collectd.port, more=RULES_AND_ALERTMANAGER % (rules, cls.manager.port)
        )
        cls.enterClassContext(cls.prometheus)

    def wait_for_baseline(self, sidecar):
        """Waits until the plugin knows with how many descriptors the sidecar began."""
        age = 'time() - collectd_sidecar_process_start_time_seconds{sidecar="%s"} > 8' % sidecar
        wait_until("the baseline of " + sidecar, lambda: self.prometheus.query(age), 40)

    def told(self, name, status, sidecar):
        """The labels of each message."""
        return [alert["labels"] for alert in self.hook.of(name, status, sidecar=sidecar)]

    def active(self, name, sidecar):
        return self.manager.active(alertname=name, sidecar=sidecar)

    def test_both(self):
        """a problem that both know is told once, and its end once"""
        with Target("proj") as target:
            self.wait_for_baseline("proj")
            target.do("fds pipe 220")
            for name in NAMES:
                wait_until("both ways of " + name, lambda: len(self.active(name, "proj")) == 2, 40)
            time.sleep(WAIT + 2)
            target.do("release all")
            for name in NAMES:
                wait_until("the end of " + name, lambda: not self.active(name, "proj"), 60)
                self.hook.wait_for(name, "resolved", sidecar="proj")
        time.sleep(WAIT + 2)
        for name in NAMES:
            begun = {tuple(sorted(labels.items())) for labels in self.told(name, "firing", "proj")}
            self.assertEqual(1, len(begun), begun)
            self.assertNotIn("plugin", dict(begun.pop()))
            self.assertEqual(1, len(self.told(name, "resolved", "proj")))

    def test_without_prometheus(self):
        """what Prometheus no longer tells collectd's own notifications do, once"""
        with Target("alone") as target:
            self.wait_for_baseline("alone")
            self.prometheus.stop()
            target.do("fds pipe 220")
            for name in NAMES:
                alert = self.hook.wait_for(name, "firing", WAIT + 30, sidecar="alone")
                self.assertEqual("sidecar", alert["labels"]["plugin"])
                self.assertTrue(alert["annotations"]["next"])
            time.sleep(WAIT + 2)
            for name in NAMES:
                self.assertEqual(1, len(self.told(name, "firing", "alone")))
