"""A made-up fleet with three hours of history, in a Prometheus and in a graphite-web.

The dashboards' answers for sidecars that are calm, leak, have no pprof or have ended cannot wait
for real ones. Both servers get the same values: FLEET has a function of the time for each series.
What recording rules would have made of them is there as well.
"""

import json
import math
import os
import re
import subprocess
import time

from .daemon import missing, need
from .dashboards import FromGraphite, FromPrometheus, dashboards, filled_in

try:
    import whisper
except ImportError:
    whisper = None

STEP = 30
SPAN = 3 * 3600
HOST = "web1"
MB = 1 << 20


def saw(floor, height, period=120):
    """A heap between two collections: from floor(t) up by height, and down again."""
    return lambda t: floor(t) + height * (t % period) / period


def sidecar(leak=0, fds=0, pprof=True, flags=(), start=0):
    """{(type, type instance): value(t)}, t in seconds from the beginning of the history. leak:
    bytes an hour, fds: descriptors an hour; flags: {name: (since, state)}."""
    hours = lambda t: max(0, t - start) / 3600
    heap = saw(lambda t: 40 * MB + leak * hours(t), 8 * MB)
    descriptors = lambda t: 30 + round(fds * hours(t))
    found = {
        ("process_resident_memory_bytes", ""): lambda t: heap(t) + 50 * MB,
        ("process_open_fds", ""): descriptors,
        ("process_max_fds", ""): lambda t: 1048576,
        ("process_threads", ""): lambda t: 14,
        ("process_memory_regions", ""): lambda t: 105,
        ("process_pid", ""): lambda t: 4711 + start,
        ("process_fds", "regular"): lambda t: descriptors(t) - 20,
        ("process_fds", "pipe"): lambda t: 20,
        ("collector_status", "process"): lambda t: 0,
        ("collector_status", "pprof"): lambda t: 0 if pprof else 1,
    }
    if pprof:
        found.update(
            {
                ("process_pprof_port", ""): lambda t: 6060,
                ("go_goroutines", ""): lambda t: 40,
                ("go_goroutines_state", "select"): lambda t: 40,
                ("go_memstats_heap_inuse_bytes", ""): heap,
                ("go_memstats_heap_idle_bytes", ""): lambda t: 10 * MB,
                ("go_memstats_heap_released_bytes", ""): lambda t: 4 * MB,
                ("go_memstats_stack_inuse_bytes", ""): lambda t: MB,
                ("go_heap_inuse_matching_bytes", "bufio_scanner"): lambda t: heap(t) - 38 * MB,
            }
        )
    for name in ("rss", "rss_growing", "fds", "fds_growing", "cpu"):
        since, state = dict(flags).get(name, (math.inf, 0))
        found["red_flag", name] = lambda t, s=since, v=state: v if t >= s else 0
    return found


class Sidecar:
    """name, its values, and from when to when it runs (seconds of the history)."""

    def __init__(self, name, start=0, end=SPAN, **how):
        self.name, self.start, self.end = name, start, end
        self.values = sidecar(start=start, **how)


