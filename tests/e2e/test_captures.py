"""What is kept as files: whole bundles that pprof takes, over a restart, and none half-written."""

import glob
import os
import re
import subprocess
import time
import unittest

from harness import namespace, readme_commands
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
            self.check_commands(bundle, baseline)
            self.check_summary(target)

    def check_commands(self, bundle, baseline):
        """Those that compare heaps show the leak, as text and as a flame graph."""
        with open(bundle + "/README.txt", encoding="utf-8") as file:
            outputs = readme_commands.run_all(file.read())
        heap = "%s/heap.pb.gz %s/heap.pb.gz" % (baseline, bundle)
        top = outputs["go tool pprof -base " + heap]
        first = re.search(r"flat%.*\n(.*)", top).group(1)
        self.assertIn("main.leakHeap", first, top)
        self.assertIn("main.leakHeap", outputs["go tool pprof -top %s/heap.pb.gz" % bundle])
        for command in ("-base " + heap, bundle + "/heap.pb.gz"):
            page = outputs["go tool pprof -http=localhost:8081 " + command]
            self.assertIn("main.leakHeap", page)
        self.assertIn("again.jsonl", outputs["diff %s/fds.txt %s/fds.txt" % (baseline, bundle)])
        reasons = [output for command, output in outputs.items() if command.startswith("sed")]
        self.assertRegex(reasons[0], r"\d+ select")

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


class Growth(RedFlagCase):
    """What comes overnight, with the options as they are by default."""

    def test_growth(self):
        """a leak of descriptors is a warning, which is captured, and only once"""
        with Target("leaky", variables={"SIDECAR_PPROF": str(free_port())}) as target:
            baseline = self.bundle("leaky", "baseline")
            for path in (True, None):
                target.do("leak fds regular 8/s")
                notice = self.notices.wait_for("leaky", "fds_growing", "warning", 90)
                self.assertEqual(path, "capture" in notice["meta"] or None)
                folder = os.path.realpath(target.path("held"))
                self.assertEqual(folder, notice["meta"]["directory"])
                files = int(notice["meta"]["directory_count"])
                self.assertIn("; %d files in " % files, notice["message"])
                target.do("stop leak; release all")
                self.notices.wait_for("leaky", "fds_growing", "okay", 90)
            bundle = self.bundle("leaky", "fds_growing")
            self.assertEqual([bundle], glob.glob(self.folder + "/leaky/*-fds_growing"))
            with open(bundle + "/README.txt", encoding="utf-8") as file:
                self.assertIn("diff %s/fds.txt %s/fds.txt" % (baseline, bundle), file.read())


class Unusual(RedFlagCase):
    """CPU time above the usual, again and again."""

    options = {"capture_interval": 0}
    flags = {"cpu": {"Hold": 2, "Window": 6, "Warning": 0.1, "Failure": 50}}

    def test_cpu(self):
        """the first warning of a process has a CPU profile, and the second has no capture"""
        with Target("busy", variables={"SIDECAR_PPROF": str(free_port())}) as target:
            self.bundle("busy", "baseline")
            self.wait_for_state("busy", "cpu", 0)
            time.sleep(5 * 6)  # until the usual is known
            target.do("cpu 700")
            notice = self.notices.wait_for("busy", "cpu", "warning", 60)
            bundle = self.bundle("busy", "cpu")
            self.assertEqual(bundle, notice["meta"]["capture"])
            with open(bundle + "/README.txt", encoding="utf-8") as file:
                readme = file.read()
            self.assertRegex(readme, r"\n +\d+ %  main\.threadTime < main\.burnCPU < main\.")
            outputs = readme_commands.run_all(readme)
            profile = bundle + "/cpu.pb.gz"
            self.assertIn("main.", outputs["go tool pprof -top " + profile])
            self.assertIn("main.", outputs["go tool pprof -http=localhost:8081 " + profile])
            told = self.notices.wait_for_meta("busy", "cpu", "site_1")
            self.assertRegex(told["message"], r"; \d+ % in main\.threadTime < main\.burnCPU")
            for name in ("capture", "since"):
                self.assertEqual(notice["meta"][name], told["meta"][name])
            target.do("stop cpu")
            self.notices.wait_for("busy", "cpu", "okay", 60)
            target.do("cpu 700")
            notice = self.notices.wait_for("busy", "cpu", "warning", 60)
            self.assertNotIn("capture", notice["meta"])
            self.assertEqual([bundle], glob.glob(self.folder + "/busy/*-cpu"))


