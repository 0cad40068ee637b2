"""The red flags are the same in the code, the metric, the alerts and the documents."""

import json
import re
import unittest

import agreement
import test_options

HEAD = "=head1 OPTIONS OF A REDFLAG BLOCK\n"


def options():
    return [option for option in agreement.options() if option.where == "red_flag"]


def manual_items():
    part = agreement.read(agreement.MANUAL).split(HEAD)[1].split("\n=head1")[0]
    pieces = re.split(r"^=item B<(\w+)> .*$", part, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2]))


class RedFlags(unittest.TestCase):
    def test_metric(self):
        """the type instances of red_flag are the flags"""
        (metric,) = [m for m in agreement.metrics() if m.type == "red_flag"]
        self.assertEqual([flag.name for flag in agreement.flags()], metric.instances)

    def test_facts(self):
        """the man page names each meta datum that a notification can have, and no other"""
        sources = [
            agreement.read("plugins/sidecar/" + name)
            for name in (
                "plugin.c",
                "redflag/evidence.c",
                "target_flags.c",
            )
        ]
        sent = set()
        for source in sources:
            sent.update(re.findall(r'(?:evidence_add|add_bytes)\(&?\w+, "(\w+)"', source))
            sent.update(re.findall(r'meta_add_\w+\(&?n, "([\w:]+)"', source))
            sent.update(re.findall(r'"(site_\d)"', source))
            sent.update(re.findall(r'\.(?:name|count_name) = "(\w+)"', source))
        part = agreement.read(agreement.MANUAL).split("=head2 Notifications\n")[1].split("\n=head")[0]
        items = " ".join(re.findall(r"^=item (.*)$", part, flags=re.MULTILINE))
        self.assertEqual(sent, set(re.findall(r"C<([\w:]+)>", items)))

    def test_healthy(self):
        """the healthy ranges that texts quote, and the dashboards' bands, are those of the table"""
        ranges = agreement.healthy_ranges()
        self.assertEqual(ranges, json.loads(agreement.read(agreement.HEALTHY)))
        flags = {flag.name: flag for flag in agreement.flags()}
        runbook = agreement.read("grafana/runbook.md")
        for name, metric in (("fds", "process_open_fds"), ("threads", "process_threads"), ("goroutines", "go_goroutines")):
            with self.subTest(name):
                text = "%d to %d" % tuple(ranges[metric])
                self.assertIn("on Linux a healthy sidecar has " + text, flags[name].why)
                self.assertIn("on Linux %s are healthy" % text, runbook.split("## %s\n" % flags[name].alert)[1].split("\n## ")[0])

    def test_options(self):
        """the man page has each option, in order, with default, what is allowed and an example"""
        items = manual_items()
        names = [option.name for option in options()]
        self.assertEqual(names, sorted(names))
        self.assertEqual(names, list(items))
        for option in options():
            name, text = option.name, items[option.name]
            with self.subTest(name):
                line = re.search(r"^Default: (.*?) Allowed: (.*)\.$", text, re.MULTILINE)
                self.assertIsNotNone(line, "no line 'Default: … Allowed: ….'")
                if name in ("Failure", "Warning"):
                    self.assertEqual("a number in the flag's unit above 0", line.group(2))
                else:
                    self.assertEqual(option.allowed, line.group(2))
                self.assertRegex(text, re.compile(r"^  %s \S" % name, re.MULTILINE))

    def check_blocks(self, configuration):
        """the blocks that are shown have the flags' defaults, all of them"""
        flags = {flag.name: flag for flag in agreement.flags()}
        shown = {key[1]: values for key, values in configuration.items() if isinstance(key, tuple)}
        self.assertIn("fds", shown)
        self.assertIn("fds_growing", shown)
        for name, options in shown.items():
            self.assertEqual(flags[name].options(), {option: values[0] for option, values in options})

    def test_sample(self):
        """the sample's blocks have the flags' defaults"""
        self.check_blocks(test_options.sample_uncommented())

    def test_synopsis(self):
        """the synopsis' blocks have the flags' defaults"""
        self.check_blocks(test_options.synopsis())
