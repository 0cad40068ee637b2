"""The real sidecar, in tmux, with its state kept apart: every tier against the outside."""

import os

from harness import namespace, procfs
from harness.case import FOREIGN, OK, SidecarCase, labels, metric
from harness.daemon import free_port, need
from harness.real_sidecar import RealSidecar, program
from harness.wait import Probe, wait_until
from test_go_values import COUNTERS, GAUGES, Runtime
from test_profiles import Dump


class Real(SidecarCase):
    """One real sidecar on a port of its own."""

    @classmethod
    def setUpClass(cls):
        program()
        need("tmux", "tmux")
        super().setUpClass()
        cls.port = free_port()
        cls.real = cls.enterClassContext(RealSidecar("my-project", pprof=cls.port))
        cls.pid = cls.real.sidecar_pid
        cls.runtime = Runtime(cls.port)

    def test_found(self):
        """a real sidecar is found in tmux and named after its project"""
        self.wait_for_pid("my-project", self.pid)
        if namespace.inside():
            self.assertEqual({"my-project"}, self.instances())
            self.assertEqual(1, self.count(after=self.at_rest()))
        self.assertIn("idecar", self.real.screen())

    def test_state_is_apart(self):
        """all that the real sidecar wrote lies in the temporary folder"""
        self.wait_for_pid("my-project", self.pid)
        outside = [
            file.name
            for file in procfs.open_files(self.pid)
            if file.kind == "regular"
            and not file.name.startswith((self.real.folder.encode(), b"/sys/", b"/proc/"))
        ]
        self.assertEqual([], outside)
        self.assertTrue(os.path.isdir(self.real.path("state", "sidecar")))

    def test_pulse_and_detail(self):
        """descriptors, threads, regions and watches of a real sidecar are those of the outside"""
        pid = self.pid
        self.wait_for_pid("my-project", pid)

        def one(name):
            return lambda page: page.value(metric(name), **labels("my-project"))

        after = self.at_rest()
        for oracle, value in (
            (procfs.count_descriptors, one("process_open_fds")),
            (procfs.count_threads, one("process_threads")),
            (procfs.count_regions, one("process_memory_regions")),
            (procfs.inotify_watches, one("process_inotify_watches")),
            (
                lambda pid: procfs.classes(procfs.open_files(pid)),
                lambda page: page.by_label("type", metric("process_fds"), sidecar="my-project"),
            ),
        ):
            self.assert_agrees(lambda oracle=oracle: oracle(pid), value, after, timeout=20)

    def test_memory(self):
        """resident memory and PSS of a real sidecar are within 2 % of the outside's"""
        self.wait_for_pid("my-project", self.pid)

        def compare():
            page = self.page()
            for value, real in (
                (
                    page.value(metric("process_resident_memory_bytes"), **labels("my-project")),
                    procfs.resident_bytes(self.pid),
                ),
                (
                    page.value(metric("process_smaps_bytes"), **labels("my-project", "pss")),
                    procfs.rollup(self.pid)["Pss"],
                ),
            ):
                if value is None or abs(value - real) > real * 0.02:
                    raise Probe("%r, and %d outside" % (value, real))
            return True

        wait_until("the memory to agree", compare, 20, poll=0.3)

    def test_cpu_time(self):
        """the CPU time of a real sidecar lies between two looks from outside"""
        self.wait_for_pid("my-project", self.pid)
        before = sum(procfs.cpu_ticks(self.pid)) * 10000
        after = self.at_rest()
        self.sample("process_threads", "my-project", after=after)
        page = self.page()
        later = sum(procfs.cpu_ticks(self.pid)) * 10000
        value = sum(
            page.value(metric("ps_cputime_" + half, derive=True), sidecar="my-project")
            for half in ("user", "syst")
        )
        self.assertLessEqual(before, value)
        self.assertGreaterEqual(later, value)

    def test_runtime(self):
        """goroutines and MemStats of a real sidecar are those that curl sees"""
        self.wait_for_status("my-project", "pprof", OK)

        def compare():
            stats, page = self.runtime.memstats(), self.page()
            goroutines = page.value(metric("go_goroutines"), **labels("my-project"))
            real = self.runtime.goroutines()
            if goroutines != real:
                raise Probe("%r goroutines, %d by curl" % (goroutines, real))
            for name, field in GAUGES.items():
                value = page.value(metric(name), **labels("my-project"))
                if value is None or abs(value - int(stats[field])) > 0.2 * int(stats[field]) + (
                    2 << 20
                ):
                    raise Probe(
                        "%s is %r, and curl's %s is %s" % (name, value, field, stats[field])
                    )
            for name, field in COUNTERS.items():
                value = page.value(metric(name, derive=True), **labels("my-project"))
                if value is None or value > int(stats[field]):
                    raise Probe(
                        "%s is %r, and curl's %s is %s" % (name, value, field, stats[field])
                    )
            return True

        wait_until("the runtime's values to agree with curl", compare, 20, poll=0.3)


    def test_profiles(self):
        """what the goroutines of a real sidecar wait for, and what its heap holds, is known"""
        self.wait_for_status("my-project", "goroutines", OK)

        def compare():
            page = self.page()
            found = page.by_label("type", metric("go_goroutines_state"), sidecar="my-project")
            dump = Dump(self.port)
            if abs(sum(found.values()) - len(dump.reasons)) > 2:
                raise Probe("%s, and %d by curl" % (found, len(dump.reasons)))
            if found["select"] != dump.states()["select"]:
                raise Probe("%s in select, and %s by curl" % (found["select"], dump.states()))
            self.assertEqual(0, found["other"])
            return page

        page = wait_until("the states to agree with curl", compare, 20, poll=0.3)
        commands = page.value(
            metric("go_goroutines_matching"), **labels("my-project", "tea_cmd")
        )
        self.assertGreater(commands, 0, "bubbletea's commands have changed their names")
        heap = page.by_label("type", metric("go_heap_inuse_matching_bytes"), sidecar="my-project")
        self.assertGreaterEqual(len(heap), 6)


class Two(SidecarCase):
    """Two real sidecars that want the same port."""

    def setUp(self):
        if not namespace.inside():
            self.skipTest("needs a network namespace: port 6060 may be taken on this machine")

    @classmethod
    def setUpClass(cls):
        program()
        need("tmux", "tmux")
        super().setUpClass()

    def test_foreign(self):
        """of two real sidecars with SIDECAR_PPROF=1 the second is foreign; both end cleanly"""
        first = self.enterContext(RealSidecar("first", pprof=1))
        self.wait_for_status("first", "pprof", OK, timeout=20)
        second = self.enterContext(RealSidecar("second", pprof=1))
        self.wait_for_pid("second", second.sidecar_pid)
        self.wait_for_status("second", "pprof", FOREIGN)
        self.assertEqual([], self.go_values("second"))
        self.assertGreater(self.value("go_goroutines", "first"), 5)
        first.end_sidecar()
        second.end_sidecar()
        wait_until("both to go", lambda: not self.instances(), 10)
