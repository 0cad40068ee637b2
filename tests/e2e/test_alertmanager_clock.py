"""Clocks that are wrong, and that are set while an alert fires: it is there, and it ends."""

import glob
import itertools
import time
import unittest

from harness.alerting import Manager, Notifier, Pretender, Webhook, node, notify_alertmanager
from harness.daemon import missing
from harness.wait import wait_until

from test_alertmanager_life import seconds_of

FIVE_MINUTES = 310  # and a bit: an end that Alertmanager adds to an alert is after 300 s
DAY = 86400
IN_TIME = 5


def libfaketime():
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        missing("no libfaketime (Debian package faketime)")
    return found[0]


class Shifted(Notifier):
    """A collectd whose clock is a number of seconds ahead; the monotonic one only if asked for."""

    def __init__(self, *parts, ahead=0, monotonic=False, **options):
        super().__init__(*parts, **options)
        self.ahead = ahead
        self.monotonic = monotonic

    def set_clock(self, ahead):
        self.ahead = ahead
        self.write("clock", "%+g\n" % ahead)

    def prepare(self):
        super().prepare()
        self.set_clock(self.ahead)

    def environment(self):
        return dict(
            super().environment(),
            LD_PRELOAD=libfaketime(),
            FAKETIME_TIMESTAMP_FILE=self.path("clock"),
            FAKETIME_NO_CACHE="1",
            DONT_FAKE_MONOTONIC="0" if self.monotonic else "1",
        )


