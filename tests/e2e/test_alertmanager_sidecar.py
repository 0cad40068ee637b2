"""Both plugins together, as README.md tells: a sidecar breaches, people hear of it, it recovers."""

import os
import unittest

from harness import collectd_config as config
from harness.alerting import Manager, Notifier, Webhook, node, notify_alertmanager
from harness.collectd import HOST
from harness.installation import SOURCE
from harness.red_flags import quick_flags
from harness.target import Target


def readme():
    """The thresholds of README.md's section."""
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        section = file.read().split("## Alerts without Prometheus\n")[1].split("\n## ")[0]
    return section[section.index("<Plugin threshold>") :].split("```")[0]


class Readme(unittest.TestCase):
    def test_readme(self):
        """the README's threshold: 201 files, an alert; 1001, a worse one; closed, its end"""
        with Webhook() as hook, Manager(hook) as manager, Target("proj") as target:
            collectd = Notifier(
                notify_alertmanager(node("am", manager.url)),
                config.sidecar(config.young()),
                readme(),
                load=("sidecar", "threshold"),
            )
            with collectd:
                collectd.endpoint.sample("collectd_sidecar_process_open_fds", 20, sidecar="proj")
                target.do("fds regular 250")
                alert = manager.wait_for_alert(10, plugin="sidecar")
                expected = {
                    "alertname": "CollectdSidecarProcessOpenFds",
                    "instance": HOST,
                    "plugin": "sidecar",
                    "plugin_instance": "proj",
                    "sidecar": "proj",
                    "type": "process_open_fds",
                    "severity": "warning",
                }
                self.assertEqual(expected, alert["labels"])
                self.assertEqual("200", alert["annotations"]["WarningMax"])
                target.do("fds regular 1100")
                manager.wait_for_alert(10, plugin="sidecar", severity="critical")
                self.assertEqual(1, len(manager.active(plugin="sidecar")))
                target.do("release all")
                hook.wait_for(expected["alertname"], "resolved", severity="critical")
                self.assertEqual([], manager.active(plugin="sidecar"))


class RedFlags(unittest.TestCase):
    """What `sidecar` judges itself, without thresholds or rules anywhere else."""

    def test_red_flag(self):
        """a red flag is an alert that says what to look at, and ends when it does"""
        with Webhook() as hook, Manager(hook) as manager, Target("proj") as target:
            collectd = Notifier(
                notify_alertmanager(node("am", manager.url)),
                config.sidecar(config.young(), *quick_flags()),
                load=("sidecar",),
            )
            with collectd:
                collectd.endpoint.sample("collectd_sidecar_process_open_fds", 20, sidecar="proj")
                target.do("fds regular 60 path=leaked.jsonl")
                alert = manager.wait_for_alert(20, flag="same_file")
                labels = {
                    "alertname": "SidecarSameFileOpen",
                    "instance": HOST,
                    "sidecar": "proj",
                    "severity": "critical",
                }
                self.assertEqual(labels, {name: alert["labels"][name] for name in labels})
                annotations = alert["annotations"]
                self.assertEqual("60", annotations["count"])
                self.assertEqual(str(target.pid), annotations["pid"])
                self.assertTrue(annotations["path"].endswith("/leaked.jsonl"), annotations)
                self.assertIn("lsof -p %d" % target.pid, annotations["next"])
                self.assertIn("60 times", annotations["description"])
                target.do("quit")
                hook.wait_for("SidecarSameFileOpen", "resolved", severity="critical")
                self.assertEqual([], manager.active(flag="same_file"))
