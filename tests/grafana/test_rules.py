"""promtool's tests of the alert rules, each a sentence: rules/*.jsonnet says what happens when."""

import functools
import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

import pytest

from harness.daemon import need
from harness.installation import SOURCE

HERE = os.path.dirname(os.path.abspath(__file__))
GRAFANA = os.path.join(SOURCE, "grafana")
RULES = sorted(glob.glob(os.path.join(GRAFANA, "generated", "prometheus_*.yaml")))


def jsonnet(*arguments):
    command = [need("jsonnet", "jsonnet")] + list(arguments)
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def promtool(*arguments):
    """(whether it is content, what it said); tests/suites/promtool gives one of its own."""
    done = subprocess.run(
        [os.environ.get("PROMTOOL") or need("promtool", "prometheus")] + list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode == 0, done.stdout.decode()


class Files(unittest.TestCase):
    def test_generated(self):
        """what is in grafana/generated is what its sources make; else run `make grafana`"""
        need("jsonnet", "jsonnet")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.path.join(GRAFANA, "generate"), folder], check=True)
            done = subprocess.run(
                # these two are the plugin's: tests/agreement looks after them
                ["diff", "-r", "-x", "red_flags.json", "-x", "healthy_ranges.json", os.path.join(GRAFANA, "generated"), folder],
                stdout=subprocess.PIPE,
                check=False,
            )
        self.assertEqual("", done.stdout.decode())

    def test_selector(self):
        """with a selector of one's own every series of every rule has it, and promtool is content"""
        need("jsonnet", "jsonnet")
        with tempfile.TemporaryDirectory() as folder:
            own = os.path.join(folder, "own.libsonnet")
            with open(own, "w", encoding="utf-8") as file:
                file.write("{ _config+:: { selector: 'team=\"tools\"', standardPrefix: '' } }")
            subprocess.run([os.path.join(GRAFANA, "generate"), folder, own], check=True)
            made = sorted(glob.glob(os.path.join(folder, "prometheus_*.yaml")))
            content, said = promtool("check", "rules", "--lint=all", "--lint-fatal", *made)
            self.assertTrue(content, said)
            for path in made:
                with open(path, encoding="utf-8") as file:
                    text = re.sub(r"(?m)^ *- (?:record|alert): .*$", "", file.read())
                series = r"\b(?:(?:collectd_sidecar|process|go)_[a-z_]+|sidecar:[a-z_:]+|ALERTS)\b"
                for name, matchers in re.findall("(%s)(\\{[^}]*\\})?" % series, text):
                    self.assertIn('team="tools"', matchers, name)

    def with_own(self, configuration):
        """The alerts with values of one's own: jsonnet's end with its output and its errors."""
        mixin = "(import '%s') + { _config+:: %s }" % (os.path.join(GRAFANA, "mixin.libsonnet"), configuration)
        command = [need("jsonnet", "jsonnet"), "-e", "(%s).prometheusAlerts.groups" % mixin]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def test_thresholds(self):
        """thresholds and holds of one's own are in the rules, null has none, true is the plugin's"""
        done = self.with_own(
            "{ flags+: { fds+: { warning: 400, hold: '7m' }, threads+: { failure: null },"
            " fds_growing+: { warning: null }, same_file+: { warning: true, failure: true } } }"
        )
        rules = [rule for group in json.loads(done.stdout) for rule in group["rules"]]
        found = {(rule["alert"], rule["labels"]["severity"]): rule for rule in rules}
        fds = found["SidecarFDsHigh", "warning"]
        self.assertTrue(fds["expr"].endswith(") >= 400"))
        self.assertEqual("7m", fds["for"])
        self.assertIn("(warning from 400)", fds["annotations"]["description"])
        self.assertIn(("SidecarThreadsHigh", "warning"), found)
        self.assertNotIn(("SidecarThreadsHigh", "critical"), found)
        self.assertNotIn(("SidecarFDsGrowing", "warning"), found)
        for severity, state in (("warning", 1), ("critical", 2)):
            expr = found["SidecarSameFileOpen", severity]["expr"]
            self.assertIn('red_flag{type="same_file"}', expr)
            self.assertTrue(expr.endswith(") >= %d" % state))

    def test_thresholds_of_the_plugin(self):
        """a threshold for what the plugin judges is an error that says where it belongs"""
        for own in ("flags+: { fds_growing+: { warning: 30 } }", "growth+: { fds_growing+: { rise: 30 } }"):
            done = self.with_own("{ %s }" % own)
            self.assertNotEqual(0, done.returncode)
            self.assertIn("plugin", done.stderr.decode())

    def test_format(self):
        """jsonnetfmt would change nothing"""
        need("jsonnetfmt", "jsonnet")
        sources = [
            path
            for folder in (GRAFANA, HERE)
            for path in glob.glob(os.path.join(folder, "**", "*sonnet"), recursive=True)
        ]
        self.assertGreater(len(sources), 10)
        for path in sources:
            self.assertEqual(0, subprocess.call(["jsonnetfmt", "--test", path]), path)

    def test_accepted(self):
        """promtool accepts the rules and has nothing to say about them"""
        content, said = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)
        self.assertTrue(content, said)


