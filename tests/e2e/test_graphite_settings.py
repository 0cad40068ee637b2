"""What write_graphite's settings make of our names, and the dashboards that fit each of them.

One collectd sends everything five times, each time with another setting and prefix.
"""

import json
import os
import re
import subprocess

import pytest

from harness import collectd_config as config
from harness.collectd import HOST
from harness.daemon import need, private_folder, remove_folder
from harness.dashboard_case import DashboardCase
from harness.dashboards import FromGraphite, queries, unanswered
from harness.grafana_rules import Rule
from harness.graphite import CarbonCache, GraphiteWeb
from harness.installation import SOURCE
from harness.wait import Probe, wait_until

SETTINGS = {
    "joined.": {},
    "separate.": {"SeparateInstances": True},
    "tags.": {"UseTags": True},
    "ds.": {"AlwaysAppendDS": True},
    "dots.": {"PreserveSeparator": True},
}
# What _config has for those that dashboards fit.
FITTING = {
    "separate.": "{ graphiteSeparateInstances: true }",
    "tags.": "{ graphiteUseTags: true }",
}
# Growth in seconds instead of hours.
SHORT = "{ growthWindow: '3s' }"
TAGS = ";host=e2e.test;plugin=sidecar;plugin_instance=my.proj;type="
NAMES = {
    "joined.": (
        "e2e_test.sidecar-my_proj.process_open_fds",
        "e2e_test.sidecar-my_proj.process_fds-regular",
        "e2e_test.sidecar-my_proj.ps_cputime.user",
    ),
    "separate.": (
        "e2e_test.sidecar.my_proj.process_open_fds",
        "e2e_test.sidecar.my_proj.process_fds.regular",
        "e2e_test.sidecar.my_proj.ps_cputime.user",
    ),
    "tags.": (
        "sidecar.process_open_fds" + TAGS + "process_open_fds",
        "sidecar.process_fds" + TAGS + "process_fds;type_instance=regular",
        "sidecar.ps_cputime.user;ds_name=user" + TAGS + "ps_cputime",
    ),
    "ds.": (
        "e2e_test.sidecar-my_proj.process_open_fds.value",
        "e2e_test.sidecar-my_proj.process_fds-regular.value",
        "e2e_test.sidecar-my_proj.ps_cputime.user",
    ),
    "dots.": (
        "e2e.test.sidecar-my.proj.process_open_fds",
        "e2e.test.sidecar-my.proj.process_fds-regular",
        "e2e.test.sidecar-my.proj.ps_cputime.user",
    ),
}
# Parts of queries that may have no answer, and why.
MAY_BE_EMPTY = {
    "'nothing up'": "a red flag is up",
    "go_goroutines_leaked": "an older Go has no such profile",
}
UP = "fds regular 60 path=again.jsonl"


def generated(folder, settings):
    """Makes the dashboards for Graphite with that _config there, and returns the folder."""
    mixin = "(import '%s')" % os.path.join(SOURCE, "grafana", "mixin.libsonnet")
    code = (
        "local all = (%s + { _config+:: %s + %s }).grafanaDashboards;"
        " { [one]: all[one] for one in std.objectFields(all) if std.startsWith(one, 'graphite') }"
    ) % (mixin, settings, SHORT)
    os.makedirs(os.path.join(folder, "graphite"))
    program = need("jsonnet", "jsonnet")
    subprocess.run(
        [program, "-m", folder, "-e", code], check=True, timeout=100, stdout=subprocess.DEVNULL
    )
    return folder


def generated_rules(prefix, settings):
    """The alert rules for Graphite with that _config."""
    mixin = "(import '%s')" % os.path.join(SOURCE, "grafana", "mixin.libsonnet")
    own = "{ _config+:: %s + { graphitePrefix: '%s' } }" % (settings, prefix)
    program = need("jsonnet", "jsonnet")
    code = "(%s + %s).grafanaAlerts" % (mixin, own)
    done = subprocess.run([program, "-e", code], check=True, timeout=100, stdout=subprocess.PIPE)
    return [Rule(rule) for group in json.loads(done.stdout)["groups"] for rule in group["rules"]]


