"""Alertmanagers and collectds that die, hang and come back: what holds arrives, nothing else."""

import contextlib
import os
import re
import signal
import socket
import stat
import time
import unittest

from harness.alerting import Manager, Notifier, Webhook, cluster, node, notify_alertmanager
from harness.wait import wait_until

IN_TIME = 2
END_SECONDS = 2
# How long an Alertmanager is away at least; minutes are for patient people
AWAY_SECONDS = float(os.environ.get("E2E_AWAY_SECONDS", "3"))


class Away(unittest.TestCase):
    def test_away_and_back(self):
        """an Alertmanager that was away gets the present state, and nothing stale is told"""
        with Webhook() as hook:
            manager = Manager(hook)
            plugin = notify_alertmanager(node("am", manager.url), ResendInterval=1)
            with Notifier(plugin) as collectd:
                with manager:
                    collectd.fire("ends")
                    collectd.warn("stays")
                    collectd.warn("worsens")
                    manager.wait_for_names(
                        "CollectdEndsGauge", "CollectdStaysGauge", "CollectdWorsensGauge"
                    )
                    hook.wait_for("CollectdEndsGauge", "firing")
                    hook.wait_for("CollectdWorsensGauge", "firing")
                # gone, with all it knew
                left = time.monotonic()
                told = len(hook.told)
                collectd.okay("ends")
                collectd.fire("worsens")
                collectd.fire("comes")
                collectd.fire("flashes")
                collectd.okay("flashes")
                wait_until(
                    "failed posts", lambda: collectd.value("alert_posts", "am", "failed") >= 3, 20
                )
                while time.monotonic() < left + AWAY_SECONDS:
                    collectd.fire("flashes")
                    collectd.okay("flashes")
                    time.sleep(1)
                with manager:
                    manager.wait_for_names(
                        "CollectdStaysGauge", "CollectdWorsensGauge", "CollectdComesGauge", timeout=35
                    )
                    alert = manager.wait_for_alert(plugin="worsens")
                    self.assertEqual("critical", alert["labels"]["severity"])
                    hook.wait_for("CollectdComesGauge", "firing")
                    time.sleep(3)
                    news = {(s, a["labels"]["alertname"]) for s, a in hook.told[told:]}
                    self.assertNotIn(("firing", "CollectdEndsGauge"), news)
                    self.assertNotIn(("firing", "CollectdFlashesGauge"), news)
                    stale = [a for a in hook.of("CollectdWorsensGauge", "firing", severity="warning")]
                    self.assertEqual(1, len(stale), "of before the outage")
                    collectd.wait_for_value(0, "alert_queue_length", "am")
                    # while it is there: the next outage has a line of its own
                    complaints = re.findall(r"\[warning\].*node .am.*connect.*kept", collectd.log())
                    self.assertGreaterEqual(len(complaints), 1, collectd.log())
                    self.assertLessEqual(len(complaints), 1 + AWAY_SECONDS // 60, collectd.log())
                    self.assertRegex(collectd.log(), "delivered again")

    def test_hanging(self):
        """an Alertmanager that hangs costs the time limit, and gets what changed meanwhile"""
        with Manager() as manager:
            plugin = notify_alertmanager(node("am", manager.url, Timeout=1), ResendInterval=1)
            with Notifier(plugin) as collectd:
                collectd.fire("before")
                manager.wait_for_names("CollectdBeforeGauge")
                manager.process.send_signal(signal.SIGSTOP)
                collectd.okay("before")
                collectd.fire("after")
                wait_until(
                    "failed posts", lambda: collectd.value("alert_posts", "am", "failed") >= 1, 10
                )
                manager.process.send_signal(signal.SIGCONT)
                manager.wait_for_names("CollectdAfterGauge", timeout=35)

    def test_one_of_three_dead(self):
        """a cluster of three with one dead: the others have it in time, people are told once"""
        with Webhook() as hook, contextlib.ExitStack() as stack:
            managers = cluster(3, hook)
            for manager in managers:
                manager.spawn()
                stack.callback(manager.stop)
            for manager in managers:
                manager.wait_for_log(re.compile("gossip (settled; proceeding|not settled but)"), 30)
            parts = [node("am%d" % i, m.url, Timeout=1) for i, m in enumerate(managers)]
            with Notifier(notify_alertmanager(*parts, ResendInterval=1)) as collectd:
                collectd.fire("first")
                for manager in managers:
                    manager.wait_for_alert(IN_TIME, plugin="first")
                managers[1].process.kill()
                managers[1].process.wait(10)
                collectd.fire("second")
                for manager in (managers[0], managers[2]):
                    manager.wait_for_alert(IN_TIME, plugin="second")
                # each Alertmanager waits for its turn before it tells what no other has told
                for status in ("firing", "resolved"):
                    if status == "resolved":
                        collectd.okay("second")
                    hook.wait_for("CollectdSecondGauge", status, timeout=30)
                    wait_until(
                        "one message from the cluster",
                        lambda s=status: len(hook.of("CollectdSecondGauge", s)) == 1,
                        0,
                        hold=7,
                    )
                self.assertGreater(collectd.value("alert_posts", "am1", "failed"), 0)
                self.assertEqual(0, collectd.value("alert_posts", "am0", "failed"))
                self.assertEqual(0, collectd.value("alert_queue_length", "am2"))


class Restarts(unittest.TestCase):
    def setUp(self):
        self.hook = self.enterContext(Webhook())
        self.manager = self.enterContext(Manager(self.hook))
        self.plugin = notify_alertmanager(node("am", self.manager.url), ResendInterval=1)

    def test_killed(self):
        """killed with SIGKILL while an alert fires: after the restart OKAY resolves it"""
        with Notifier(self.plugin) as collectd:
            collectd.fire("burns", plugin_instance="x", message="it burns")
            collectd.warn("smokes")
            before = self.manager.wait_for_alert(plugin="burns")
            collectd.wait_for_state("burns", "smokes")
            collectd.crash()
            collectd.again()
            self.assertIn("2 alerts restored from", collectd.log())
            time.sleep(3)  # renewed by the new one
            alert = self.manager.wait_for_alert(plugin="burns")
            self.assertEqual(before["startsAt"], alert["startsAt"])
            self.assertEqual("it burns", alert["annotations"]["description"])
            collectd.okay("burns", plugin_instance="x")
            self.hook.wait_for("CollectdBurnsGauge", "resolved")
            self.manager.wait_for_names("CollectdSmokesGauge")
            self.assertEqual(1, len(self.hook.of("CollectdBurnsGauge", "firing")))
            self.assertEqual(1, len(self.hook.of("CollectdBurnsGauge", "resolved")))

    def test_killed_again_and_again(self):
        """killed at any moment the state file is whole, and no alert is lost"""
        with Notifier(self.plugin) as collectd:
            for number in range(5):
                collectd.fire("alert%d" % number)
                collectd.wait_for_state(*["alert%d" % n for n in range(number + 1)])
                for _ in range(100 * number):
                    collectd.warn("flaps")
                    collectd.okay("flaps")
                collectd.crash()
                collectd.again()
                self.assertNotRegex(collectd.log(), "damaged")
            for number in range(5):
                collectd.okay("alert%d" % number)
            wait_until(
                "the end of all", lambda: not [n for n in self.manager.names() if "Alert" in n], 5
            )

    def test_resolved_while_away(self):
        """resolved while Alertmanager was away, restarted, and still delivered"""
        with Notifier(self.plugin) as collectd:
            collectd.fire("burns")
            self.hook.wait_for("CollectdBurnsGauge", "firing")
            self.manager.process.send_signal(signal.SIGSTOP)
            collectd.okay("burns")
            collectd.end()
            self.manager.process.send_signal(signal.SIGCONT)
            collectd.again()
            self.hook.wait_for("CollectdBurnsGauge", "resolved")

    def test_damaged_state(self):
        """a damaged state file costs the damaged line, is kept aside, and told"""
        with Notifier(self.plugin) as collectd:
            collectd.fire("good")
            collectd.fire("bad")
            collectd.wait_for_state("good", "bad")
            self.manager.wait_for_names("CollectdGoodGauge", "CollectdBadGauge")
            collectd.crash()
            with open(collectd.state_file, encoding="utf-8") as file:
                text = file.read()
            with open(collectd.state_file, "w", encoding="utf-8") as file:
                file.write(text.replace('"bad"', '"BAD"'))
            collectd.again()
            self.assertRegex(collectd.log(), r"\[warning\].*1 damaged lines .*1 were good")
            self.assertTrue(os.path.exists(collectd.state_file + ".damaged"))
            collectd.okay("good")
            self.hook.wait_for("CollectdGoodGauge", "resolved")

    def test_newer_state(self):
        """a state file of another version is not read, and kept aside"""
        with Notifier(self.plugin) as collectd:
            collectd.end()
            with open(collectd.state_file, "w", encoding="utf-8") as file:
                file.write("collectd notify_alertmanager state, version 99\n")
            collectd.again()
            self.assertRegex(collectd.log(), r"\[warning\].*no state file of this version")
            with open(collectd.state_file + ".damaged", encoding="utf-8") as file:
                self.assertIn("version 99", file.read())
            collectd.fire("works")
            self.manager.wait_for_names("CollectdWorksGauge")
            collectd.wait_for_state("works")

    def test_state_file(self):
        """the state file is the owner's alone"""
        with Notifier(self.plugin) as collectd:
            collectd.fire("burns")
            collectd.wait_for_state("burns")
            self.assertEqual(0o600, stat.S_IMODE(os.stat(collectd.state_file).st_mode))
            self.assertEqual(
                ["notify_alertmanager.state"], os.listdir(os.path.dirname(collectd.state_file))
            )

    def test_no_folder(self):
        """a state file that cannot be written: one line, and alerts go on"""
        plugin = notify_alertmanager(
            node("am", self.manager.url), ResendInterval=1, StateFile="/nonexistent/state"
        )
        with Notifier(plugin) as collectd:
            collectd.fire("burns")
            self.manager.wait_for_names("CollectdBurnsGauge")
            collectd.wait_for_value(0, "alert_state_saved", "all")
            lines = re.findall(r"\[error\].*nonexistent/state.*StateFile", collectd.log())
            self.assertEqual(1, len(lines), collectd.log())


class Endings(unittest.TestCase):
    """SIGTERM with a node that is no help."""

    def check(self, url, alerts=100):
        plugin = notify_alertmanager(node("dead", url, Timeout=60), ResendInterval=1)
        with Notifier(plugin) as collectd:
            for number in range(alerts):
                collectd.fire("alert%d" % number)
            time.sleep(0.5)
            seconds = collectd.end()
            self.assertEqual(0, collectd.process.returncode)
            self.assertLess(seconds, END_SECONDS)
            with open(collectd.state_file, encoding="utf-8") as file:
                self.assertEqual(alerts + 1, len(file.readlines()))

    def test_refusing(self):
        """SIGTERM with a node that refuses connections: out in two seconds, state kept"""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.check("http://127.0.0.1:%d" % taken.getsockname()[1])

    def test_silent(self):
        """SIGTERM with a node that accepts and says nothing, and ten thousand alerts: out in two
        seconds, state kept"""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(64)
            self.check("http://127.0.0.1:%d" % silent.getsockname()[1], alerts=10000)

    def test_black_hole(self):
        """SIGTERM with a node that never answers to a connection: out in two seconds, state kept"""
        with contextlib.ExitStack() as stack:
            hole = stack.enter_context(socket.socket())
            hole.bind(("127.0.0.1", 0))
            hole.listen(0)
            for _ in range(8):  # fills the backlog
                full = stack.enter_context(socket.socket())
                full.setblocking(False)
                full.connect_ex(hole.getsockname())
            self.check("http://127.0.0.1:%d" % hole.getsockname()[1])

    def test_unknown_host(self):
        """SIGTERM while a name server does not answer: out in two seconds, state kept"""
        self.check("http://alertmanager.invalid.:9093")

    def test_last_words(self):
        """what changed right before SIGTERM is delivered to a node that is well"""
        with Webhook() as hook, Manager(hook) as manager:
            plugin = notify_alertmanager(node("am", manager.url))
            with Notifier(plugin) as collectd:
                collectd.fire("burns")
                self.assertLess(collectd.end(), END_SECONDS)
                manager.wait_for_alert(plugin="burns")
