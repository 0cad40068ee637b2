"""Short-lived processes by the thousand: collectd is afterwards as it was before.

SOAK_PROCESSES=1000000 for a long one (four hundred processes a second).
"""

import os
import signal
import time

import pytest

from harness import collectd_config as config
from harness.case import SidecarCase, metric
from harness.greedy import Greedy
from harness.target import Target
from harness.wait import wait_until

PROCESSES = int(os.environ.get("SOAK_PROCESSES", "5000"))
# Of the allocator: what it keeps of the time of most processes, of which the second crowd may have
# more than the first, at 40 KB each. A long soak finds smaller leaks.
MEMORY_MAY_GROW_KB = 8192


class Soak(SidecarCase):
    @classmethod
    def parts(cls):
        return [config.sidecar(config.young())]

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.collectd.pid))

    def memory_kb(self):
        with open("/proc/%d/status" % self.collectd.pid, encoding="ascii") as file:
            text = file.read()
        return int(text.split("RssAnon:")[1].split()[0])

    def settle(self):
        """Nobody but the honest one is watched, and what is read seldom has been read."""
        self.wait_for_instances("honest", timeout=30)
        self.rested("process_count", "sidecar")

    @pytest.mark.timeout(240 + PROCESSES / 25)  # two crowds
    def test_short_lives(self):
        """thousands of processes that live for a second at most"""
        self.enterContext(Target("honest"))
        with Greedy(1, "short_lives", PROCESSES) as warm_up:
            self.wait_for_end(warm_up, 60 + PROCESSES / 50)
        self.settle()
        descriptors, memory_kb = self.descriptors(), self.memory_kb()
        began = time.monotonic()
        with Greedy(1, "short_lives", PROCESSES) as crowd:
            self.wait_for_end(crowd, 60 + PROCESSES / 50)
        seconds = time.monotonic() - began
        self.settle()
        found = self.collectd.log().count("watched from now on")
        print(
            "%d processes in %.0f s, memory %d -> %d kB, %d lines about them"
            % (PROCESSES, seconds, memory_kb, self.memory_kb(), found)
        )
        self.assertGreater(found, 100)
        self.assertLessEqual(self.descriptors(), descriptors)
        self.assertLess(self.memory_kb(), memory_kb + MEMORY_MAY_GROW_KB)
        expected = ("too many lines about", "MaxNewNames", "more processes match", "all their time")
        others = [x for x in self.complaints() if not any(part in x for part in expected)]
        self.assertEqual([], others)
        self.assert_healthy_page()

    def wait_for_end(self, crowd, timeout):
        wait_until("all to end", lambda: "all have ended" in crowd.log(), timeout, poll=0.2)


class Pauses(SidecarCase):
    def test_stopped(self):
        """a daemon that is stopped for some intervals: no complaint, no flag, and it goes on"""
        self.enterContext(Target("honest", do=["fds regular 20"]))
        self.wait_for_instances("honest")
        self.rested("process_count", "sidecar")
        self.collectd.process.send_signal(signal.SIGSTOP)
        time.sleep(6)
        self.collectd.process.send_signal(signal.SIGCONT)
        self.rested("process_fds", "honest", "regular")
        page = self.page()
        self.assertEqual([], self.complaints())
        flags = page.by_label("type", metric("red_flag"), sidecar="honest")
        self.assertEqual({0}, set(flags.values()), flags)
        self.assertLess(self.collectd.terminate(), 5)
