"""A real Prometheus that scrapes one or more ports every second."""

import json
import urllib.parse
import urllib.request

from .daemon import Daemon, free_port, need
from .wait import Probe

# As the README tells people to scrape collectd: the host name stays in `instance`, and a
# series that left /metrics is gone at the next scrape and not five minutes later.
SCRAPE = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
scrape_configs:
  - job_name: collectd
    honor_labels: true
    honor_timestamps: false
    static_configs:
      - targets: [%s]
"""


class Prometheus(Daemon):
    name = "prometheus"
    start_timeout = 40

    def __init__(self, *ports, configuration=None, more="", options=()):
        """configuration: all of prometheus.yml; more: what it has beside the ports to scrape."""
        super().__init__()
        self.options = list(options)
        self.targets = ports
        self.text = configuration
        self.more = more
        self.port = free_port()

    def prepare(self):
        targets = ", ".join("'127.0.0.1:%d'" % port for port in self.targets)
        self.write("prometheus.yml", self.text or SCRAPE % targets + self.more)

    def argv(self):
        return [
            need("prometheus", "prometheus"),
            "--config.file=" + self.path("prometheus.yml"),
            "--storage.tsdb.path=" + self.path("data"),
            "--web.listen-address=127.0.0.1:%d" % self.port,
            "--log.level=warn",
            *self.options,
        ]

    def get(self, path, **parameters):
        url = "http://127.0.0.1:%d%s?%s" % (self.port, path, urllib.parse.urlencode(parameters))
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read()

    def ready(self):
        return self.get("/-/ready") is not None

    def query(self, expression):
        """[(labels, value)] of an instant query."""
        answer = json.loads(self.get("/api/v1/query", query=expression))
        if answer["status"] != "success":
            raise Probe(str(answer))
        return [(item["metric"], float(item["value"][1])) for item in answer["data"]["result"]]

    def targets_health(self):
        """[(health, last error)] of the scraped ports."""
        answer = json.loads(self.get("/api/v1/targets", state="active"))
        return [
            (target["health"], target["lastError"]) for target in answer["data"]["activeTargets"]
        ]
