"""Red flags of the example target: they turn, say why, are captured, and end."""

import glob
import os
import re
import subprocess
import tempfile

from harness import collectd_config as config
from harness.case import SidecarCase, labels, metric
from harness.collectd import Collectd
from harness.daemon import free_port, need
from harness.notices import Notices
from harness.target import Target
from harness.wait import Probe, wait_until

# Long windows are for leaks of hours; these are for a test of seconds.
GROWTH = {"Window": 4, "Hold": 16}
LEVELS = (
    "memory_regions fds same_file session_files threads goroutines fetch_data_piling "
    "sqlite_contention inotify_watches"
).split()


def quick_flags(**settings):
    """The flags with short times: {flag: {option: value}} on top."""
    rules = {flag: {"Hold": 2} for flag in LEVELS}
    rules["rss"] = {"Hold": 2, "Warning": 150, "Failure": 400}
    for flag in ("fds_growing", "goroutines_growing", "heap_growing"):
        rules[flag] = dict(GROWTH)
    rules["heap_not_receding"] = {"Hold": 12, "Window": 600, "Warning": 40}
    rules["allocation_rate"] = {"Hold": 60}
    rules["cpu"] = {"Hold": 60, "Failure": 0.5, "Window": 600}
    for flag, options in settings.items():
        rules.setdefault(flag, {}).update(options)
    return [config.red_flag(flag, **options) for flag, options in rules.items()]


class RedFlagCase(SidecarCase):
    """A collectd whose notifications are recorded and whose captures go to a private folder."""

    options = {}
    flags = {}

    @classmethod
    def parts(cls):
        cls.notices = Notices()
        cls.folder = os.path.join(tempfile.mkdtemp(prefix="captures-"), "captures")
        options = {
            "warm_up": 1,
            "capture": True,
            "capture_folder": cls.folder,
            "baseline_delay": 2,
            "cpu_profile_seconds": 1,
            **cls.options,
        }
        return [
            cls.notices.part(),
            config.sidecar(config.young(), *quick_flags(**cls.flags), **options),
        ]

    def state(self, instance, flag):
        return self.page().value(metric("red_flag"), **labels(instance, flag))

    def wait_for_state(self, instance, flag, state, timeout=30):
        def probe():
            found = self.state(instance, flag)
            if found != state:
                raise Probe("red_flag is %s" % found)
            return True

        wait_until("%s of %s to be %s" % (flag, instance, state), probe, timeout)

    def bundle(self, instance, reason, timeout=30):
        """The newest whole bundle of that reason."""

        def probe():
            found = sorted(glob.glob("%s/%s/*-%s" % (self.folder, instance, reason)))
            if not found:
                raise Probe("there are %s" % glob.glob(self.folder + "/*/*"))
            return found[-1]

        return wait_until("a capture of %s for %s" % (instance, reason), probe, timeout)


