"""Whose pprof port it is, and what SIDECAR_PPROF may hold."""

import re
import socket

from harness import collectd_config as config
from harness import namespace
from harness.case import (
    FOREIGN,
    INTERVAL,
    INVALID,
    OFF,
    OK,
    REFUSED,
    UNSUPPORTED,
    SidecarCase,
    labels,
    metric,
)
from harness.daemon import free_port, need
from harness.hostile import Hostile, process_block
from harness.target import Target, curl
from harness.wait import wait_until

# the real sidecar's default, for SIDECAR_PPROF=1
DEFAULT_PORT = 6060
BAD_VALUES = {
    "letters": "abc",
    "zero": "0",
    "negative": "-1",
    "too-high": "99999",
    "trailing": "6060x",
    "with-host": "localhost:6060",
    "blank": " ",
    "float": "6060.5",
    "huge": "9" * 400,
    "newline": "6060\n",
}


def goroutines_by_curl(port):
    """The count on pprof's index page."""
    text = curl("http://127.0.0.1:%d/debug/pprof/" % port)
    return int(re.search(r"<td>(\d+)</td><td><a href='?goroutine\?", text).group(1))


class Ownership(SidecarCase):
    """Go values go to the process that owns the listening socket, and to no other."""

    def setUp(self):
        if not namespace.inside():
            self.skipTest("needs a network namespace: port 6060 may be taken on this machine")

    def test_two_with_the_default_port(self):
        """of two with SIDECAR_PPROF=1 the owner of 6060 has Go values and the other is foreign"""
        owner = self.enterContext(Target("owner", variables={"SIDECAR_PPROF": "1"}))
        late = self.enterContext(Target("late", variables={"SIDECAR_PPROF": "1"}))
        late.do("goroutines select 50")
        self.wait_for_pid("owner", owner.pid)
        self.wait_for_pid("late", late.pid)
        self.wait_for_status("owner", "pprof", OK)
        self.wait_for_status("late", "pprof", FOREIGN)
        self.assertEqual(goroutines_by_curl(DEFAULT_PORT), self.rested("go_goroutines", "owner"))
        self.assertEqual([], self.go_values("late"))
        self.assertEqual(DEFAULT_PORT, self.value("process_pprof_port", "owner"))
        self.assertIsNone(self.page().value(metric("process_pprof_port"), **labels("late")))
        self.assertIn(str(DEFAULT_PORT), self.wait_for_one_log_line("late", late.pid))

    def test_the_port_changes_hands(self):
        """when the owner ends, a new sidecar that takes 6060 has the Go values"""
        owner = self.enterContext(Target("owner", variables={"SIDECAR_PPROF": "1"}))
        late = self.enterContext(Target("late", variables={"SIDECAR_PPROF": "1"}))
        self.wait_for_status("owner", "pprof", OK)
        self.wait_for_status("late", "pprof", FOREIGN)
        owner.stop()
        self.wait_for_instances("late")
        self.enterContext(Target("heir", variables={"SIDECAR_PPROF": "1"}))
        self.wait_for_status("heir", "pprof", OK)
        self.wait_for_status("late", "pprof", FOREIGN)
        self.assertEqual([], self.go_values("late"))
        self.assertTrue(late.running)

    def test_another_network_namespace(self):
        """a sidecar in another network namespace gets no values from whoever has its port here"""
        unshare = need("unshare", "util-linux")
        here = self.enterContext(Target("here", variables={"SIDECAR_PPROF": "1"}))
        there = Target("there", variables={"SIDECAR_PPROF": "1"}, prefix=[unshare, "-n", "--"])
        with there:
            self.assertTrue(here.running)
            self.wait_for_pid("there", there.pid)
            self.wait_for_status("here", "pprof", OK)
            self.wait_for_status("there", "pprof", FOREIGN, UNSUPPORTED)
            self.assertEqual([], self.go_values("there"))


