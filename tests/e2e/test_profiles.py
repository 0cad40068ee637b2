"""Goroutine dumps and heap profiles: against curl, grep and go tool pprof, and spoilt ones."""

import os
import re
import subprocess
import tempfile

from harness import collectd_config as config
from harness import readme_commands
from harness.case import CEILING, MALFORMED, OFF, OK, SidecarCase, labels, metric
from harness.daemon import free_port, need
from harness.hostile import Hostile, process_block
from harness.installation import target_program_of
from harness.red_flags import RedFlagCase
from harness.target import Target, curl
from harness.wait import Probe, wait_until

STATES = (
    "chan_receive chan_send select io_wait sleep sync syscall running runnable other".split()
)
# what goroutine?debug=2 calls a state; semacquire is what older Go says of all locks
WORDS = {
    "chan_receive": r"chan receive.*",
    "chan_send": r"chan send.*",
    "select": r"select.*",
    "io_wait": r"IO wait",
    "sleep": r"sleep",
    "sync": r"sync\..*|semacquire",
    "syscall": r"syscall",
    "running": r"running",
    "runnable": r"runnable|preempted",
}
HELD = [
    "goroutines chan_receive 5 as=fetchData",
    "goroutines chan_send 4",
    "goroutines select 3 as=monitorPoll",
    "goroutines io_wait 2",
    "goroutines sleep 6 as=tea",
    "goroutines mutex 3",
    "goroutines syscall 2",
]
HEAP_MB = 100


class Dump:
    """goroutine?debug=2 as curl gets it, counted with regular expressions."""

    def __init__(self, port):
        text = curl("http://127.0.0.1:%d/debug/pprof/goroutine?debug=2" % port)
        self.goroutines = text.split("\n\n")
        self.reasons = re.findall(r"^goroutine \d+ \[([^],]*)", text, re.M)

    def states(self):
        """The states of all but the goroutines that serve the question itself."""
        found = {
            state: sum(re.fullmatch(words, reason) is not None for reason in self.reasons)
            for state, words in WORDS.items()
        }
        for moving in ("running", "runnable", "io_wait"):
            found.pop(moving)
        return found

    def matching(self, word):
        return sum(re.search(word, goroutine) is not None for goroutine in self.goroutines)


