"""Pprof ports that misbehave: nothing but their own Go values may suffer.

One collectd watches every hostile process at once, beside one that answers as it
should: whatever a port does must delay nobody's process metrics, cost one log
line, give no value, and never keep the daemon from ending.
"""

import contextlib
import os
import time

from harness import collectd_config as config
from harness.case import CEILING, MALFORMED, OK, REFUSED, TIMEOUT, SidecarCase, metric
from harness.collectd import Collectd
from harness.greedy import need_another_user
from harness.hostile import Hostile, process_block
from harness.wait import wait_until

PPROF_TIMEOUT = 2
END_SECONDS = 2
# mode -> the statuses that describe it; a few may be seen in more than one way, such as a
# gigabyte that is cut by the byte limit or by the time limit
MODES = {
    "silent": (TIMEOUT,),
    "slow": (TIMEOUT,),
    "half": (REFUSED, MALFORMED),
    "reset": (REFUSED,),
    "gigabyte": (CEILING, TIMEOUT),
    "endless_line": (CEILING, TIMEOUT, MALFORMED),
    "endless_chunks": (CEILING, TIMEOUT),
    "endless_headers": (CEILING, TIMEOUT, MALFORMED),
    "long_length": (TIMEOUT,),
    "short_length": (MALFORMED, REFUSED),
    "redirect": (REFUSED,),
    "not_found": (REFUSED,),
    "server_error": (REFUSED,),
    "html": (MALFORMED,),
    "empty": (MALFORMED,),
    "binary": (MALFORMED,),
    "memstats_missing": (MALFORMED,),
    "memstats_absurd": (MALFORMED,),
}


def mode_sentence(mode, text):
    return "a pprof port that %s %s" % (SENTENCES[mode], text)


SENTENCES = {
    "silent": "accepts and says nothing",
    "slow": "sends a byte a second",
    "half": "closes in the middle",
    "reset": "resets each connection",
    "gigabyte": "sends a gigabyte",
    "endless_line": "sends a line without end",
    "endless_chunks": "sends chunks without end",
    "endless_headers": "sends headers without end",
    "long_length": "promises more than it sends",
    "short_length": "promises less than it sends",
    "redirect": "redirects to another host",
    "not_found": "answers 404",
    "server_error": "answers 500",
    "html": "answers with a web page",
    "empty": "answers with nothing",
    "binary": "answers with binary data",
    "memstats_missing": "leaves MemStats lines out",
    "memstats_absurd": "sends absurd numbers",
}


class Hostility(SidecarCase):
    """Every misbehaviour at the same time, and one process that behaves."""

    @classmethod
    def parts(cls):
        return [config.sidecar(process_block(), pprof_timeout=PPROF_TIMEOUT)]

    @classmethod
    def setUpClass(cls):
        cls.good = cls.enterClassContext(Hostile("good"))
        cls.hostile = {mode: cls.enterClassContext(Hostile(mode)) for mode in MODES}
        super().setUpClass()

    def check_mode(self, mode):
        hostile = self.hostile[mode]
        self.wait_for_pid(mode, hostile.pid)
        self.wait_for_status(mode, "pprof", *MODES[mode], timeout=20)
        self.assertTrue(hostile.requests(), "it was never asked")
        self.assertNotIn("bait", hostile.requests(), "a redirect was followed")
        page = self.assert_healthy_page()
        absurd = [s for s in self.go_values(mode, page) if not _may_be_known(mode, s)]
        self.assertEqual([], absurd)
        line = self.wait_for_one_log_line(mode, hostile.pid, timeout=15)
        self.assertIn("pprof", line)
        self.assertIn(str(hostile.port), line)

    def test_the_good_one(self):
        """beside eighteen hostile ports the good one has its Go values"""
        self.wait_for_status("good", "pprof", OK)
        self.assertEqual(7, self.value("go_goroutines", "good"))
        self.assertEqual(3000000, self.value("go_memstats_heap_alloc_bytes", "good"))
        self.assertEqual(5000000, self.value("go_memstats_heap_inuse_bytes", "good"))

    def test_on_time(self):
        """stuck pprof ports delay no process metric of any process"""
        everyone = set(MODES) | {"good"}
        self.wait_for_instances(*everyone, timeout=20)
        seen = {name: set() for name in everyone}
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for sample in self.page().select(metric("process_resident_memory_bytes")):
                # one that has just ended, or another's where namespaces are none, may be there
                if sample.labels["sidecar"] in seen:
                    seen[sample.labels["sidecar"]].add(sample.time)
            time.sleep(0.2)
        late = {name: sorted(times) for name, times in seen.items() if len(times) < 8}
        self.assertEqual({}, late, "fewer than 8 readings in 10 s")

    def test_progress(self):
        """a port that takes longer than PprofTimeout, but goes on sending, keeps its heap values"""
        with Hostile("in_parts") as parts:
            self.wait_for_pid("in_parts", parts.pid)
            self.sample("go_memstats_heap_alloc_bytes", "in_parts", timeout=30)
            parts.forget_requests()
            wait_until("two more pages", lambda: self._heap_pages(parts) >= 2, 60, hold=0)
            self.assertEqual(OK, self.status("in_parts", "pprof"))
            self.assertEqual(3000000, self.value("go_memstats_heap_alloc_bytes", "in_parts"))
            complaints = [
                line for line in self.log_lines("in_parts", parts.pid) if "heap" in line
            ]
            self.assertEqual([], complaints)

    @staticmethod
    def _heap_pages(hostile):
        return sum("heap" in line for line in hostile.requests())

    def test_recovery(self):
        """a port that comes to its senses has its Go values again"""
        with Hostile("server_error", instance="patient") as patient:
            self.wait_for_status("patient", "pprof", *MODES["server_error"])
            self.assertEqual([], self.go_values("patient"))
            patient.behave("good")
            self.wait_for_status("patient", "pprof", OK, timeout=30)
            self.assertEqual(7, self.value("go_goroutines", "patient"))
            patient.behave("silent")
            wait_until(
                "the Go values to go away",
                lambda: not self.go_values("patient"),
                10,
            )

    def test_no_listener(self):
        """a port that nobody listens on gives no Go values and one log line with the remedy"""
        with Hostile("nobody") as nobody:
            self.wait_for_pid("nobody", nobody.pid)
            self.wait_for_status("nobody", "pprof", REFUSED)
            self.assertEqual([], self.go_values("nobody"))
            line = self.wait_for_one_log_line("nobody", nobody.pid)
            self.assertIn(str(nobody.port), line)
            self.assertIn("SIDECAR_PPROF=PORT", line, "no remedy")


