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
from harness.collectd import HOST
from harness.installation import SOURCE
from harness.prometheus import Prometheus
from harness.red_flags import GROWTH
from harness.target import Target
from harness.wait import wait_until
from test_alert_rules import RULES_AND_ALERTMANAGER, make_rules

# A level, and two judgements of the plugin's that the rules pass on; each is up in seconds. Growth began
# long before it is detected, and Alertmanager waits for no group of an alert that is older than that.
FLAGS = {
    "fds": {"Hold": 1},
    "fds_above_baseline": {"Hold": 1, "Window": 3},
    "fds_growing": GROWTH,
    "threads": {"Hold": 1, "Warning": 35},
}
NAMES = ("SidecarFDsHigh", "SidecarFDsAboveBaseline", "SidecarFDsGrowing")
WAIT = 4  # longer than two intervals of a group


def configuration(hook):
    path = os.path.join(SOURCE, "grafana", "alertmanager", "alertmanager.yml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for shipped, quick in (
        ("group_wait: 10s ", "group_wait: 1s "),
        ("group_interval: 1m ", "group_interval: 2s "),
        ("  - name: people\n", "  - name: people\n    webhook_configs:\n      - url: %s\n" % hook.url),
    ):
        assert shipped in text, shipped
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
            cls.collectd.port,
            more=RULES_AND_ALERTMANAGER % (rules, cls.manager.port),
            # or what it has sent fires for minutes after its end
            options=["--rules.alert.resend-delay=1s"],
        )
        cls.enterClassContext(cls.prometheus)

    def wait_for_baseline(self, sidecar):
        """Waits until the plugin knows with how many descriptors the sidecar began."""
        age = 'time() - collectd_sidecar_process_start_time_seconds{sidecar="%s"} > 8' % sidecar
        wait_until("the baseline of " + sidecar, lambda: self.prometheus.query(age), 40)

    def wait_for_rules(self):
        wait_until(
            "the rules to watch the host",
            lambda: self.manager.active(alertname="SidecarWatchedByRules", instance=HOST),
            40,
        )

    def told(self, name, status, sidecar):
        """The labels of each message."""
        return [alert["labels"] for alert in self.hook.of(name, status, sidecar=sidecar)]

    def active(self, name, sidecar):
        return self.manager.active(alertname=name, sidecar=sidecar)

    def test_both(self):
        """a problem that both know is told once, and its end once"""
        with Target("proj") as target:
            self.wait_for_baseline("proj")
            self.wait_for_rules()
            target.do("fds pipe 220")
            target.do("leak fds pipe 6/s")
            for name in NAMES:
                wait_until("both ways of " + name, lambda: len(self.active(name, "proj")) == 2, 40)
            time.sleep(WAIT)
            target.do("release all")
            for name in NAMES:
                wait_until("the end of " + name, lambda: not self.active(name, "proj"), 60)
                self.hook.wait_for(name, "resolved", sidecar="proj")
        time.sleep(WAIT)
        for name in NAMES:
            begun = {tuple(sorted(labels.items())) for labels in self.told(name, "firing", "proj")}
            self.assertEqual(1, len(begun), begun)
            self.assertNotIn("plugin", dict(next(iter(begun))))
            ended = {tuple(sorted(labels.items())) for labels in self.told(name, "resolved", "proj")}
            self.assertEqual(begun, ended)

    def test_without_prometheus(self):
        """what Prometheus no longer tells collectd's own notifications do, once"""
        with Target("alone") as target:
            self.wait_for_baseline("alone")
            self.wait_for_rules()
            self.prometheus.terminate()
            target.do("fds pipe 220")
            for name in NAMES[:2]:
                alert = self.hook.wait_for(name, "firing", 30, sidecar="alone")
                self.assertEqual("sidecar", alert["labels"]["plugin"])
                self.assertTrue(alert["annotations"]["next"])
            time.sleep(WAIT)
            for name in NAMES[:2]:
                begun = [labels for labels in self.told(name, "firing", "alone")]
                self.assertTrue(all(labels == begun[0] for labels in begun), begun)
        self.prometheus.again()

    def test_plugin_alone(self):
        """what only the plugin holds to be a flag is sent by collectd, though the rules watch the host"""
        with Target("strict") as target:
            self.wait_for_baseline("strict")
            self.wait_for_rules()
            target.do("threads 40")  # above the plugin's threshold here, below that of the rules
            alert = self.hook.wait_for("SidecarThreadsHigh", "firing", 60, sidecar="strict")
            self.assertEqual("sidecar", alert["labels"]["plugin"])
