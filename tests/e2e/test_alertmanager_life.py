"""The life of an alert, from a notification in collectd to what people are told."""

import datetime
import time
import unittest

from harness import collectd_config as config
from harness.alerting import Manager, Notifier, Webhook, node, notify_alertmanager
from harness.collectd import HOST
from harness.wait import wait_until

IN_TIME = 2  # seconds from the notification to Alertmanager's API


def seconds_of(text):
    """Seconds since 1970 of a time as Alertmanager writes it."""
    return datetime.datetime.fromisoformat(text).timestamp()


class Life(unittest.TestCase):
    """One Alertmanager and one collectd for all tests; each has a plugin name of its own."""

    @classmethod
    def setUpClass(cls):
        cls.hook = cls.enterClassContext(Webhook())
        # forgets what has no end and is not renewed after 3 s
        cls.manager = cls.enterClassContext(Manager(cls.hook, resolve_timeout="3s"))
        cls.collectd = cls.enterClassContext(
            Notifier(
                notify_alertmanager(
                    node("am", cls.manager.url), ResendInterval=1, ResolvedRetention=5
                )
            )
        )

    def test_firing(self):
        """a notification is an alert in Alertmanager's API within two seconds"""
        before = time.time()
        self.collectd.fire(
            "df", plugin_instance="root", type="percent_bytes", type_instance="used", message="full"
        )
        alert = self.manager.wait_for_alert(IN_TIME, plugin="df")
        self.assertEqual(
            {
                "alertname": "CollectdDfPercentBytes",
                "instance": HOST,
                "plugin": "df",
                "plugin_instance": "root",
                "type": "percent_bytes",
                "type_instance": "used",
                "severity": "critical",
            },
            alert["labels"],
        )
        self.assertEqual("full", alert["annotations"]["description"])
        self.assertIn("df", alert["annotations"]["summary"])
        self.assertLess(abs(seconds_of(alert["startsAt"]) - before), 2)

    def test_resolved_once(self):
        """OKAY resolves it, and people are told once"""
        self.collectd.fire("once", message="bad")
        self.hook.wait_for("CollectdOnceGauge", "firing")
        self.collectd.okay("once", message="good again")
        told = self.hook.wait_for("CollectdOnceGauge", "resolved")
        self.assertEqual("good again", told["annotations"]["resolution"])
        self.assertEqual("bad", told["annotations"]["description"])
        # it is re-sent for five seconds, and later forgotten
        wait_until(
            "one message of the resolution",
            lambda: len(self.hook.of("CollectdOnceGauge", "resolved")) == 1,
            0,
            hold=8,
        )
        self.assertEqual(1, len(self.hook.of("CollectdOnceGauge", "firing")))
        self.assertEqual([], self.manager.active(plugin="once"))

    def test_renewed(self):
        """an alert that lasts is renewed, and began when it began"""
        self.collectd.fire("lasts")
        first = self.manager.wait_for_alert(IN_TIME, plugin="lasts")
        wait_until("the alert", lambda: len(self.manager.active(plugin="lasts")) == 1, 0, hold=7)
        last = self.manager.wait_for_alert(IN_TIME, plugin="lasts")
        self.assertEqual(first["startsAt"], last["startsAt"])
        self.assertLess(first["endsAt"], last["endsAt"])
        self.assertEqual(1, len(self.hook.of("CollectdLastsGauge", "firing")))

    def test_severity(self):
        """a severity that changes leaves one alert"""
        for step, severity in enumerate(("warning", "critical", "warning", "critical")):
            self.collectd.notify("failure" if severity == "critical" else "warning", "changes")
            # at no time do two fire, from the first post on
            deadline = time.monotonic() + IN_TIME
            while True:
                found = [a["labels"]["severity"] for a in self.manager.active(plugin="changes")]
                self.assertLessEqual(len(found), 1, "step %d" % step)
                if found == [severity]:
                    break
                self.assertLess(time.monotonic(), deadline, "step %d: %s" % (step, found))
        self.collectd.okay("changes")
        wait_until("its end", lambda: not self.manager.active(plugin="changes"), IN_TIME)

    def test_severity_began(self):
        """a severity that changes is the same problem, which began when it began"""
        self.collectd.warn("worse", time=time.time() - 100)
        first = self.manager.wait_for_alert(IN_TIME, plugin="worse", severity="warning")
        self.collectd.fire("worse")
        second = self.manager.wait_for_alert(IN_TIME, plugin="worse", severity="critical")
        self.assertEqual(first["startsAt"], second["startsAt"])

    def test_red_flag(self):
        """a red flag of the sidecar plugin has name and labels of the Prometheus rule for it"""
        since = int(time.time()) - 3600
        self.collectd.notify(
            "warning",
            "sidecar",
            plugin_instance="proj-2",
            type="red_flag",
            type_instance="fds_growing",
            message="FDs keep growing",
            meta={
                "alertname": "SidecarFDsGrowing",
                "summary": "Sidecar's open file descriptors keep growing.",
                "label:flag": "fds_growing",
                "since": {"unsigned": since},
                "value": 1043,
                "class": "regular",
            },
        )
        alert = self.manager.wait_for_alert(IN_TIME, flag="fds_growing")
        labels = alert["labels"]
        self.assertEqual("SidecarFDsGrowing", labels["alertname"])
        self.assertEqual((HOST, "proj-2"), (labels["instance"], labels["sidecar"]))
        self.assertEqual("warning", labels["severity"])
        self.assertEqual(since, int(seconds_of(alert["startsAt"])))
        self.assertEqual("1043", alert["annotations"]["value"])
        self.assertEqual("regular", alert["annotations"]["class"])
        self.assertEqual(
            "Sidecar's open file descriptors keep growing.", alert["annotations"]["summary"]
        )

    def test_meta_data(self):
        """a plugin nobody knows names its alert, adds labels, and ends it by a bare OKAY"""
        since = int(time.time()) - 3600
        meta = {
            "alertname": "QueueIsStuck",
            "summary": "A queue does not move.",
            "severity": "info",
            "since": since,
            "label:queue": "orders",
            "label:instance": "forged",
            "length": 17,
        }
        self.collectd.fire("queues", meta=meta)
        alert = self.manager.wait_for_alert(IN_TIME, alertname="QueueIsStuck")
        labels = {
            "alertname": "QueueIsStuck",
            "instance": HOST,
            "plugin": "queues",
            "queue": "orders",
            "severity": "info",
            "type": "gauge",
        }
        self.assertEqual(labels, alert["labels"])
        self.assertEqual(since, int(seconds_of(alert["startsAt"])))
        annotations = alert["annotations"]
        self.assertEqual({"summary", "description", "since", "length"}, set(annotations))
        self.assertEqual("A queue does not move.", annotations["summary"])
        self.hook.wait_for("QueueIsStuck", "firing")
        self.collectd.okay("queues")
        told = self.hook.wait_for("QueueIsStuck", "resolved")
        self.assertEqual(labels, told["labels"])
        self.assertEqual([], self.manager.active(plugin="queues"))

    def test_flapping(self):
        """a source that flaps a thousand times takes one place and ends in its last state"""
        for _ in range(500):
            self.collectd.fire("flaps")
            self.collectd.okay("flaps")
        self.collectd.warn("flaps")
        self.manager.wait_for_alert(IN_TIME, plugin="flaps", severity="warning")
        self.assertEqual(1, len(self.manager.active(plugin="flaps")))
        self.assertLess(self.collectd.value("alerts", "all", "resolved"), 10)

    def test_metrics(self):
        """its own metrics say what it did"""
        self.collectd.fire("counted")
        self.manager.wait_for_alert(IN_TIME, plugin="counted")
        self.collectd.wait_for_value(0, "alert_queue_length", "am")
        wait_until(
            "a firing alert in the metrics",
            lambda: self.collectd.value("alerts", "all", "firing") >= 1,
            5,
        )
        self.assertGreater(self.collectd.value("alert_posts", "am", "ok"), 0)
        self.assertEqual(0, self.collectd.value("alert_posts", "am", "failed"))
        self.assertLess(self.collectd.value("alert_post_duration_seconds", "am"), 1)
        last = self.collectd.value("alert_last_success_time_seconds", "am")
        self.assertLess(abs(last - time.time()), 10)
        self.assertEqual(1, self.collectd.value("alert_state_saved", "all"))
        self.assertGreater(self.collectd.value("alert_notifications", "all"), 0)
        self.assertEqual(0, self.collectd.value("alerts_dropped", "all", "firing"))


