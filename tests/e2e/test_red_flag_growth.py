"""Red flags that need time: growth, a spike that stays, rates."""

import os
import subprocess

from harness.case import labels, metric
from harness.daemon import free_port, need
from harness.red_flags import RedFlagCase
from harness.target import Target
from harness.wait import wait_until


class Growth(RedFlagCase):
    """Leaks that go on, all at once; and rates."""

    flags = {"heap_growing": {"Warning": 10}, "fds_growing": {"Warning": 10}}

    def test_growth(self):
        """leaks of descriptors, goroutines and heap are seen, named and over when they end"""
        port = free_port()
        with Target("leaky", variables={"SIDECAR_PPROF": str(port)}) as target:
            self.bundle("leaky", "baseline")
            target.do("leak fds regular 4/s; leak goroutines chan_receive 3/s; leak heap 2MB/s")
            fds = self.notices.wait_for("leaky", "fds_growing", "warning", 90)
            goroutines = self.notices.wait_for("leaky", "goroutines_growing", "warning", 90)
            heap = self.notices.wait_for("leaky", "heap_growing", "warning", 90)
            self.assertEqual("regular", fds["meta"]["class"])
            self.assertIn("grew by", fds["message"])
            self.assertEqual("chan_receive", goroutines["meta"]["state"])
            self.assertIn("main.leakHeap", heap["meta"]["site_1"])
            self.assertRegex(heap["meta"]["rate"], r" [MG]B/h$")
            target.do("stop leak; release all")
            for flag in ("fds_growing", "goroutines_growing", "heap_growing"):
                self.notices.wait_for("leaky", flag, "okay", 90)

    def test_spike(self):
        """a heap that steps up and stays is told of"""
        port = free_port()
        with Target("spike", variables={"SIDECAR_PPROF": str(port)}) as target:
            self.bundle("spike", "baseline")
            self.rested("go_memstats_heap_alloc_bytes", "spike")
            wait_until(
                "the plateau to be known",
                lambda: self.page().value(
                    metric("process_start_time_seconds"), **labels("spike")
                ),
                5,
            )
            self.rest_for(24)
            target.do("heap 80MB")
            notice = self.notices.wait_for("spike", "heap_not_receding", "warning", 60)
            self.assertIn("main.leakHeap", notice["meta"]["site_1"])
            target.do("release all")
            self.notices.wait_for("spike", "heap_not_receding", "okay", 60)

    def rest_for(self, seconds):
        """Lets that much of the daemon's time pass: readings, not the test's clock."""
        name, kind = metric("process_pid"), labels("spike")
        first = self.page().select(name, **kind)[0].time
        wait_until(
            "%d seconds of readings" % seconds,
            lambda: self.page().select(name, **kind)[0].time >= first + seconds,
            seconds * 4,
            poll=0.5,
        )

    def test_rates(self):
        """garbage and CPU: rates over a minute, and a CPU profile in the capture"""
        port = free_port()
        with Target("busy", variables={"SIDECAR_PPROF": str(port)}) as target:
            self.wait_for_instances("busy")
            target.do("garbage 60MB/s; cpu 500")
            self.notices.wait_for("busy", "allocation_rate", "warning", 150)
            notice = self.notices.wait_for("busy", "cpu", "failure", 150)
            bundle = self.bundle("busy", "cpu", 60)
            self.assertEqual(notice["meta"]["capture"], bundle)
            self.assertTrue(os.path.getsize(bundle + "/cpu.pb.gz") > 0)
            go = need("go", "golang-go")
            top = subprocess.run(
                [go, "tool", "pprof", "-top", bundle + "/cpu.pb.gz"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            ).stdout.decode()
            self.assertIn("main.", top)
