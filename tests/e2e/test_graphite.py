"""The way to Graphite: collectd's write_graphite, a real carbon-cache, a real graphite-web."""

import os
import time

from harness import collectd_config as config
from harness import procfs
from harness.case import SidecarCase, metric
from harness.collectd import HOST
from harness.daemon import private_folder, remove_folder
from harness.graphite import CarbonCache, GraphiteWeb
from harness.target import Target
from harness.wait import Probe, wait_until

ROOT = "collectd.%s." % HOST.replace(".", "_")
ODD = (
    b"semi;tag=1",
    b"dots.in.it",
    b"a b",
    b"bad-\xff\xfe",
    b"new\nline",
    "größer".encode(),
    b"'\"\\()",
)


class Graphite(SidecarCase):
    @classmethod
    def setUpClass(cls):
        cls.carbon = cls.enterClassContext(CarbonCache())
        super().setUpClass()
        cls.web = cls.enterClassContext(GraphiteWeb(cls.carbon))
        cls.target = cls.enterClassContext(Target("e2e-proj", do=["fds regular 33"]))

    @classmethod
    def parts(cls):
        return [config.sidecar(config.young()), config.write_graphite(cls.carbon.port)]

    def points(self, series, timeout=20):
        """[(value, time)] of a series, as soon as there are any."""
        return wait_until(
            "points of " + series,
            lambda: self.web.render(ROOT + series).get(ROOT + series),
            timeout,
        )

    def test_value(self):
        """the number of open files in graphite-web is that of ls"""

        def agree():
            real = procfs.count_descriptors(self.target.pid)
            found = self.points("sidecar-e2e-proj.process_open_fds")[-1][0]
            if found != real:
                raise Probe("%r in Graphite, %d by ls" % (found, real))
            return True

        wait_until("graphite-web and ls to agree", agree, 15, poll=0.5)

    def test_names(self):
        """types with instances and with two data sources have names of their own"""
        self.assertGreaterEqual(self.points("sidecar-e2e-proj.process_fds-regular")[-1][0], 33)
        self.points("sidecar-e2e-proj.process_memory_bytes-anon")
        self.points("sidecar-e2e-proj.ps_cputime.user")
        self.points("sidecar-sidecar.process_count")

    def test_rate(self):
        """write_graphite makes counters rates: a core at work is up to a million microseconds"""
        self.target.do("cpu 1000")
        self.addCleanup(self.target.do, "stop cpu")

        def busy():
            value = self.points("sidecar-e2e-proj.ps_cputime.user")[-1][0]
            if not 1e4 < value < 2e6:  # a busy machine lets us have little of a core
                raise Probe("the rate is %r" % value)
            return True

        wait_until("a busy rate", busy, 15, poll=0.5)

    def test_odd_names(self):
        """odd folders neither break carbon's connection nor become tags nor share a series"""
        folder = os.fsencode(private_folder("graphite"))
        self.addCleanup(remove_folder, folder)
        targets = []
        for name in ODD + (b"dots in it",):
            path = os.path.join(folder, name)
            os.mkdir(path)
            targets.append(self.enterContext(Target(cwd=path)))
        wanted = {target.pid for target in targets}

        def stored():
            """{pid: the series that last had it}"""
            found = {}
            for name in self.carbon.metric_names():
                if name.endswith(".process_pid"):
                    self.assertNotIn(";", name, "a tag")
                    found[int(self.last_point(name))] = name
            if not wanted <= set(found):
                raise Probe("stored: %s" % found)
            return found

        found = wait_until("a series for each", stored, 30, poll=0.5)
        self.assertEqual(len(targets), len({found[pid] for pid in wanted}))

    def last_point(self, name):
        """Of a whole name. In a target graphite-web takes no characters but ASCII's."""
        target = "".join(letter if letter.isascii() else "?" for letter in name)
        points = self.web.render(target).get(name)
        if not points:
            raise Probe("no points of %s" % name)
        return points[-1][0]

    def test_one_connection(self):
        """nothing that is sent makes carbon complain"""
        self.points("sidecar-e2e-proj.process_fds-regular")
        log = self.carbon.log()
        self.assertNotIn("invalid line", log)
        self.assertNotIn("Error", log)

    def test_end(self):
        """a sidecar that ended sends no more points"""
        with Target("finite") as finite:
            self.points("sidecar-finite.process_open_fds")
            finite.kill()
            ended = time.time()
            wait_until(
                "finite to be forgotten",
                lambda: not self.page().select(metric("process_pid"), sidecar="finite"),
                6,
            )
            last = self.points("sidecar-finite.process_open_fds")[-1][1]
            self.assertLessEqual(last, ended + 2)
