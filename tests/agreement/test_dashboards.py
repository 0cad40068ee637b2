"""The dashboards ask for what the plugin sends, show all of it, and are laid out in order."""

import json
import re
import unittest

import agreement
import grafana_queries

# Metrics that are on no panel, and why.
LEFT_OUT = {
    "collector_success": "collector_status on Triage tells the same and why",
    **dict.fromkeys(
        [
            "go_gc_duration_seconds",
            "go_memstats_buck_hash_sys_bytes",
            "go_memstats_gc_sys_bytes",
            "go_memstats_lookups",
            "go_memstats_mcache_inuse_bytes",
            "go_memstats_mcache_sys_bytes",
            "go_memstats_mspan_inuse_bytes",
            "go_memstats_mspan_sys_bytes",
            "go_memstats_other_sys_bytes",
            "go_memstats_stack_sys_bytes",
        ],
        "for dashboards made for client_golang",
    ),
}
# What recording rules make, and from which metrics.
RECORDED = {
    "sidecar:red_flag:up": "red_flag",
    "sidecar:held_bytes": "process_resident_memory_bytes",
    "sidecar:cpu_cores:rate": "ps_cputime_user_total",
    "sidecar:child_cpu_cores:rate": "process_children_cpu_microseconds_total",
}

UNITS = {
    "locale", "string", "bytes", "binBps", "cps", "opm", "s", "ns", "percentunit", "dateTimeFromNow"
}  # fmt: skip
# Flags without a metric of their own, and what they judge.
JUDGED = {
    "cpu": {("ps_cputime", None)},
    "cpu_busy": {("ps_cputime", None)},
    "child_cpu": {("process_children_cpu_microseconds", None)},
}


def alias_of(expression):
    """The name that Graphite's alias() gives, or None."""
    match = re.fullmatch(r"alias\(.*, '([^']*)'\)", expression)
    return match.group(1) if match else None


def names_of(metric, back_end):
    """What the queries call it."""
    if back_end == "prometheus":
        return metric.prometheus_names()
    sources = metric.SOURCES.get(metric.type)
    return [metric.type] if sources is None else ["%s.%s" % (metric.type, s) for s in sources]


