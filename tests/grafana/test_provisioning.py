"""grafana/provisioning/external_alertmanager, against what stands for Grafana's admin API."""

import base64
import http.server
import json
import os
import subprocess
import unittest

from harness.daemon import need
from harness.http_listener import HttpListener
from harness.installation import SOURCE

SCRIPT = os.path.join(SOURCE, "grafana", "provisioning", "external_alertmanager")
TOKEN = "glsa_secret"
PASSWORD = 'p"w\\d'
BASIC = base64.b64encode(("admin:" + PASSWORD).encode()).decode()


class Grafana(HttpListener):
    """Has the choice that was made of it, refuses strangers, and `external` without a data source."""

    def __init__(self, alertmanagers=("http://127.0.0.1:9093/api/v2/alerts",)):
        self.choice = "internal"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path != "/grafana/api/v1/ngalert/admin_config":
                    self.tell(404, {"message": "Not found"})
                elif self.allowed() and self.headers["Content-Type"] == "application/json":
                    if body["alertmanagersChoice"] != "internal" and not alertmanagers:
                        self.tell(400, {"message": "At least one Alertmanager must be configured"})
                    else:
                        outer.choice = body["alertmanagersChoice"]
                        self.tell(201, {"message": "admin configuration updated"})

            def do_GET(self):  # noqa: N802
                if self.allowed():
                    active = [{"url": url} for url in alertmanagers]
                    data = {"activeAlertManagers": active, "droppedAlertManagers": [{"url": "http://old"}]}
                    self.tell(200, {"status": "success", "data": data})

            def allowed(self):
                if self.headers["Authorization"] in ("Bearer " + TOKEN, "Basic " + BASIC):
                    return True
                self.tell(401, {"message": "Unauthorized"})
                return False

            def tell(self, status, body):
                text = json.dumps(body, separators=(",", ":")).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        super().__init__(Handler, "/grafana/")

    def ask(self, **variables):
        need("curl", "curl")
        done = subprocess.run(
            [SCRIPT, self.url],
            env=dict({"PATH": os.environ["PATH"]}, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=30,
        )
        return done.returncode, done.stdout.decode()


class ExternalAlertmanager(unittest.TestCase):
    def test_token(self):
        """with a token Grafana sends its alerts to the Alertmanager, which is named"""
        with Grafana() as grafana:
            status, said = grafana.ask(GRAFANA_TOKEN=TOKEN)
            self.assertEqual((0, "external"), (status, grafana.choice), said)
            self.assertIn("http://127.0.0.1:9093/api/v2/alerts\n", said)
            self.assertNotIn("http://old", said)

    def test_password(self):
        """with a password too, and back again"""
        with Grafana() as grafana:
            for choice in ("all", "internal"):
                status, said = grafana.ask(GRAFANA_PASSWORD=PASSWORD, CHOICE=choice)
                self.assertEqual((0, choice), (status, grafana.choice), said)

    def test_refused(self):
        """without one, or without a data source, it fails and says what Grafana says"""
        with Grafana() as grafana:
            status, said = grafana.ask()
            self.assertEqual(1, status)
            self.assertIn("Unauthorized", said)
            self.assertEqual("internal", grafana.choice)
        with Grafana(()) as grafana:
            status, said = grafana.ask(GRAFANA_TOKEN=TOKEN)
            self.assertEqual(1, status)
            self.assertIn("At least one Alertmanager must be configured", said)

    def test_unreachable(self):
        """without a Grafana it fails and says so"""
        grafana = Grafana()
        grafana.server.server_close()
        status, said = grafana.ask(GRAFANA_TOKEN=TOKEN)
        self.assertNotEqual(0, status)
        self.assertIn("curl: ", said)

    def test_choice(self):
        """another choice is a mistake"""
        with Grafana() as grafana:
            self.assertEqual(2, grafana.ask(GRAFANA_TOKEN=TOKEN, CHOICE="none")[0])
