"""Sidecars that come and go by the hundred, each with a thousand descriptors and a flag up: what
ends in the middle of its reading or of its capture must not take collectd with it."""

import glob
import os
import random
import re
import resource
import shutil
import subprocess
import time
import unittest

from harness.daemon import private_folder, remove_folder
from harness.red_flags import RedFlagCase
from harness.wait import wait_until

DESCRIPTORS = 1100  # a failure of the flag "fds"
SECONDS = 40  # at most, where the machine has other things to do


class Churn(RedFlagCase):
    """One collectd for processes that end in the hundreds."""

    flags = {"fds": {"Hold": 0}}
    options = {"baseline_delay": 1, "max_new_names": 10000}

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 2 * DESCRIPTORS:
            if hard != resource.RLIM_INFINITY and hard < 2 * DESCRIPTORS:
                raise unittest.SkipTest("the limit of open files is %d here (ulimit -Hn)" % hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (2 * DESCRIPTORS, hard))
        super().setUpClass()
        cls.home = private_folder("churn")
        cls.addClassCleanup(remove_folder, cls.home)
        cls.program = os.path.join(cls.home, "sidecar")
        shutil.copy(os.path.realpath("/bin/sh"), cls.program)

    def setUp(self):
        self.children = {}
        self.ended = 0
        self.addCleanup(self.end_all)
        self.before = self.descriptors()
        self.random = random.Random(1)

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.collectd.pid))

    def start(self, count):
        """Starts so many, which inherit a thousand descriptors."""
        held = [os.open(self.program, os.O_RDONLY) for _ in range(DESCRIPTORS)]
        for fd in held:
            os.set_inheritable(fd, True)
        for number in range(count):
            folder = os.path.join(self.home, "%d" % (number % 10))
            os.makedirs(folder, exist_ok=True)
            child = subprocess.Popen(
                [self.program, "-c", "read forever"],
                cwd=folder,
                close_fds=False,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.children[child.pid] = child
        for fd in held:
            os.close(fd)

    def end(self, pid, wait=True):
        child = self.children.pop(pid)
        child.kill()
        child.stdin.close()
        if wait:
            child.wait()
        else:
            self.addCleanup(child.wait)  # a zombie until then
        self.ended += 1

    def end_all(self):
        for pid in list(self.children):
            self.end(pid)

    def check_collectd(self):
        self.end_all()
        self.assertTrue(self.collectd.running, "collectd ended")
        wait_until("collectd to watch none", lambda: self.count() == 0, 20)
        # more flags go up than the captures' queue holds
        expected = ("captures are left out", "Time and shares", "too many lines about")
        others = [line for line in self.complaints() if not any(x in line for x in expected)]
        self.assertEqual([], others)
        wait_until(
            "nothing half-written to be left",
            lambda: not glob.glob(self.folder + "/*/.tmp-*"),
            20,
        )
        wait_until(
            "collectd to have closed what it opened",
            lambda: self.descriptors() <= self.before,
            20,
        )

    def test_captured(self):
        """a hundred processes end as soon as a capture has begun to list what they hold"""
        captured = 0
        latest = begin = time.monotonic()
        while captured < 100 and time.monotonic() < begin + SECONDS and self.collectd.running:
            if time.monotonic() > latest + 4:
                self.end_all()  # their captures were left out: the queue was full
                latest = time.monotonic()
            if len(self.children) < 50:
                self.start(50)
            for path in glob.glob(self.folder + "/*/.tmp-*/fds.txt"):
                pid = int(re.search(r"-pid(\d+)-", path).group(1))
                if pid in self.children:
                    self.end(pid, wait=captured % 2 == 0)
                    captured += 1
                    latest = time.monotonic()
        self.check_collectd()
        self.assertGreater(captured, 10)

    def test_any_time(self):
        """five hundred processes end at random moments"""
        begin = time.monotonic()
        while self.ended < 500 and time.monotonic() < begin + SECONDS and self.collectd.running:
            self.start(100 - len(self.children))
            for pid in self.random.sample(list(self.children), 30):
                time.sleep(self.random.random() * 0.04)  # a reading comes each second
                self.end(pid, wait=self.random.random() < 0.5)
        self.check_collectd()
