"""The metrics in the code, types.db, README.md and the man page are the same ones."""

import re
import unittest

import agreement


class Metrics(unittest.TestCase):
    def test_types(self):
        """sidecar.types.db has exactly the plugin's own types, with their kinds"""
        ours = {
            m.type: {"gauge": "GAUGE", "derive": "DERIVE"}[m.kind]
            for m in agreement.metrics()
            if m.kind != "stock"
        }
        rows = {}
        for line in agreement.read(agreement.TYPES).splitlines():
            if line and not line.startswith("#"):
                match = re.fullmatch(r"(\S+)\s+value:(\w+):0:U", line)
                self.assertIsNotNone(match, "not understood: " + line)
                self.assertNotIn(match.group(1), rows, "twice")
                rows[match.group(1)] = match.group(2)
        self.assertEqual(ours, rows)

    def test_stock_types(self):
        """the stock types are in collectd's own types.db, with the data sources we know"""
        try:
            with open("/usr/share/collectd/types.db", encoding="utf-8") as file:
                stock = dict(line.split(None, 1) for line in file if line.strip() and line[0] != "#")
        except FileNotFoundError:
            self.skipTest("no /usr/share/collectd/types.db (Debian package collectd-core)")
        for metric in agreement.metrics():
            if metric.kind == "stock":
                sources = re.findall(r"(\w+):DERIVE", stock[metric.type])
                expected = list(metric.SOURCES.get(metric.type, ("value",)))
                self.assertEqual(expected, sources, metric.type)

    def test_names(self):
        """names have the characters that every write plugin passes, and stand once"""
        names = [m.type for m in agreement.metrics()]
        self.assertEqual(sorted(set(names)), sorted(names))
        for metric in agreement.metrics():
            for word in [metric.type] + metric.instances:
                self.assertRegex(word, r"^([a-z0-9_]+|\*)$")

    def test_tables(self):
        """README.md and the man page have the metrics of the code; else run `make tables`"""
        self.maxDiff = None
        for path, (begin, end), make in agreement.REGIONS:
            with self.subTest(path):
                inside = agreement.region(agreement.read(path), begin, end)[1]
                self.assertEqual(make(), inside, "%s is out of date: make tables" % path)

    def test_statuses(self):
        """the man page and the metric's help list the statuses of the code, by number"""
        statuses = agreement.statuses()
        self.assertEqual(list(range(len(statuses))), [code for code, _ in statuses])
        manual = agreement.read(agreement.MANUAL).split("=head1 COLLECTORS")[1].split("=head1")[0]
        items = re.findall(r"^=item B<(\d+)> (\w+)$", manual, re.MULTILINE)
        self.assertEqual(statuses, [(int(code), name) for code, name in items])
        (status,) = [m for m in agreement.metrics() if m.type == "collector_status"]
        listed = re.findall(r"(\d+) (\w+)", status.help)
        self.assertEqual(statuses, [(int(code), name) for code, name in listed])
