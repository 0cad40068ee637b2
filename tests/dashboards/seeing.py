"""The dashboards as somebody sees them who has chosen something in their variables."""

import json
import os
import subprocess

from harness.dashboards import grafana_queries
from harness.installation import SOURCE


HERE = os.path.dirname(os.path.abspath(__file__))


class Grafana:
    """grafana.js as a process."""

    def __init__(self, modules):
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "grafana.js")],
            env=dict(os.environ, NODE_PATH=modules, TZ="UTC"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def look(self, **question):
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise AssertionError("%s: %s" % (question["panel"]["title"], answer["error"]))
        return answer["seen"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)


class Panel:
    """One panel: `json` of the dashboard, and what panels.js has seen of it."""

    def __init__(self, page, panel, seen, texts):
        self.page, self.json, self.seen, self.texts = page, panel, seen, texts
        self.title, self.type = panel["title"], panel["type"]

    def __str__(self):
        return "%s: %s" % (self.page, self.title)

    def value(self, name=None):
        """What a stat shows; of several, the one of that name."""
        (value,) = [v for v in self.seen["values"] if name is None or v["title"] == name]
        return value

    __repr__ = __str__

    def __getattr__(self, name):
        return self.seen[name]


class Page:
    """A dashboard with everything on it, also what is in rows that are collapsed."""

    def __init__(self, dashboard, choice, source, grafana, words):
        self.name, self.words, self.back_end = dashboard.name, words, source.back_end
        self.choice, self.links = choice, dashboard.json["links"]
        self.panels = []
        for panel in all_panels(dashboard.json["panels"]):
            answers = source.ask(panel, choice)
            seen = grafana.look(panel=panel, backEnd=source.back_end, answers=answers)
            self.panels.append(Panel(self, panel, seen, [one["text"] for one in answers]))

    def __str__(self):
        return "%s over %s, %s" % (self.name, self.back_end, self.words)

    def panel(self, title, *types):
        """The one with that title, among those of these types where it stands there twice."""
        found = [p for p in self.panels if p.title == title and (not types or p.type in types)]
        assert len(found) == 1, "%s has %d panels %s" % (self, len(found), title)
        return found[0]

    def of_type(self, *types):
        return [panel for panel in self.panels if panel.type in types]


def all_panels(panels):
    for panel in panels:
        if panel["type"] == "row":
            yield from all_panels(panel.get("panels", []))
        elif panel["type"] not in ("text", "dashlist"):
            yield panel


def placed_panels(back_end, name):
    """Panels and rows of a dashboard at their places, with all rows opened."""
    (dashboard,) = [d for d in grafana_queries.dashboards(SOURCE, (back_end,)) if d.name == name]
    placed, added = [], 0
    for panel in dashboard.json["panels"]:
        inside = panel.get("panels") or []
        for one in [panel] + inside:
            one["gridPos"]["y"] += added
            placed.append(one)
        if inside:
            bottom = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in inside)
            added += bottom - panel["gridPos"]["y"] - 1
    return placed


class Pages:
    """Every dashboard that is asked for, looked at once."""

    def __init__(self, sources, grafana, now):
        self.sources = {source.back_end: source for source in sources}
        self.grafana = grafana
        self.dashboards = {
            (d.back_end, d.name): d for d in grafana_queries.dashboards(SOURCE, tuple(self.sources))
        }
        self.now, self.seen = now, {}

    def look(self, back_end, name, words, choice):
        key = back_end, name, words
        if key not in self.seen:
            dashboard, source = self.dashboards[back_end, name], self.sources[back_end]
            self.seen[key] = Page(dashboard, choice, source, self.grafana, words)
        return self.seen[key]
