"""What the tests of the plugin notify_alertmanager stand on.

A collectd that is told which notifications to dispatch and can be killed and started
again on the same folder; a receiver of Alertmanager's webhooks; Alertmanagers that end
and come back, alone or as a cluster. All real but the receiver, which is the far end.
"""

import base64
import http.server
import json
import os
import ssl
import signal
import socket
import time
import urllib.request

from . import collectd_config as config
from .alertmanager import Alertmanager
from .collectd import HOST, Collectd
from .daemon import free_port, missing
from .http_listener import HttpListener
from .installation import stock_plugins
from .wait import Probe, wait_until

HARNESS = os.path.dirname(os.path.abspath(__file__))


# --- configuration


def node(name, url, *lines, **options):
    """A <Node> block; options are spelt as in the configuration file."""
    given = [config.option("URL", url)] + [config.option(*pair) for pair in options.items()]
    return config.block("Node", name, given + list(lines))


def notify_alertmanager(*parts, **options):
    """<Plugin notify_alertmanager>; options are spelt as in the configuration file."""
    given = [config.option(*pair) for pair in options.items()]
    return config.block("Plugin", "notify_alertmanager", given + list(parts))


# --- the source of notifications


def as_json(value):
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return value


class Notifier(Collectd):
    """A collectd with our plugin, whose notify() dispatches a notification in it."""

    def __init__(self, *parts, load=(), **options):
        super().__init__(*parts, load=("notify_alertmanager",) + tuple(load), **options)
        self._stream = None

    def configuration(self):
        if not os.path.exists(os.path.join(stock_plugins(), "python.so")):
            missing("no python plugin of collectd (Debian package collectd-core)")
        python = [
            config.option("ModulePath", HARNESS),
            config.option("Import", "inject"),
            config.block("Module", "inject", [config.option("Socket", self.path("inject"))]),
        ]
        # the python plugin takes notifications of known types only
        self.write("types.db", "red_flag value:GAUGE:0:2\n")
        return super().configuration() + "\n".join(
            [
                config.option("TypesDB", self.path("types.db")),
                config.option("PluginDir", stock_plugins()),
                config.block("LoadPlugin", "python", [config.option("Globals", True)]),
                config.block("Plugin", "python", python),
                "",
            ]
        )

    def environment(self):
        return dict(super().environment(), PYTHONDONTWRITEBYTECODE="1")

    def ready(self):
        return super().ready() and os.path.exists(self.path("inject"))

    def _connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.path("inject"))
        self._stream = connection.makefile("rw", encoding="utf-8")

    def notify(self, severity, plugin="thing", meta=None, **fields):
        """Dispatches; returns the seconds that the dispatch took inside collectd."""
        if self._stream is None:
            self._connect()
        order = {"host": HOST, "type": "gauge", **fields, "severity": severity, "plugin": plugin}
        order["meta"] = {name: as_json(value) for name, value in (meta or {}).items()}
        self._stream.write(json.dumps(order) + "\n")
        self._stream.flush()
        return json.loads(self._stream.readline())

    def fire(self, plugin="thing", **fields):
        return self.notify("failure", plugin, **fields)

    def warn(self, plugin="thing", **fields):
        return self.notify("warning", plugin, **fields)

    def okay(self, plugin="thing", **fields):
        return self.notify("okay", plugin, **fields)

    # --- the end and what comes after

    def _forget(self):
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    def crash(self):
        """SIGKILL; the folder stays."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self._forget()

    def end(self):
        """SIGTERM; the folder stays. Returns the seconds it took."""
        begin = time.monotonic()
        self.process.terminate()
        self.process.wait(10)
        self._forget()
        return time.monotonic() - begin

    def again(self):
        """Starts it in the same folder, without its former log."""
        for name in ("inject", "collectd.log", "output.log"):
            if os.path.exists(self.path(name)):
                os.remove(self.path(name))
        super().again()

    @property
    def state_file(self):
        return self.path("base", "notify_alertmanager.state")

    def wait_for_state(self, *words):
        """Waits until the state file holds them all."""

        def probe():
            with open(self.state_file, encoding="utf-8") as file:
                text = file.read()
            lacking = [word for word in words if word not in text]
            if lacking:
                raise Probe("no %s in the state file" % lacking)
            return True

        wait_until("the state file", probe, 5)

    def sample(self, kind, instance, name=""):
        """The last value of a metric of the plugin's own with its time, or None."""
        labels = {"notify_alertmanager": instance}
        if name:
            labels["type"] = name
        full = "collectd_notify_alertmanager_" + kind
        page = self.page()
        found = page.select(full, **labels) + page.select(full + "_total", **labels)
        return found[0] if found else None

    def value(self, kind, instance, name=""):
        sample = self.sample(kind, instance, name)
        return None if sample is None else sample.value

    def wait_for_value(self, expected, kind, instance, name="", timeout=10):
        """Waits for a value that was read after the call and is the expected one."""
        begin = time.time()

        def probe():
            found = self.sample(kind, instance, name)
            if found is None or found.value != expected or found.time <= begin:
                raise Probe("%s %s %s is %s" % (kind, instance, name, found))
            return True

        wait_until("%s to be %s" % (kind, expected), probe, timeout)

    def complaints(self):
        return [line for line in self.log().splitlines() if "[error]" in line or "[warning]" in line]


# --- the far end