class Dashboards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = grafana_queries.dashboards(agreement.SOURCE)
        cls.flags = json.loads(agreement.read("grafana/generated/red_flags.json"))
        cls.metrics = {
            back_end: {n: m for m in agreement.metrics() for n in names_of(m, back_end)}
            for back_end in grafana_queries.BACK_ENDS
        }

    def each_panel(self, check):
        """check(dashboard, panel) for all, each a subtest."""
        for dashboard in self.all:
            for panel in dashboard.panels():
                with self.subTest("%s: %s" % (dashboard.path, panel["title"])):
                    check(dashboard, panel)

    # --- metrics

    def asked_for(self, query):
        """{(metric, type)}, with what a recording rule reads instead of its name."""
        prefix = "collectd_sidecar_" if query.dashboard.back_end == "prometheus" else ""
        return {
            (prefix + RECORDED[name] if name in RECORDED else name, kind)
            for name, kind in query.metrics()
        }

    def test_known_metrics(self):
        """no query names a metric, or a type of it, that the plugin does not send"""
        for dashboard in self.all:
            known = self.metrics[dashboard.back_end]
            for query in dashboard.queries():
                with self.subTest(str(query)):
                    self.assertTrue(query.metrics(), "no metric was found in it")
                    for name, kind in self.asked_for(query):
                        self.assertIn(name, known)
                        instances = known[name].instances
                        if kind is not None and instances != ["*"]:
                            self.assertIn(kind, instances)

    def test_rates(self):
        """what is read once a minute has its rate over minutes, else the lines flicker"""
        known = self.metrics["prometheus"]
        found = 0
        for dashboard in self.all:
            for query in dashboard.queries():
                rates = re.findall(r"rate\((\w+)\{[^}]*\}\[(.*?)\]", query.text)
                for name, window in rates:
                    if known[name].tier == "detail":
                        self.assertEqual("5m", window, str(query))
                        found += 1
        self.assertGreater(found, 5)

    def test_no_pprof(self):
        """panels of Go's values say what it means when they are empty"""
        for dashboard in self.all:
            for panel in dashboard.panels():
                asked = [q.metrics() for q in dashboard.queries() if q.target in panel["targets"]]
                names = {name for metrics in asked for name, _ in metrics}
                names = {name.replace("collectd_sidecar_", "") for name in names}
                names.discard("process_start_time_seconds")
                if dashboard.name == "fleet" or not names:
                    continue
                if all(name.startswith("go_") for name in names):
                    text = panel["fieldConfig"]["defaults"].get("noValue", "")
                    self.assertIn("no pprof", text, panel["title"])

    def test_ranks(self):
        """the legends of the worst are tables, the highest first"""
        for dashboard in self.all:
            for panel in dashboard.panels():
                if "five that are highest" in panel["description"]:
                    legend = panel["options"]["legend"]
                    self.assertEqual(("table", True), (legend["displayMode"], legend["sortDesc"]))
                    self.assertEqual(["lastNotNull"], legend["calcs"])
                    self.assertEqual(12, panel["gridPos"]["w"])

    def test_patterns(self):
        """a pattern that a query names is one of the plugin's default patterns"""
        defaults = {name for _, name, _ in agreement.default_patterns()}
        for dashboard in self.all:
            known = self.metrics[dashboard.back_end]
            for query in dashboard.queries():
                for name, kind in self.asked_for(query):
                    if kind is not None and known[name].instances == ["*"]:
                        self.assertIn(kind, defaults, str(query))

    def test_all_metrics(self):
        """every metric that the plugin sends is on a panel, or named here as left out"""
        for back_end in grafana_queries.BACK_ENDS:
            shown = {
                name
                for dashboard in self.all
                if dashboard.back_end == back_end
                for query in dashboard.queries()
                if query.kind == "panel"
                for name, _ in self.asked_for(query)
            }
            for name, metric in self.metrics[back_end].items():
                with self.subTest("%s for %s" % (name, back_end)):
                    self.assertNotEqual(name in shown, metric.type in LEFT_OUT)

    def test_statuses(self):
        """the collectors' timeline has a text for each status of the plugin"""
        for dashboard in self.all:
            for panel in dashboard.panels():
                if panel["title"] == "Collectors":
                    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
                    texts = {int(code): one["text"] for code, one in mapping["options"].items()}
                    self.assertEqual(dict(agreement.statuses()), texts)

    def test_graphite_rules(self):
        """the rules for Graphite name metrics that are sent, and the data source of the example"""
        groups = json.loads(agreement.read("grafana/generated/graphite_alerts.json"))["groups"]
        parts = [part for group in groups for rule in group["rules"] for part in rule["data"]]
        sources = agreement.read("grafana/provisioning/datasources/sidecar.yaml")
        known = {metric.type: metric for metric in agreement.metrics()}
        self.assertGreater(len(parts), 50)
        for part in parts:
            if part["datasourceUid"] == "__expr__":
                continue
            self.assertIn("uid: %s " % part["datasourceUid"], sources)
            asked = re.findall(r"(?:\.sidecar-\*|%)\.(\w+)(?:-(\w+))?", part["model"]["target"])
            self.assertTrue(asked, part["model"]["target"])
            for name, kind in asked:
                self.assertIn(name, known)
                if kind and known[name].instances != ["*"]:
                    self.assertIn(kind, known[name].instances)

    # --- layout

    def test_places(self):
        """no panel lies over another or outside, and each line of panels is 24 columns wide"""

        def fill(panels, top):
            taken = {}
            for panel in panels:
                at = panel["gridPos"]
                self.assertGreaterEqual(at["w"], 3, panel["title"])
                for x in range(at["x"], at["x"] + at["w"]):
                    for y in range(at["y"], at["y"] + at["h"]):
                        self.assertNotIn((x, y), taken, panel["title"])
                        taken[x, y] = panel["title"]
            height = 1 + max(y for _, y in taken)
            self.assertEqual({(x, y) for x in range(24) for y in range(top, height)}, set(taken))

        for dashboard in self.all:
            with self.subTest(dashboard.path):
                fill(dashboard.json["panels"], 0)
                for row in dashboard.json["panels"]:
                    if row.get("panels"):
                        self.assertTrue(row["collapsed"])
                        fill(row["panels"], row["gridPos"]["y"] + 1)

    def test_rows(self):
        """what is wrong stands above the rows that are collapsed"""
        for dashboard in self.all:
            if dashboard.name != "runtime":
                titles = [panel["title"] for panel in dashboard.json["panels"]]
                collapsed = [p["title"] for p in dashboard.json["panels"] if p.get("collapsed")]
                self.assertTrue(collapsed)
                flags = [p["title"] for p in dashboard.panels() if p["type"] == "state-timeline"]
                self.assertLess(titles.index(flags[0]), titles.index(collapsed[0]))

    def test_ids(self):
        """ids are unique, and uids are those of one dashboard each"""
        for dashboard in self.all:
            ids = [panel["id"] for panel in dashboard.all_panels()]
            self.assertEqual(sorted(set(ids)), sorted(ids), dashboard.path)
        uids = [dashboard.json["uid"] for dashboard in self.all]
        self.assertEqual(len(self.all), len(set(uids)))
        for uid in uids:
            self.assertRegex(uid, r"^[a-zA-Z0-9_-]{1,40}$")

    def test_same_layout(self):
        """Prometheus and Graphite have the same panels in the same places, with the same texts"""

        def shape(dashboard):
            keys = ("title", "type", "gridPos", "description", "fieldConfig", "options")
            return [{key: panel.get(key) for key in keys} for panel in dashboard.all_panels()]

        by_name = {(d.back_end, d.name): shape(d) for d in self.all}
        for name in grafana_queries.NAMES:
            for one, other in zip(by_name["prometheus", name], by_name["graphite", name]):
                with self.subTest("%s: %s" % (name, one["title"])):
                    for shown in (one, other):  # where the table's links lead is the back end's
                        for override in (shown["fieldConfig"] or {}).get("overrides", []):
                            override["properties"] = [
                                p for p in override["properties"] if p["id"] != "links"
                            ]
                    self.assertEqual(one, other)

    # --- what each panel has

    def test_texts(self):
        """each panel has a title and says what it shows in full sentences"""

        def check(_, panel):
            self.assertTrue(panel["title"])
            self.assertRegex(panel["description"], r"(?s)^[A-Z].{30,}[.]$")

        self.each_panel(check)

    def test_units(self):
        """each panel has a unit that Grafana knows"""

        def check(_, panel):
            overrides = panel["fieldConfig"]["overrides"]
            units = [panel["fieldConfig"]["defaults"]["unit"]]
            units += [p["value"] for o in overrides for p in o["properties"] if p["id"] == "unit"]
            self.assertLessEqual(set(units), UNITS)

        self.each_panel(check)

    def test_thresholds(self):
        """orange and red lie only behind series that a flag judges by these thresholds"""
        judged = set().union(*JUDGED.values())
        for flag in self.flags:
            if flag["metric"] is not None:
                kind = flag["type_instance"]
                kinds = flag["patterns"] if kind == "*" else [kind]
                judged |= {(flag["metric"], one or None) for one in kinds}

        def check(dashboard, panel):
            defaults = panel["fieldConfig"]["defaults"]
            style = defaults.get("custom", {}).get("thresholdsStyle", {}).get("mode", "off")
            colors = {s["color"] for s in defaults.get("thresholds", {}).get("steps", [])}
            if panel["type"] != "timeseries" or style == "off" or not colors & {"orange", "red"}:
                return
            off = set()
            for override in panel["fieldConfig"]["overrides"]:
                properties = {p["id"]: p["value"] for p in override["properties"]}
                if properties.get("custom.thresholdsStyle") == {"mode": "off"}:
                    self.assertEqual("right", properties["custom.axisPlacement"])
                    off.add(override["matcher"]["options"])
            for query in dashboard.queries():
                if query.title == panel["title"] and query.target in panel["targets"]:
                    if off & {query.target.get("legendFormat"), alias_of(query.text)}:
                        continue
                    for name, kind in query.metrics():
                        name = re.sub(r"^collectd_sidecar_|^sidecar:", "", name)
                        name = re.sub(r"_(user|syst)_total$|\.\w+$|_total$", "", name)
                        name = name.replace("cpu_cores:rate", "ps_cputime")
                        self.assertIn((name, kind), judged)

        self.each_panel(check)

    def test_timelines(self):
        """timelines have the colours of their mappings: thresholds would make Grafana drop those"""

        def check(_, panel):
            if panel["type"] == "state-timeline":
                defaults = panel["fieldConfig"]["defaults"]
                self.assertEqual("fixed", defaults["color"]["mode"])
                self.assertNotIn("thresholds", defaults)

        self.each_panel(check)

    def test_legends(self):
        """each series has a name of its own, and what is drawn differently is among the names"""

        def check(dashboard, panel):
            if panel["type"] == "table" or dashboard.back_end != "prometheus":
                return
            legends = [target["legendFormat"] for target in panel["targets"]]
            self.assertEqual(sorted(set(legends)), sorted(legends))
            self.assertNotIn("", legends)
            if "{{type}}" in legends:
                legends += [flag["name"] for flag in self.flags]
            for override in panel["fieldConfig"]["overrides"]:
                self.assertIn(override["matcher"]["options"], legends)

        self.each_panel(check)

    def test_data_sources(self):
        """panels, variables and annotations use the data source of the variable, and no __inputs"""
        for dashboard in self.all:
            variable = dashboard.variables()[0]
            self.assertEqual("datasource", variable["type"])
            self.assertEqual(dashboard.back_end, variable["query"])
            expected = {"type": dashboard.back_end, "uid": "${%s}" % variable["name"]}
            self.assertNotIn("__inputs", dashboard.json)
            users = dashboard.panels() + dashboard.json["annotations"]["list"]
            users += [target for panel in dashboard.panels() for target in panel["targets"]]
            users += [v for v in dashboard.variables() if v["type"] == "query"]
            for user in users:
                self.assertEqual(expected, user["datasource"], user)

    def test_variables(self):
        """host and sidecar offer All and several, and every variable in a query is there"""
        own = {"__rate_interval", "__interval", "__range", "__from"}
        for dashboard in self.all:
            names = {variable["name"] for variable in dashboard.variables()}
            for variable in dashboard.variables():
                if variable["type"] == "query":
                    self.assertTrue(variable["includeAll"] and variable["multi"])
                    self.assertIn(variable["allValue"], (".+", "*"))
            for query in dashboard.queries():
                used = set(re.findall(r"\$\{?(\w+)", query.text))
                self.assertLessEqual(used, names | own, str(query))

    def test_links(self):
        """the three link to each other and take variables and time along"""
        for dashboard in self.all:
            others = {
                "/d/" + other.json["uid"]
                for other in self.all
                if other.back_end == dashboard.back_end and other is not dashboard
            }
            links = dashboard.json["links"]
            self.assertEqual(others, {link["url"].split("?")[0] for link in links})
            for link in links:
                self.assertTrue(link["keepTime"])
                self.assertEqual("/d/sidecar-fleet" not in link["url"], link["includeVars"])
                # Fleet is of all: it gets the data source, and not the sidecar that was looked at.
                if not link["includeVars"]:
                    self.assertIn("${%s_datasource:queryparam}" % dashboard.back_end, link["url"])
                    self.assertNotRegex(link["url"], r"\b(instance|sidecar)\b[:}]")

    def test_format(self):
        """the files are classic JSON that Grafana 10 to 13 load"""
        for dashboard in self.all:
            self.assertIn(dashboard.json["schemaVersion"], (38, 39))
            self.assertNotIn("spec", dashboard.json)