class Ends(unittest.TestCase):
    """An alert that fires has an end ahead."""

    def setUp(self):
        self.hook = self.enterContext(Webhook())

    def begin(self, resolve_timeout, *lines, **options):
        self.manager = self.enterContext(Manager(self.hook, resolve_timeout=resolve_timeout))
        plugin = notify_alertmanager(node("am", self.manager.url, *lines), **options)
        return self.enterContext(Notifier(plugin))

    def end_ahead(self):
        alert = self.manager.wait_for_alert(IN_TIME, plugin="lasts")
        return seconds_of(alert["endsAt"]) - time.time()

    def test_resolve_timeout(self):
        """a resolve_timeout below ResendInterval is no concern: it fires until OKAY"""
        collectd = self.begin("1s", ResendInterval=10)
        collectd.fire("lasts")
        wait_until("the end ahead", lambda: 290 < self.end_ahead() < 301, 5)
        wait_until("the alert", lambda: self.manager.active(plugin="lasts"), 0, hold=8)
        before = time.time()
        collectd.okay("lasts")
        told = self.hook.wait_for("CollectdLastsGauge", "resolved")
        self.assertLess(time.time() - before, 5)
        self.assertLess(abs(seconds_of(told["endsAt"]) - before), 3)
        self.assertEqual(1, len(self.hook.of("CollectdLastsGauge", "firing")))
        self.assertEqual([], self.manager.active(plugin="lasts"))

    def test_dead(self):
        """the alert of a dead collectd ends by itself, after the time that it was given"""
        collectd = self.begin("1h", ResendInterval=100)
        collectd.fire("lasts")
        wait_until("the end ahead", lambda: 390 < self.end_ahead() < 401, 5)
        first = self.manager.wait_for_alert(IN_TIME, plugin="lasts")
        collectd.wait_for_state("CollectdLastsGauge")
        collectd.crash()
        time.sleep(3)
        last = self.manager.wait_for_alert(IN_TIME, plugin="lasts")
        self.assertEqual(first["endsAt"], last["endsAt"])
        before = seconds_of(last["endsAt"])
        # after a restart it is renewed, and it is the same
        collectd.again()
        wait_until("a later end", lambda: self.end_ahead() > before - time.time() + 1, 10)
        last = self.manager.wait_for_alert(IN_TIME, plugin="lasts")
        self.assertEqual(first["startsAt"], last["startsAt"])

    def test_okay_after_restart(self):
        """after a restart OKAY resolves at once what has an end ahead of the former run"""
        collectd = self.begin("1h", ResendInterval=100)
        collectd.fire("lasts")
        wait_until("the end ahead", lambda: 390 < self.end_ahead() < 401, 5)
        collectd.end()
        collectd.again()
        collectd.okay("lasts")
        self.hook.wait_for("CollectdLastsGauge", "resolved", timeout=5)
        self.assertEqual([], self.manager.active(plugin="lasts"))

    def test_flapping(self):
        """each OKAY resolves at once, in whatever part of a second"""
        collectd = self.begin("1h", ResendInterval=100)
        for _ in range(8):
            collectd.fire("lasts")
            wait_until("the end ahead", lambda: self.end_ahead() > 390, 5)
            time.sleep(0.13)
            collectd.okay("lasts")
            wait_until("its end", lambda: not self.manager.active(plugin="lasts"), IN_TIME)


