"""The configuration of notify_alertmanager: mistakes stop the daemon, the samples work."""

import os
import re
import tempfile
import unittest

import pytest

from harness import collectd_config as config
from harness.alerting import Manager, Notifier, Webhook, node, notify_alertmanager
from harness.collectd import HOST, Collectd
from harness.installation import SOURCE, plugin_folder
from harness.wait import wait_until

URL = "http://127.0.0.1:9"
PREFIX = "collectd_notify_alertmanager_"


def plugin(*lines):
    return config.block("Plugin", "notify_alertmanager", lines)


def in_node(*lines):
    return plugin(config.block("Node", "am1", ['URL "%s"' % URL] + list(lines)))


# sentence, configuration, what the log must name: block, option, value, what is allowed
MISTAKES = (
    ("an unknown option", plugin("Colour 3"), ("Plugin notify", "Colour 3", "ResendInterval")),
    ("an unknown option of a node", in_node("Colour 3"), ("am1", "Colour 3", "VerifyPeer")),
    ("a bad URL", plugin('<Node "am1">\nURL "localhost:9093"\n</Node>'), ("am1", "URL", "localhost:9093", "http://HOST:PORT")),
    ("a node without a URL", plugin('<Node "am1">\nTimeout 1\n</Node>'), ("am1", "no URL")),
    ("a node given twice", plugin(node("am1", URL), node("am1", URL)), ("am1", "given before")),
    ("a password file that is not there", in_node('User "u"', 'PasswordFile "/nonexistent/p"'), ("am1", "PasswordFile", "/nonexistent/p", "cannot be read")),
    ("a header that breaks HTTP", in_node('Header "Content-Length" "0"'), ("am1", "Header (not shown)", "Content-Length", "allowed is a name")),
    ("a header whose name has a blank", in_node('Header "X Scope" "team"'), ("am1", "Header (not shown)", "none in HTTP", "allowed is a name")),
    ("a header with a control character", in_node('Header "X-Scope-OrgID" "te\tam"'), ("am1", "Header (not shown)", "X-Scope-OrgID", "control character")),
    ("a token and a user", in_node('User "u"', 'BearerTokenFile "/run/token"'), ("am1", "BearerTokenFile", "User", "keep one")),
    ("a token in place of its file", in_node('BearerTokenFile "eyJhbGciOi"'), ("am1", "BearerTokenFile (not shown)", "the path of a file")),
    ("certificates that are not there", in_node('CACert "/nonexistent/ca"'), ("am1", "CACert", "/nonexistent/ca", "cannot be read")),
    ("a negative interval", plugin("ResendInterval -60"), ("Plugin notify", "ResendInterval", "-60", "from 1 to 150")),
    ("an interval in words", plugin('ResendInterval "often"'), ("ResendInterval", "often", "from 1 to 150")),
    ("a negative time limit", in_node("Timeout -1"), ("am1", "Timeout", "-1", "from 0.1 to 300")),
    ("an option given twice", plugin("QueueLimit 1", "QueueLimit 2"), ("QueueLimit", "2", "given twice")),
    ("a label of the plugin's own", plugin('Labels "severity" "page"'), ("Labels", "severity", "none of the plugin's own")),
    ("a plugin of the name of another label", plugin('PluginLabel "severity"'), ("PluginLabel", "severity", "no name of another label")),
    ("a label's name that cannot be one", plugin('Label "my-label" "x"'), ("Label", "my-label", "a-z")),
    ("an unknown placeholder", plugin('Annotation "a" "%{colour}"'), ("Annotation", "%{colour}", "meta:NAME")),
    ("a generator URL with its host open", plugin('GeneratorURL "http://%{host}/"'), ("GeneratorURL", "%{host}", "host")),
    ("an alert name for everything", plugin('<AlertName "X">\n</AlertName>'), ("AlertName", "X", "at least one")),
)  # fmt: skip


