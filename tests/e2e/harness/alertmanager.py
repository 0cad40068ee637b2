"""A real Alertmanager that groups alerts for one second only."""

import json
import urllib.request

from .daemon import Daemon, free_port, need

CONFIGURATION = """\
route:
  receiver: nobody
  group_wait: 1s
  group_interval: 1s
receivers:
  - name: nobody
"""


class Alertmanager(Daemon):
    name = "alertmanager"

    def __init__(self, configuration=CONFIGURATION, web_configuration=None):
        super().__init__()
        self.text = configuration
        self.web_text = web_configuration
        self.port = free_port()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def prepare(self):
        self.write("alertmanager.yml", self.text)
        if self.web_text is not None:
            self.write("web.yml", self.web_text)

    def argv(self):
        command = [
            need("prometheus-alertmanager", "prometheus-alertmanager"),
            "--config.file=" + self.path("alertmanager.yml"),
            "--storage.path=" + self.path("data"),
            "--cluster.listen-address=",
            "--web.listen-address=127.0.0.1:%d" % self.port,
        ]
        if self.web_text is not None:
            command.append("--web.config.file=" + self.path("web.yml"))
        return command

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return answer.read()

    def ready(self):
        return self.get("/-/ready") is not None

    def alerts(self):
        return json.loads(self.get("/api/v2/alerts"))