def _may_be_known(mode, sample):
    """Some misbehaviours spoil only some of the answers."""
    if mode == "memstats_missing":  # the index page and the goroutine dump are good
        return sample.name.startswith(metric("go_goroutines"))
    return False


def _make(mode):
    return lambda self: self.check_mode(mode)


for _mode in MODES:
    _test = _make(_mode)
    _test.__doc__ = mode_sentence(_mode, "costs its own Go values and one log line")
    setattr(Hostility, "test_mode_" + _mode, _test)


class Crowd(SidecarCase):
    """More silent ports of one user than are asked at once."""

    CROWD = 150

    @classmethod
    def parts(cls):
        return [
            config.sidecar(process_block(), pprof_timeout=PPROF_TIMEOUT, max_new_names=1000)
        ]

    @classmethod
    def setUpClass(cls):
        need_another_user()
        super().setUpClass()
        cls.early = cls.enterClassContext(Hostile("good", instance="early"))
        cls.crowd = cls.enterClassContext(Hostile("silent", crowd=cls.CROWD))

    def check_every_round(self, instance):
        """The count is sent only if it was answered in that reading."""
        self.wait_for_status(instance, "pprof", OK)
        self.wait_for_status("silent-%d" % self.CROWD, "pprof", TIMEOUT, timeout=60)
        counts, readings = set(), set()
        end = time.monotonic() + 12
        while time.monotonic() < end:
            page = self.page()
            for name, times in (("go_goroutines", counts), ("process_pid", readings)):
                for sample in page.select(metric(name), sidecar=instance):
                    times.add(sample.time)
            time.sleep(0.2)
        self.assertGreaterEqual(len(readings), 8, "hardly any reading in 12 s")
        self.assertGreaterEqual(len(counts), len(readings) - 1)

    def test_before(self):
        """beside 150 silent ports one that was there before is answered in each reading"""
        self.check_every_round("early")

    def test_after(self):
        """beside 150 silent ports of another user a new one is answered in each reading"""
        if os.getuid() != 0:
            self.skipTest("needs root, to have processes of two users")
        self.wait_for_status("silent-%d" % self.CROWD, "pprof", TIMEOUT, timeout=60)
        with Hostile("good", instance="late"):
            self.check_every_round("late")


class Leaks(SidecarCase):
    """The page of leaked goroutines alone is spoilt."""

    MODES = ("leaks_html", "leaks_of_all", "leaks_missing", "leaks_too_many", "leaks_absurd")

    @classmethod
    def parts(cls):
        block = process_block()
        return [config.sidecar(block, pprof_timeout=PPROF_TIMEOUT, goroutine_leak_interval=1)]

    def test_leaks(self):
        """a spoilt page of leaked goroutines gives no number and takes no other value away"""
        with contextlib.ExitStack() as stack:
            for mode in (*self.MODES, "leaks", "good"):
                stack.enter_context(Hostile(mode))
            for mode in self.MODES:
                self.wait_for_status(mode, "goroutines", MALFORMED, timeout=30)
                self.wait_for_status(mode, "pprof", OK)
                names = {sample.name for sample in self.go_values(mode)}
                self.assertNotIn(metric("go_goroutines_leaked"), names)
                self.assertLessEqual({metric("go_goroutines"), metric("go_goroutines_state")}, names)
            self.assertEqual(7, self.value("go_goroutines_leaked", "leaks"))
            self.assertEqual(OK, self.status("leaks", "goroutines"))
            self.assertEqual(OK, self.status("good", "goroutines"))


class Ending(SidecarCase):
    """SIGTERM at any moment."""

    @classmethod
    def setUpClass(cls):
        need_another_user()
        modes = ("silent", "slow", "gigabyte", "endless_chunks", "endless_headers", "good")
        cls.hostile = [cls.enterClassContext(Hostile(mode)) for mode in modes]
        crowds = (Hostile(mode, instance="crowd", crowd=100) for mode in ("silent", "slow"))
        cls.hostile += [cls.enterClassContext(crowd) for crowd in crowds]

    def test_sigterm(self):
        """SIGTERM ends the daemon within 2 seconds while 200 pprof ports are stuck"""
        slowest = 0
        for delay in (0.0, 0.35, 0.9, 1.3, 2.2):
            collectd = Collectd(
                config.sidecar(process_block(), pprof_timeout=30, max_new_names=1000)
            )
            with collectd:
                wait_until("a first request", self._asked, 10)
                time.sleep(delay)
                slowest = max(slowest, collectd.terminate(timeout=10))
            for hostile in self.hostile:
                hostile.forget_requests()
        self.assertLess(slowest, END_SECONDS)

    def _asked(self):
        return all(hostile.requests() for hostile in self.hostile)