class Profiles(SidecarCase):
    """A target with goroutines in every state and 100 MB of heap in blocks of 1 MB."""

    @classmethod
    def parts(cls):
        return [
            config.sidecar(
                config.young(),
                goroutine_match=[("pollers", "^main[.]monitorPoll$"), ("monitor", "nobody")],
                heap_match=[("leak", "leakHeap")],
                goroutine_dump_max=300,
            )
        ]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.port = free_port()
        commands = HELD + ["heap %dMB" % HEAP_MB, "heap 8MB via=json", "gc", "gc"]
        cls.target = cls.enterClassContext(
            Target("deep", variables={"SIDECAR_PPROF": str(cls.port)}, do=commands)
        )

    def by_type(self, name, page=None):
        return (page or self.page()).by_label("type", metric(name), sidecar="deep")

    def matching(self, name):
        return self.rested("go_goroutines_matching", "deep", name)

    def test_states(self):
        """goroutines by state are those that grep finds in a dump of curl's"""

        def states(page):
            found = self.by_type("go_goroutines_state", page)
            self.assertEqual(set(STATES), set(found) or set(STATES))
            return {state: found.get(state) for state in Dump(self.port).states()}

        self.assert_agrees(lambda: Dump(self.port).states(), states, self.at_rest(), timeout=20)
        found = self.by_type("go_goroutines_state")
        self.assertEqual(5, found["chan_receive"])
        self.assertEqual(6, found["sleep"])
        self.assertEqual(3, found["sync"])

    def test_sum(self):
        """the states add up to the number of goroutines"""
        self.rested("go_goroutines_state", "deep", "sleep")

        def compare():
            page = self.page()
            total = page.value(metric("go_goroutines"), **labels("deep"))
            found = sum(self.by_type("go_goroutines_state", page).values())
            if abs(found - total) > 1:  # the one that serves, read in the background
                raise Probe("%s goroutines, and the states add up to %s" % (total, found))
            return True

        wait_until("the states to add up", compare, 10)

    def test_patterns(self):
        """goroutines are counted by default patterns, own ones, and one that was replaced"""
        self.assertEqual(5, self.matching("fetch_data"))
        self.assertEqual(6, self.matching("tea_cmd"))
        self.assertEqual(3, self.matching("pollers"))
        self.assertEqual(0, self.matching("monitor"))
        self.assertEqual(Dump(self.port).matching(r"etchData"), self.matching("fetch_data"))

    def test_growth_shows(self):
        """twenty more in fetchData show as twenty more, and go again"""
        self.target.do("goroutines select 20 as=Monitor.fetchData")
        self.assertEqual(25, self.matching("fetch_data"))
        self.assertEqual(23, self.rested("go_goroutines_state", "deep", "select") - 1)
        self.target.do("release goroutines select")
        self.target.do("goroutines select 3 as=monitorPoll")
        self.assertEqual(5, self.matching("fetch_data"))

    def test_blocked(self):
        """nobody is blocked for an hour in a program of a minute"""
        self.rested("go_goroutines_blocked", "deep", "1m")
        found = self.by_type("go_goroutines_blocked")
        self.assertEqual({"1m", "10m", "1h"}, set(found))
        self.assertEqual(0, found["1h"])
        self.assertEqual(0, found["10m"])

    def test_ceiling(self):
        """above GoroutineDumpMax stacks are counted: ceiling, one log line, no stale values"""
        self.wait_for_status("deep", "goroutines", OK)
        self.target.do("goroutines cond 400")
        self.wait_for_status("deep", "goroutines", CEILING)
        wait_until("the states to go", lambda: not self.by_type("go_goroutines_state"), 10)
        self.assertGreater(self.rested("go_goroutines", "deep"), 400)
        self.wait_for_status("deep", "pprof", OK)
        line = self.wait_for_one_log_line("deep")
        self.assertIn("GoroutineDumpMax", line)
        self.target.do("release goroutines cond")
        self.wait_for_status("deep", "goroutines", OK)
        self.assertEqual(5, self.matching("fetch_data"))

    def test_heap(self):
        """heap by pattern is within 1 % of go tool pprof, and 100 MB read as 100 MB"""
        self.rested("go_heap_inuse_matching_bytes", "deep", "leak")
        leak = self.value("go_heap_inuse_matching_bytes", "deep", "leak")
        self.assertAlmostEqual(HEAP_MB << 20, leak, delta=20 << 20)
        need("go", "golang-go")
        with tempfile.TemporaryDirectory() as folder:
            profile = os.path.join(folder, "heap.pb.gz")
            url = "http://127.0.0.1:%d/debug/pprof/heap" % self.port
            for name, focus in (("leak", "leakHeap"), ("json_unmarshal", r"^encoding/json\.")):

                def compare(name=name, focus=focus):
                    subprocess.run(["curl", "-sSf", "-o", profile, url], check=True)
                    real = pprof_bytes(profile, focus)
                    value = self.by_type("go_heap_inuse_matching_bytes")[name]
                    if abs(value - real) > 0.01 * real:
                        raise Probe("%s is %d, and by pprof %d" % (name, value, real))
                    return real

                real = wait_until("pprof to agree", compare, 15, poll=0.5)
                # of what is sampled every 512 KiB, some is not
                self.assertGreater(real, 1 << 20)


def pprof_bytes(profile, focus):
    """Bytes in use below functions that match, by go tool pprof."""
    # Debian's Go has pprof ready, where newer ones build it when it is first asked for
    go = "/usr/bin/go" if os.path.exists("/usr/bin/go") else "go"
    options = "-top -sample_index=inuse_space -unit=B -nodecount=100000 -nodefraction=0"
    text = subprocess.run(
        [go, "tool", "pprof"] + options.split() + ["-focus=" + focus, profile],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    ).stdout.decode()
    return int(re.search(r"accounting for (\d+)B?,", text).group(1))


# mode -> what is wrong with it
SPOILT_DUMPS = {
    "dump_html": "a web page",
    "dump_other_form": "the form of debug=1",
    "dump_numbers": "an age past 2^64",
    "dump_switches": "a heap profile in its second half",
    "dump_cut_short": "no end",
}


