"""sidecar-backtest says of what collectd's csv plugin has written what the plugin said at the time."""

import csv
import glob
import io
import os
import subprocess
import tempfile

from harness import collectd_config as config
from harness.collectd import HOST
from harness.daemon import free_port
from harness.installation import built_program
from harness.red_flags import RedFlagCase
from harness.target import Target
from harness.wait import Probe, wait_until

SEVERITIES = {"ok": "okay", "warning": "warning", "failure": "failure"}


def backtest(*arguments, **options):
    """(exit status, its rows, what it said on standard error)"""
    done = subprocess.run(
        [built_program("sidecar-backtest"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
        **options,
    )
    return done.returncode, list(csv.DictReader(io.StringIO(done.stdout))), done.stderr


class WrittenCase(RedFlagCase):
    """The values of a process are written by collectd's csv plugin."""

    rates = False

    @classmethod
    def parts(cls):
        cls.data = tempfile.mkdtemp(prefix="csv-")
        block = [config.option("DataDir", cls.data), config.option("StoreRates", cls.rates)]
        return super().parts() + [config.load("csv"), config.block("Plugin", "csv", block)]

    def written(self, instance):
        return os.path.join(self.data, HOST, "sidecar-" + instance)

    def wait_for_line(self, instance, metric, after):
        """Until the csv plugin has written a value that is later."""

        def probe():
            for path in glob.glob("%s/%s-20*" % (self.written(instance), metric)):
                with open(path, encoding="ascii") as file:
                    lines = file.read().split("\n")[1:-1]
                if lines and float(lines[-1].partition(",")[0]) > after:
                    return True
            raise Probe("no such line of %s" % metric)

        wait_until("a value of %s to be written" % metric, probe, 30)


class Agreement(WrittenCase):
    """The same thresholds, the same values: the same changes, in the same words."""

    def judged(self, instance):
        code, rows, said = backtest("-c", self.collectd.path("collectd.conf"), self.written(instance))
        self.assertEqual((1, ""), (code, said))
        return rows

    def assert_same(self, instance, flag, notices, rows):
        """The evidence behind a semicolon may name what is not a metric."""
        found = [row for row in rows if row["flag"] == flag]
        self.assertEqual(
            [(n["severity"], n["message"].partition(";")[0]) for n in notices],
            [(SEVERITIES[row["severity"]], row["message"].partition(";")[0]) for row in found],
        )
        for notice, row in zip(notices, found):
            self.assertAlmostEqual(notice["time"], float(row["time"]), delta=2.5)
            for name in ("value", "threshold"):
                if name in notice["meta"]:
                    self.assertAlmostEqual(notice["meta"][name], float(row[name]), places=6)

    def test_levels(self):
        """descriptors, threads and regions that go up and come down; then the process ends"""
        port = str(free_port())
        with Target("proj", variables={"SIDECAR_PPROF": port}) as target:
            self.wait_for_instances("proj")
            for command, flag, severity in (
                ("fds pipe 250", "fds", "warning"),
                ("threads 110", "threads", "failure"),
                ("maps regions 1200", "memory_regions", "warning"),
                ("goroutines select 250", "goroutines", "warning"),
            ):
                target.do(command)
                self.notices.wait_for("proj", flag, severity)
            target.do("release all")
            for flag in ("fds", "threads", "memory_regions", "goroutines"):
                over = self.notices.wait_for("proj", flag, "okay")
            self.wait_for_line("proj", "process_memory_regions", over["time"] + 1)
            notices = self.notices.all("proj")
            rows = self.judged("proj")
        for flag in ("fds", "threads", "memory_regions", "goroutines"):
            with self.subTest(flag):
                told = [n for n in notices if n["type_instance"] == flag]
                self.assert_same("proj", flag, told, rows)
        fds = [row["message"] for row in rows if row["flag"] == "fds"]
        self.assertIn("; most are pipe: 25", fds[0])

    def test_second_process(self):
        """another process of that name: what was up has ended"""
        with Target("twice") as target:
            self.wait_for_instances("twice")
            target.do("threads 110")
            self.notices.wait_for("twice", "threads", "failure")
            target.do("quit")
            self.notices.wait_for("twice", "threads", "okay")
        with Target("twice") as target:
            self.wait_for_pid("twice", target.pid)
            self.wait_for_line("twice", "process_pid", self.at_rest())
        rows = self.judged("twice")
        for flag in ("threads", "pprof_missing"):
            self.assert_same("twice", flag, self.notices.all("twice", flag), rows)


class Rates(WrittenCase):
    """StoreRates true."""

    rates = True

    def test_rates(self):
        """counters that were stored as rates are refused, with the option to change"""
        with Target("rated") as target:
            self.wait_for_pid("rated", target.pid)
            self.wait_for_line("rated", "ps_cputime", self.at_rest())
            code, rows, said = backtest(self.written("rated"))
        self.assertEqual(2, code)
        self.assertEqual([], rows)
        self.assertRegex(said, r"\w+-\d{4}-\d\d-\d\d: line \d+, column 2: .* StoreRates false")