@pytest.mark.timeout(400)  # on a busy machine
class Settings(DashboardCase):
    sidecar = "my.proj"

    @classmethod
    def setUpClass(cls):
        folder = private_folder("settings")
        cls.addClassCleanup(remove_folder, folder)
        cls.asked = {
            prefix: queries("graphite", generated(os.path.join(folder, prefix), settings))
            for prefix, settings in FITTING.items()
        }
        cls.asked["joined."] = queries("graphite")
        cls.carbon = cls.enterClassContext(CarbonCache(tags=True))
        cls.web = cls.enterClassContext(GraphiteWeb(cls.carbon))
        super().setUpClass()
        cls.start_targets()

    @classmethod
    def parts(cls):
        flag = config.red_flag("same_file", Hold=4)
        nodes = [
            config.graphite_node(prefix.strip("."), cls.carbon.port, prefix, **options)
            for prefix, options in SETTINGS.items()
        ]
        sidecar = config.sidecar(config.young(), flag, warm_up=1, goroutine_leak_interval=5)
        return [sidecar, config.write_graphite_nodes(nodes)]

    # --- asking

    def source(self, prefix, one=False):
        tagged = SETTINGS[prefix].get("UseTags", False)
        name = self.sidecar if tagged else self.sidecar.replace(".", "_")
        return FromGraphite(self.web, name if one else None, prefix, tagged)

    def points(self, name):
        """By its whole name, with tags or without."""
        if ";" not in name:
            return self.web.render(name).get(name)
        metric, *tags = name.split(";")
        wanted = ", ".join("'%s'" % one for one in ["name=" + metric] + tags)
        return self.web.render("seriesByTag(%s)" % wanted).get(name)

    def wait_for_names(self):
        for prefix, names in NAMES.items():
            for name in names:
                with self.subTest(prefix + name):
                    wait_until("it", lambda whole=prefix + name: self.points(whole), 60, poll=1)

    def wait_for_answers(self, one, kinds):
        """Of all settings at once, because what happened is soon out of the queries' time."""
        left = {
            prefix: [
                query
                for query in self.asked[prefix]
                if query.kind in kinds and not any(part in query.text for part in MAY_BE_EMPTY)
            ]
            for prefix in FITTING
        }
        self.assertGreater(min(map(len, left.values())), 90)

        def probe():
            failures = []
            for prefix, asked in left.items():
                try:
                    unanswered(asked, self.source(prefix, one))
                except Probe as failure:
                    failures.append("%s: %s" % (prefix, failure))
            if failures:
                raise Probe("; ".join(failures))
            return True

        wait_until("answers", probe, 100, poll=1)

    # --- tests

    def test_names(self):
        """each setting makes of a metric's name what the table in grafana/README.md says"""
        self.wait_for_names()

    def test_all(self):
        """generated for its setting, with All chosen, every panel, variable, annotation has data"""
        self.wait_for_names()
        self.episode()
        self.target.do(UP)
        self.wait_for_answers(False, ("panel", "variable", "annotation"))

    def test_one(self):
        """generated for its setting, with one sidecar chosen, every panel and variable has data"""
        self.wait_for_names()
        self.target.do(UP)
        self.wait_for_answers(True, ("panel", "variable"))

    def test_rules(self):
        """rules generated for its setting name host and sidecar, and each query has an answer"""
        self.wait_for_names()
        self.target.do(UP)
        for prefix, settings in FITTING.items():
            tagged = "UseTags" in SETTINGS[prefix]
            up = (HOST, self.sidecar) if tagged else ("e2e_test", "my_proj")
            rules = generated_rules(prefix, settings)
            left = [query for rule in rules for query in rule.queries()]
            warnings = [rule for rule in rules if rule.severity == "warning"]
            (same_file,) = [rule for rule in warnings if rule.title == "SidecarSameFileOpen"]

            def probe():
                left[:] = [query for query in left if not self.has_answer(*query)]
                if left:
                    raise Probe("no answer to %s" % (left,))
                if up not in same_file.firing(self.render):
                    raise Probe("firing: %s" % same_file.firing(self.render))
                return True

            with self.subTest(prefix):
                wait_until("answers", probe, 60, poll=1)
                for rule in rules:
                    self.assertLessEqual(rule.firing(self.render), self.known(tagged))

    def render(self, target, seconds):
        times = {"from": "-%ds" % seconds["from"], "until": "-%ds" % seconds["to"]}
        return FromGraphite(self.web).get(
            "/render", target=target, format="json", maxDataPoints=500, **times
        )

    def has_answer(self, target, seconds):
        if any(part in target for part in MAY_BE_EMPTY):
            return True
        found = self.render(target, seconds)
        return any(value is not None for one in found for value, _ in one["datapoints"])

    def known(self, tagged):
        """Whom an alert may name: (host, sidecar), and hosts alone."""
        host = HOST if tagged else "e2e_test"
        names = [self.sidecar if tagged else "my_proj", "gone", "again", "sidecar", None]
        return {(host, name) for name in names} | {(None, None)}

    def test_rows(self):
        """with tags the table of all has the names that its links need, dots and all"""
        self.wait_for_names()
        (query, *_) = [q for q in self.asked["tags."] if "column=c0" in q.text]
        names = [name for name, _ in self.source("tags.").answer(query)]
        self.assertIn('row="instance=%s sidecar=%s" column=c0' % (HOST, self.sidecar), names)

    def test_default(self):
        """generated for no setting, no panel has data of the others, but for what has two values"""
        self.wait_for_names()
        for prefix in set(SETTINGS) - {"joined."}:
            source = FromGraphite(self.web, prefix=prefix)
            panels = [q for q in self.asked["joined."] if q.kind == "panel"]
            answered = [q for q in panels if source.answer(q)]
            if prefix == "ds.":  # which have the source's name behind them anyway
                two = re.compile(r"ps_(cputime|disk_octets|pagefaults)")
                answered = [q for q in answered if not two.search(q.text)]
            with self.subTest(prefix):
                self.assertEqual([], list(map(str, answered)))