class Levels(RedFlagCase):
    """Each level is breached, told of once with its evidence, and over when it is."""

    def setUp(self):
        self.port = free_port()
        self.target = self.enterContext(
            Target("proj", variables={"SIDECAR_PPROF": str(self.port)})
        )
        self.wait_for_instances("proj")

    def turns(self, command, flag, severity, release="release all"):
        """What is told when the flag turns; afterwards it has ended again."""
        self.target.do(command)
        notice = self.notices.wait_for("proj", flag, severity)
        self.wait_for_state("proj", flag, {"warning": 1, "failure": 2}[severity])
        self.assertEqual("sidecar", notice["plugin"])
        self.assertEqual("red_flag", notice["type"])
        self.assertLessEqual(len(notice["message"].encode()), 255)
        self.assertEqual(self.target.pid, int(notice["meta"]["pid"]))
        self.assertIn("proj (pid %d): " % self.target.pid, notice["message"])
        before = len(self.notices.all("proj", flag))
        self.target.do(release)
        over = self.notices.wait_for("proj", flag, "okay")
        self.wait_for_state("proj", flag, 0)
        self.assertIn("in order again", over["message"])
        self.assertEqual(before + 1, len(self.notices.all("proj", flag)))
        return notice

    def test_fds(self):
        """many descriptors: the class with most, and the command that lists them"""
        notice = self.turns("fds pipe 250", "fds", "warning")
        self.assertEqual("pipe", notice["meta"]["class"])
        self.assertEqual("250", notice["meta"]["class_count"])
        self.assertGreaterEqual(notice["meta"]["value"], 250)
        self.assertEqual(200, notice["meta"]["threshold"])
        self.assertIn("lsof -p %d" % self.target.pid, notice["meta"]["next"])

    def test_same_file(self):
        """one file sixty times: its path and its count"""
        notice = self.turns("fds regular 60 path=leaked.jsonl", "same_file", "failure")
        self.assertTrue(notice["meta"]["path"].endswith("/leaked.jsonl"), notice)
        self.assertEqual("60", notice["meta"]["count"])
        self.assertIn("leaked.jsonl", notice["message"])

    def test_session_files(self):
        """session files by the hundred: the pattern and its count"""
        command = "fds regular 120 path=.claude/projects/p/%d.jsonl"
        notice = self.turns(command, "session_files", "warning")
        self.assertEqual("claude_sessions", notice["meta"]["pattern"])
        self.assertEqual("120", notice["meta"]["count"])

    def test_ugly_path(self):
        """a file name with line breaks and escapes is told in one printable line"""
        notice = self.turns(
            'fds regular 10 path="a\\nb\\x1b[31m\\xff"', "same_file", "warning"
        )
        self.assertIn("a\\x0Ab\\x1B[31m\\xFF", notice["meta"]["path"])
        self.assertTrue(notice["message"].isprintable(), notice["message"])

    def test_threads(self):
        """too many threads"""
        self.turns("threads 110", "threads", "failure")

    def test_goroutines(self):
        """many goroutines: the state with most, and where they stand"""
        notice = self.turns("goroutines select 250", "goroutines", "warning")
        self.assertEqual("select", notice["meta"]["state"])
        self.assertIn("main.", notice["meta"]["stack"])
        self.assertIn("localhost:%d" % self.port, notice["meta"]["next"])

    def test_fetch_data(self):
        """fetches that pile up: the stack"""
        command = "goroutines chan_receive 12 as=fetchData"
        notice = self.turns(command, "fetch_data_piling", "failure")
        self.assertIn("fetchData", notice["meta"]["stack"])

    def test_memory_regions(self):
        """regions of the memory map by the thousand"""
        self.turns("maps regions 1200", "memory_regions", "warning")

    def test_rss(self):
        """memory: its kinds, and what the Go heap has of it"""
        notice = self.turns("maps anon 1 size=200MB", "rss", "warning")
        self.assertRegex(notice["meta"]["anonymous"], r"^2\d\d\.\d MB$")
        self.assertIn("heap_inuse", notice["meta"])

    def test_retained(self):
        """memory that Go keeps after it was freed is told apart from a leak"""
        notice = self.turns("retain 200MB", "rss", "warning")
        self.assertIn("retained, not leaked", notice["message"])

    def test_inotify(self):
        """inotify watches near the user's limit"""
        with open("/proc/sys/fs/inotify/max_user_watches", encoding="ascii") as file:
            limit = int(file.read())
        if limit > 20000:
            self.skipTest("fs.inotify.max_user_watches is %d: too many to use up" % limit)
        notice = self.turns("watches %d" % (limit * 0.6), "inotify_watches", "warning")
        self.assertEqual(str(limit), notice["meta"]["limit"])

    def test_contention(self):
        """somebody else's lock on a database: the path and its owner"""
        path = self.target.path("held/td.db")
        with Target("td") as other:
            other.do("locks posix 1 path=%s" % path)
            self.target.do("fds regular 1 path=%s" % path)
            notice = self.notices.wait_for("proj", "sqlite_contention", "warning")
            self.assertTrue(notice["meta"]["path"].endswith("td.db"), notice)
            self.assertEqual(str(other.pid), notice["meta"]["owner_pid"])
            self.assertEqual("sidecar", notice["meta"]["owner"])
            other.do("release all")
            self.notices.wait_for("proj", "sqlite_contention", "okay")

    def test_end(self):
        """what is up ends with the process, and that is told"""
        self.target.do("threads 110")
        self.notices.wait_for("proj", "threads", "failure")
        self.target.do("quit")
        over = self.notices.wait_for("proj", "threads", "okay")
        self.assertIn("the process ended", over["message"])


