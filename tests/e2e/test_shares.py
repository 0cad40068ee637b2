"""Whatever one user starts, another's sidecar is watched, its values arrive, and collectd ends when
it is told to."""

import os
import time

from harness import collectd_config as config
from harness.case import INTERVAL, LATE, OK, SidecarCase, metric
from harness.collectd import Collectd
from harness.greedy import FILES, Greedy
from harness.target import Target
from harness.wait import Probe, wait_until

END_SECONDS = 2


class SharesCase(SidecarCase):
    @classmethod
    def setUpClass(cls):
        """Each test has a collectd of its own."""

    def start(self, processes, command, number=0, **options):
        self.greedy = self.enterContext(Greedy(processes, command, number))
        self.honest = self.enterContext(Target("honest", do=["fds regular 50"]))
        self.collectd = self.enterContext(
            Collectd(config.sidecar(config.young(), **options), interval=INTERVAL)
        )

    def assert_honest_is_served(self):
        """Its values are of now, and complete, in each of some intervals."""
        self.wait_for_pid("honest", self.honest.pid, timeout=20)
        for _ in range(3):
            now = time.time()
            self.sample("process_open_fds", "honest", after=now, timeout=5)
            self.assertLessEqual(50, self.value("process_fds", "honest", "regular", after=now))
            for collector in ("process", "descriptors", "smaps"):
                self.assertEqual(OK, self.status("honest", collector), collector)

    def assert_ends(self):
        self.assertLess(self.collectd.terminate(), END_SECONDS)


class Readings(SharesCase):
    """A reading takes a bounded time, whatever there is to read."""

    def test_duplicates(self):
        """2,000 inotify watches on 1,000 duplicates of one descriptor"""
        self.start(1, "duplicates_of_watches", 1000)
        self.assert_honest_is_served()
        self.assertEqual(2000, self.value("process_inotify_watches", "greedy"))
        self.assert_ends()

    def test_descriptors(self):
        """12 processes with almost 20,000 descriptors each"""
        self.start(12, "descriptors", FILES - 10)
        self.assert_honest_is_served()
        self.assertEqual(12, len([x for x in self.instances() if x.startswith("greedy")]))
        # those that need more than one reading say so, and have values in the end
        self.wait_for_status("greedy", "descriptors", LATE, OK, timeout=60)
        wait_until("all to be counted", self.all_are_counted, 60)
        lines = [line for line in self.complaints() if "taken all their time" in line]
        self.assertEqual(1, len(lines), lines)
        self.assert_ends()

    def all_are_counted(self):
        counts = self.page().by_label("sidecar", metric("process_fds"), type="device")
        greedy = [count for name, count in counts.items() if name.startswith("greedy")]
        return len(greedy) == 12 and min(greedy) > FILES - 20

    def test_locks(self):
        """40,000 locks, which the kernel lists in time in proportion to the square of their number"""
        self.start(1, "locks", 40000)
        self.assert_honest_is_served()
        self.assert_ends()


class Places(SharesCase):
    """MaxProcesses is shared among users, and new names are limited."""

    def test_places(self):
        """the places are all taken by another user, who was there first"""
        self.greedy = self.enterContext(Greedy(30, "nothing"))
        self.collectd = self.enterContext(
            Collectd(config.sidecar(config.young(), max_processes=10), interval=INTERVAL)
        )
        wait_until("ten to be watched", lambda: len(self.instances()) == 10, 20)
        targets = [self.enterContext(Target("honest-%d" % n)) for n in range(7)]

        def probe():
            watched = [name for name in self.instances() if name.startswith("honest")]
            if len(watched) != 5 or len(self.instances()) != 10:
                raise Probe("watched are %s" % sorted(self.instances()))
            return True

        wait_until("five of seven", probe, 20)
        wait_until("it to stay so", probe, 0, hold=4 * INTERVAL)
        self.assertEqual(7, len(targets))
        self.assertIn("get their share of MaxProcesses", self.collectd.log())

    def test_same_name(self):
        """300 processes of one name, and others in collectd may use select(2)"""
        self.start(300, "nothing", max_processes=301)
        wait_until("all to be watched", lambda: len(self.instances()) == 301, 60)
        self.assert_ends()

    def test_new_names(self):
        """processes under new names all the time: some are watched, and one line says why not all"""
        self.start(1, "nothing", max_new_names=5)
        self.assert_honest_is_served()
        crowd = self.enterContext(Greedy(1, "new_names", 100))
        self.assertTrue(crowd.running)
        seen = set()
        for _ in range(6):
            seen |= {name for name in self.instances() if name.startswith("name-")}
            time.sleep(INTERVAL)
        self.assertLessEqual(len(seen), 5)
        lines = [line for line in self.complaints() if "MaxNewNames" in line]
        self.assertEqual(1, len(lines), lines)
        # his old name, and those of others, are as free as before
        self.greedy.kill()
        self.honest.do("quit")
        again = self.enterContext(Target("honest"))
        self.wait_for_pid("honest", again.pid)


class Limits(SharesCase):
    def test_few_files(self):
        """where collectd may open few files, it watches fewer processes, and the log says so"""
        self.greedy = self.enterContext(Greedy(100, "nothing"))
        self.collectd = self.enterContext(
            Collectd(
                config.sidecar(config.young(), max_processes=200),
                interval=INTERVAL,
                prefix=["prlimit", "--nofile=256:256"],
            )
        )
        wait_until("64 to be watched", lambda: len(self.instances()) == 64, 20)
        self.rested("process_count", "sidecar")
        self.assertLess(len(os.listdir("/proc/%d/fd" % self.collectd.pid)), 192)
        line = "MaxProcesses is 200, but only 64 are watched"
        self.assertEqual(1, self.collectd.log().count(line), self.collectd.log())
        self.assertNotIn("Too many open files", self.collectd.log())
