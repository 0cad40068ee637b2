"""What the dashboards say of a made-up fleet with a history, over both data sources: calm, leaking,
without pprof, ended and restarted sidecars."""

import unittest

from harness.dashboard_history import MB, SPAN, Answers, Fleet, Sidecar
from harness.graphite import CarbonCache, GraphiteWeb
from harness.prometheus import Prometheus

HOUR = 3600
UP = {"rss_growing": (HOUR, 1), "fds": (HOUR // 2, 1), "fds_growing": (2 * HOUR, 2)}
SICK = [
    Sidecar("calm"),
    Sidecar("leaky", leak=60 * MB, fds=97, flags=UP.items()),
    Sidecar("plain", pprof=False),
    Sidecar("ended", end=HOUR, flags={"fds": (0, 2)}.items()),
    Sidecar("young", start=SPAN - 45 * 60, leak=600 * MB),
]
CALM = [Sidecar("calm"), Sidecar("plain", pprof=False), Sidecar("ended", end=HOUR)]


class FilledPrometheus(Prometheus):
    """A Prometheus that has the fleet's history, and scrapes nothing."""

    def __init__(self, fleet):
        super().__init__(configuration="global: {}\n")
        self.fleet = fleet

    def prepare(self):
        super().prepare()
        self.fleet.write_prometheus(self.path("data"))


class Servers(unittest.TestCase):
    sidecars = ()
    end = SPAN

    @classmethod
    def setUpClass(cls):
        # `calm` is late, so that the newest point of sums is incomplete.
        fleet = Fleet(cls.sidecars, behind=("calm",), end=cls.end)
        prometheus = cls.enterClassContext(FilledPrometheus(fleet))
        carbon = cls.enterClassContext(CarbonCache())
        fleet.write_whisper(carbon)
        cls.servers = {
            "prometheus": prometheus,
            "graphite": cls.enterClassContext(GraphiteWeb(carbon)),
        }

    def both(self, sidecar=None, **more):
        """Answers of each data source, each a subtest."""
        for name, server in self.servers.items():
            with self.subTest(name):
                yield Answers(name, server, sidecar, **more)


class SickFleet(Servers):
    """One of four has red flags; a fifth had some when it ended two hours ago."""

    sidecars = SICK

    def test_counts(self):
        """the counts are those of the sidecars that run, also while one is late"""
        expected = {
            "Hosts": 1,
            "Sidecars": 4,
            "Red flags up": 3,
            "Of these, failures": 1,
            "Without Go values": 1,
            "Not readable": 0,
        }
        for answers in self.both():
            found = {title: list(answers.last("fleet", title).values()) for title in expected}
            self.assertEqual({title: [count] for title, count in expected.items()}, found)

    def test_flag_rows(self):
        """a row for each flag that was up, with whole states"""
        for answers in self.both():
            rows = answers.of("fleet", "Red flags of all chosen sidecars")
            self.assertLessEqual({"fds", "rss_growing", "fds_growing"}, set(rows))
            self.assertLessEqual(set(rows), {"fds", "rss_growing", "fds_growing", "nothing up"})
            states = {value for values in rows.values() for value in values}
            self.assertLessEqual(states, {None, 0, 1, 2})

    def test_table(self):
        """no series without a value gets into the table, and every sidecar that runs does"""
        for answers in self.both():
            for name, values in answers.of("fleet", "All sidecars").items():
                self.assertTrue([v for v in values if v is not None], name)
                self.assertNotIn("ended", name)

    def test_growth(self):
        """growth per hour is that of the troughs, and known of those that have run for long"""
        for answers in self.both():
            found = answers.column("RSS/h")
            self.assertEqual({"calm", "leaky", "plain"}, set(found))
            self.assertAlmostEqual(60 * MB, found["leaky"], delta=2 * MB)
            self.assertAlmostEqual(0, found["calm"], delta=MB / 2)
            found = answers.column("Files/h")
            self.assertAlmostEqual(97, found["leaky"], delta=4)
            self.assertEqual({"calm", "leaky"}, set(answers.column("Gor./h")))

    def test_worst(self):
        """the worst flag is a failure before a warning, and growth before a level"""
        for answers in self.both():
            panel = answers.panels["fleet", "All sidecars"]
            (mapping,) = [
                p["value"][0]["options"]
                for o in panel["fieldConfig"]["overrides"]
                for p in o["properties"]
                if p["id"] == "mappings"
            ]
            worst = answers.column("Worst flag")
            texts = {name: mapping["%d" % value]["text"] for name, value in worst.items()}
            self.assertEqual(
                {"calm": "ok", "plain": "ok", "young": "ok", "leaky": "fds_growing"}, texts
            )
            self.assertEqual("red", mapping["%d" % worst["leaky"]]["color"])
            expected = {"calm": 0, "plain": 0, "young": 0, "leaky": 3}
            self.assertEqual(expected, answers.column("Flags"))

    def test_headline(self):
        """Triage names what grows, by how much an hour"""
        for answers in self.both("leaky"):
            memory = answers.last("triage", "Memory per hour")
            self.assertAlmostEqual(60 * MB, memory["RSS"], delta=2 * MB)
            self.assertAlmostEqual(60 * MB, memory["heap in use"], delta=2 * MB)
            for part in ("kept by Go", "stacks", "outside Go"):
                self.assertAlmostEqual(0, memory[part], delta=MB / 2)
            files = answers.last("triage", "Descriptors and regions per hour")
            self.assertAlmostEqual(97, files["all"], delta=4)
            self.assertAlmostEqual(97, files["regular"], delta=4)
            self.assertEqual(0, files["pipe"])
            self.assertEqual(0, files["regions"])
            origins = answers.last("triage", "Heap by origin per hour")
            self.assertAlmostEqual(60 * MB, origins["bufio_scanner"], delta=2 * MB)
            self.assertAlmostEqual(0, origins["other"], delta=MB / 2)

    def test_no_headline(self):
        """of a young sidecar, and of one that has ended, no growth is known"""
        for sidecar in ("young", "ended"):
            for answers in self.both(sidecar):
                titles = ("Memory", "Descriptors and regions", "Goroutines", "Heap by origin")
                for title in titles:
                    found = answers.last("triage", title + " per hour")
                    self.assertEqual({}, found, (sidecar, title))

    def test_one_process(self):
        """a process id and a port are those of one process, and nothing where several are chosen"""
        for answers in self.both("leaky"):
            self.assertEqual({"pid": 4711, "pprof": 6060}, answers.last("triage", "Process"))
        for answers in self.both():
            self.assertEqual({}, answers.last("triage", "Process"))
            self.assertEqual({}, answers.last("triage", "Started"))

    def test_whole_numbers(self):
        """a count that is shown as a number is no average of several points"""
        for answers in self.both("leaky", width=10):
            ((count),) = answers.last("triage", "Open files").values()
            self.assertIn(count, (30 + round(97 * SPAN / HOUR), 29 + round(97 * SPAN / HOUR)))

    def test_no_pprof(self):
        """a sidecar without pprof has no Go values, not 0"""
        for answers in self.both("plain"):
            self.assertEqual({}, answers.last("triage", "Heap in use"))
            self.assertEqual({}, answers.last("triage", "Goroutines"))


class CalmFleet(Servers):
    """No flag is up, nor was one."""

    sidecars = CALM

    def test_one_row(self):
        """each timeline of flags is one row that says that nothing is up"""
        panels = (
            ("fleet", "Red flags of all chosen sidecars"),
            ("fleet", "Flagged sidecars"),
            ("triage", "Red flags"),
        )
        for answers in self.both():
            for dashboard, title in panels:
                rows = answers.of(dashboard, title)
                self.assertEqual(["nothing up"], list(rows), (dashboard, title))
                self.assertEqual({0}, set(rows["nothing up"]) - {None})

    def test_none(self):
        """the counts of what is wrong are 0"""
        for answers in self.both():
            for title in ("Red flags up", "Of these, failures", "Not readable"):
                self.assertEqual([0], list(answers.last("fleet", title).values()), title)

    def test_unknown(self):
        """of a sidecar that there is not nothing is known, not even that nothing is up"""
        for answers in self.both("other"):
            for dashboard, title in (("fleet", "Red flags up"), ("triage", "Red flags")):
                self.assertEqual({}, answers.last(dashboard, title), title)


class SilentFleet(Servers):
    """Their host reports no more for an hour."""

    sidecars = SICK
    end = SPAN - HOUR

    def test_silence(self):
        """what is not known any more is no number: no counts, no rows in the table"""
        titles = ("Hosts", "Sidecars", "Red flags up", "Without Go values", "Not readable")
        for answers in self.both():
            for title in titles + ("All sidecars",):
                self.assertEqual({}, answers.last("fleet", title), title)
