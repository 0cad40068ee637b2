"""The messages of grafana/alertmanager/sidecar.tmpl, as people get them."""

import json
import os
import subprocess
import tempfile
import unittest

from harness.daemon import need
from harness.installation import SOURCE

TEMPLATES = os.path.join(SOURCE, "grafana", "alertmanager", "sidecar.tmpl")
LABELS = {"instance": "web1", "sidecar": "proj"}


def alert(name, status, severity, summary, description):
    return {
        "status": status,
        "labels": dict(LABELS, alertname=name, severity=severity),
        "annotations": {
            "summary": summary,
            "description": description,
            "runbook_url": "https://wiki/runbook.md#" + name.lower(),
            "dashboard_url": "https://grafana/d/sidecar-triage",
        },
        "startsAt": "2026-01-02T03:04:05Z",
        "endsAt": "2026-01-02T04:05:06Z",
    }


FDS = alert(
    "SidecarFDsHigh",
    "firing",
    "critical",
    "Sidecar has many open file descriptors.",
    "proj on web1 (pid 4711) has 1004 descriptors open (critical from 1000).\nNext: lsof -p 4711",
)
RSS = alert("SidecarRSSHigh", "resolved", "warning", "Sidecar holds much resident memory.", "")
BOTH = {"status": "firing", "alerts": [FDS, RSS], "commonLabels": LABELS, "commonAnnotations": {}}
# As notify_alertmanager posts a red flag: with the next steps in an annotation, without links.
COLLECTD = {
    "status": "firing",
    "labels": dict(LABELS, alertname="SidecarFDsHigh", severity="warning", sidecar="a b", plugin="sidecar"),
    "annotations": {
        "summary": "Sidecar has many open file descriptors.",
        "description": "a b (pid 4711): FDs: 214, warning from 200",
        "next": "lsof -p 4711",
        "capture": "/var/lib/collectd/sidecar/a b",
    },
    "startsAt": "2026-01-02T03:04:05Z",
    "endsAt": "2026-01-02T04:05:06Z",
}
FLAG = {
    "status": "firing",
    "alerts": [COLLECTD],
    "commonLabels": COLLECTD["labels"],
    "commonAnnotations": COLLECTD["annotations"],
}
# As notify_alertmanager posts it, without links, for a host.
PLAIN = {
    "status": "resolved",
    "alerts": [
        {
            "status": "resolved",
            "labels": {"alertname": "CollectdDf", "instance": "web1"},
            "annotations": {"summary": "A disk is full."},
            "startsAt": "2026-01-02T03:04:05Z",
            "endsAt": "2026-01-02T04:05:06Z",
        }
    ],
    "commonLabels": {"instance": "web1"},
    "commonAnnotations": {},
}


