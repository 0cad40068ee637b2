"""Meta data of any bytes, on their way through JSON into Alertmanager."""

import json
import unittest

from harness.alerting import Manager, Notifier, Webhook, node, notify_alertmanager

LONG = 100 * 1024
CASES = (
    # name, value, what Alertmanager has (None: the same)
    ("quotes", "\"double\" 'single' `back` \\ backslash", None),
    ("lines", "first\nsecond\r\nthird\ttab", "first\nsecond\\x0D\nthird\ttab"),
    ("control", "\x01\x02\x1b[31mred\x7f", "\\x01\\x02\\x1B[31mred\\x7F"),
    ("scripts", "grüße 日本語 🙂", None),
    ("invalid", b"a\xff\xfeb\xc3", "a\\xFF\\xFEb\\xC3"),
    ("overlong", b"\xc0\xaf\xed\xa0\x80", "\\xC0\\xAF\\xED\\xA0\\x80"),
    ("reversed", "abc\u202edcba", "abc\\xE2\\x80\\xAEdcba"),
    ("separators", "a\u2028b", "a\\xE2\\x80\\xA8b"),
    ("invisible", "a\u00ad\u061c\U000e0041", "a\\xC2\\xAD\\xD8\\x9C\\xF3\\xA0\\x81\\x81"),
    ("emoji", "\u26a0\ufe0f", None),
    ("json", '{"labels": {"severity": "none"}}', None),
    ("html", "<script>alert(1)</script> & {{ .Labels }}", None),
    ("a name.with-odd/characters", "x", None),
)


class Text(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hook = cls.enterClassContext(Webhook())
        cls.manager = cls.enterClassContext(Manager(cls.hook))
        cls.collectd = cls.enterClassContext(
            Notifier(notify_alertmanager(node("am", cls.manager.url)))
        )

    def tearDown(self):
        self.assertEqual([], [x for x in self.collectd.complaints() if "notify_alert" in x])
        self.assertEqual(0, self.collectd.value("alerts_rejected", "am"))

    def test_bytes(self):
        """quotes, line breaks, control bytes, invalid UTF-8: shown, never lost, never refused"""
        self.collectd.fire("bytes", meta={name: value for name, value, _ in CASES})
        alert = self.manager.wait_for_alert(plugin="bytes")
        told = self.hook.wait_for("CollectdBytesGauge", "firing")
        for name, value, expected in CASES:
            with self.subTest(name):
                key = "".join(c if c.isalnum() else "_" for c in name)
                self.assertEqual(value if expected is None else expected, alert["annotations"][key])
        self.assertEqual(alert["annotations"], told["annotations"])

    def test_identity(self):
        """the same bytes in host, instances and message"""
        fields = {
            "host": "ho\"st\\",
            "plugin_instance": "línea\nbreak",
            "type_instance": "x\x1b[0m",
            "message": 'a "message"\nof two lines',
        }
        self.collectd.fire("identity", **fields)
        alert = self.manager.wait_for_alert(plugin="identity")
        self.assertEqual('ho"st\\', alert["labels"]["instance"])
        self.assertEqual("línea\nbreak", alert["labels"]["plugin_instance"])
        self.assertEqual("x\\x1B[0m", alert["labels"]["type_instance"])
        self.assertEqual('a "message"\nof two lines', alert["annotations"]["description"])
        self.collectd.okay("identity", **fields)
        self.hook.wait_for("CollectdIdentityGauge", "resolved")

    def test_long(self):
        """a value of 100 KB is cut and says so, the others are whole"""
        meta = {"long": "ü" * (LONG // 2), "bad": b"\xff" * LONG, "short": "whole"}
        self.collectd.fire("long", meta=meta)
        annotations = self.manager.wait_for_alert(plugin="long")["annotations"]
        self.assertTrue(annotations["long"].startswith("ü" * 4000))
        self.assertTrue(annotations["long"].endswith(" ... (cut, %d bytes)" % LONG))
        self.assertTrue(annotations["bad"].startswith("\\xFF" * 1000))
        self.assertLessEqual(len(annotations["bad"]), 8192)
        self.assertEqual("whole", annotations["short"])

    def test_many(self):
        """a thousand meta data: as many as fit, and how many did not"""
        meta = {"item%04d" % n: "value %d" % n for n in range(1000)}
        self.collectd.fire("many", meta=meta)
        annotations = self.manager.wait_for_alert(plugin="many")["annotations"]
        self.assertEqual("value 0", annotations["item0000"])
        self.assertIn("summary", annotations)
        self.assertGreater(len(annotations), 100)
        self.assertLess(len(json.dumps(annotations)), 64 * 1024)
        whole = sum(name.startswith("item") for name in annotations)
        self.assertEqual(str(1000 - whole), annotations["annotations_left_out"])

    def test_summary(self):
        """a summary and a description are always there"""
        self.collectd.fire("silent", message="")
        annotations = self.manager.wait_for_alert(plugin="silent")["annotations"]
        self.assertTrue(annotations["summary"])
        self.assertTrue(annotations["description"])

    def test_restart(self):
        """all that survives a restart as it was"""
        self.collectd.fire("survives", meta={name: value for name, value, _ in CASES})
        before = self.manager.wait_for_alert(plugin="survives")
        self.collectd.wait_for_state("survives")
        self.collectd.crash()
        self.collectd.again()
        self.collectd.wait_for_value(0, "alert_queue_length", "am")
        after = self.manager.wait_for_alert(plugin="survives")
        for what in ("labels", "annotations", "startsAt", "fingerprint"):
            self.assertEqual(before[what], after[what])
        self.assertNotIn("damaged", self.collectd.log())
