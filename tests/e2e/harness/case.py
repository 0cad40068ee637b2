"""The base of the tests that watch processes with the plugin `sidecar`.

Knows how metrics are called, and when a value may be compared with the outside:
it must have been read after the thing it is compared with had come to rest.
"""

import re
import time
import unittest

from . import collectd_config as config
from . import namespace
from .collectd import Collectd
from .metrics import Malformed, check_by_promtool, parse
from .wait import Probe, wait_until

PREFIX = "collectd_sidecar_"
INTERVAL = 1

# collector_status
STATUS_NAMES = (
    "ok off denied foreign refused timeout malformed invalid ceiling unsupported error late".split()
)
(
    OK,
    OFF,
    DENIED,
    FOREIGN,
    REFUSED,
    TIMEOUT,
    MALFORMED,
    INVALID,
    CEILING,
    UNSUPPORTED,
    ERROR,
    LATE,
) = range(len(STATUS_NAMES))


def metric(name, derive=False):
    return PREFIX + name + ("_total" if derive else "")


def labels(instance, kind=None):
    return {"sidecar": instance} if kind is None else {"sidecar": instance, "type": kind}


class SidecarCase(unittest.TestCase):
    """One collectd for the class, watching every `sidecar` from its first second.

    Classes that want another configuration override parts().
    """

    longMessage = True
    collectd = None

    @classmethod
    def parts(cls):
        return [config.sidecar(config.young())]

    @classmethod
    def collectd_options(cls):
        return {}

    @classmethod
    def setUpClass(cls):
        cls.collectd = cls.enterClassContext(
            Collectd(*cls.parts(), interval=INTERVAL, **cls.collectd_options())
        )

    # --- values

    def page(self):
        return self.collectd.page()

    def sample(self, name, instance, kind=None, *, derive=False, after=0.0, timeout=10):
        """Waits for that sample, dated later than `after`."""
        return self.collectd.endpoint.sample(
            metric(name, derive), timeout, after, **labels(instance, kind)
        )

    def value(self, name, instance, kind=None, **options):
        return self.sample(name, instance, kind, **options).value

    def at_rest(self):
        """A time such that samples dated later were read wholly after this call.

        A value's date is that of its dispatch. What it tells may have been asked of
        the target's pprof port in the interval before, or be held from the last round
        of the detail tier, which may have come a moment too early for its interval.
        """
        return time.time() + 3 * INTERVAL

    def rested(self, name, instance, kind=None, **options):
        """The value, read after the call: for a process that holds still."""
        options.setdefault("after", self.at_rest())
        return self.value(name, instance, kind, **options)

    def assert_agrees(self, oracle, value, after, timeout=10):
        """Some page dated later than `after` has value(page) == oracle().

        The oracle is asked before and after the page is, and only a process that held
        still meanwhile is judged.
        """

        def probe():
            before = oracle()
            page = self.page()
            found = value(page)
            if before != oracle():
                raise Probe("the process does not hold still: %r, %r" % (before, oracle()))
            dates = [sample.time for sample in page.select(metric("process_pid"))]
            if not dates or max(dates) <= after:
                raise Probe("no page dated late enough")
            if found != before:
                raise Probe("/metrics says %r, and the outside %r" % (found, before))
            return True

        wait_until("/metrics to agree with the outside", probe, timeout, poll=0.2)

    # --- who is watched

    def instances(self, page=None):
        page = page or self.page()
        return page.label_values("sidecar", metric("process_pid"))

    def pid_of(self, instance):
        value = self.page().value(metric("process_pid"), **labels(instance))
        return None if value is None else int(value)

    def wait_for_instances(self, *expected, timeout=10):
        """Waits until exactly these are watched.

        Where the machine is shared with others its own sidecars may be there too.
        """
        return wait_until(
            "the watched processes to be %s" % sorted(expected),
            self.instances,
            timeout,
            accept=set(expected).__eq__ if namespace.inside() else set(expected).issubset,
        )

    def wait_for_pid(self, instance, pid, timeout=10):
        def probe():
            found = self.pid_of(instance)
            if found != pid:
                raise Probe("process_pid of %s is %s, not %d" % (instance, found, pid))
            return True

        return wait_until("%s to be process %d" % (instance, pid), probe, timeout)

    def count(self, block="sidecar", **options):
        return self.value("process_count", block, **options)

    # --- how the collectors are

    def status(self, instance, collector, page=None):
        return (page or self.page()).value(
            metric("collector_status"), **labels(instance, collector)
        )

    def wait_for_status(self, instance, collector, *expected, timeout=10):
        names = " or ".join(STATUS_NAMES[code] for code in expected)

        def probe():
            code = self.status(instance, collector)
            if code not in expected:
                shown = "absent" if code is None else STATUS_NAMES[int(code)]
                raise Probe("the status is %s" % shown)
            return True

        wait_until("%s of %s to be %s" % (collector, instance, names), probe, timeout)

    def go_values(self, instance, page=None):
        """All samples of the Go runtime that this process has."""
        return [
            sample
            for sample in (page or self.page()).select(sidecar=instance)
            if sample.name.startswith(PREFIX + "go_")
        ]

    def assert_healthy_page(self):
        """No value is NaN or infinite, and the page is one that a scraper accepts."""
        text = self.collectd.endpoint.text()
        try:
            check_by_promtool(text)
            page = parse(text)
        except Malformed as error:
            self.fail("the page is malformed: %s" % error)
        for sample in page.samples:
            if sample.name.startswith(PREFIX):
                self.assertLess(abs(sample.value), float("inf"), repr(sample))
        return page

    # --- the log

    def log_lines(self, instance, pid=None, repeats=False):
        """What the plugin said of a process as a warning or an error.

        Repeats, which come with back-off and a count, are left out unless asked for.
        """
        about = re.compile(
            r"\[(warning|error)\] sidecar plugin: %s \(pid %s\)"
            % (re.escape(instance), pid or r"\d+")
        )
        return [
            line
            for line in self.collectd.log().splitlines()
            if about.search(line) and (repeats or "times more" not in line)
        ]

    def complaints(self):
        """All that the plugin said as a warning or an error."""
        return re.findall(r".*\[(?:warning|error)\] sidecar plugin:.*", self.collectd.log())

    def wait_for_one_log_line(self, instance, pid=None, timeout=10):
        lines = wait_until(
            "a log line about %s" % instance, lambda: self.log_lines(instance, pid), timeout
        )
        self.assertEqual(1, len(lines), "\n".join(lines))
        return lines[0]
