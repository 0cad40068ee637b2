#!/usr/bin/python3
"""What a fleet costs a real Prometheus: the alert rules, and every query of the dashboards.

  tests/bench/scale.py [--builddir BUILD] [--hours N] [--wait SECONDS] [--dashboards FOLDER]
                       [HOSTS…]    (100 300 1000)

For each number of hosts, with two sidecars each: history is backfilled for what rules look back
over, a server has a page for every host as write_prometheus makes it, Prometheus scrapes and
evaluates as prometheus.yml says, and after a while is asked how long its rules took. Then each
query of the dashboards in FOLDER, grafana/generated/dashboards/prometheus, is timed over its dashboard's time, twice,
the better one counts. It prints figures and judges nothing.
"""

import argparse
import glob
import json
import os
import re
import statistics
import sys
import tempfile
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "agreement"), HERE]

import agreement  # noqa: E402
import fleet  # noqa: E402
from harness.prometheus import Prometheus  # noqa: E402
from harness.wait import Probe, wait_until  # noqa: E402

GRAFANA = os.path.join(agreement.SOURCE, "grafana")
RULE_FOLDER = os.path.join(GRAFANA, "generated")
CONFIGURATION = """\
global:
  scrape_interval: 10s
  evaluation_interval: 30s
rule_files: ['%s/prometheus_*.yaml']
scrape_configs:
  - job_name: collectd
    honor_labels: true
    honor_timestamps: false
    file_sd_configs:
      - files: ['%s']
"""
VARIABLES = {"__rate_interval": "1m", "__interval": "1m", "__range": "6h", "job": "collectd"}
POINTS = 300  # of a panel


class Backfilled(Prometheus):
    """A Prometheus that has a history before it starts."""

    start_timeout = 180

    def __init__(self, server, hours):
        super().__init__(configuration="-")
        self.server, self.hours = server, hours

    def prepare(self):
        targets = [
            {"targets": ["127.0.0.1:%d" % self.server.port], "labels": {"__metrics_path__": "/%d" % n}}
            for n in range(self.server.hosts)
        ]
        self.write("targets.json", json.dumps(targets))
        self.text = CONFIGURATION % (RULE_FOLDER, self.path("targets.json"))
        super().prepare()
        fleet.backfill(self.path("history"), self.path("data"), self.server.hosts, self.hours)

    def json(self, path, **parameters):
        url = "http://127.0.0.1:%d%s?%s" % (self.port, path, urllib.parse.urlencode(parameters))
        with urllib.request.urlopen(url, timeout=120) as answer:
            return json.loads(answer.read())["data"]


# --- rules


def groups(prometheus):
    """{group: (when it was evaluated last, seconds that took, its interval)}; a Probe until all
    were, and all of their rules are in order."""
    found = {}
    for group in prometheus.json("/api/v1/rules")["groups"]:
        if not group["lastEvaluation"] or group["lastEvaluation"].startswith("0001"):
            raise Probe(group["name"])
        for rule in group["rules"]:
            if rule["health"] != "ok":
                raise Probe("%s: %s" % (rule["name"], rule.get("lastError", rule["health"])))
        found[group["name"]] = (group["lastEvaluation"], group["evaluationTime"], group["interval"])
    return found


def evaluations(prometheus, seconds):
    """{group: (its interval, [seconds of each evaluation])} within that time."""
    found = {}
    end = time.monotonic() + seconds
    wait_until("all groups to be evaluated", lambda: groups(prometheus), 300, poll=2)
    while time.monotonic() < end:
        for name, (when, took, interval) in groups(prometheus).items():
            found.setdefault(name, (interval, {}))[1][when] = took
        time.sleep(5)
    return {name: (interval, list(took.values())) for name, (interval, took) in found.items()}


