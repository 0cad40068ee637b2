"""The alert rules and their runbook agree with the code: flags, metrics, commands."""

import json
import re
import unittest

import agreement

ALERTS = "grafana/generated/prometheus_alerts.yaml"
RULES = "grafana/generated/prometheus_rules.yaml"
RUNBOOK = "grafana/runbook.md"
PREFIX = "collectd_sidecar_"
# Alerts that are off unless config.libsonnet's pprofAlerts is true.
OPTIONAL = {"SidecarPprofForeign", "SidecarPprofOff"}
# Alerts that only Grafana's rules over Graphite have.
GRAPHITE = {"SidecarGraphiteNotAnswering"}


class Alert:
    """What this file asks of an alert of the generated rules."""

    def __init__(self, text):
        def field(name):
            found = re.search(r"""(?m)^ +%s: (?:'(.*)'|"(.*)"|(.*))$""" % name, text)
            return found and next(value for value in found.groups() if value is not None)

        self.name = text.split("\n")[0]
        self.flag, self.severity = field("flag"), field("severity")
        self.summary, self.runbook_url = field("summary"), field("runbook_url")
        self.hold, self.keep = field("for"), field("keep_firing_for")


def alerts():
    return [Alert(text) for text in re.split(r"\n +- alert: ", agreement.read(ALERTS))[1:]]


def sections():
    """{alert: its section of the runbook}"""
    return dict(re.findall(r"(?ms)^## (\w+)\n(.*?)(?=^## |\Z)", agreement.read(RUNBOOK)))


class Rules(unittest.TestCase):
    def test_red_flags(self):
        """the rules are made from the plugin's red flags as they are; else run `make tables grafana`"""
        printed = agreement.output_of("print_flags")
        self.assertEqual(printed, agreement.read(agreement.FLAGS))

    def test_names(self):
        """each red flag has its alerts, with the name and the summary of its row"""
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

    def test_clearing(self):
        """a level is resolved as late as the plugin clears its flag, five holds and at most ten minutes"""
        code = agreement.read("plugins/sidecar/redflag/detectors.c")
        holds, limit_ms = re.search(
            r"CLEAR_HOLDS = (\d+), CLEAR_HOLD_MAX_MS = ([\d *]+)", code
        ).groups()
        limit = eval(limit_ms) / 1000
        units = {"s": 1, "m": 60, "h": 3600}
        seconds = lambda text: int(text[:-1]) * units[text[-1]]
        found = re.findall(r"\n +for: (\w+)\n +keep_firing_for: (\w+)\n", agreement.read(ALERTS))
        self.assertEqual({"30s", "1m", "3m", "10m", "1h"}, {hold for hold, _ in found})
        for hold, clear in found:
            hold = seconds(hold)
            self.assertEqual(min(int(holds) * hold, max(hold, limit)), seconds(clear))
        judged = [text for text in agreement.read(ALERTS).split("- alert: ") if "red_flag{type=" in text]
        self.assertGreater(len(judged), 5)
        self.assertFalse([text for text in judged if "keep_firing_for" in text])

    def test_over_graphite(self):
        """the rules for Graphite hold, and keep firing, as long as those for Prometheus"""
        groups = json.loads(agreement.read("grafana/generated/graphite_alerts.json"))["groups"]
        rules = [rule for group in groups for rule in group["rules"] if "flag" in rule["labels"]]
        found = {
            (rule["title"], rule["labels"]["severity"]): (rule["for"], rule.get("keepFiringFor"))
            for rule in rules
        }
        self.assertEqual(len(rules), len(found))
        self.assertGreater(len([keep for _, keep in found.values() if keep]), 20)
        prometheus = {(a.name, a.severity): (a.hold or "0s", a.keep) for a in alerts()}
        for alert, holds in found.items():
            self.assertEqual(prometheus[alert], holds, alert)

    def test_statuses(self):
        """the words for the status of a collector are those of its numbers"""
        words = re.findall(r"if eq \$value (\d+)\.0 }}(\w+)", agreement.read(ALERTS))
        self.assertGreater(len(words), 3)
        self.assertLessEqual({(int(code), name) for code, name in words}, set(agreement.statuses()))

    def test_runbook(self):
        """each alert has its section in the runbook, and each section its alert"""
        headings = re.findall(r"(?m)^## (\w+)$", agreement.read(RUNBOOK))
        self.assertEqual(len(set(headings)), len(headings))
        self.assertEqual({alert.name for alert in alerts()} | OPTIONAL | GRAPHITE, set(headings))
        over_graphite = agreement.read("grafana/generated/graphite_alerts.json")
        for name in GRAPHITE:
            self.assertIn('#%s"' % name.lower(), over_graphite)
        for name in OPTIONAL:
            self.assertIn("`pprofAlerts`", sections()[name])
            self.assertNotIn(name, agreement.read(ALERTS))
        for alert in alerts():
            self.assertTrue(alert.runbook_url.endswith("#" + alert.name.lower()))

    def test_runbook_commands(self):
        """the section of a red flag has the commands of its row, word for word"""
        found = sections()
        for flag in agreement.flags():
            confirm = found[flag.alert].split("**Confirm:**")[1].split("\n**")[0]
            for command in flag.commands:
                self.assertIn("`%s`" % command, confirm, flag.name)

    def test_runbook_sections(self):
        """a section says what it means, how to confirm, what it usually is, the fix, when harmless"""
        for section in agreement.read(RUNBOOK).split("\n## ")[1:]:
            words = [w.lower() for w in re.findall(r"(?m)^\*\*([^*]+):\*\*", section)]
            found = [word for line in words for word in line.split(", ")]
            self.assertEqual(["means", "confirm", "usually", "fix", "harmless"], found, section[:40])

    def test_scrape_configuration(self):
        """README.md and prometheus.yml scrape alike"""

        def job(text):
            lines = text.split("scrape_configs:\n")[1].split("\n\n")[0].split("```")[0].splitlines()
            return [line for line in lines if "job_name" in line or "honor" in line or "targets" in line]

        example = agreement.read("grafana/prometheus/prometheus.yml")
        self.assertEqual(job(agreement.read(agreement.README)), job(example))
        self.assertIn("regex: collectd_sidecar_((go|process)_.*)", example)