class Clock(unittest.TestCase):
    """One Alertmanager, whose clock is right, for all tests."""

    @classmethod
    def setUpClass(cls):
        libfaketime()
        cls.hook = cls.enterClassContext(Webhook())
        cls.manager = cls.enterClassContext(Manager(cls.hook))

    def collectd(self, ahead, monotonic=False, interval=1):
        plugin = notify_alertmanager(node("am", self.manager.url), ResendInterval=interval)
        return Shifted(plugin, ahead=ahead, monotonic=monotonic)

    def assert_fires(self, plugin):
        """Returns the alert. It began not in the future."""
        alert = self.manager.wait_for_alert(IN_TIME, plugin=plugin)
        self.assertLess(seconds_of(alert["startsAt"]), time.time() + 1)
        return alert

    def assert_ends_ahead(self, plugin, seconds):
        """The end that collectd gives it is not before so many seconds. Returns the alert."""

        def probe():
            found = self.manager.active(plugin=plugin)
            return [a for a in found if seconds_of(a["endsAt"]) > time.time() + seconds]

        return wait_until("an end %d seconds ahead" % seconds, probe, IN_TIME)[0]

    def assert_resolved(self, plugin):
        """People are told, and it ends not in the future and not before its start."""
        name = "Collectd%sGauge" % plugin.capitalize()
        told = self.hook.wait_for(name, "resolved")
        self.assertEqual([], self.manager.active(plugin=plugin))
        self.assertLess(seconds_of(told["endsAt"]), time.time() + 1)
        self.assertLessEqual(seconds_of(told["startsAt"]), seconds_of(told["endsAt"]))

    def check(self, plugin, ahead, monotonic=False):
        with self.collectd(ahead, monotonic) as collectd:
            collectd.fire(plugin)
            first = self.assert_fires(plugin)
            if ahead >= 0:
                self.assertGreater(seconds_of(first["startsAt"]), time.time() - 10)
            time.sleep(3)  # it is renewed
            self.assertEqual(first["startsAt"], self.assert_fires(plugin)["startsAt"])
            collectd.okay(plugin)
            self.assert_resolved(plugin)
            self.assertNotIn("rejects", collectd.log())
            warnings = [line for line in collectd.complaints() if "clock" in line]
            self.assertEqual(1 if ahead > 0 else 0, len(warnings), collectd.log())

    def test_ahead_of_the_timeout(self):
        """a clock 310 s ahead"""
        self.check("ahead", FIVE_MINUTES)

    def test_a_day_ahead(self):
        """a clock a day ahead"""
        self.check("tomorrow", DAY)

    def test_little_ahead(self):
        """a clock ahead by less than shows: OKAY resolves at once what has an end ahead"""
        with self.collectd(0.9, interval=100) as collectd:
            for number in range(3):
                plugin = "little%d" % number
                collectd.fire(plugin)
                alert = self.assert_ends_ahead(plugin, 390)
                # Alertmanager has it from its beginning on
                time.sleep(max(0, seconds_of(alert["startsAt"]) - time.time()) + 1)
                collectd.okay(plugin)
                self.assert_resolved(plugin)

    def test_no_end_ahead(self):
        """clocks that differ by more than a minute: Alertmanager's resolve_timeout counts"""
        for ahead in (310, -310):
            with self.collectd(ahead, interval=100) as collectd:
                plugin = "end%d" % abs(ahead + 1)
                collectd.fire(plugin)
                self.assert_fires(plugin)
                time.sleep(2)
                end = seconds_of(self.assert_fires(plugin)["endsAt"])
                self.assertLess(end, time.time() + 301)
                collectd.okay(plugin)
                self.assert_resolved(plugin)

    def test_monotonic_ahead(self):
        """both clocks a day ahead: the monotonic one has its own beginning anyway"""
        self.check("both", DAY, monotonic=True)

    def test_behind(self):
        """a clock 310 s behind"""
        self.check("behind", -FIVE_MINUTES)

    def test_a_day_behind(self):
        """a clock a day behind"""
        self.check("yesterday", -DAY)

    def check_set(self, plugin, before, after):
        """The clock is set while alerts fire; old and new ones end."""
        with self.collectd(before) as collectd:
            collectd.fire(plugin)
            first = self.assert_fires(plugin)
            collectd.set_clock(after)
            time.sleep(3)
            began = seconds_of(self.assert_fires(plugin)["startsAt"])
            self.assertLess(abs(began - seconds_of(first["startsAt"])), 2)
            collectd.fire(plugin + "later")
            self.assert_fires(plugin + "later")
            collectd.okay(plugin)
            self.assert_resolved(plugin)
            collectd.okay(plugin + "later")
            self.assert_resolved(plugin + "later")
            self.assertNotIn("rejects", collectd.log())

    def test_set_ahead(self):
        """a clock that is set a day ahead"""
        self.check_set("setahead", 0, DAY)

    def test_set_back(self):
        """a clock that is set a day back"""
        self.check_set("setback", 0, -DAY)

    def test_set_back_little(self):
        """a clock that is set 310 s back"""
        self.check_set("setlittle", 0, -FIVE_MINUTES)

    def test_set_right(self):
        """a clock a day ahead that is set right"""
        self.check_set("setright", DAY, 0)

    def test_restored(self):
        """alerts of a run whose clock was a day ahead end in the next one"""
        with self.collectd(DAY) as collectd:
            collectd.fire("restored")
            collectd.wait_for_state("restored")
            collectd.crash()
            collectd.set_clock(0)
            collectd.again()
            self.assert_fires("restored")
            collectd.okay("restored")
            self.assert_resolved("restored")



class Dates(unittest.TestCase):
    def test_dates_that_differ(self):
        """a node whose responses have any date: no more than two posts of the same"""
        dates = itertools.cycle(
            (
                "Thu, 01 Jan 1970 00:00:01 GMT",
                "Fri, 31 Dec 9999 23:59:59 GMT",
                "Tue, 14 Nov 2023 22:13:20 GMT",
                "never",
            )
        )

        def answer(handler, _):
            handler.date_time_string = lambda: next(dates)
            return 200, {}, b""

        with Pretender(answer) as server:
            plugin = notify_alertmanager(node("am", server.url), ResendInterval=1)
            with Notifier(plugin) as collectd:
                collectd.fire("thing")
                server.wait_for_posts(10)
                begin = time.monotonic()
                time.sleep(5)
                seconds = time.monotonic() - begin
                posts = [when for when, _ in list(server.posts) if when > begin]
                self.assertGreaterEqual(len(posts), 2)
                self.assertLessEqual(len(posts), 2 * seconds + 4)
                lines = [line for line in collectd.complaints() if "notify_alertmanager" in line]
                self.assertLessEqual(len(lines), 1, collectd.log())