def print_rules(prometheus, hosts, seconds):
    """Returns the seconds that the rules take of each 30 s, by the medians."""
    shared = worst = 0
    for name, (interval, took) in evaluations(prometheus, seconds).items():
        middle = statistics.median(took)
        print("    %-20s %6.3f s, at most %6.3f s, every %3d s" % (name, middle, max(took), interval))
        shared += middle * 30 / interval
        worst += max(took)
    print(
        "  %d hosts: rules take %.3f s of each 30 s, %.1f %%; all at once, at the worst, %.3f s"
        % (hosts, shared, shared / 30 * 100, worst)
    )
    return shared


# --- queries


def panels(of):
    for panel in of:
        yield panel
        yield from panels(panel.get("panels", []))


def queries(folder):
    """[(dashboard, panel, expression, whether instant, seconds)]"""
    found = []
    units = {"m": 60, "h": 3600, "d": 86400}
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path, encoding="utf-8") as file:
            dashboard = json.load(file)
        amount, unit = re.fullmatch(r"now-(\d+)([mhd])", dashboard["time"]["from"]).groups()
        for panel in panels(dashboard["panels"]):
            for target in panel.get("targets", []):
                if "expr" in target:
                    instant = bool(target.get("instant"))
                    seconds = int(amount) * units[unit]
                    found.append((dashboard["uid"], panel.get("title", ""), target["expr"], instant, seconds))
    return found


def filled_in(expression, whole_fleet):
    values = dict(VARIABLES, instance=".*" if whole_fleet else "host-7", sidecar=".*" if whole_fleet else "proj")
    for name in sorted(values, key=len, reverse=True):
        expression = re.sub(r"\$\{%s(:\w+)?\}|\$%s\b" % (name, name), lambda _, n=name: values[n], expression)
    return expression


def time_query(prometheus, expression, instant, seconds):
    now = time.time()
    best = None
    for _ in range(2):
        begin = time.monotonic()
        if instant:
            prometheus.json("/api/v1/query", query=expression, time=now)
        else:
            step = max(10, seconds // POINTS)
            prometheus.json("/api/v1/query_range", query=expression, start=now - seconds, end=now, step=step)
        took = time.monotonic() - begin
        best = took if best is None else min(best, took)
    return best


def print_queries(prometheus, hosts, folder):
    found = []
    for uid, title, expression, instant, seconds in queries(folder):
        full = filled_in(expression, "fleet" in uid)
        found.append((time_query(prometheus, full, instant, seconds), uid, title))
    if not found:
        print("  no dashboards in %s" % folder)
        return
    found.sort(reverse=True)
    print("  %d hosts: %d queries, the longest %.3f s" % (hosts, len(found), found[0][0]))
    for took, uid, title in found[:5]:
        print("    %6.3f s  %s: %s" % (took, uid, title))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("hosts", nargs="*", type=int, default=[100, 300, 1000])
    parser.add_argument("--builddir", default=os.getcwd(), help="where make ran (default: here)")
    parser.add_argument("--dashboards", default=os.path.join(RULE_FOLDER, "dashboards", "prometheus"))
    parser.add_argument("--hours", type=float, default=6, help="of history")
    parser.add_argument("--wait", type=int, default=130, help="seconds to watch the rules")
    options = parser.parse_args()
    agreement.BUILD = os.path.abspath(options.builddir)

    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        tempfile.tempdir = folder
        first = None
        for hosts in options.hosts:
            begin = time.monotonic()
            with fleet.Server(hosts, agreement.metrics()) as server:
                with Backfilled(server, options.hours) as prometheus:
                    print(
                        "%d hosts: %d series a page, %.1f h of history in %.0f s"
                        % (hosts, server.series, options.hours, time.monotonic() - begin),
                        flush=True,
                    )
                    took = print_rules(prometheus, hosts, options.wait) / hosts
                    print_queries(prometheus, hosts, options.dashboards)
                    first = first or took
                    print("  a host's share of the rules against the first's: %.2f" % (took / first), flush=True)


if __name__ == "__main__":
    main()
