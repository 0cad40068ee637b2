"""Headers and bearer tokens, with a gate in front of a real Alertmanager, as a cloud has one."""

import http.server
import os
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from harness import collectd_config as config
from harness.alerting import Manager, Notifier, Webhook, node, notify_alertmanager
from harness.http_listener import HttpListener
from harness.wait import wait_until


class Gate(HttpListener):
    """Passes on posts with `token` to an Alertmanager, answers 401 to others; keeps all heads.

    It repeats what it got, as front ends do that are helpful. Without a token it is open.
    """

    def __init__(self, manager, token=None):
        self.manager = manager
        self.token = token
        self.heads = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heads.append(self.headers)
                if not outer.allows(self.headers):
                    self.answer(401, b"not with %s" % str(self.headers.items()).encode())
                    return
                request = urllib.request.Request(
                    outer.manager.url + self.path, body, {"Content-Type": "application/json"}
                )
                try:
                    with urllib.request.urlopen(request, timeout=5) as passed:
                        self.answer(passed.status, passed.read())
                except urllib.error.HTTPError as error:
                    self.answer(error.code, error.read())

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        super().__init__(Handler, "")

    def allows(self, headers):
        return self.token is None or headers["Authorization"] == "Bearer " + self.token

    def tokens(self):
        return [head["Authorization"] for head in list(self.heads)]


class Case(unittest.TestCase):
    def begin(self, *lines, token=None, **options):
        self.hook = self.enterContext(Webhook())
        self.manager = self.enterContext(Manager(self.hook))
        self.gate = self.enterContext(Gate(self.manager, token))
        plugin = notify_alertmanager(
            node("am", self.gate.url, *lines, **options), ResendInterval=1
        )
        self.collectd = self.enterContext(Notifier(plugin))
        return self.collectd

    def lines(self, *words):
        log = self.collectd.log().splitlines()
        return [line for line in log if all(word in line for word in words)]

    def wait_for_line(self, *words, timeout=10):
        return wait_until("a line with %s" % (words,), lambda: self.lines(*words), timeout)[0]


class Headers(Case):
    def test_headers(self):
        """each post has the headers of its node, and those that it needs, once"""
        self.begin(
            config.option("Header", "X-Scope-OrgID", "team"),
            config.option("Header", "X-Words", "with blanks: and; signs"),
        )
        self.collectd.fire("one")
        self.manager.wait_for_alert(plugin="one")
        wait_until("posts", lambda: len(self.gate.heads) >= 3, 10)
        for head in list(self.gate.heads):
            self.assertEqual(["team"], head.get_all("X-Scope-OrgID"))
            self.assertEqual(["with blanks: and; signs"], head.get_all("X-Words"))
            self.assertEqual(["application/json"], head.get_all("Content-Type"))
            for name in ("Host", "Content-Length"):
                self.assertEqual(1, len(head.get_all(name)))
            self.assertNotIn("Authorization", head)
        self.assertNotIn("with blanks", self.collectd.log())

    def test_nodes(self):
        """a header of one node is not sent to another"""
        with Manager() as manager, Gate(manager) as first, Gate(manager) as second:
            plugin = notify_alertmanager(
                node("first", first.url, config.option("Header", "X-Scope-OrgID", "team")),
                node("second", second.url),
            )
            with Notifier(plugin) as collectd:
                collectd.fire("one")
                wait_until("posts to both", lambda: first.heads and second.heads, 10)
            self.assertEqual({"team"}, {head["X-Scope-OrgID"] for head in first.heads})
            self.assertEqual({None}, {head["X-Scope-OrgID"] for head in second.heads})

    def test_authorization(self):
        """a header Authorization is sent, and is not in the log when it is refused"""
        self.begin(config.option("Header", "Authorization", "Bearer s3cret"), token="other")
        self.collectd.fire("one")
        line = self.wait_for_line("answers 401")
        self.assertIn("Header", line)
        self.gate.token = "s3cret"
        self.manager.wait_for_alert(10, plugin="one")
        self.assertNotIn("s3cret", self.collectd.log())


