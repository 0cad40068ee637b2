"""Every value of the Go runtime, against curl of the same pprof port."""

import re

from harness import procfs
from harness.case import OK, SidecarCase, labels, metric
from harness.daemon import free_port
from harness.target import Target, curl
from harness.wait import Probe, wait_until

# type: field of runtime.MemStats; those that only grow
COUNTERS = {
    "go_memstats_alloc_bytes": "TotalAlloc",
    "go_memstats_mallocs": "Mallocs",
    "go_memstats_frees": "Frees",
    "go_gc_cycles": "NumGC",
}
# and those that go up and down
GAUGES = {
    "go_memstats_heap_alloc_bytes": "HeapAlloc",
    "go_memstats_heap_inuse_bytes": "HeapInuse",
    "go_memstats_heap_idle_bytes": "HeapIdle",
    "go_memstats_heap_released_bytes": "HeapReleased",
    "go_memstats_heap_sys_bytes": "HeapSys",
    "go_memstats_heap_objects": "HeapObjects",
    "go_memstats_stack_inuse_bytes": "Stack",
    "go_memstats_sys_bytes": "Sys",
    "go_memstats_next_gc_bytes": "NextGC",
}
HEAP_MB = 100


class Runtime:
    """What curl says of a pprof port."""

    def __init__(self, port):
        self.base = "http://127.0.0.1:%d/debug/pprof/" % port

    def goroutines(self):
        text = curl(self.base)
        return int(re.search(r"<td>(\d+)</td><td><a href='?goroutine\?", text).group(1))

    def memstats(self):
        text = curl(self.base + "heap?debug=1")
        stats = dict(re.findall(r"^# (\w+) = (.*)$", text, re.M))
        stats["Stack"] = stats["Stack"].split(" / ", maxsplit=1)[0]
        stats["pauses"] = [int(pause) for pause in stats["PauseNs"].strip("[]").split()]
        return stats


class Go(SidecarCase):
    """A target with 100 MB of heap and 40 goroutines that wait."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        port = free_port()
        commands = [
            "heap %dMB" % HEAP_MB,
            "goroutines chan_receive 15",
            "goroutines select 25",
            "gc",
        ]
        cls.target = cls.enterClassContext(
            Target("go", variables={"SIDECAR_PPROF": str(port)}, do=commands)
        )
        cls.runtime = Runtime(port)

    def go_value(self, page, name):
        value = page.value(metric(name, derive=name in COUNTERS), **labels("go"))
        if value is None:
            raise Probe("no %s" % name)
        return value

    def test_goroutines(self):
        """go_goroutines is the count that curl sees, and follows 500 more and less"""
        self.wait_for_status("go", "pprof", OK)
        before = self.runtime.goroutines()
        self.assertGreaterEqual(before, 40)
        self.assertEqual(before, self.rested("go_goroutines", "go"))
        self.target.do("goroutines io_wait 500")
        self.assertEqual(before + 500, self.rested("go_goroutines", "go"))
        self.target.do("release goroutines io_wait")
        self.assertEqual(before, self.rested("go_goroutines", "go"))

    def test_memstats_counters(self):
        """what only grows lies between two looks with curl"""
        after = self.at_rest()
        before = self.runtime.memstats()
        self.sample("go_memstats_heap_alloc_bytes", "go", after=after)
        page = self.page()
        later = self.runtime.memstats()
        for name, field in COUNTERS.items():
            with self.subTest(name):
                value = self.go_value(page, name)
                self.assertLessEqual(int(before[field]), value)
                self.assertGreaterEqual(int(later[field]), value)

    def test_memstats_gauges(self):
        """what goes up and down is within 2 % of what curl sees on a heap of 100 MB"""
        after = self.at_rest()
        self.sample("go_memstats_heap_alloc_bytes", "go", after=after)

        def compare():
            page, stats = self.page(), self.runtime.memstats()
            for name, field in GAUGES.items():
                value, real = self.go_value(page, name), int(stats[field])
                if abs(value - real) > max(real * 0.02, 2 << 20):
                    raise Probe("%s is %d, and curl's %s is %d" % (name, value, field, real))
            return page

        page = wait_until("MemStats to agree with curl", compare, 10, poll=0.3)
        self.assertGreater(self.go_value(page, "go_memstats_heap_alloc_bytes"), HEAP_MB << 20)

    def test_last_gc(self):
        """the time of the last GC and the GC's share of the CPU are curl's"""
        self.target.do("gc")

        def compare():
            stats, page = self.runtime.memstats(), self.page()
            seconds = self.go_value(page, "go_memstats_last_gc_time_seconds")
            if abs(int(stats["LastGC"]) / 1e9 - seconds) > 0.001:
                raise Probe("the last GC was at %s and not at %f" % (stats["LastGC"], seconds))
            return stats, page

        stats, page = wait_until("the last GC", compare, 15, poll=0.3)
        fraction = self.go_value(page, "go_gc_cpu_fraction")
        self.assertAlmostEqual(float(stats["GCCPUFraction"]), fraction, delta=0.01)

    def test_pauses(self):
        """ten collections add their pauses, as the ring of PauseNs has them, to the sum"""
        name = metric("go_gc_pause_nanoseconds", derive=True)

        def both():
            """(collections, their pauses) by curl and by the plugin, of the same moment"""
            stats, page = self.runtime.memstats(), self.page()
            cycles = self.go_value(page, "go_gc_cycles")
            if cycles != int(stats["NumGC"]):
                raise Probe("%d collections, %s by curl" % (cycles, stats["NumGC"]))
            return stats, page.value(name, **labels("go"))

        first, pauses = wait_until("a quiet moment", both, 15, poll=0.3)
        for _ in range(10):
            self.target.do("gc")
        second, more_pauses = wait_until("ten collections", both, 15, poll=0.3)
        numbers = range(int(first["NumGC"]) + 1, int(second["NumGC"]) + 1)
        self.assertGreaterEqual(len(numbers), 10)
        added = sum(second["pauses"][(number + 255) % 256] for number in numbers)
        self.assertEqual(added, more_pauses - pauses)

    def test_watching_does_not_add(self):
        """asking pprof leaves the number of descriptors and threads as it is"""
        pid = self.target.pid
        after = self.at_rest()
        self.assert_agrees(
            lambda: (procfs.count_descriptors(pid), procfs.count_threads(pid)),
            lambda page: tuple(
                page.value(metric(name), **labels("go"))
                for name in ("process_open_fds", "process_threads")
            ),
            after,
        )