class Rules(unittest.TestCase):
    """What the configuration adds."""

    def test_additions(self):
        """labels, annotations, names and the generator URL come from the configuration"""
        with Manager() as manager:
            name = config.block(
                "AlertName",
                "HostDiskFull",
                [config.option("Plugin", "df"), config.option("Type", "percent_*")],
            )
            parts = [
                node("am", manager.url),
                name,
                config.option("Labels", "team", "infra", "site", "fra"),
                config.option("Label", "pid", "%{meta:pid}"),
                config.option("Annotation", "runbook_url", "https://wiki/%{alertname}"),
            ]
            options = {
                "GeneratorURL": "http://grafana:3000/d/triage?var-host=%{host}"
                "&var-instance=%{plugin_instance}",
                "SeverityLabel": False,
            }
            with Notifier(notify_alertmanager(*parts, **options)) as collectd:
                collectd.fire(
                    "df", type="percent_bytes", plugin_instance="a b/ü", meta={"pid": 4711}
                )
                alert = manager.wait_for_alert(plugin="df")
        labels, annotations = alert["labels"], alert["annotations"]
        self.assertEqual("HostDiskFull", labels["alertname"])
        self.assertEqual(("infra", "fra", "4711"), (labels["team"], labels["site"], labels["pid"]))
        self.assertNotIn("severity", labels)
        self.assertEqual("critical", annotations["severity"])
        self.assertEqual("https://wiki/HostDiskFull", annotations["runbook_url"])
        self.assertEqual(
            "http://grafana:3000/d/triage?var-host=%s&var-instance=a%%20b%%2F%%C3%%BC" % HOST,
            alert["generatorURL"],
        )

    def test_expiry(self):
        """an alert that its source does not confirm expires, and people are told why"""
        with Webhook() as hook, Manager(hook) as manager:
            with Notifier(
                notify_alertmanager(node("am", manager.url), ResendInterval=1, ExpireAfter=3)
            ) as collectd:
                collectd.fire("silent")
                collectd.fire("speaks")
                manager.wait_for_names("CollectdSilentGauge", "CollectdSpeaksGauge")
                for _ in range(6):
                    collectd.fire("speaks")
                    time.sleep(1)
                told = hook.wait_for("CollectdSilentGauge", "resolved")
                self.assertIn("no notification from its source", told["annotations"]["resolution"])
                self.assertEqual(["CollectdSpeaksGauge"], manager.names())
                self.assertEqual(1, collectd.value("alerts_expired", "all"))


