"""Answers an Alertmanager, or what stands in its place, may give: none loses an alert."""

import re
import time
import unittest

from harness.alerting import Notifier, Pretender, has_ended, node, notify_alertmanager
from harness.wait import wait_until

OK = (200, {}, b"")


class Case(unittest.TestCase):
    def begin(self, answer, **options):
        """A collectd that posts to a server with these answers; each firing is kept."""
        self.server = self.enterContext(Pretender(answer))
        options.setdefault("ResendInterval", 1)
        plugin = notify_alertmanager(node("am", self.server.url, Timeout=5), **options)
        self.collectd = self.enterContext(Notifier(plugin))
        return self.collectd

    def complaint(self, *words):
        """Waits for the one line of the log that has all the words."""

        def lines():
            return [
                line
                for line in self.collectd.log().splitlines()
                if "notify_alertmanager plugin: node" in line and all(w in line for w in words)
            ]

        found = wait_until("a line with %s" % (words,), lines, 10)
        self.assertEqual(1, len(found), "\n".join(found))
        return found[0]

    def failed(self):
        return self.collectd.value("alert_posts", "am", "failed")

    def accepted(self):
        return self.collectd.value("alert_posts", "am", "ok")


class Refusals(Case):
    """A post is refused for what is in it."""

    def picky(self, keep_the_good):
        """Refuses posts with an alert of the plugin bad; as Alertmanager it keeps the others."""
        self.kept = set()

        def answer(_, alerts):
            names = {alert["labels"]["plugin"] for alert in alerts}
            bad = {name for name in names if name.startswith("bad")}
            if keep_the_good or not bad:
                self.kept |= names - bad
            return (400, {}, b'"invalid label set: %d alerts\\n"' % len(bad)) if bad else OK

        return answer

    def check(self, keep_the_good):
        self.begin(self.picky(keep_the_good))
        good = {"good%d" % n for n in range(40)}
        for name in sorted(good):
            self.collectd.fire(name)
            if name.endswith("7"):
                self.collectd.fire("bad" + name)
        wait_until("all good alerts", lambda: self.kept == good, 10)
        self.collectd.wait_for_value(4, "alerts_rejected", "am")
        self.collectd.wait_for_value(0, "alert_queue_length", "am")
        self.complaint("rejects the alert CollectdBadgood", "400: invalid label set")
        # they are tried again once behind a round, and then not for a minute
        failed = self.failed()
        wait_until("no more refusals", lambda: self.failed() <= failed + 4, 0, hold=5)
        # what changes is tried again
        self.collectd.okay("badgood7")
        self.collectd.wait_for_value(5, "alerts_rejected", "am")

    def test_bad_alert(self):
        """400 as Alertmanager gives it, the good alerts accepted: the culprits are left out"""
        self.check(True)

    def test_bad_post(self):
        """400 for the whole post: the culprits are found, nothing else is lost"""
        self.check(False)

    def test_all_bad(self):
        """400 for everything: a line with the remedy, few posts, no alert given up"""
        refuse = [True]
        self.begin(lambda *_: (400, {}, b"no") if refuse[0] else OK, ResendInterval=2)
        for number in range(100):
            self.collectd.fire("alert%d" % number)
        self.complaint("answers 400: no", "no alert at all", "URL")
        self.assertLess(len(self.server.posts), 60)
        refuse[0] = False
        wait_until("all alerts", lambda: len(set(self.server.alertnames())) >= 100, 10)
        self.collectd.wait_for_value(0, "alert_queue_length", "am")

    def test_single(self):
        """422 for the only alert, of a server that takes others: it alone is left out"""
        bad = (422, {}, b'{"code":602,"message":"labels in body"}')
        self.begin(lambda _, alerts: bad if alerts else OK)
        self.collectd.fire("one")
        self.complaint("rejects the alert CollectdOneGauge", "422: labels in body")

    def test_endless(self):
        """a refusal with three megabytes of reasons is one"""
        bad = (400, {}, b'"' + b"x" * (3 << 20) + b'"')
        self.begin(lambda _, alerts: bad if alerts else OK)
        self.collectd.fire("one")
        self.complaint("rejects the alert CollectdOneGauge", "answers 400")

    def test_large_post(self):
        """413 of a proxy: smaller posts"""
        largest = []

        def answer(_, alerts):
            if len(alerts) > 10:
                return (413, {}, b"<html>too large</html>")
            largest.append(len(alerts))
            return OK

        self.begin(answer)
        for number in range(100):
            self.collectd.fire("alert%d" % number)
        self.collectd.wait_for_value(0, "alert_queue_length", "am")
        self.assertEqual(100, len(set(self.server.alertnames())))
        self.assertGreater(max(largest), 1)
        self.assertEqual(0, self.collectd.value("alerts_rejected", "am"))


