"""Red flags that need some time: a spike that stays, rates."""

import os
import shutil
import signal
import subprocess
import tempfile

from harness.case import labels, metric
from harness.daemon import free_port, need
from harness.red_flags import RedFlagCase
from harness.target import Target
from harness.wait import wait_until


BUSY = "while :; do sh -c 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done'; done"


class Children(RedFlagCase):
    """A program that does next to nothing but start others."""

    flags = {"child_cpu": {"Hold": 4}, "cpu": {"Enabled": False}}

    def test_children(self):
        """the CPU time of children is their parent's metric and flag, not its own CPU"""
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="children-"))
        program, place = os.path.join(folder, "sidecar"), os.path.join(folder, "parent")
        shutil.copy(shutil.which("sh"), program)
        os.mkdir(place)
        with subprocess.Popen([program, "-c", BUSY], cwd=place, start_new_session=True) as parent:
            try:
                notice = self.notices.wait_for("parent", "child_cpu", "warning", 60)
                self.assertEqual(parent.pid, int(notice["meta"]["pid"]))
                self.assertGreater(notice["meta"]["value"], 0.1)
                self.check_time(parent.pid)
            finally:
                os.killpg(parent.pid, signal.SIGKILL)
        self.notices.wait_for("parent", "child_cpu", "okay")

    def check_time(self, pid):
        """As the kernel has it, cutime and cstime, before and after."""
        before = self.of_children(pid)
        told = self.rested("process_children_cpu_microseconds_total", "parent") / 1e6
        self.assertTrue(before <= told <= self.of_children(pid), told)

    @staticmethod
    def of_children(pid):
        with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


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
