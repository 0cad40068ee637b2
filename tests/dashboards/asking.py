"""A panel's queries, put to the servers as Grafana puts them: variables, intervals, time range."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

WIDTH = 1920  # of the browser's window, in pixels
SCRAPE = 10  # timeInterval of provisioning/datasources
RANGE = 6 * 3600
# The steps that Grafana rounds an interval to: (below, step), in milliseconds.
STEPS = [
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1500, 1000),
    (3500, 2000), (7500, 5000), (12500, 10000), (17500, 15000), (25000, 20000), (45000, 30000),
    (90000, 60000), (210000, 120000), (450000, 300000), (750000, 600000), (1050000, 900000),
    (1500000, 1200000), (2700000, 1800000), (5400000, 3600000),
]  # fmt: skip
SECONDS_OF = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text):
    """Of "90s", "1m10s", or "5m"; a leading > means at least."""
    return sum(float(n) * SECONDS_OF[u] for n, u in re.findall(r"(\d+)(ms|[smhd])", text))


def text_of(seconds):
    return "%dms" % (seconds * 1000) if seconds < 1 else "%ds" % seconds


def width_of(panel, window=WIDTH):
    """The pixels that a panel has for its content: 24 columns, gaps, and the panel's padding."""
    return int((window - 48) / 24 * panel["gridPos"]["w"]) - 16


def height_of(panel):
    """The pixels below its title."""
    return panel["gridPos"]["h"] * 38 - 8 - 36


class Time:
    """The time range and the interval of a panel."""

    def __init__(self, panel, now):
        span = seconds_of(panel["timeFrom"]) if panel.get("timeFrom") else RANGE
        self.start, self.end = now - span, now
        points = panel.get("maxDataPoints") or width_of(panel)
        rough = span * 1000 / points
        fine = next(step for below, step in STEPS if rough < below) / 1000
        self.points = points
        self.interval = max(fine, seconds_of(panel.get("interval") or ""))


def escaped(value):
    """As the Prometheus data source does where a variable may have several values."""
    return re.sub(r"[\\^$*+?.()|\[\]{}]", lambda m: "\\\\" + m.group(), value)


def formatted(value, how, back_end):
    """value: a text, or a list for several; an All that has an allValue is a text already."""
    if isinstance(value, str):
        return value
    if how == "raw" or how is None and back_end == "graphite" and len(value) == 1:
        return ",".join(value)
    if how in ("glob", "csv") or how is None and back_end == "graphite":
        text = ",".join(value)
        return "{%s}" % text if how != "csv" and len(value) > 1 else text
    if how == "pipe":
        return "|".join(value)
    if how in ("regex", None):
        quoted = lambda text: re.sub(r"([\\^$*+?.()|\[\]{}/])", r"\\\1", text)
        parts = [quoted(one) if how else escaped(one) for one in value]
        return parts[0] if len(parts) == 1 else "(%s)" % "|".join(parts)
    raise AssertionError("a format that is not known here: " + how)


def filled_in(text, values, back_end):
    """The text with $name, ${name} and ${name:format} replaced."""
    return re.sub(
        r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)",
        lambda m: formatted(values[m.group(1) or m.group(3)], m.group(2), back_end),
        text,
    )


class Choice:
    """What is chosen in the variables: a fleet, and of that all sidecars, one, or several."""

    def __init__(self, fleet, sidecars=None):
        self.fleet, self.sidecars = fleet, sidecars

    def values(self, back_end):
        every = ".+" if back_end == "prometheus" else "*"
        hosts, names = every, every
        if self.sidecars:
            hosts = sorted({one.host for one in self.sidecars})
            names = sorted({one.name for one in self.sidecars})
        if back_end == "graphite" and self.sidecars:
            hosts = [host.replace(".", "_") for host in hosts]
        return {
            "job": [self.fleet],
            "prefix": self.fleet + ".",
            "instance": hosts,
            "sidecar": names,
            "prometheus_datasource": "prometheus",
            "graphite_datasource": "graphite",
        }


class Prometheus:
    """Answers of a Prometheus; `now` is when the page is looked at."""

    back_end = "prometheus"

    def __init__(self, server, now):
        self.server, self.now = server, now

    def ask(self, panel, choice):
        """[{target, step, result}], one for each target."""
        at = Time(panel, self.now)
        answers = []
        for target in panel.get("targets", []):
            if target.get("hide"):
                continue
            least = seconds_of(target["interval"]) if target.get("interval") else SCRAPE
            step = max(at.interval, least)
            span = at.end - at.start
            values = dict(
                choice.values(self.back_end),
                __interval=text_of(step),
                __interval_ms="%d" % (step * 1000),
                __rate_interval=text_of(max(step + SCRAPE, 4 * SCRAPE)),
                __range="%ds" % span,
                __range_s="%d" % span,
                __range_ms="%d" % (span * 1000),
                __from="%d" % (at.start * 1000),
                __to="%d" % (at.end * 1000),
            )
            text = filled_in(target["expr"], values, self.back_end)
            if target.get("instant"):
                result = self._get("query", query=text, time=at.end)
                result = [dict(one, values=[one["value"]]) for one in result]
            else:
                start, end = at.start // step * step, at.end // step * step
                result = self._get("query_range", query=text, start=start, end=end, step=step)
            answers.append({"target": target, "text": text, "step": step, "result": result})
        return answers

    def _get(self, path, **parameters):
        try:
            return json.loads(self.server.get("/api/v1/" + path, **parameters))["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError("%s: %s" % (parameters, error.read().decode())) from None


class Graphite:
    """Answers of a graphite-web, one for all targets of a panel."""

    back_end = "graphite"

    def __init__(self, server, now):
        self.server, self.now = server, now

    def ask(self, panel, choice):
        """[{text, result}]"""
        at = Time(panel, self.now)
        values = dict(choice.values(self.back_end), __interval=text_of(at.interval))
        written = {t["refId"]: t["target"] for t in panel.get("targets", [])}
        # A target may name another by its letter, as #A.
        named = {
            letter: re.sub(r"#([A-Z])", lambda m: written[m.group(1)], text)
            for letter, text in written.items()
        }
        texts = [
            filled_in(named[target["refId"]], values, self.back_end)
            for target in panel.get("targets", [])
            if not target.get("hide")
        ]
        if not texts:
            return []
        form = [("target", text) for text in texts]
        form += [("from", "%d" % at.start), ("until", "%d" % at.end), ("format", "json")]
        form += [("maxDataPoints", "%d" % at.points)]
        url = "http://127.0.0.1:%d/render" % self.server.port
        try:
            with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), 30) as answer:
                return [{"text": texts, "result": json.loads(answer.read())}]
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise AssertionError("%s: %s" % (texts, text[-2000:])) from None