class Spoilt(SidecarCase):
    """Ports whose dumps or heap records make no sense, while all else is good."""

    @classmethod
    def parts(cls):
        return [config.sidecar(process_block())]

    @classmethod
    def setUpClass(cls):
        modes = list(SPOILT_DUMPS) + ["heap_incomplete"]
        cls.hostile = {mode: cls.enterClassContext(Hostile(mode)) for mode in modes}
        super().setUpClass()  # when all of them listen: lines of the log are counted

    def deep_values(self, mode):
        names = ("go_goroutines_", "go_heap_inuse_matching")
        prefix = tuple(metric(name) for name in names)
        return [s for s in self.go_values(mode) if s.name.startswith(prefix)]

    def check_dump(self, mode):
        self.wait_for_status(mode, "goroutines", MALFORMED)
        self.wait_for_status(mode, "pprof", OK)
        self.assertEqual(7, self.value("go_goroutines", mode))
        self.assertEqual(3000000, self.value("go_memstats_heap_alloc_bytes", mode))
        states = [s for s in self.deep_values(mode) if "goroutines" in s.name]
        self.assertEqual([], states)
        line = self.wait_for_one_log_line(mode, self.hostile[mode].pid)
        self.assertIn("goroutine", line)

    def test_heap(self):
        """a heap profile whose records do not add up gives MemStats and nothing else of it"""
        self.wait_for_status("heap_incomplete", "pprof", MALFORMED)
        self.assertEqual(3000000, self.value("go_memstats_heap_alloc_bytes", "heap_incomplete"))
        heap = [s for s in self.deep_values("heap_incomplete") if "heap" in s.name]
        self.assertEqual([], heap)
        self.wait_for_status("heap_incomplete", "goroutines", OK)
        line = self.wait_for_one_log_line("heap_incomplete", self.hostile["heap_incomplete"].pid)
        self.assertIn("heap?debug=1", line)


def _make(mode):
    return lambda self: self.check_dump(mode)


for _mode, _wrong in SPOILT_DUMPS.items():
    _test = _make(_mode)
    _test.__doc__ = "a goroutine dump with %s: malformed, no values, one log line" % _wrong
    setattr(Spoilt, "test_" + _mode, _test)


class Toolchains(SidecarCase):
    """Targets built by several versions of Go, whose dumps show labels and leaks."""

    @classmethod
    def parts(cls):
        # looking for leaked ones would take their ages away before the test does
        return [
            config.sidecar(config.young(), goroutine_dump_max=300, goroutine_leak_interval=0)
        ]

    def by_type(self, name, instance):
        return self.page().by_label("type", metric(name), sidecar=instance)

    def check_toolchain(self, toolchain):
        program = target_program_of(toolchain)
        instance = toolchain.replace(".", "-")
        port = free_port()
        url = "http://127.0.0.1:%d/debug/pprof/" % port
        commands = [
            "goroutines chan_receive 5 as=fetchData labelled",
            "goroutines chan_receive_nil 3 labelled",
            "goroutines sleep 4",
        ]
        variables = {"SIDECAR_PPROF": str(port), "GODEBUG": "tracebacklabels=1"}
        with Target(instance, variables=variables, do=commands, program=program) as target:
            self.wait_for_status(instance, "goroutines", OK)
            self.assertEqual(8, self.rested("go_goroutines_state", instance, "chan_receive"))
            self.assertEqual(4, self.rested("go_goroutines_state", instance, "sleep"))
            self.assertEqual(5, self.rested("go_goroutines_matching", instance, "fetch_data"))
            self.assertEqual(0, self.rested("go_goroutines_blocked", instance, "1m"))
            dump = curl(url + "goroutine?debug=2")
            self.assertEqual(8, len(re.findall(r"99 minutes\]:\\n", dump)))
            self.check_leaks(instance, url)
            self.check_ceiling(instance, target)

    def check_leaks(self, instance, url):
        """Asking for the leaked ones takes their ages away; they count for every age."""
        try:
            curl(url + "goroutineleak?debug=1")
        except Probe:
            return  # only since Go 1.27
        for age in ("1m", "10m", "1h"):

            def compare(age=age):
                blocked = self.value("go_goroutines_blocked", instance, age)
                if blocked != 3:
                    raise Probe("%s are blocked for %s" % (blocked, age))
                return True

            wait_until("the leaked ones to be blocked", compare, 10)

    def check_ceiling(self, instance, target):
        """Above the ceiling stacks are counted, and what no longer is known is absent."""
        target.do("goroutines cond 400 as=Monitor.fetchData labelled")
        self.wait_for_status(instance, "goroutines", CEILING)

        def compare():
            found = self.value("go_goroutines_matching", instance, "fetch_data")
            if found != 405:
                raise Probe("%s match" % found)
            return True

        wait_until("all of them to match", compare, 10)
        for name in ("go_goroutines_state", "go_goroutines_blocked"):
            wait_until(name + " to go", lambda name=name: not self.by_type(name, instance), 10)
        target.do("release goroutines cond")
        self.wait_for_status(instance, "goroutines", OK)
        self.assertEqual(5, self.rested("go_goroutines_matching", instance, "fetch_data"))

    def test_1_26(self):
        """labels as Go 1.26 writes them hide no goroutine, below and above the ceiling"""
        self.check_toolchain("go1.26.8")

    def test_1_27(self):
        """labels as Go 1.27 writes them hide no goroutine, leaked, above the ceiling or not"""
        self.check_toolchain("go1.27.3")


