"""What is kept as files: whole bundles that pprof takes, over a restart, and none half-written."""

import glob
import os
import re
import subprocess

from harness.case import labels, metric
from harness.collectd import Collectd
from harness.daemon import free_port, need
from harness.red_flags import RedFlagCase
from harness.target import Target
from harness.wait import Probe, wait_until


class Captures(RedFlagCase):
    """The bundles of files."""

    def test_bundle(self):
        """a leak of the heap: pprof takes the pair and shows the leaking function first"""
        port = free_port()
        with Target("hoard", variables={"SIDECAR_PPROF": str(port)}) as target:
            baseline = self.bundle("hoard", "baseline")
            target.do("heap 300MB; maps anon 1 size=200MB; fds regular 9 path=again.jsonl")
            notice = self.notices.wait_for("hoard", "rss", "failure")
            bundle = self.bundle("hoard", "rss")
            self.assertEqual(bundle, notice["meta"]["capture"])
            self.check_files(bundle, target)
            with open(bundle + "/README.txt", encoding="utf-8") as file:
                readme = file.read()
            line = re.search(r"go tool pprof .*-base \S+ \S+", readme).group(0).split()
            self.assertIn(baseline + "/heap.pb.gz", line)
            line.insert(3, "-top")
            need("go", "golang-go")
            top = subprocess.run(
                line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
            ).stdout.decode()
            first = re.search(r"flat%.*\n(.*)", top).group(1)
            self.assertIn("main.leakHeap", first, top)
            self.check_summary(target)

    def check_files(self, bundle, target):
        self.assertEqual(0o700, os.stat(self.folder).st_mode & 0o777)
        self.assertEqual(0o700, os.stat(bundle).st_mode & 0o777)
        found = set(os.listdir(bundle))
        wanted = {"README.txt", "heap.pb.gz", "goroutines.txt", "fds.txt", "metrics.txt"}
        self.assertLessEqual(wanted | {"memory-map.txt"}, found)
        for name in found:
            self.assertEqual(0o600, os.stat(os.path.join(bundle, name)).st_mode & 0o777, name)
        with open(bundle + "/fds.txt", encoding="utf-8") as file:
            self.assertRegex(file.read(), r"\b9\b.*again\.jsonl")
        with open(bundle + "/goroutines.txt", encoding="utf-8") as file:
            self.assertRegex(file.read(), r"^goroutine \d+ \[")
        with open(bundle + "/metrics.txt", encoding="utf-8") as file:
            text = file.read()
        self.assertIn("process_resident_memory_bytes ", text)
        self.assertIn('go_goroutines_state{type="select"}', text)
        with open(bundle + "/README.txt", encoding="utf-8") as file:
            self.assertIn(str(target.pid), file.read())

    def check_summary(self, target):
        def probe():
            with open(self.folder + "/hoard/summary.txt", encoding="utf-8") as file:
                text = file.read()
            if "rss" not in text:
                raise Probe(text)
            return text

        text = wait_until("the summary to tell of the flag", probe, 30)
        self.assertIn("hoard (pid %d)" % target.pid, text)
        self.assertRegex(text, r"RSS +\d+\.\d MB +\d+\.\d MB +\+\d+\.\d MB")
        self.assertRegex(text, r"rss +FAILURE")


class Restart(RedFlagCase):
    """A collectd that ends, and another that finds what it left."""

    def test_restart(self):
        """a collectd that is restarted knows the baseline again"""
        with Target("kept", variables={"SIDECAR_PPROF": str(free_port())}):
            first = self.bundle("kept", "baseline")
            self.collectd.terminate()
            with Collectd(*self.collectd.parts) as again:
                again.endpoint.sample(
                    metric("go_goroutines_state"), 30, **labels("kept", "select")
                )
                again.wait_for_log(re.compile("kept.*watched from now on"))
            self.assertEqual([first], glob.glob(self.folder + "/kept/*-baseline"))


class CutOff(RedFlagCase):
    """collectd ends while a CPU profile is being taken."""

    options = {"cpu_profile_seconds": 30}

    def test_end(self):
        """SIGTERM in the middle of a CPU profile: out at once, nothing half-written"""
        with Target("burns", variables={"SIDECAR_PPROF": str(free_port())}) as target:
            self.bundle("burns", "baseline")
            target.do("cpu 500")
            self.notices.wait_for("burns", "cpu", "failure", 150)
            wait_until(
                "a capture under way", lambda: glob.glob(self.folder + "/burns/.tmp-*"), 30
            )
            self.assertLess(self.collectd.terminate(timeout=10), 2)
            self.assertEqual([], glob.glob(self.folder + "/burns/.*"))
            self.assertEqual([], glob.glob(self.folder + "/burns/*-cpu"))