class Missing(RedFlagCase):
    """A red flag and no pprof."""

    def test_missing(self):
        """a process with a red flag and without pprof is told how to get it"""
        with Target("blind") as target:
            self.wait_for_instances("blind")
            self.assertEqual([], self.notices.all("blind", "pprof_missing"))
            target.do("threads 110")
            notice = self.notices.wait_for("blind", "pprof_missing", "warning")
            self.assertIn("SIDECAR_PPROF=1", notice["message"])
            self.assertNotIn("capture", notice["meta"])
            target.do("release all")
            self.notices.wait_for("blind", "pprof_missing", "okay")


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
            target.do("garbage 40MB/s; cpu 700")
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
            target.do("stop")
            self.notices.wait_for("busy", "cpu", "okay", 150)


class Captures(RedFlagCase):
    """The bundles of files."""

    def test_bundle(self):
        """a leak of the heap: pprof takes the pair and shows the leaking function first"""
        port = free_port()
        with Target("held", variables={"SIDECAR_PPROF": str(port)}) as target:
            baseline = self.bundle("held", "baseline")
            target.do("heap 300MB; maps anon 1 size=200MB; fds regular 9 path=again.jsonl")
            notice = self.notices.wait_for("held", "rss", "failure")
            bundle = self.bundle("held", "rss")
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
            with open(self.folder + "/held/summary.txt", encoding="utf-8") as file:
                text = file.read()
            if "rss" not in text:
                raise Probe(text)
            return text

        text = wait_until("the summary to tell of the flag", probe, 30)
        self.assertIn("held (pid %d)" % target.pid, text)
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
                again.wait_for_log("kept.*watched from now on")
            self.assertEqual([first], glob.glob(self.folder + "/kept/*-baseline"))


class CutOff(RedFlagCase):
    """collectd ends while a CPU profile is being taken."""

    options = {"cpu_profile_seconds": 30}

    def test_end(self):
        """SIGTERM in the middle of a CPU profile: out at once, nothing half-written"""
        with Target("burns", variables={"SIDECAR_PPROF": str(free_port())}) as target:
            self.bundle("burns", "baseline")
            target.do("cpu 700")
            self.notices.wait_for("burns", "cpu", "failure", 150)
            wait_until(
                "a capture under way", lambda: glob.glob(self.folder + "/burns/.tmp-*"), 30
            )
            self.assertLess(self.collectd.terminate(timeout=10), 2)
            self.assertEqual([], glob.glob(self.folder + "/burns/.*"))
            self.assertEqual([], glob.glob(self.folder + "/burns/*-cpu"))


class Off(RedFlagCase):
    """Switched off."""

    options = {"capture": False}
    flags = {"threads": {"Disable": True}}

    def test_off(self):
        """Capture false writes nothing, and a disabled flag is neither sent nor told"""
        with Target("quiet") as target:
            target.do("threads 110; fds pipe 1100")
            notice = self.notices.wait_for("quiet", "fds", "failure")
            self.assertNotIn("capture", notice["meta"])
            self.assertEqual([], self.notices.all("quiet", "threads"))
            self.assertIsNone(self.state("quiet", "threads"))
            self.assertFalse(os.path.exists(self.folder))