class Nodes(Case):
    """A post is refused whatever is in it: the node is not what it should be."""

    def check(self, answer, *words):
        """Refused at first, then well: the alert arrives with the next interval."""
        state = [answer]
        self.begin(lambda *_: state[0], ResendInterval=2)
        self.collectd.fire("waits")
        self.complaint(*words)
        state[0] = OK
        wait_until("an accepted post", lambda: self.accepted() >= 1, 10)
        self.assertEqual({"CollectdWaitsGauge"}, set(self.server.alertnames()))
        self.assertEqual(0, self.collectd.value("alerts_rejected", "am"))
        wait_until("good news", lambda: "delivered again" in self.collectd.log(), 5)

    def test_401(self):
        """401: a line that names User and Password, and the alert waits"""
        self.check((401, {}, b"Unauthorized\n"), "401: Unauthorized", "User, Password")

    def test_404(self):
        """404: a line that names the API, and the alert waits"""
        self.check((404, {}, b"404 page not found\n"), "404: 404 page not found", "API", "URL")

    def test_415(self):
        """415: a line with the server's reason, and the alert waits"""
        body = b'{"code":415,"message":"unsupported media type"}'
        self.check((415, {}, body), "415: unsupported media type", "URL")

    def test_422(self):
        """422 for everything: a line with the server's reason, and the alert waits"""
        body = b'{"code":602,"message":"labels in body"}'
        self.check((422, {}, body), "422: labels in body", "no alert at all")

    def test_redirect(self):
        """a redirect is not followed, and the line says where to look"""
        with Pretender(lambda *_: OK) as other:
            location = {"Location": other.url + "/api/v2/alerts"}
            for status in (301, 302, 307, 308):
                with self.subTest(status):
                    self.begin(lambda *_, s=status: (s, location, b""))
                    self.collectd.fire("one")
                    self.complaint("answers %d" % status, "redirects are not followed", "URL")
                    self.doCleanups()
            self.assertEqual([], other.posts)


