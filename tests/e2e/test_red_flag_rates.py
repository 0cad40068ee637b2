"""Red flags that need some time: a spike that stays, rates."""

import os
import subprocess

from harness.case import labels, metric
from harness.daemon import free_port, need
from harness.red_flags import RedFlagCase
from harness.target import Target
from harness.wait import wait_until


class Rates(RedFlagCase):
    """A spike of the heap, and what is counted by the second."""

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
            target.do("heap 80MB; gc")
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
        """garbage and CPU: rates, a CPU profile in the capture, and both over again"""
        port = free_port()
        with Target("busy", variables={"SIDECAR_PPROF": str(port)}) as target:
            self.wait_for_instances("busy")
            target.do("garbage 60MB/s; cpu 500")
            rate = self.notices.wait_for("busy", "allocation_rate", "warning", 60)
            self.assertIn("main.makeGarbage", rate["meta"]["site_1"])
            self.assertIn("main.makeGarbage", rate["message"])
            notice = self.notices.wait_for("busy", "cpu", "failure", 60)
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
            notice = self.notices.wait_for_meta("busy", "cpu", "site_1")
            self.assertEqual(("failure", bundle), (notice["severity"], notice["meta"]["capture"]))
            self.assertRegex(notice["meta"]["site_1"], r"^\d+ %: main\.")
            self.assertRegex(notice["message"], r" cores \(failure from .*; \d+ % in main\.")
            target.do("stop")
            for flag in ("allocation_rate", "cpu"):
                self.notices.wait_for("busy", flag, "okay", 60)