class Threshold(unittest.TestCase):
    def test_threshold(self):
        """collectd's threshold plugin as the source: breach, worse, and back in range"""
        threshold = config.block(
            "Plugin",
            "threshold",
            [
                config.block(
                    "Plugin",
                    "table",
                    [
                        config.block(
                            "Type",
                            "gauge",
                            [config.option("WarningMax", 10), config.option("FailureMax", 100)],
                        )
                    ],
                )
            ],
        )
        with Webhook() as hook, Manager(hook) as manager:
            collectd = Notifier(
                notify_alertmanager(node("am", manager.url)),
                load=("threshold", "table"),
            )
            level = collectd_level(collectd, threshold)
            with collectd:
                level(50)
                alert = manager.wait_for_alert(10, plugin="table")
                self.assertEqual("CollectdTableGauge", alert["labels"]["alertname"])
                self.assertEqual("warning", alert["labels"]["severity"])
                self.assertEqual("50", alert["annotations"]["CurrentValue"])
                self.assertEqual("10", alert["annotations"]["WarningMax"])
                self.assertEqual("value", alert["annotations"]["DataSource"])
                self.assertIn("above the warning threshold", alert["annotations"]["description"])
                level(500)
                manager.wait_for_alert(10, plugin="table", severity="critical")
                self.assertEqual(1, len(manager.active(plugin="table")))
                level(1)
                told = hook.wait_for("CollectdTableGauge", "resolved", severity="critical")
                self.assertIn("within range again", told["annotations"]["resolution"])
                self.assertEqual([], manager.active())


def collectd_level(collectd, threshold):
    """Gives collectd a value that a file holds; returns what sets it."""

    def write(value):
        collectd.write("level", "level %s\n" % value)

    prepare = collectd.prepare

    def prepare_with_table():
        table = config.block(
            "Plugin",
            "table",
            [
                config.block(
                    "Table",
                    collectd.path("level"),
                    [
                        config.option("Instance", "level"),
                        config.option("Separator", " "),
                        config.block(
                            "Result",
                            None,
                            [
                                config.option("Type", "gauge"),
                                config.option("InstancesFrom", 0),
                                config.option("ValuesFrom", 1),
                            ],
                        ),
                    ],
                )
            ],
        )
        collectd.parts = collectd.parts + (threshold, table)
        write(1)
        prepare()

    collectd.prepare = prepare_with_table
    return write