class Time(RedFlagCase):
    """Captures of a healthy process: at a time of day, in collectd's time zone, and on demand."""

    ahead_s = 5.5 * 3600
    zone = "XST-5:30"

    @classmethod
    def parts(cls):
        # the baseline must be there before
        cls.due_s = (int(time.time() + 20) // 60 + 1) * 60
        local = time.strftime("%H:%M", time.gmtime(cls.due_s + cls.ahead_s))
        cls.options = {"capture_schedule": [("23:59" if local == "00:00" else "00:00", local)]}
        return super().parts()

    @classmethod
    def collectd_options(cls):
        return {"prefix": ["env", "TZ=" + cls.zone]}

    def ask(self, name):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8"):
            pass
        wait_until("%s to be taken" % name, lambda: not os.path.exists(path), 20)

    def check_compared(self, bundle, *others):
        with open(bundle + "/README.txt", encoding="utf-8") as file:
            outputs = readme_commands.run_all(file.read())
        for other in others:
            command = "go tool pprof -base %s/heap.pb.gz %s/heap.pb.gz" % (other, bundle)
            self.assertIn("flat%", outputs[command])

    def test_time(self):
        """scheduled at its minute, then asked for: each is compared with those before"""
        variables = {"SIDECAR_PPROF": str(free_port())}
        with Target("night", variables=variables), Target("other"):
            baseline = self.bundle("night", "baseline")
            self.assertLess(time.time(), self.due_s, "too late for a baseline before")
            scheduled = self.bundle("night", "scheduled", 90)
            self.assertGreaterEqual(time.time(), self.due_s)
            self.assertLess(time.time(), self.due_s + 30)
            self.bundle("other", "scheduled")
            self.collectd.wait_for_log(re.compile("captures are due, processes: 2"))
            self.check_compared(scheduled, baseline)

            self.ask("capture-now.night")
            asked = self.bundle("night", "requested")
            line = r"night \(pid \d+\): the capture that was asked for goes to "
            self.collectd.wait_for_log(re.compile(line + re.escape(asked)))
            self.check_compared(asked, baseline, scheduled)
            self.assertEqual([], glob.glob(self.folder + "/other/*-requested"))

            self.ask("capture-now.nobody")
            self.collectd.wait_for_log(
                re.compile("capture-now.nobody: no process that is watched has this name or pid")
            )
            self.ask("capture-now")
            self.bundle("other", "requested")
            self.assertEqual(1, len(glob.glob(self.folder + "/night/*-scheduled")))


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
            self.notices.wait_for("burns", "cpu", "failure", 60)
            wait_until(
                "a capture under way", lambda: glob.glob(self.folder + "/burns/.tmp-*"), 30
            )
            self.assertLess(self.collectd.terminate(timeout=10), 2)
            self.assertEqual([], glob.glob(self.folder + "/burns/.*"))
            self.assertEqual([], glob.glob(self.folder + "/burns/*-cpu"))


class Crowded(RedFlagCase):
    """20,000 captures of earlier processes, of which all but a few are to be deleted."""

    options = {"capture_max_size": 1}
    processes, bundles = 2000, 10

    @classmethod
    def parts(cls):
        parts = super().parts()
        os.mkdir(cls.folder, 0o700)
        for process in range(cls.processes):
            path = "%s/earlier%d" % (cls.folder, process)
            os.mkdir(path, 0o700)
            for number in range(cls.bundles):
                pid = 1000 + process
                bundle = "%s/20250101T%06d.000Z-pid%d-fds" % (path, number, pid)
                os.mkdir(bundle, 0o700)
                with open(bundle + "/identity.txt", "w", encoding="utf-8") as file:
                    file.write("pid %d, start %d, boot none\n" % (pid, number))
        return parts

    def left(self):
        return len(glob.glob(self.folder + "/earlier*/2*"))

    def test_end(self):
        """SIGTERM while 20,000 old captures are looked at and deleted: out at once"""
        with Target("new", variables={"SIDECAR_PPROF": str(free_port())}):
            begun = time.monotonic()
            self.collectd.wait_for_log(re.compile("captures go to"), 60)
            all_of_them = self.processes * self.bundles
            wait_until("old captures to be deleted", lambda: self.left() < all_of_them, 60)
            self.assertLess(time.monotonic() - begun, 60)
            self.assertLess(self.collectd.terminate(timeout=30), 2)
            self.assertGreater(self.left(), 0)
            self.assertEqual([], glob.glob(self.folder + "/new/*"))


class FullDisk(RedFlagCase):
    """The captures have a disk of their own, which is too small."""

    @classmethod
    def mount(cls, options):
        command = [need("mount", "mount"), "-t", "tmpfs", "-o", options, "none", cls.folder]
        subprocess.run(command, check=True)

    @classmethod
    def parts(cls):
        if not namespace.inside():
            raise unittest.SkipTest("needs a mount namespace of its own")
        parts = super().parts()
        os.mkdir(cls.folder, 0o700)
        cls.mount("size=12k,mode=700")
        return parts

    def test_full(self):
        """a full disk: one line, no half of a bundle, and the next capture once there is space"""
        with Target("full", variables={"SIDECAR_PPROF": str(free_port())}) as target:
            line = "captures cannot be written: %s.*: No space left on device; free some space"
            self.collectd.wait_for_log(re.compile(line % re.escape(self.folder)), 30)
            wait_until("the rest to be removed", lambda: not os.listdir(self.folder), 10)
            self.mount("remount,size=16m")
            target.do("fds pipe 1100")
            bundle = self.bundle("full", "fds")
            self.collectd.wait_for_log(re.compile("captures are written again"))
            self.assertIn("fds.txt", os.listdir(bundle))
            self.assertEqual(1, self.collectd.log().count("captures cannot be written"))
            self.assertEqual([], glob.glob(self.folder + "/full/.tmp-2*"))


class SizeLimit(RedFlagCase):
    """A collectd that may write small files only, which it would be ended for (SIGXFSZ)."""

    @classmethod
    def collectd_options(cls):
        return {"prefix": [need("prlimit", "util-linux"), "--fsize=32768"]}

    def test_limit(self):
        """a capture beyond collectd's limit of file sizes: one line, and collectd lives"""
        with Target("large", variables={"SIDECAR_PPROF": str(free_port())}) as target:
            target.do("fds regular 1100 path=%s/%%d" % ("x" * 40))
            line = "captures cannot be written: .*: File too large; raise the limit of file sizes"
            self.collectd.wait_for_log(re.compile(line), 60)
            self.wait_for_state("large", "fds", 2)
            self.assertEqual([], glob.glob(self.folder + "/large/*-fds"))
            self.assertLess(self.collectd.terminate(timeout=10), 2)
            self.assertEqual(0, self.collectd.process.returncode)
