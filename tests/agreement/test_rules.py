"""The alert rules and their runbook agree with the code: names, summaries, metrics, thresholds."""

import json
import os
import re
import shutil
import subprocess
import unittest

import agreement

ALERTS = "grafana/generated/prometheus_alerts.yaml"
RULES = "grafana/generated/prometheus_rules.yaml"
RUNBOOK = "grafana/runbook.md"
PREFIX = "collectd_sidecar_"


class Alert:
    """What this file asks of an alert of the generated rules."""

    def __init__(self, text):
        def field(name):
            found = re.search(r"""(?m)^ +%s: (?:'(.*)'|"(.*)"|(.*))$""" % name, text)
            return found and next(value for value in found.groups() if value is not None)

        self.name = text.split("\n")[0]
        self.flag, self.severity = field("flag"), field("severity")
        self.summary, self.runbook_url = field("summary"), field("runbook_url")


def alerts():
    return [Alert(text) for text in re.split(r"\n +- alert: ", agreement.read(ALERTS))[1:]]


def seconds(duration):
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[duration[-1]]


class Rules(unittest.TestCase):
    def test_red_flags(self):
        """the rules are made from the plugin's red flags as they are; else run `make tables grafana`"""
        printed = agreement.output_of("print_flags")
        self.assertEqual(printed, agreement.read(agreement.FLAGS))

    def test_names(self):
        """each red flag has the name and the summary of its row"""
        found = {(a.flag, a.name, a.summary) for a in alerts() if a.flag is not None}
        self.assertEqual({(f.name, f.alert, f.summary) for f in agreement.flags()}, found)

    def test_form(self):
        """names are CamelCase of 40 characters at most; a group has 20 rules at most"""
        for alert in alerts():
            self.assertRegex(alert.name, r"^Sidecar[A-Z]\w+$")
            self.assertLessEqual(len(alert.name), 40)
            self.assertIn(alert.severity, ("critical", "warning", "info"))
        for path in (ALERTS, RULES):
            for group in agreement.read(path).split("\n  - name: ")[1:]:
                self.assertLessEqual(len(re.findall("- (?:alert|record): ", group)), 20)

    def test_metrics(self):
        """no rule, and no text of one, asks for what neither the plugin nor a rule sends"""
        sent = {name for metric in agreement.metrics() for name in metric.prometheus_names()}
        recorded = set(re.findall(r"- record: (\S+)", agreement.read(RULES)))
        for path in (ALERTS, RULES):
            text = agreement.read(path)
            asked = set(re.findall(PREFIX + r"\w+", text))
            self.assertGreater(len(asked), 5)
            self.assertEqual(set(), asked - sent, path)
            self.assertEqual(set(), set(re.findall(r"\bsidecar:\w+(?::\w+)*", text)) - recorded, path)

    def test_type_instances(self):
        """the type instances that rules choose are ones that the plugin sends"""
        sent = {m.type: m.instances for m in agreement.metrics()}
        names = {name for _, name, _ in agreement.default_patterns()}
        for path in (ALERTS, RULES):
            for metric, types in re.findall(
                PREFIX + r'(\w+)\{type=~?"([^"]+)"', agreement.read(path)
            ):
                allowed = names if sent[metric] == ["*"] else set(sent[metric])
                self.assertLessEqual(set(types.split("|")), allowed, metric)

    def test_statuses(self):
        """the words for the status of a collector are those of its numbers"""
        words = re.findall(r"if eq \$value (\d+)\.0 }}(\w+)", agreement.read(ALERTS))
        self.assertGreater(len(words), 3)
        self.assertLessEqual({(int(code), name) for code, name in words}, set(agreement.statuses()))

    def test_runbook(self):
        """each alert has its section in the runbook, and each section its alert"""
        sections = re.findall(r"(?m)^## (\w+)$", agreement.read(RUNBOOK))
        self.assertEqual(len(set(sections)), len(sections))
        self.assertEqual({alert.name for alert in alerts()}, set(sections))
        for alert in alerts():
            self.assertTrue(alert.runbook_url.endswith("#" + alert.name.lower()))

    def test_runbook_sections(self):
        """a section says what it means, how to confirm, what it usually is, the fix, when harmless"""
        for section in agreement.read(RUNBOOK).split("\n## ")[1:]:
            words = [w.lower() for w in re.findall(r"(?m)^\*\*([^*]+):\*\*", section)]
            said = [word for line in words for word in line.split(", ")]
            self.assertEqual(["means", "confirm", "usually", "fix", "harmless"], said, section[:40])

    def test_scrape_configuration(self):
        """README.md and prometheus.yml scrape alike"""

        def job(text):
            lines = text.split("scrape_configs:\n")[1].split("\n\n")[0].split("```")[0].splitlines()
            return [line for line in lines if "job_name" in line or "honor" in line or "targets" in line]

        example = agreement.read("grafana/prometheus/prometheus.yml")
        self.assertEqual(job(agreement.read(agreement.README)), job(example))
        self.assertIn("regex: collectd_sidecar_((go|process)_.*)", example)


class Thresholds(unittest.TestCase):
    def setUp(self):
        if shutil.which("jsonnet") is None:
            self.skipTest("no jsonnet (Debian package jsonnet)")
        path = os.path.join(agreement.SOURCE, "grafana", "config.libsonnet")
        done = subprocess.run(
            ["jsonnet", "-e", "(import '%s')._config" % path], stdout=subprocess.PIPE, check=True
        )
        self.config = json.loads(done.stdout)

    def configured(self, flag):
        """(warning, failure, hold) as config.libsonnet has them: the signal's own unit, seconds."""
        if flag in self.config["flags"]:
            levels = self.config["flags"][flag]
            hold = levels["hold"]
            return levels["warning"], levels["failure"], seconds(hold if isinstance(hold, str) else hold["failure"])
        if flag in self.config["growth"]:
            growth = self.config["growth"][flag]
            return growth["rise"], None, growth["windows"] * seconds(growth["window"])
        return self.config[flag]["rise"], None, seconds(self.config[flag]["hold"])

    def test_defaults(self):
        """warning, failure and hold of every flag are the plugin's defaults"""
        if not os.path.exists(os.path.join(agreement.BUILD, "tests", "agreement", "print_flags")):
            self.skipTest("this build has no print_flags")
        scales = {"MB": 1 << 20, "MB/s": 1 << 20, "percent": 0.01}
        seen = set()
        for flag in agreement.flags():
            seen.add(flag.name)
            if flag.name == "pprof_missing":
                continue  # it has no threshold
            with self.subTest(flag.name):
                expected = [
                    None if value is None else float(value) * scales.get(flag.unit, 1)
                    for value in (flag.warning, flag.failure)
                ]
                self.assertEqual(expected + [int(flag.hold)], list(self.configured(flag.name)))
            if flag.name == "cpu":
                warning_hold = self.config["flags"][flag.name]["hold"]["warning"]
                self.assertEqual(int(flag.window), seconds(warning_hold))