class Failures(Case):
    """A node that cannot now: the alert waits and is posted again."""

    def check(self, answer, *words, posts=1):
        state = [answer]
        self.begin(lambda *a: state[0](*a) if callable(state[0]) else state[0])
        self.collectd.fire("waits")
        self.complaint(*words)
        wait_until("failed posts", lambda: self.failed() >= posts, 20)
        state[0] = OK
        wait_until("an accepted post", lambda: self.accepted() >= 1, 35)
        self.assertEqual({"CollectdWaitsGauge"}, set(self.server.alertnames()))
        self.collectd.wait_for_value(0, "alert_queue_length", "am")

    def test_500(self):
        """500: tried again after longer and longer pauses"""
        self.check((500, {}, b"oops"), "500: oops", "kept", posts=4)
        times = [when for when, _ in self.server.posts]
        self.assertGreater(times[3] - times[2], times[1] - times[0])

    def test_503(self):
        """503: tried again"""
        self.check((503, {}, b""), "answers 503", "kept")

    def test_408(self):
        """408: tried again"""
        self.check((408, {}, b""), "answers 408")

    def test_429(self):
        """429 with Retry-After: not tried again before that time"""
        self.check((429, {"Retry-After": "4"}, b"slow down"), "429: slow down")
        times = [when for when, _ in self.server.posts]
        self.assertGreaterEqual(times[1] - times[0], 3.9)

    def test_gigabyte(self):
        """a body of a gigabyte: not read, tried again"""
        sent = [0]

        def gigabyte(handler, _):
            handler.send_response(200)
            handler.end_headers()
            for _ in range(1024):
                handler.wfile.write(b"x" * (1 << 20))
                sent[0] += 1

        self.check(gigabyte, "too long", "URL")
        self.assertLess(sent[0], 64)

    def test_gigabyte_promised(self):
        """a body of a gigabyte that is announced: not read, tried again"""

        def promise(handler, _):
            handler.send_response(500)
            handler.send_header("Content-Length", str(1 << 30))
            handler.end_headers()
            handler.wfile.write(b"x" * 1000)

        self.check(promise, "too long")

    def test_not_http(self):
        """something that is no HTTP server: tried again"""

        def talk(handler, _):
            handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")

        self.check(talk, "URL")

    def test_half(self):
        """a connection that breaks in the middle of the answer: tried again"""

        def half(handler, _):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")

        self.check(half, "connection closed within the headers", "kept")

    def test_slow(self):
        """a byte a second: given up after the time limit, tried again"""

        def slow(handler, _):
            for byte in b"HTTP/1.1 200 OK\r\n":
                handler.wfile.write(bytes([byte]))
                time.sleep(1)

        self.check(slow, "does not answer")


class Bodies(Case):
    def test_type(self):
        """posts are JSON with its content type, to the path below the URL's"""
        heads = []

        def answer(handler, _):
            heads.append((handler.path, handler.headers["Content-Type"], dict(handler.headers)))
            return OK

        self.server = self.enterContext(Pretender(answer))
        plugin = notify_alertmanager(node("am", self.server.url + "/some/prefix/"))
        self.collectd = self.enterContext(Notifier(plugin))
        self.collectd.fire("one")
        self.server.wait_for_posts(1)
        self.assertEqual(("/some/prefix/api/v2/alerts", "application/json"), heads[0][:2])
        self.assertNotIn("Authorization", heads[0][2])

    def test_form(self):
        """every value is a string, times are RFC 3339 in UTC, and nothing is empty"""
        self.begin(lambda *_: OK)
        self.collectd.fire("one", meta={"number": 1.5, "empty": "", "flag": False})
        self.collectd.okay("one")
        wait_until("both", lambda: any(has_ended(a) for _, p in self.server.posts for a in p), 5)
        time_form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
        for _, alerts in self.server.posts:
            for alert in alerts:
                self.assertLessEqual(
                    set(alert), {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
                )
                self.assertRegex(alert["startsAt"], time_form)
                self.assertRegex(alert.get("endsAt", alert["startsAt"]), time_form)
                for pairs in (alert["labels"], alert["annotations"]):
                    for name, value in pairs.items():
                        self.assertIsInstance(value, str)
                        self.assertNotEqual("", value, name)

    def test_one_post(self):
        """a severity that changes: the old one's end and the new one are in one post"""
        self.begin(lambda *_: OK)
        for number in range(300):
            self.collectd.warn("alert%d" % number)
        self.collectd.wait_for_value(0, "alert_queue_length", "am")
        self.server.posts.clear()
        for number in range(300):
            self.collectd.fire("alert%d" % number)
        self.collectd.wait_for_value(0, "alert_queue_length", "am")
        begun = set()
        for _, alerts in self.server.posts:
            ended = {
                a["labels"]["plugin"]
                for a in alerts
                if a["labels"]["severity"] == "warning" and has_ended(a)
            }
            for alert in alerts:
                plugin = alert["labels"]["plugin"]
                if alert["labels"]["severity"] == "critical" and plugin not in begun:
                    self.assertIn(plugin, ended)
                    begun.add(plugin)
        self.assertEqual(300, len(begun))
