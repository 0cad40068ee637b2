"""The generated dashboards, taken apart: their panels, their queries, the metrics in those.

Shared by the tests that hold the dashboards against the plugin's metrics and by those that run the
queries against real servers.
"""

import json
import os
import re

BACK_ENDS = ("prometheus", "graphite")
NAMES = ("fleet", "triage", "runtime")
FOLDER = os.path.join("grafana", "generated", "dashboards")

# metric{matchers}: every selector has matchers, but for the first variable's
_PROMETHEUS = re.compile(r"(?:label_values\(|\b)(\w[\w:]*)(?:\{([^}]*)\}|(?=, job\)))")
# .sidecar-NAME.metric[-type][.source]
_GRAPHITE = re.compile(
    r"\.sidecar-(?:\$\{sidecar\}|\*)\.(\w+)(?:-([\w*]+|\{[^}]*\}))?(?:\.(\w+|\{[^}]*\}))?"
)


class Query:
    """One question to a server: `text` as it stands in the file, `kind` panel, variable or
    annotation, `title` that of the panel, variable or annotation, `target` the whole object."""

    def __init__(self, dashboard, kind, title, text, target):
        self.dashboard, self.kind, self.title = dashboard, kind, title
        self.text, self.target = text, target

    def __str__(self):
        return "%s, %s %s: %s" % (self.dashboard.path, self.kind, self.title, self.text)

    def metrics(self):
        """{(metric without its prefix, type or None)}; a type * is none in particular."""
        found = set()
        if self.dashboard.back_end == "prometheus":
            for name, matchers in _PROMETHEUS.findall(self.text):
                kinds = re.search(r'\btype=~?"([^"]*)"', matchers)
                for kind in kinds.group(1).split("|") if kinds else [None]:
                    found.add((name, kind))
        else:
            for name, kinds, sources in _GRAPHITE.findall(self.text):
                for kind in re.findall(r"\w+", kinds) or [None]:
                    if not sources:
                        found.add((name, kind))
                    for source in re.findall(r"\w+", sources):
                        found.add(("%s.%s" % (name, source), kind))
        return found


class Dashboard:
    def __init__(self, source, back_end, name, folder=FOLDER):
        self.back_end, self.name = back_end, name
        self.path = os.path.join(folder, back_end, name + ".json")
        with open(os.path.join(source, self.path), encoding="utf-8") as file:
            self.json = json.load(file)

    def all_panels(self):
        """Also the rows' titles, each before its panels, which a collapsed row has in itself."""
        for panel in self.json["panels"]:
            yield panel
            yield from panel.get("panels", [])

    def panels(self):
        """All but the rows' titles."""
        return [panel for panel in self.all_panels() if panel["type"] != "row"]

    def variables(self):
        return self.json["templating"]["list"]

    def queries(self):
        text = "expr" if self.back_end == "prometheus" else "target"
        for panel in self.panels():
            for target in panel["targets"]:
                yield Query(self, "panel", panel["title"], target[text], target)
        for variable in self.variables():
            if variable["type"] == "query":
                query = variable["query"]
                query = query if isinstance(query, str) else query["query"]
                yield Query(self, "variable", variable["name"], query, variable)
        for annotation in self.json["annotations"]["list"]:
            found = annotation["expr"] if text == "expr" else annotation["target"]["target"]
            yield Query(self, "annotation", annotation["name"], found, annotation)


def dashboards(source, back_ends=BACK_ENDS, folder=FOLDER):
    """Those in `folder`, relative to `source` or not."""
    return [Dashboard(source, back_end, name, folder) for back_end in back_ends for name in NAMES]