class Messages(unittest.TestCase):
    maxDiff = None

    def check(self, expected, template, data):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(data, file)
            file.flush()
            command = [need("amtool", "prometheus-alertmanager"), "template", "render"]
            command += ["--template.glob=" + TEMPLATES, "--template.data=" + file.name]
            command.append('--template.text={{ template "%s" . }}' % template)
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        self.assertEqual(expected, done.stdout.decode().strip())

    def test_title(self):
        """the title says how many, whose, and what"""
        self.check("[1 firing] proj on web1: SidecarFDsHigh, SidecarRSSHigh", "sidecar.title", BOTH)

    def test_title_of_a_host(self):
        """the title of what is no sidecar's has the host alone; without firing ones it says so"""
        self.check("[resolved] web1: CollectdDf", "sidecar.title", PLAIN)

    def test_mail(self):
        """a mail has what is wrong, the command, both links, and the time"""
        expected = """\
critical: Sidecar has many open file descriptors.
proj on web1 (pid 4711) has 1004 descriptors open (critical from 1000).
Next: lsof -p 4711
Runbook:   https://wiki/runbook.md#sidecarfdshigh
Dashboard: https://grafana/d/sidecar-triage
Since 2026-01-02 03:04:05 UTC

resolved: Sidecar holds much resident memory.
It lasted from 2026-01-02 03:04:05 UTC to 2026-01-02 04:05:06 UTC."""
        self.check(expected, "sidecar.mail", BOTH)

    def test_mail_of_collectd(self):
        """a mail about collectd's own red flag has the next steps, the capture and the same links"""
        expected = """\
warning: Sidecar has many open file descriptors.
a b (pid 4711): FDs: 214, warning from 200
Next: lsof -p 4711
Capture:   /var/lib/collectd/sidecar/a b
Runbook:   https://wiki.example.org/collectd-sidecar/runbook.md#sidecarfdshigh
Dashboard: http://localhost:3000/d/sidecar-triage?var-instance=web1&var-sidecar=a+b
Since 2026-01-02 03:04:05 UTC"""
        self.check(expected, "sidecar.mail", FLAG)
        self.check(expected.split("Dashboard: ")[1].split("\n")[0], "sidecar.link", FLAG)

    def test_mail_of_the_end(self):
        """a mail about the end of collectd's alert has what ended it"""
        over = dict(COLLECTD, status="resolved")
        over["annotations"] = dict(COLLECTD["annotations"], resolution="FDs: 20, below 200 for 5 minutes")
        expected = """\
resolved: Sidecar has many open file descriptors.
FDs: 20, below 200 for 5 minutes
It lasted from 2026-01-02 03:04:05 UTC to 2026-01-02 04:05:06 UTC."""
        self.check(expected, "sidecar.mail", dict(FLAG, status="resolved", alerts=[over]))

    def test_links(self):
        """the links that the templates add are those of the rules"""
        with open(os.path.join(SOURCE, "grafana", "generated", "prometheus_alerts.yaml"), encoding="utf-8") as file:
            rules = file.read()
        with open(TEMPLATES, encoding="utf-8") as file:
            templates = file.read()
        for name, prefix, suffix in (
            ("triage", "dashboard_url: '", "?var-instance={{ $labels.instance | urlquery }}&var-sidecar="),
            ("runbook", "runbook_url: '", "#sidecarfdshigh"),
        ):
            link = templates.split('{{ define "sidecar.%s" }}' % name)[1].split("{{ end }}")[0]
            self.assertIn(prefix + link + suffix, rules)

    def test_link(self):
        """the title leads to the dashboard that all alerts name, and nowhere where they differ"""
        self.check("https://grafana/d/sidecar-triage", "sidecar.link", dict(BOTH, commonAnnotations=FDS["annotations"]))
        self.check("", "sidecar.link", PLAIN)

    def test_chat_of_collectd(self):
        """a message in chat about collectd's own red flag has the next steps and the runbook"""
        expected = """\
*warning* Sidecar has many open file descriptors. <https://wiki.example.org/collectd-sidecar/runbook.md#sidecarfdshigh|runbook>
a b (pid 4711): FDs: 214, warning from 200
Next: lsof -p 4711"""
        self.check(expected, "sidecar.chat", FLAG)

    def test_mail_without_links(self):
        """a mail about an alert without links has none, and no empty lines for them"""
        firing = dict(PLAIN, alerts=[dict(PLAIN["alerts"][0], status="firing")])
        expected = "firing: A disk is full.\nSince 2026-01-02 03:04:05 UTC"
        self.check(expected, "sidecar.mail", firing)

    def test_chat(self):
        """a message in chat is three lines an alert, the links within"""
        expected = """\
*critical* Sidecar has many open file descriptors. <https://wiki/runbook.md#sidecarfdshigh|runbook>
proj on web1 (pid 4711) has 1004 descriptors open (critical from 1000).
Next: lsof -p 4711
*resolved* Sidecar holds much resident memory."""
        self.check(expected, "sidecar.chat", BOTH)