class Leaked(RedFlagCase):
    """Goroutines that nothing can wake: Go 1.27 proves it."""

    options = {"goroutine_leak_interval": 1, "capture_on_warning": True}
    flags = {"goroutines_leaked": {"Hold": 2}}

    KINDS = [
        "goroutines chan_receive_lost 12 as=fetchData",
        "goroutines chan_receive_nil 3",
        "goroutines mutex_lost 2",
        "goroutines select_forever 1",
    ]
    ALIVE = ["goroutines chan_receive 6", "goroutines mutex 4", "goroutines sleep 5"]

    def wait_for_leaked(self, instance, count):
        def probe():
            found = self.value("go_goroutines_leaked", instance)
            if found != count:
                raise Probe("%s are leaked" % found)
            return True

        wait_until("%d to be leaked" % count, probe, 30)

    def test_1_27(self):
        """a leak of each kind is counted and told of with its stack; what is alive is not"""
        port = free_port()
        variables = {"SIDECAR_PPROF": str(port)}
        program = target_program_of("go1.27.3")
        with Target("proj", variables=variables, do=self.ALIVE, program=program) as target:
            self.wait_for_leaked("proj", 0)
            self.bundle("proj", "baseline")
            for command in self.KINDS:
                target.do(command)
            self.wait_for_leaked("proj", 18)
            page = curl("http://127.0.0.1:%d/debug/pprof/goroutineleak?debug=1" % port)
            self.assertIn("goroutineleak profile: total 18\n", page)
            notice = self.notices.wait_for("proj", "goroutines_leaked", "warning")
            self.assertEqual("12", notice["meta"]["count"])
            self.assertIn("main.fetchData", notice["meta"]["stack"])
            bundle = self.bundle("proj", "goroutines_leaked")
            self.check_bundle(bundle)
            self.check_created_by(bundle)
            self.check_summary()
            target.do("goroutines chan_receive_lost 40")
            notice = self.notices.wait_for("proj", "goroutines_leaked", "failure")
            self.assertEqual("40", notice["meta"]["count"])
        self.notices.wait_for("proj", "goroutines_leaked", "okay")

    def check_bundle(self, bundle):
        with open(bundle + "/goroutineleak.txt", encoding="utf-8") as file:
            self.assertRegex(file.read(), r"^goroutineleak profile: total 18\n")
        with open(bundle + "/README.txt", encoding="utf-8") as file:
            outputs = readme_commands.run_all(file.read())
        (top,) = [said for command, said in outputs.items() if "goroutineleak.txt" in command]
        self.assertIn("main.fetchData", top)

    def check_created_by(self, bundle):
        """The dump that was taken after that marks them, and has who created them."""
        with open(bundle + "/goroutines.txt", encoding="utf-8") as file:
            marked = [text for text in file.read().split("\n\n") if "(leaked)" in text]
        self.assertEqual(18, len(marked))
        for text in marked:
            self.assertIn("created by main.", text)

    def check_summary(self):
        with open(self.folder + "/proj/summary.txt", encoding="utf-8") as file:
            text = file.read()
        self.assertRegex(text, r"\n +leaked +0 +18 +\+18\n")
        stacks = text.split("Leaked goroutines")[1]
        self.assertRegex(stacks.splitlines()[1], r"^  12 +main\.waitChanReceiveLost.*main\.fetchData")

    def test_1_26(self):
        """of a program of an older Go it is not known, and that is no failure"""
        variables = {"SIDECAR_PPROF": str(free_port())}
        program = target_program_of("go1.26.8")
        with Target("older", variables=variables, do=self.KINDS, program=program):
            self.rested("go_goroutines_state", "older", "select")
            self.wait_for_status("older", "goroutines", OK)
            names = {sample.name for sample in self.go_values("older")}
            self.assertNotIn(metric("go_goroutines_leaked"), names)


class Off(SidecarCase):
    """Intervals of 0."""

    @classmethod
    def parts(cls):
        return [
            config.sidecar(config.young(), goroutine_dump_interval=0, heap_profile_interval=0)
        ]

    def test_never(self):
        """with intervals of 0 neither dumps nor records are asked for, and MemStats still are"""
        port = free_port()
        with Target("shallow", variables={"SIDECAR_PPROF": str(port)}):
            self.wait_for_status("shallow", "pprof", OK)
            self.rested("go_memstats_heap_alloc_bytes", "shallow")
            self.wait_for_status("shallow", "goroutines", OFF)
            names = {sample.name for sample in self.go_values("shallow")}
            self.assertNotIn(metric("go_goroutines_state"), names)
            self.assertNotIn(metric("go_heap_inuse_matching_bytes"), names)
