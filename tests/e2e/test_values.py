"""Every value from /proc, exact against ps, lsof, ls and pmap on a process that holds still."""

import re
import subprocess
import time

from harness import procfs
from harness.case import INTERVAL, OFF, OK, SidecarCase, labels, metric
from harness.target import Target
from harness.wait import wait_until

# what the first target holds; every class, and each count different from the others
HELD = (
    "fds regular 7",
    "fds regular 5 path=same.txt",
    "fds regular 3 path=thrice.txt",
    "fds deleted 4",
    "fds directory 6",
    "fds pipe 9",
    "fds socket 8",
    "fds tcp 2",
    "fds inotify 1",
    "watches 5",
    "fds eventpoll 2",
    "fds eventfd 3",
    "fds timerfd 2",
    "fds device 11",
    "fds regular 4 path=home/.claude/projects/p/session-%d.jsonl",
    "fds regular 3 path=home/.codex/sessions/2026/rollout-%d.jsonl",
    "fds regular 2 path=data/index.db",
    "fds regular 1 path=data/index.db-wal",
    "fds regular 1 path=data/other.sqlite3",
    "locks posix 3",
    "locks flock 2",
    "locks posix 2 path=shared.db shared",
    "threads 20",
    "maps regions 30",
    "maps lazyfree 2",
    "maps shmem 3",
    "maps file 2",
    "heap 48MB",
)
SQLITE = re.compile(rb"\.(db|sqlite|sqlite3)(-wal|-shm|-journal)?$")