class Fleet:
    """Sidecars, and the first second of their history, which ends now. The newest point of
    `behind` has not arrived yet. Their host has reported until `end`."""

    def __init__(self, sidecars, behind=(), end=SPAN):
        self.sidecars, self.behind, self.end = sidecars, behind, end
        self.begin = int(time.time()) // STEP * STEP - SPAN

    def points(self, one, value):
        end = min(one.end, self.end, SPAN - STEP if one.name in self.behind else SPAN)
        return [(self.begin + t, value(t)) for t in range(one.start, end + 1, STEP)]

    def series(self):
        """(sidecar, type, type instance, points)"""
        for one in self.sidecars:
            values = dict(one.values)
            # The process is older than the history where it runs from its beginning.
            born = self.begin + (one.start if one.start else -7 * 86400)
            values["process_start_time_seconds", ""] = lambda t, born=born: born
            for (kind, instance), value in values.items():
                yield one.name, kind, instance, self.points(one, value)
        name = "sidecar"  # of the Process block
        count = lambda t: sum(one.start <= t <= one.end for one in self.sidecars)
        times = range(0, self.end + 1, STEP)
        yield name, "process_count", "", [(self.begin + t, count(t)) for t in times]

    # --- the two servers' storages

    def write_whisper(self, carbon):
        if whisper is None:
            missing("no whisper (Debian package python3-whisper)")
        for name, kind, instance, points in self.series():
            folder = carbon.path("whisper", "collectd", HOST, "sidecar-" + name)
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, kind + (instance and "-" + instance) + ".wsp")
            whisper.create(path, [(STEP, 2 * SPAN // STEP)])
            whisper.update_many(path, points)

    def write_prometheus(self, folder):
        found = {}
        for name, kind, instance, points in self.series():
            labels = 'instance="%s",job="collectd",sidecar="%s"' % (HOST, name)
            labels += instance and ',type="%s"' % instance
            found.setdefault("collectd_sidecar_" + kind, []).append((labels, points))
            if kind == "red_flag" and any(value for _, value in points):
                up = [(at, value) for at, value in points if value]
                found.setdefault("sidecar:red_flag:up", []).append((labels, up))
            if kind == "process_resident_memory_bytes":
                found.setdefault("sidecar:held_bytes", []).append((labels, points))
        text = folder + ".txt"
        with open(text, "w", encoding="utf-8") as file:
            for name, series in sorted(found.items()):
                file.write("# TYPE %s gauge\n" % name)
                for labels, points in series:
                    file.writelines("%s{%s} %r %d\n" % (name, labels, v, at) for at, v in points)
            file.write("# EOF\n")
        command = [need("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics"]
        subprocess.run(command + [text, folder], check=True, stdout=subprocess.DEVNULL, timeout=120)


# --- what panels get


class Answers:
    """What the panels of a back end's dashboards get, as {legend: [value or None]}: each query over
    the time that Grafana would ask for, the dashboard's or the panel's own."""

    def __init__(self, back_end, server, sidecar=None, width=300):
        self.back_end, self.server, self.width = back_end, server, width
        source = {"prometheus": FromPrometheus, "graphite": FromGraphite}[back_end](server, sidecar)
        self.get, self.values = source.get, source.values
        if back_end == "prometheus":
            self.values.update(job="collectd", __range="%ds" % SPAN, __rate_interval="2m")
        self.values["instance"] = ".+" if back_end == "prometheus" else "*"
        self.panels = {}
        for dashboard in dashboards(back_end):
            for panel in dashboard.panels():
                # A number stands above the lines of the same title.
                self.panels.setdefault((dashboard.name, panel["title"]), panel)

    def of(self, dashboard, title):
        panel = self.panels[dashboard, title]
        seconds = SPAN
        if "timeFrom" in panel:
            number, unit = re.fullmatch(r"(\d+)([mh])", panel["timeFrom"]).groups()
            seconds = int(number) * {"m": 60, "h": 3600}[unit]
        found = {}
        for target in panel["targets"]:
            for name, values in getattr(self, self.back_end)(target, seconds):
                found.setdefault(name, []).extend(values)
        return found

    def last(self, dashboard, title):
        """{legend: its last value that is none of None}, as a stat's lastNotNull."""
        found = {}
        for name, values in self.of(dashboard, title).items():
            known = [value for value in values if value is not None]
            if known:
                found[name] = known[-1]
        return found

    def column(self, title):
        """{sidecar: its value in that column of Fleet's table}"""
        panel = self.panels["fleet", "All sidecars"]
        titles = [one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]]
        titles = titles[-len(panel["targets"]) :]  # before them come the host and the sidecar
        target = panel["targets"][titles.index(title)]
        found = {}
        for name, values in getattr(self, self.back_end)(target, 300):
            known = [value for value in values if value is not None]
            sidecar = re.search(r'sidecar"?(?:: "|=)(\w+)', name).group(1)
            if known:
                found[sidecar] = known[-1]
        return found

    def prometheus(self, target, seconds):
        text = filled_in(target["expr"], self.values)
        now = time.time()
        if target.get("instant"):
            series = self.get("/api/v1/query", query=text, time=now)["result"]
            answer = [(one["metric"], [one["value"]]) for one in series]
        else:
            span = {"start": now - seconds, "end": now, "step": 60}
            series = self.get("/api/v1/query_range", query=text, **span)["result"]
            answer = [(one["metric"], one["values"]) for one in series]
        for metric, points in answer:
            legend = target.get("legendFormat") or json.dumps(metric, sort_keys=True)
            name = re.sub(r"\{\{(\w+)\}\}", lambda m: metric.get(m.group(1), ""), legend)
            yield name, [float(value) for _, value in points]

    def graphite(self, target, seconds):
        text = filled_in(target["target"], self.values)
        span = {"from": "-%ds" % seconds, "until": "now", "maxDataPoints": self.width}
        for one in self.get("/render", target=text, format="json", **span):
            yield one["target"], [value for value, _ in one["datapoints"]]