def _expanded(test):
    """The series that are given as an expression have it worked out."""
    last = max(_minutes(at["eval_time"]) for at in test["alert_rule_test"])
    for series in test["input_series"]:
        if series["values"].startswith("= "):
            value = compile(series["values"][2:], test["name"], "eval")
            series["values"] = " ".join(str(eval(value, {"i": i})) for i in range(last + 2))
    return test


def _minutes(time):
    units = {"h": 60, "m": 1, "s": 1 / 60}
    return int(sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)(\w)", time)))


@functools.lru_cache(maxsize=None)
def _rules(configuration):
    """The rule files with values of one's own, or the generated ones."""
    if configuration is None:
        return RULES
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    own = os.path.join(folder.name, "own.libsonnet")
    with open(own, "w", encoding="utf-8") as file:
        file.write("{ _config+:: %s }" % configuration)
    subprocess.run([os.path.join(GRAFANA, "generate"), folder.name, own], check=True)
    return sorted(glob.glob(os.path.join(folder.name, "prometheus_*.yaml")))


def _tests():
    """What happens when, of rules/*.jsonnet; none where there is no jsonnet."""
    try:
        paths = sorted(glob.glob(os.path.join(HERE, "rules", "*.jsonnet")))
        return [_expanded(test) for path in paths for test in jsonnet(path)]
    except unittest.SkipTest:
        return []


TESTS = _tests()
NAMES = [test["name"] for test in TESTS]
assert len(NAMES) == len(set(NAMES)), "a sentence is there twice"


@pytest.mark.parametrize("test", TESTS, ids=NAMES)
def test_behaviour(test):
    """%s"""
    test = dict(test)
    evaluation = test.pop("evaluation", "30s")
    rules = _rules(test.pop("configuration", None))
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({"rule_files": rules, "evaluation_interval": evaluation, "tests": [test]}, file)
        file.flush()
        content, said = promtool("test", "rules", file.name)
    assert content, said


class Coverage(unittest.TestCase):
    def test_every_alert(self):
        """every alert of every severity has a test in which it fires and one in which it is silent"""
        expected = set()
        for path in _rules("{ pprofAlerts: true }"):
            with open(path, encoding="utf-8") as file:
                for rule in re.split(r"\n +- alert: ", file.read())[1:]:
                    expected.add((rule.split("\n")[0], re.search(r"severity: (\w+)", rule).group(1)))
        fires, silent = set(), set()
        for test in TESTS:
            for at in test["alert_rule_test"]:
                name = at["alertname"]
                fires |= {(name, alert["exp_labels"]["severity"]) for alert in at["exp_alerts"]}
                silent |= {name} if not at["exp_alerts"] else set()
        self.assertEqual(expected, fires)
        self.assertEqual({name for name, _ in expected}, silent)