class Webhook(HttpListener):
    """Receives what Alertmanager tells its users; `told` holds (status, alert) in order."""

    def __init__(self):
        self.told = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.told += [(alert["status"], alert) for alert in body["alerts"]]
                self.send_response(200)
                self.end_headers()

        super().__init__(Handler)

    def of(self, alertname, status, **labels):
        wanted = dict(labels, alertname=alertname)
        return [
            alert
            for told, alert in list(self.told)
            if told == status and wanted.items() <= alert["labels"].items()
        ]

    def wait_for(self, alertname, status, timeout=15, **labels):
        return wait_until(
            "the webhook to hear that %s is %s" % (alertname, status),
            lambda: self.of(alertname, status, **labels),
            timeout,
        )[0]


# Each alert a group of its own, told at once and again only when it changes.
ROUTES = """\
global:
  resolve_timeout: %(resolve_timeout)s
route:
  receiver: hook
  group_by: [alertname, instance, plugin_instance, type_instance]
  group_wait: %(group_wait)s
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: hook
    webhook_configs:
      - url: %(webhook)s
        send_resolved: true
"""


def routes(webhook, resolve_timeout="5m", group_wait="0s"):
    return ROUTES % {
        "webhook": webhook.url if webhook else "http://127.0.0.1:1/",
        "resolve_timeout": resolve_timeout,
        "group_wait": group_wait,
    }


class Manager(Alertmanager):
    """An Alertmanager with our routes, on a port it keeps when it comes back."""

    def __init__(self, webhook=None, web_configuration=None, peers=(), **route):
        super().__init__(routes(webhook, **route), web_configuration)
        self.cluster_port = free_port() if peers is not None else None
        self.peers = peers or ()
        self.headers = {}
        self.tls = None

    @property
    def url(self):
        return "%s://127.0.0.1:%d" % ("https" if self.tls else "http", self.port)

    @property
    def cluster_address(self):
        return "127.0.0.1:%d" % self.cluster_port

    def argv(self):
        command = super().argv()
        if self.peers:
            command.remove("--cluster.listen-address=")
            command.append("--cluster.listen-address=" + self.cluster_address)
            command.append("--cluster.advertise-address=" + self.cluster_address)
            command += ["--cluster.peer=" + peer for peer in self.peers]
            command += ["--cluster.settle-timeout=10s", "--cluster.peer-timeout=2s"]
        return command

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers=self.headers)
        with urllib.request.urlopen(request, timeout=5, context=self.tls) as answer:
            return answer.read()

    def post(self, body, path="/api/v2/alerts"):
        """As somebody else would."""
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(body).encode(),
            headers=dict(self.headers, **{"Content-Type": "application/json"}),
        )
        urllib.request.urlopen(request, timeout=5, context=self.tls).close()

    def groups(self):
        return json.loads(self.get("/api/v2/alerts/groups"))

    def silence(self, labels):
        """For an hour, what has these labels."""
        form = "%Y-%m-%dT%H:%M:%SZ"
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in labels.items()
        ]
        times = {
            "startsAt": time.strftime(form, time.gmtime(time.time() - 1)),
            "endsAt": time.strftime(form, time.gmtime(time.time() + 3600)),
        }
        body = dict(times, matchers=matchers, createdBy="test", comment="test")
        self.post(body, "/api/v2/silences")

    def active(self, **labels):
        """What fires, silenced and inhibited ones too, and has these labels."""
        return [
            alert
            for alert in self.alerts()
            if all(alert["labels"].get(name) == value for name, value in labels.items())
        ]

    def names(self):
        return sorted(alert["labels"]["alertname"] for alert in self.alerts())

    def wait_for_names(self, *expected, timeout=10):
        def probe():
            found = self.names()
            if found != sorted(expected):
                raise Probe("firing are %s" % found)
            return True

        wait_until("%s to know of %s" % (self.name, list(expected)), probe, timeout)

    def wait_for_alert(self, timeout=2, **labels):
        found = wait_until(
            "Alertmanager to have an alert with %s" % labels, lambda: self.active(**labels), timeout
        )
        if len(found) != 1:
            raise AssertionError("%d alerts with %s: %s" % (len(found), labels, found))
        return found[0]

    def vanish(self):
        """Ends it for good, storage and all; the port stays free."""
        self.stop()


def cluster(count, webhook):
    """Managers that know each other, not started."""
    managers = [Manager(webhook, peers=("later",)) for _ in range(count)]
    for manager in managers:
        manager.peers = [other.cluster_address for other in managers if other is not manager]
    return managers


def has_ended(alert):
    """Is this alert of a post resolved? One that fires has its end in the future, or none."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 1))
    return "endsAt" in alert and alert["endsAt"] < now


# --- a far end that misbehaves


class Pretender(HttpListener):
    """Stands where an Alertmanager should be; `answer(server, request body)` decides.

    Posts are kept as (time, list of alerts). answer() returns (status, headers, body), or
    None after it has dealt with the connection itself through `handler`.
    """

    def __init__(self, answer, tls=None):
        self.posts = []
        self.answer = answer
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                text = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((time.monotonic(), json.loads(text)))
                self.close_connection = True
                reply = outer.answer(self, outer.posts[-1][1])
                if reply is None:
                    return
                status, headers, body = reply
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):  # noqa: N802
                outer.posts.append((time.monotonic(), "GET " + self.path))
                self.send_response(200)
                self.end_headers()

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # the client may go at any moment

        super().__init__(Handler, "", Server)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)

    def alertnames(self):
        """Of all posts, in order, with repetitions."""
        return [alert["labels"]["alertname"] for _, alerts in list(self.posts) for alert in alerts]

    def wait_for_posts(self, count, timeout=10):
        wait_until("%d posts" % count, lambda: len(self.posts) >= count, timeout)


def server_tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