class Tokens(Case):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.file = os.path.join(self.folder, "token")

    def write(self, text, path=None):
        with open(path or self.file, "w", encoding="ascii") as file:
            file.write(text)

    def replace(self, text):
        self.write(text, self.file + ".new")
        os.rename(self.file + ".new", self.file)

    def check_held(self, *words):
        """Nothing is sent, and the log says why once; the alert comes when the token does."""
        self.begin(token="right", BearerTokenFile=self.file)
        self.collectd.fire("waits")
        line = self.wait_for_line("[error]", "no token in the file %s" % self.file, *words)
        self.assertIn("BearerTokenFile", line)
        wait_until("tries", lambda: self.collectd.value("alert_posts", "am", "failed") > 1, 10)
        self.assertEqual([], self.gate.heads)
        self.assertEqual(1, len(self.lines("no token in the file")), self.collectd.log())
        self.assertEqual(1, self.collectd.value("alert_queue_length", "am"))

    def check_released(self):
        self.manager.wait_for_alert(35, plugin="waits")
        self.wait_for_line("delivered again")
        self.assertEqual({"Bearer right"}, set(self.gate.tokens()))
        self.assertNotIn("right", self.collectd.log())

    def test_token(self):
        """the file's token opens what wants it, without its line break, and is not in the log"""
        self.write("right\n")
        self.begin(token="right", BearerTokenFile=self.file)
        self.collectd.fire("one")
        self.manager.wait_for_alert(plugin="one")
        self.assertEqual({"Bearer right"}, set(self.gate.tokens()))
        self.assertNotIn("right", self.collectd.log())
        self.assertEqual([], self.lines("[error]", "notify_alertmanager"))

    def test_rotated(self):
        """refused with 401 with the former token, accepted after the file was replaced"""
        self.write("s3cret-of-before\n")
        self.begin(token="s3cret-of-today", BearerTokenFile=self.file)
        self.collectd.fire("one")
        line = self.wait_for_line("answers 401")
        self.assertIn("BearerTokenFile", line)
        self.assertEqual([], self.manager.active(plugin="one"))
        self.replace("s3cret-of-today\n")
        self.manager.wait_for_alert(5, plugin="one")
        self.wait_for_line("delivered again")
        # and again, in place
        self.gate.token = "s3cret-of-tomorrow"
        self.write("s3cret-of-tomorrow\n")
        self.collectd.okay("one")
        self.hook.wait_for("CollectdOneGauge", "resolved")
        self.assertNotIn("s3cret", self.collectd.log())
        self.assertEqual(0, self.collectd.value("alerts_rejected", "am"))

    def test_kubernetes(self):
        """rotated as in a volume of Kubernetes, by a symbolic link that is replaced"""
        for name, token in (("..1", "first"), ("..2", "second")):
            os.mkdir(os.path.join(self.folder, name))
            self.write(token, os.path.join(self.folder, name, "token"))
        os.symlink("..1", os.path.join(self.folder, "..data"))
        os.symlink("..data/token", self.file)
        self.begin(token="first", BearerTokenFile=self.file)
        self.collectd.fire("one")
        self.manager.wait_for_alert(plugin="one")
        self.gate.token = "second"
        os.symlink("..2", os.path.join(self.folder, "..new"))
        os.rename(os.path.join(self.folder, "..new"), os.path.join(self.folder, "..data"))
        self.collectd.fire("two")
        self.manager.wait_for_alert(5, plugin="two")
        self.assertIn("Bearer second", self.gate.tokens())

    def test_late(self):
        """a file that is not there yet holds the alerts back"""
        self.check_held("No such file")
        self.write("right")
        self.check_released()

    def test_vanishes(self):
        """a file that vanishes: nothing is sent any more, not even with the token of before"""
        self.write("right\n")
        self.begin(token="right", BearerTokenFile=self.file)
        self.collectd.fire("one")
        self.manager.wait_for_alert(plugin="one")
        os.remove(self.file)
        self.wait_for_line("no token in the file", "No such file")
        posts = len(self.gate.heads)
        self.collectd.fire("waits")
        time.sleep(3)
        self.assertEqual(posts, len(self.gate.heads))
        self.assertEqual([], self.manager.active(plugin="waits"))
        self.write("right\n")
        self.check_released()

    def test_directory(self):
        """a directory in its place"""
        os.mkdir(self.file)
        self.check_held("is a directory")
        os.rmdir(self.file)
        self.write("right")
        self.check_released()

    def test_fifo(self):
        """a FIFO in its place, which nobody writes to: collectd goes on, and ends at once"""
        os.mkfifo(self.file)
        self.check_held("no regular file")
        self.assertLess(self.collectd.notify("failure", "other"), 1)
        os.remove(self.file)
        self.write("right")
        self.check_released()
        os.remove(self.file)
        os.mkfifo(self.file)
        self.wait_for_line("no token in the file")
        self.assertLess(self.collectd.end(), 5)

    def test_megabyte(self):
        """a megabyte in its place"""
        self.write("x" * (1 << 20))
        self.check_held("more than 16384 bytes")
        self.replace("right")
        self.check_released()

    def test_header_in_token(self):
        """a token with another header behind it"""
        self.write("right\r\nX-Scope-OrgID: other\n")
        self.check_held("second line or a control character")
        self.assertNotIn("other", self.collectd.log())
        self.replace("right\r\n")
        self.check_released()

    def test_state(self):
        """no token is in the state file"""
        self.write("s3cret\n")
        self.begin(config.option("Header", "X-Key", "s3cret"), BearerTokenFile=self.file)
        self.collectd.fire("one")
        self.collectd.wait_for_state("CollectdOneGauge")
        with open(self.collectd.state_file, encoding="utf-8") as file:
            self.assertNotIn("s3cret", file.read())
