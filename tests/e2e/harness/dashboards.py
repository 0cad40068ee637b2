"""The dashboards' queries, put to a real Prometheus or a real graphite-web.

A query's variables are filled in as Grafana does: a chosen value as it is, All as the variable's
own word for it. An answer is what a panel would have to draw; nothing where there is no value.
"""

import importlib.util
import json
import math
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request

from .collectd import HOST
from .installation import SOURCE
from .wait import Probe

# Its folder has tests of its own, which are not to be found from here.
_path = os.path.join(SOURCE, "tests", "agreement", "grafana_queries.py")
_spec = importlib.util.spec_from_file_location("grafana_queries", _path)
grafana_queries = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(grafana_queries)

SECONDS = 120  # the time range
STEP = 5


def filled_in(text, values):
    """The text with $name, ${name} and ${name:regex} replaced; what stands for All is no text."""

    def value(match):
        found = values[match.group(1) or match.group(3)]
        return re.escape(found) if match.group(2) and found not in ("*", ".*", ".+") else found

    return re.sub(r"\$\{(\w+)(:regex)?\}|\$(\w+)", value, text)


def dashboards(back_end, folder=grafana_queries.FOLDER):
    return grafana_queries.dashboards(SOURCE, (back_end,), folder)


def queries(back_end, folder=grafana_queries.FOLDER):
    """Every query of that back end's dashboards, once."""
    found = {}
    for dashboard in dashboards(back_end, folder):
        for query in dashboard.queries():
            found.setdefault((query.kind, query.text), query)
    return list(found.values())


class FromPrometheus:
    """Answers of a Prometheus, for one sidecar or, by default, for all."""

    def __init__(self, server, sidecar=None):
        self.server = server
        self.values = {
            "job": ".+",
            "instance": ".+" if sidecar is None else HOST.replace(".", r"\\."),
            "sidecar": sidecar or ".+",
            "__rate_interval": "10s",
            "__interval": "%ds" % STEP,
            "__range": "%ds" % SECONDS,
        }

    def get(self, path, **parameters):
        try:
            return json.loads(self.server.get(path, **parameters))["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError("%s: %s" % (parameters, error.read().decode())) from None

    def answer(self, query):
        """[(name, [value])] with at least one number each."""
        now = time.time()
        values = dict(self.values, __from="%d" % ((now - SECONDS) * 1000))
        text = filled_in(query.text, values)
        if query.kind == "variable":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", text).groups()
            found = self.get("/api/v1/label/%s/values" % label, **{"match[]": selector})
            return [(label, found)] if found else []
        if query.target.get("instant"):
            result = self.get("/api/v1/query", query=text)["result"]
            series = [(one["metric"], [one["value"]]) for one in result]
        else:
            start, end = now - SECONDS, now
            result = self.get("/api/v1/query_range", query=text, start=start, end=end, step=STEP)
            series = [(one["metric"], one["values"]) for one in result["result"]]
        numbers = [(name, [float(value) for _, value in points]) for name, points in series]
        return [(name, ok) for name, all_ in numbers if (ok := list(filter(math.isfinite, all_)))]


class FromGraphite:
    """Answers of a graphite-web, for one sidecar or, by default, for all. With `tagged` the
    dashboards are those for write_graphite's UseTags, where names have dots."""

    def __init__(self, server, sidecar=None, prefix="collectd.", tagged=False):
        self.server = server
        all_ = ".*" if tagged else "*"
        host = HOST if tagged else HOST.replace(".", "_")
        self.values = {
            "prefix": prefix,
            "instance": all_ if sidecar is None else host,
            "sidecar": sidecar or all_,
        }

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        url = "http://127.0.0.1:%d%s?%s" % (self.server.port, path, query)
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise AssertionError("%s: %s" % (parameters, text[-2000:])) from None

    def tag_values(self, text):
        tag, *expressions = re.fullmatch(r"tag_values\((.*)\)", text).group(1).split(", ")
        return self.get("/tags/autoComplete/values", tag=tag, expr=expressions)

    def answer(self, query):
        text = filled_in(query.text, self.values)
        if query.kind == "variable" and text.startswith("tag_values("):
            found = self.tag_values(text)
            return [(query.title, found)] if found else []
        if query.kind == "variable":
            pattern = re.fullmatch(r"expand\((.*)\)", text).group(1)
            paths = self.get("/metrics/expand", query=pattern, leavesOnly=0)["results"]
            part = re.compile(query.target["regex"].strip("/"))
            found = sorted({match.group(1) for path in paths if (match := part.search(path))})
            return [(query.title, found)] if found else []
        series = self.get(
            "/render", target=text, format="json", maxDataPoints=100, **{"from": "-%ds" % SECONDS}
        )
        numbers = [(s["target"], [v for v, _ in s["datapoints"] if v is not None]) for s in series]
        found = [(name, values) for name, values in numbers if values]
        if query.kind == "annotation":  # a point that is 0 is no mark
            found = [(name, values) for name, values in found if any(values)]
        return found


def unanswered(asked, source):
    """A probe for wait_until: drops from `asked` what has an answer, until none is left."""
    asked[:] = [query for query in asked if not source.answer(query)]
    if asked:
        raise Probe("%d without an answer: %s" % (len(asked), "; ".join(map(str, asked))))
    return True
