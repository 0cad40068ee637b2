"""A user's processes may block everyone who reads them: another's sidecar is watched all the same,
collectd ends when it is told to, and afterwards everything is as before."""

import contextlib
import glob
import os
import time
import unittest

from harness import collectd_config as config
from harness.case import INTERVAL, OK, TIMEOUT
from harness.collectd import Collectd
from harness.greedy import Blocking
from harness.target import Target
from harness.wait import wait_until
from test_shares import SharesCase

USER_MAX = 4  # threads that are left behind for one user


class BlockingCase(SharesCase):
    def start(self, processes, command):
        self.honest = self.enterContext(Target("honest", do=["fds regular 50"]))
        self.blocking = self.enterContext(Blocking(processes, command, 60))
        if self.blocking.impossible():
            raise unittest.SkipTest(self.blocking.impossible())
        self.collectd = self.enterContext(
            Collectd(config.sidecar(config.young()), interval=INTERVAL)
        )

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.collectd.pid))

    def readers(self):
        """The one that reads, and those that were left behind with what blocks them."""
        found = 0
        for path in glob.glob("/proc/%d/task/*/comm" % self.collectd.pid):
            with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
                found += file.read() == "sidecar-reader\n"
        return found

    def lines(self):
        return [line for line in self.complaints() if "does not return" in line]


class Blocked(BlockingCase):
    def test_from_the_beginning(self):
        """processes that block whoever looks for processes"""
        self.start(2, "now")
        self.assert_honest_is_served()
        self.assertEqual(1, len(self.lines()), self.complaints())
        self.assert_ends()

    def test_many(self):
        """a user's further ones are not read, so that few threads wait"""
        self.start(12, "now")
        self.assert_honest_is_served()
        wait_until("readers to be left", lambda: self.readers() == 1 + USER_MAX, 20)
        self.assert_honest_is_served()
        self.assertEqual(1 + USER_MAX, self.readers())
        self.blocking.release()
        wait_until("readers to end", lambda: self.readers() == 1, 20)
        self.assert_honest_is_served()
        self.assert_ends()

    def test_watched(self):
        """processes that are watched before they block, and again when they no longer do"""
        self.start(2, "later")
        self.assert_honest_is_served()
        pids = {name: self.pid_of(name) for name in self.instances() if name != "honest"}
        self.assertEqual(4, len(pids), pids)  # with the one that started them, and the server
        threads = self.threads()
        self.blocking.block()
        blocked = wait_until("both to block", lambda: self.blocked(pids), 20)
        self.assert_honest_is_served()
        self.assertEqual(2, len(self.lines()), self.complaints())
        self.blocking.release()
        for name in blocked:
            self.wait_for_status(name, "process", OK, timeout=20)
            self.wait_for_status(name, "descriptors", OK, timeout=20)
            self.assertEqual(pids[name], self.pid_of(name))
        self.assertEqual(threads, self.threads())
        self.assert_ends()

    def blocked(self, names):
        page = self.page()
        found = [name for name in names if self.status(name, "process", page) == TIMEOUT]
        return found if len(found) == 2 else None

    def test_end(self):
        """collectd is told to end while it waits"""
        self.start(3, "later")
        self.assert_honest_is_served()
        self.blocking.block()
        time.sleep(INTERVAL)
        self.assert_ends()
