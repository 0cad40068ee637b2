"""A Prometheus and a Graphite that hold the hours of scenarios.py.

Prometheus gets blocks that promtool makes, with what the recording rules make of them; Graphite
whisper files, and the newest two points through carbon. The last point of Graphite is one that has
not come yet from all hosts, as it is most of the time.
"""

import os
import socket
import subprocess

from harness.daemon import free_port, need
from harness.graphite import CarbonCache
from harness.installation import SOURCE
from harness.prometheus import Prometheus

import scenarios

RULES = os.path.join(SOURCE, "grafana", "generated", "prometheus_rules.yaml")
SECONDS = int(scenarios.HOURS * 3600) // scenarios.DETAIL * scenarios.DETAIL
LATE = "build-2"  # the host whose newest point has not come
RETENTION = 12 * 3600 // scenarios.INTERVAL


class FilledPrometheus(Prometheus):
    """`series` is its history; `record` adds what its rules would have made of that."""

    def __init__(self, series, begin):
        super().__init__(configuration="global: {scrape_interval: 10s, evaluation_interval: 1h}\n")
        self.series, self.begin = series, begin

    def prepare(self):
        super().prepare()
        lines = []
        by_name = {}
        for one in self.series:
            by_name.setdefault(one.metric.name, []).append(one)
        for name, all_of_name in by_name.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            family = name[: -len("_total")] if kind == "counter" else name
            lines.append("# TYPE collectd_sidecar_%s %s" % (family, kind))
            for one in all_of_name:
                labels = one.prometheus()
                lines += ["%s %r %d" % (labels, value, self.begin + t) for t, value in one.points]
        lines.append("# EOF\n")
        path = self.write("series", "\n".join(lines))
        self.promtool("create-blocks-from", "openmetrics", "--quiet", path, self.path("data"))
        os.remove(path)

    def promtool(self, *arguments):
        done = subprocess.run(
            [need("promtool", "prometheus"), "tsdb", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError("promtool %s\n%s" % (arguments, done.stdout.decode()))

    def record(self, end):
        """Adds what the recording rules make. Rules that read others need them to be there."""
        for _ in range(2):
            url = "--url=http://127.0.0.1:%d" % self.port
            span = ["--start=%d" % self.begin, "--end=%d" % end, "--eval-interval=30s"]
            where = [url, "--output-dir=" + self.path("data")]
            self.promtool("create-blocks-from", "rules", *span, *where, RULES)
            self.terminate()
            self.port = free_port()
            self.again()


class FilledCarbon(CarbonCache):
    def __init__(self, series, begin, end):
        super().__init__()
        self.series, self.begin, self.end = series, begin, end

    def prepare(self):
        need("carbon-cache", "graphite-carbon")
        import whisper  # comes with it

        super().prepare()
        text = "[all]\npattern = .*\nretentions = %d:%d\n" % (scenarios.INTERVAL, RETENTION)
        self.write("conf/storage-schemas.conf", text)
        whisper.AUTOFLUSH = False
        for one in self.series:
            path = self.path("whisper", one.graphite().replace(".", "/") + ".wsp")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            whisper.create(path, [(scenarios.INTERVAL, RETENTION)], xFilesFactor=0)
            points = [(self.begin + t, value) for t, value in one.stored()]
            whisper.update_many(path, points)

    def send_newest(self):
        """The newest points through carbon, of all hosts but one."""
        lines = [
            "%s %r %d\n" % (one.graphite(), one.stored()[-1][1], self.end + scenarios.INTERVAL)
            for one in self.series
            if one.host != LATE and one.points[-1][0] == SECONDS
        ]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall("".join(lines).encode())