class Taken(SidecarCase):
    """The port has another owner before its owner is looked up again."""

    DETAIL_INTERVAL = 300

    @classmethod
    def parts(cls):
        return [config.sidecar(process_block(), detail_interval=cls.DETAIL_INTERVAL)]

    def test_taken_between_two_details(self):
        """whoever has a closed port next gets no request, and none of its answers is taken"""
        with Hostile("good", instance="owner") as owner:
            self.wait_for_status("owner", "pprof", OK)
            self.assertEqual(7, self.value("go_goroutines", "owner"))
            owner.behave("closed")
            wait_until("the port to be closed", lambda: "closed" in owner.requests(), 10)
            with socket.create_server(("127.0.0.1", owner.port), backlog=64) as thief:
                thief.settimeout(10)
                received = b""
                for _ in range(4):
                    peer, _ = thief.accept()
                    with peer:
                        peer.settimeout(10)
                        received += peer.recv(4096)
                        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                self.assertEqual(b"", received)
                self.wait_for_status("owner", "pprof", FOREIGN)
                count = lambda: self.page().value(metric("go_goroutines"), **labels("owner"))
                wait_until("the count to go away", lambda: count() is None, 10)
            self.assertTrue(owner.running)


class Values(SidecarCase):
    """What the variable may hold. All of them run at the same time."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.good_port = free_port()
        cls.targets = {}
        for name, value in BAD_VALUES.items():
            cls.targets[name] = Target(name, variables={"SIDECAR_PPROF": value})
        cls.targets["empty"] = Target("empty", variables={"SIDECAR_PPROF": ""})
        cls.targets["unset"] = Target("unset")
        cls.targets["good"] = Target("good", variables={"SIDECAR_PPROF": str(cls.good_port)})
        for target in cls.targets.values():
            cls.enterClassContext(target)

    def check_bad(self, name):
        self.wait_for_pid(name, self.targets[name].pid)
        self.wait_for_status(name, "pprof", INVALID)
        self.assertEqual([], self.go_values(name))
        line = self.wait_for_one_log_line(name)
        self.assertIn("SIDECAR_PPROF", line)
        self.assertIn("65535", line, "the line does not say what is allowed")
        self.assertGreater(self.value("process_resident_memory_bytes", name), 0)

    def test_off(self):
        """an empty SIDECAR_PPROF, or none, means that pprof is off, and is no fault"""
        for name in ("empty", "unset"):
            self.wait_for_status(name, "pprof", OFF)
            self.assertEqual([], self.go_values(name))
            self.assertEqual([], self.log_lines(name))

    def test_good(self):
        """a port of its own is asked on that port"""
        self.wait_for_status("good", "pprof", OK)
        self.assertEqual(goroutines_by_curl(self.good_port), self.rested("go_goroutines", "good"))

    def test_twice(self):
        """of a SIDECAR_PPROF given twice the one counts that Go takes"""
        first, second = free_port(), free_port()
        both = [("SIDECAR_PPROF", str(first)), ("SIDECAR_PPROF", str(second))]
        with Target("twice", variables=both) as twice:
            with open("/proc/%d/environ" % twice.pid, "rb") as file:
                self.assertEqual(2, file.read().count(b"SIDECAR_PPROF="))
            taken = first if "localhost:%d" % first in twice.log() else second
            self.wait_for_status("twice", "pprof", OK)
            self.assertEqual(goroutines_by_curl(taken), self.rested("go_goroutines", "twice"))

    def test_status_is_there_from_the_start(self):
        """the status of pprof is a number for every sidecar, never absent"""
        self.wait_for_instances(*self.targets)
        page = self.page()
        absent = [name for name in self.targets if self.status(name, "pprof", page) is None]
        self.assertEqual([], absent)


def _make(name):
    return lambda self: self.check_bad(name)


for _name, _value in BAD_VALUES.items():
    _test = _make(_name)
    _shown = _value if len(_value) < 20 else _value[:8] + "…"
    _test.__doc__ = "SIDECAR_PPROF=%r is invalid: one log line, no Go values, all else" % _shown
    setattr(Values, "test_bad_" + _name.replace("-", "_"), _test)


class ConfiguredPort(SidecarCase):
    """PprofPort and Pprof in the configuration overrule the environment."""

    port = None

    @classmethod
    def parts(cls):
        cls.port = free_port()
        return [
            config.sidecar(
                config.young("sidecar", command_line="-dir .*target-", pprof_port=cls.port),
                detail_interval=INTERVAL,
            )
        ]

    def test_configured(self):
        """PprofPort is asked whatever SIDECAR_PPROF says, and ownership is still proved"""
        with Target("told", variables={"SIDECAR_PPROF": str(self.port)}):
            self.wait_for_status("told", "pprof", OK)
        with Target("untold"):
            self.wait_for_status("untold", "pprof", FOREIGN, REFUSED)
            self.assertEqual([], self.go_values("untold"))