class Holding(SidecarCase):
    """One target that holds a known number of everything and does nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.target = cls.enterClassContext(Target("e2e-proj", do=HELD))
        cls.pid = cls.target.pid
        cls.changed()

    @classmethod
    def changed(cls):
        """The target has just come to rest again: what was read before is no answer."""
        cls.rest = time.time() + 3 * INTERVAL

    def assert_still(self, oracle, value):
        self.assert_agrees(oracle, value, self.rest)

    def rested_page(self):
        for name, kind in (("process_fds", "regular"), ("process_smaps_bytes", "pss")):
            self.sample(name, "e2e-proj", kind, after=self.rest)
        return self.page()

    def assert_one(self, name, oracle, kind=None):
        self.assert_still(
            lambda: oracle(self.pid),
            lambda page: page.value(metric(name), **labels("e2e-proj", kind)),
        )

    def assert_kinds(self, name, oracle, derive=False):
        """All type instances of a type, none more and none less."""
        self.assert_still(
            lambda: oracle(self.pid),
            lambda page: page.by_label("type", metric(name, derive), sidecar="e2e-proj"),
        )

    def test_open_fds(self):
        """process_open_fds is what ls /proc/PID/fd | wc -l says"""
        self.assert_one("process_open_fds", procfs.count_descriptors)

    def test_classes(self):
        """process_fds has each class as lsof counts it, and they sum to process_open_fds"""
        self.assert_kinds("process_fds", lambda pid: procfs.classes(procfs.open_files(pid)))
        page = self.rested_page()
        total = sum(page.by_label("type", metric("process_fds"), sidecar="e2e-proj").values())
        self.assertEqual(page.value(metric("process_open_fds"), sidecar="e2e-proj"), total)

    def test_same_file(self):
        """process_fds_same_file_max is the first line of lsof | grep REG | sort | uniq -c"""

        def most(pid):
            return procfs.opens_by_file(procfs.open_files(pid)).most_common(1)[0][1]

        self.assertEqual(5, most(self.pid))
        self.assert_one("process_fds_same_file_max", most)

    def test_duplicates(self):
        """process_fds_duplicate counts the opens beyond each file's first"""

        def beyond(pid):
            return sum(n - 1 for n in procfs.opens_by_file(procfs.open_files(pid)).values())

        # same.txt, thrice.txt, index.db, shared.db, and standard output and error
        self.assertEqual(4 + 2 + 1 + 1 + 1, beyond(self.pid))
        self.assert_one("process_fds_duplicate", beyond)

    def test_deleted(self):
        """process_fds_deleted counts the open files that have no name any more"""

        def deleted(pid):
            return sum(
                file.kind == "regular" and file.links == 0 for file in procfs.open_files(pid)
            )

        self.assertEqual(4, deleted(self.pid))
        self.assert_one("process_fds_deleted", deleted)

    def test_patterns(self):
        """process_fds_matching counts session and SQLite files as lsof | grep -c does"""

        def matching(pid):
            names = [file.name for file in procfs.open_files(pid)]
            return {
                "claude_sessions": sum(b"/.claude/projects" in name for name in names),
                "codex_sessions": sum(b"/.codex/sessions" in name for name in names),
                "sqlite": sum(SQLITE.search(name) is not None for name in names),
            }

        self.assertEqual(
            {"claude_sessions": 4, "codex_sessions": 3, "sqlite": 11}, matching(self.pid)
        )
        self.assert_kinds("process_fds_matching", matching)

    def test_watches(self):
        """process_inotify_watches adds the watches of all inotify descriptors"""
        self.assertEqual(5, procfs.inotify_watches(self.pid))
        self.assert_one("process_inotify_watches", procfs.inotify_watches)

    def test_locks(self):
        """process_file_locks tells the process's own locks from others' on the same files"""
        shared = self.target.path("held", "shared.db")
        with Target("locker") as locker:
            locker.do('locks posix 1 shared start=10 length=5 path="%s"' % shared)
            locker.do('locks flock 1 path="%s"' % shared)
            self.assertEqual(
                {"held": 3 + 2 + 1, "foreign": 2, "contended": 1}, procfs.locks(self.pid)
            )
            self.changed()
            self.assert_kinds("process_file_locks", procfs.locks)

    def test_threads(self):
        """process_threads is ps -o nlwp"""
        self.assertGreater(procfs.count_threads(self.pid), 20)
        self.assert_one("process_threads", procfs.count_threads)

    def test_regions(self):
        """process_memory_regions is the number of pmap's lines"""
        self.assertGreater(procfs.count_regions(self.pid), 30)
        self.assert_one("process_memory_regions", procfs.count_regions)

    def test_resident(self):
        """process_resident_memory_bytes is ps -o rss within 2 %, and its parts add up"""
        page = self.rested_page()
        real = procfs.resident_bytes(self.pid)
        value = page.value(metric("process_resident_memory_bytes"), sidecar="e2e-proj")
        self.assertAlmostEqual(real, value, delta=real * 0.02)
        parts = page.by_label("type", metric("process_memory_bytes"), sidecar="e2e-proj")
        self.assertEqual({"anon", "file", "shmem", "swap"}, set(parts))
        self.assertAlmostEqual(real, sum(parts.values()) - parts["swap"], delta=real * 0.02)

    def test_status(self):
        """virtual, peak, anon, file, shmem and swap are those of /proc/PID/status"""
        self.assert_one("process_virtual_memory_bytes", procfs.virtual_bytes)
        self.assert_one(
            "process_resident_memory_peak_bytes", lambda pid: procfs.status(pid)["VmHWM"] * 1024
        )
        keys = {"anon": "RssAnon", "file": "RssFile", "shmem": "RssShmem", "swap": "VmSwap"}
        self.assert_kinds(
            "process_memory_bytes",
            lambda pid: {kind: procfs.status(pid)[key] * 1024 for kind, key in keys.items()},
        )

    def test_smaps(self):
        """process_smaps_bytes is smaps_rollup"""

        def rollup(pid):
            sums = procfs.rollup(pid)
            own = sums["Private_Clean"] + sums["Private_Dirty"] + sums["SwapPss"]
            return {
                "pss": sums["Pss"],
                "private_clean": sums["Private_Clean"],
                "private_dirty": sums["Private_Dirty"],
                "lazyfree": sums["LazyFree"],
                "swap_pss": sums["SwapPss"],
                "footprint": own - sums["LazyFree"],
            }

        self.assert_kinds("process_smaps_bytes", rollup)

    def test_identity(self):
        """process_pid, process_start_time_seconds and process_max_fds are right"""
        self.assert_one("process_pid", lambda pid: pid)
        self.assert_one("process_max_fds", procfs.soft_limit_files)
        started = self.value("process_start_time_seconds", "e2e-proj")
        text = procfs.output_of("ps", "procps", "-o", "lstart=", "-p", self.pid).decode().strip()
        real = subprocess.check_output(["date", "-d", text, "+%s"])
        self.assertAlmostEqual(int(real), started, delta=1.1)

    def test_cpu_time(self):
        """ps_cputime is that of /proc/PID/stat to the tick, after some work"""
        before = procfs.cpu_ticks(self.pid)
        self.target.do("cpu 800")
        wait_until("CPU time", lambda: procfs.cpu_ticks(self.pid)[0] > before[0] + 20, 10)
        self.target.do("stop cpu")
        self.changed()
        self.assert_still(
            lambda: tuple(ticks * 10000 for ticks in procfs.cpu_ticks(self.pid)),
            lambda page: tuple(
                page.value(metric("ps_cputime_" + half, derive=True), sidecar="e2e-proj")
                for half in ("user", "syst")
            ),
        )

    def test_faults_and_octets(self):
        """ps_pagefaults and ps_disk_octets are those of /proc"""
        self.assert_still(
            lambda: procfs.page_faults(self.pid),
            lambda page: tuple(
                page.value(metric("ps_pagefaults_" + half, derive=True), sidecar="e2e-proj")
                for half in ("minflt", "majflt")
            ),
        )
        self.assert_still(
            lambda: tuple(procfs.io(self.pid)[key] for key in ("read_bytes", "write_bytes")),
            lambda page: tuple(
                page.value(metric("ps_disk_octets_" + half, derive=True), sidecar="e2e-proj")
                for half in ("read", "write")
            ),
        )

    def test_collectors(self):
        """each collector of this process says ok, and what needs pprof that it is off"""
        page = self.rested_page()
        working = {"process", "descriptors", "smaps"}
        codes = page.by_label("type", metric("collector_status"), sidecar="e2e-proj")
        self.assertEqual({OK}, {codes[name] for name in working})
        self.assertEqual({OFF}, {code for name, code in codes.items() if name not in working})
        success = page.by_label("type", metric("collector_success"), sidecar="e2e-proj")
        self.assertEqual({name: 1 for name in working}, success)


class GivingBack(SidecarCase):
    """What is taken and given back goes up and down by just that much."""

    def test_up_and_down(self):
        """500 more files, 40 more threads and 60 more regions are seen to come and to go"""
        target = self.enterContext(Target("tide"))
        pid = target.pid
        names = {
            "process_open_fds": (procfs.count_descriptors, 500),
            "process_threads": (procfs.count_threads, 40),
            "process_memory_regions": (procfs.count_regions, 60),
        }
        rest = self.agreed(names, pid)
        target.do("fds regular 500; threads 40; maps regions 60")
        high = self.agreed(names, pid)
        for name, (_, more) in names.items():
            self.assertGreater(high[name], rest[name] + more * 0.9, name)
        target.do("release all")
        low = self.agreed(names, pid)
        for name, (_, more) in names.items():
            self.assertLess(low[name], high[name] - more * 0.9, name)

    def agreed(self, names, pid):
        """{name: value}, after the outside and /metrics have come to say the same."""
        after = self.at_rest()
        values = {}
        for name, (oracle, _) in names.items():
            values[name] = self.value(name, "tide", after=after)
            self.assertEqual(oracle(pid), values[name], name)
        return values