@pytest.mark.parametrize("text, names", [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_mistake(text, names):
    """%s stops the daemon at start, with a reason"""
    plugin_folder("notify_alertmanager")
    collectd = Collectd(text, load=("notify_alertmanager",))
    try:
        status = collectd.spawn().wait_for_exit()
        log = collectd.log()
    finally:
        collectd.kill()
    assert status > 0, "the daemon started, or died of a signal:\n" + log
    lines = [x for x in log.splitlines() if "[error] notify_alertmanager plugin: <" in x]
    assert len(lines) == 1, log
    for name in names:
        assert name in lines[0]


class Correct(unittest.TestCase):
    def test_every_option(self):
        """every option together starts, and nothing is complained about"""
        with tempfile.TemporaryDirectory() as folder:
            secret = os.path.join(folder, "secret")
            with open(secret, "w", encoding="ascii") as file:
                file.write("secret\n")
            one = {
                "CACert": secret,
                "ClientCert": secret,
                "ClientKey": secret,
                "PasswordFile": secret,
                "Timeout": 3,
                "User": "me",
                "VerifyPeer": False,
            }
            name = {"Plugin": "df", "PluginInstance": "*", "Type": "p*", "TypeInstance": "[a-z]*"}
            text = notify_alertmanager(
                node("one", URL, **one),
                node("two", URL, User="me", Password="pw"),
                node(
                    "three",
                    URL,
                    config.option("Header", "X-Scope-OrgID", "team"),
                    config.option("Header", "X-Other", "two words"),
                    BearerTokenFile=secret,
                ),
                config.block("AlertName", "DiskFull", [config.option(*o) for o in name.items()]),
                config.option("Annotation", "runbook_url", "https://wiki/%{alertname}"),
                config.option("Label", "where", "%{host}"),
                config.option("Labels", "team", "infra", "site", "fra"),
                ExpireAfter=100,
                ExpireRestoredAfter=100,
                GeneratorURL="http://grafana/d/x?var-host=%{host}",
                PluginLabel="redis",
                QueueLimit=100,
                ResendInterval=30,
                ResolvedRetention=100,
                SeverityLabel=False,
                StateFile=os.path.join(folder, "state"),
            )
            with Collectd(text, load=("notify_alertmanager",)) as collectd:
                self.assertNotRegex(collectd.log(), r"\[(warning|error)\].*notify_alertmanager")

    def test_no_block(self):
        """LoadPlugin notify_alertmanager with no block starts, and says where alerts go"""
        with Collectd(load=("notify_alertmanager",)) as collectd:
            self.assertRegex(collectd.log(), "no <Node> block: alerts go to http://127.0.0.1:9093")
            self.assertNotRegex(collectd.log(), r"\[(warning|error)\].*notify_alertmanager")

    def test_types_of_another_meaning(self):
        """a type of our name that a TypesDB has with other sources: one line, the rest is sent"""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "types.db")
            with open(path, "w", encoding="utf-8") as file:
                file.write("alerts value:GAUGE:0:U, other:GAUGE:0:U\nalert_posts value:GAUGE:0:U\n")
            types = config.option("TypesDB", path)
            text = notify_alertmanager(node("one", URL))
            with Collectd(types, text, load=("notify_alertmanager",)) as collectd:
                first = collectd.endpoint.sample(PREFIX + "alerts_expired_total", 10, 0)
                collectd.endpoint.sample(PREFIX + "alerts_expired_total", 10, first.time + 2)
                page = collectd.page()
                for name in ("alerts", "alert_posts", "alert_posts_total"):
                    self.assertEqual([], page.select(PREFIX + name))
                errors = re.findall(r".*\[error\] (?!write_prom).*", collectd.log())
                self.assertEqual(2, len(errors), errors)
                self.assertIn('"alerts value:GAUGE:0:U"', errors[0])
                self.assertIn('"alert_posts value:DERIVE:0:U"', errors[1])


def sample():
    path = os.path.join(SOURCE, "grafana", "alertmanager", "alertmanager.yml")
    with open(path, encoding="utf-8") as file:
        return file.read()


class Sample(unittest.TestCase):
    """The shipped alertmanager.yml, faster and with a receiver that listens."""

    def setUp(self):
        self.hook = self.enterContext(Webhook())
        text = sample()
        text = text.replace("group_wait: 10s ", "group_wait: 1s ")
        text = text.replace("group_interval: 1m ", "group_interval: 1s ")
        text = text.replace(
            "  - name: people\n",
            "  - name: people\n    webhook_configs:\n      - url: %s\n" % self.hook.url,
        )
        self.manager = Manager(self.hook)
        self.manager.text = text
        self.enterContext(self.manager)
        self.collectd = self.enterContext(
            Notifier(notify_alertmanager(node("am", self.manager.url)))
        )

    ALERTS = {
        "fds": "SidecarFDsHigh",
        "pprof_missing": "SidecarPprofMissing",
        "rss": "SidecarRSSHigh",
        "cpu": "SidecarCPUHigh",
    }

    def flag(self, severity, name, instance="proj", **fields):
        """As the plugin sidecar notifies of a red flag."""
        meta = {"alertname": self.ALERTS[name], "label:flag": name}
        if name == "pprof_missing":
            meta["severity"] = "info"
        self.collectd.notify(
            severity,
            "sidecar",
            plugin_instance=instance,
            type="red_flag",
            type_instance=name,
            message="%s of %s" % (name, instance),
            meta=meta,
            **fields,
        )

    def test_flags(self):
        """red flags reach people by sidecar and host; information does not"""
        self.flag("warning", "fds")
        self.flag("failure", "fds", "other")
        self.flag("warning", "pprof_missing")
        first = self.hook.wait_for("SidecarFDsHigh", "firing", sidecar="proj")
        self.hook.wait_for("SidecarFDsHigh", "firing", sidecar="other")
        self.assertEqual("fds of proj", first["annotations"]["description"])
        self.manager.wait_for_alert(flag="pprof_missing", severity="info")
        wait_until(
            "no message of information",
            lambda: not self.hook.of("SidecarPprofMissing", "firing"),
            0,
            hold=3,
        )
        self.flag("okay", "fds")
        self.hook.wait_for("SidecarFDsHigh", "resolved", sidecar="proj")

    def test_inhibition(self):
        """beside a critical alert of the same flag a warning of another way is not told"""
        self.flag("failure", "rss")
        self.hook.wait_for("SidecarRSSHigh", "firing", severity="critical")
        # as a rule of Prometheus would post it: no labels but these
        labels = {
            "alertname": "SidecarRSSHigh",
            "instance": HOST,
            "sidecar": "proj",
            "severity": "warning",
        }
        self.manager.post([{"labels": labels, "annotations": {"summary": "rule"}}])

        def inhibited():
            found = self.manager.active(alertname="SidecarRSSHigh", severity="warning")
            return bool(found) and bool(found[0]["status"]["inhibitedBy"])

        wait_until("the warning to be inhibited", inhibited, 5)

    def inhibited(self, **labels):
        """Whether each alert with these labels is, of which there is one at least."""
        found = self.manager.active(**labels)
        self.assertTrue(found, labels)
        return all(alert["status"]["inhibitedBy"] for alert in found)

    def test_same_alert(self):
        """of the same alert of collectd and of the rules the latter is sent, at the same severity"""
        rule = {"alertname": "SidecarFDsHigh", "instance": HOST, "sidecar": "proj", "job": "collectd"}
        self.manager.post([{"labels": dict(rule, severity="warning", flag="fds")}])
        self.flag("warning", "fds")
        self.flag("warning", "rss")  # the rules have nothing of it
        self.flag("failure", "fds", "other")
        self.hook.wait_for("SidecarRSSHigh", "firing", plugin="sidecar")
        self.hook.wait_for("SidecarFDsHigh", "firing", sidecar="other")
        (one,) = self.hook.of("SidecarFDsHigh", "firing", sidecar="proj")
        self.assertNotIn("plugin", one["labels"])
        self.assertTrue(self.inhibited(alertname="SidecarFDsHigh", sidecar="proj", plugin="sidecar"))
        # a failure that the rules do not have is no warning that they have
        self.flag("failure", "fds")
        self.hook.wait_for("SidecarFDsHigh", "firing", sidecar="proj", plugin="sidecar", severity="critical")

    def test_other_teams(self):
        """alerts that are not about sidecars are neither inhibited nor dropped, whatever their labels"""
        other = {"alertname": "DiskFull", "instance": "web1"}
        gone = {"alertname": "SidecarPluginNotReporting", "instance": "web1", "severity": "warning"}
        labels = [
            dict(other, severity="critical", device="a"),
            dict(other, severity="warning", device="b"),
            dict(other, severity="info", device="c"),
            dict(other, severity="critical", sidecar="envoy", device="d"),
            dict(other, severity="warning", sidecar="envoy", device="e"),
            gone,
        ]
        self.manager.post([{"labels": one} for one in labels])
        for one in labels:
            self.hook.wait_for(one["alertname"], "firing", **{k: v for k, v in one.items() if k != "alertname"})

    def test_hosts(self):
        """beside a critical alert of a host's disk collectd's warning of the same disk is not told"""
        values = {"plugin": "df", "plugin_instance": "root", "type": "percent_bytes"}
        labels = {"alertname": "CollectdDf", "instance": "web1", **values}
        self.manager.post([{"labels": dict(labels, severity=s)} for s in ("critical", "warning")])
        self.hook.wait_for("CollectdDf", "firing", severity="critical")
        self.assertTrue(self.inhibited(alertname="CollectdDf", severity="warning"))

    def test_not_reporting(self):
        """beside "not reporting" nothing of the rules is told about that host, but what collectd posts"""
        gone = {"alertname": "SidecarPluginNotReporting", "instance": "web1", "severity": "warning"}
        self.manager.post([{"labels": gone, "annotations": {"summary": "gone"}}])
        self.hook.wait_for("SidecarPluginNotReporting", "firing")
        labels = {"alertname": "SidecarFDsHigh", "sidecar": "proj", "severity": "critical"}
        hosts = [{"labels": dict(labels, instance=host)} for host in ("web1", "web2")]
        self.manager.post(hosts)
        self.hook.wait_for("SidecarFDsHigh", "firing", instance="web2")
        (muted,) = self.manager.active(alertname="SidecarFDsHigh", instance="web1")
        self.assertTrue(muted["status"]["inhibitedBy"])
        here = dict(gone, instance=HOST)
        self.manager.post([{"labels": here}])
        self.flag("failure", "fds")
        self.hook.wait_for("SidecarFDsHigh", "firing", instance=HOST, plugin="sidecar")

    def test_retained(self):
        """a warning about RSS is not told when the rules know that Go only retains it"""
        labels = {"alertname": "SidecarRSSRetained", "instance": HOST, "sidecar": "proj"}
        self.manager.post([{"labels": dict(labels, severity="info")}])
        self.flag("warning", "rss")

        def inhibited():
            found = self.manager.active(alertname="SidecarRSSHigh")
            return bool(found) and bool(found[0]["status"]["inhibitedBy"])

        wait_until("the warning to be inhibited", inhibited, 5)

    def test_silence(self):
        """a silence on name, instance and sidecar holds for both ways"""
        matchers = {"alertname": "SidecarCPUHigh", "instance": HOST, "sidecar": "proj"}
        self.manager.silence(matchers)
        self.flag("warning", "cpu")
        self.manager.post([{"labels": dict(matchers, severity="critical")}])

        def silenced():
            found = self.manager.active(alertname="SidecarCPUHigh")
            return len(found) == 2 and all(a["status"]["silencedBy"] for a in found)

        wait_until("both to be silenced", silenced, 5)
