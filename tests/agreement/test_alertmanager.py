"""notify_alertmanager: options and metrics are the same in code and documents."""

import os
import re
import shutil
import subprocess
import unittest

import agreement
import test_samples

FOLDER = "plugins/notify_alertmanager/"
MANUAL = FOLDER + "collectd-notify_alertmanager.5.pod"
TYPES = FOLDER + "notify_alertmanager.types.db"
SAMPLE = "packaging/collectd.conf.d/notify_alertmanager.conf"
ALERTMANAGER = "grafana/alertmanager/alertmanager.yml"

# where -> heading in the man page
TABLES = {
    "plugin": "=head1 OPTIONS\n",
    "node": "=head1 OPTIONS OF A NODE BLOCK\n",
    "name": "=head1 OPTIONS OF AN ALERTNAME BLOCK\n",
}
BLOCKS = {"Node": "node", "AlertName": "name"}


def printed(kind):
    lines = [line.split("\t") for line in agreement.output_of("print_alertmanager").splitlines()]
    return [fields[1:] for fields in lines if fields[0] == kind]


class Option:
    def __init__(self, name, allowed, default, others):
        self.name, self.allowed = name, allowed
        self.default = default or others.get(name, "").replace("/api/v2/alerts", "") or None
        if name in BLOCKS:  # a block has no value
            self.default = None


def options(where):
    others = dict(printed("default"))
    return [Option(*fields[1:], others) for fields in printed("option") if fields[0] == where]


def part(head):
    return agreement.read(MANUAL).split(head)[1].split("\n=head1")[0]


def items(text):
    """{name: (what is behind it, its text)} of the items, in their order."""
    pieces = re.split(r"^=item B<(\w+)>(.*)$", text, flags=re.MULTILINE)
    return {n: (rest, body) for n, rest, body in zip(pieces[1::3], pieces[2::3], pieces[3::3])}


def between(name):
    text = agreement.read(MANUAL)
    return text.split("=for agreement begin %s\n" % name)[1].split("=for agreement end %s\n" % name)[0]


def parse(text):
    """{where: {option: its line}} and {where: {options in comments}} of a configuration."""
    set_, shown = ({w: {} for w in TABLES} for _ in range(2))
    where = "plugin"
    for line in text.splitlines():
        comment, words = re.match(r"^(\s*#)?[#\s]*(.*)$", line).groups()
        if not words or "Plugin notify_alertmanager>" in words or words.startswith("LoadPlugin"):
            continue
        block = re.match(r"<(/?)(\w+)", words)
        if block and block.group(1):
            where = "plugin"
            continue
        name = block.group(2) if block else words.split()[0].rstrip(":")
        if block:
            shown["plugin"][name] = words
            where = BLOCKS[name]
        elif comment:
            shown[where][name] = words
        else:
            set_[where][name] = words
    return set_, shown


class Documents(unittest.TestCase):
    def setUp(self):
        self.options = {where: options(where) for where in TABLES}

    def test_order(self):
        """the tables of options are in alphabetical order, and so is the man page"""
        for where, head in TABLES.items():
            names = [option.name for option in self.options[where]]
            self.assertEqual(sorted(names), names)
            self.assertEqual(names, list(items(part(head))))

    def test_manual(self):
        """the man page says the code's default and what is allowed, with an example"""
        for where, head in TABLES.items():
            texts = items(part(head))
            for option in self.options[where]:
                with self.subTest(option.name):
                    text = texts[option.name][1]
                    line = re.search(r"^Default: (.*?)\. Allowed: (.*)\.$", text, re.MULTILINE)
                    self.assertIsNotNone(line, "no line 'Default: … Allowed: ….'")
                    self.assertEqual(option.allowed, line.group(2))
                    default = option.default
                    if option.name == "Node":
                        default = '< <Node "%s"> >' % dict(printed("default"))["Node"]
                    expected = "none" if default is None else "C<%s>" % default
                    self.assertIn(expected, line.group(1))
                    self.assertRegex(text, r"(?m)^  <?%s\b" % option.name)

    def check_defaults(self, text):
        set_, shown = parse(text)
        for where in ("plugin", "node"):
            for option in self.options[where]:
                default = option.default
                if default is None:
                    self.assertIn(option.name, shown[where])
                    self.assertNotIn(option.name, set_[where])
                else:
                    line = set_[where].pop(option.name).split("#")[0].strip()
                    quoted = default if re.fullmatch(r"\d+|true|false", default) else '"%s"' % default
                    self.assertEqual("%s %s" % (option.name, quoted), line)
            self.assertEqual({}, set_[where], "no such option, or twice")
        return shown

    def test_sample(self):
        """the sample, uncommented, has every option with its default and shows the others"""
        text = agreement.read(SAMPLE)
        head, block = text.split("#<Plugin notify_alertmanager>")
        lines = ("#<Plugin notify_alertmanager>" + block).splitlines()
        shown = self.check_defaults("\n".join(line[1:] for line in lines))
        self.assertEqual([o.name for o in self.options["name"]], list(shown["name"]))
        self.assertNotRegex(head, "(?m)^(?!#|LoadPlugin notify_alertmanager$).+")

    def test_sample_in_full(self):
        """the sample with all its comments is one that collectd takes"""
        if shutil.which("collectd", path=test_samples.SEARCH) is None:
            self.skipTest("no collectd (Debian package collectd-core)")
        text = agreement.read(SAMPLE)
        block = text.split("LoadPlugin notify_alertmanager\n")[1]
        full = "\n".join(line.lstrip("#") for line in block.splitlines())
        # files that are there stand for those of the sample; one password, or a token, is enough
        full = re.sub(r'"/etc/collectd/[^"]*"', '"%s"' % os.path.abspath(__file__), full)
        configurations = [text]
        for others in ("Password|BearerTokenFile", "User|Password|PasswordFile"):
            ours = re.sub(r"(?m)^ *(%s) .*$" % others, "", full)
            configurations.append("LoadPlugin notify_alertmanager\n" + ours + "\n")
        for configuration in configurations:
            status, said = test_samples.start_once(configuration)
            self.assertEqual(0, status, said)
            self.assertIn('plugin "notify_alertmanager" successfully loaded', said)
            self.assertNotIn("[error] notify", said)

    def test_synopsis(self):
        """the man page's synopsis has every option with its default and names the others"""
        text = agreement.read(MANUAL).split("  <Plugin notify_alertmanager>\n")[1]
        self.check_defaults(text.split("  </Plugin>")[0])

    def test_dashboard_links(self):
        """links to a dashboard set the variables that the dashboards have"""
        triage = agreement.read("grafana/generated/dashboards/prometheus/triage.json")
        names = set(re.findall(r'"name": "(\w+)"', triage.split('"templating"')[1]))
        for path in (MANUAL, SAMPLE, "grafana/alertmanager/sidecar.tmpl"):
            used = set(re.findall(r"[?&]var-(\w+)=", agreement.read(path)))
            self.assertTrue(used, path)
            self.assertLessEqual(used, names, path)

    def test_metrics(self):
        """man page and types.db have exactly the plugin's metrics"""
        texts = items(between("metrics"))
        rows = dict(re.findall(r"(?m)^(\S+)\s+value:(\w+):0:U$", agreement.read(TYPES)))
        metrics = printed("metric")
        self.assertEqual([m[0] for m in metrics], list(texts))
        self.assertEqual({m[0]: m[1].upper() for m in metrics}, rows)
        self.assertEqual(len(rows), len(agreement.read(TYPES).splitlines()))
        for kind, derive, place, instances, unit, text in metrics:
            with self.subTest(kind):
                self.assertRegex(kind, "^[a-z0-9_]+$")
                head, body = texts[kind]
                counter = "counter" if derive == "derive" else "gauge"
                self.assertEqual(" (%s, %s)" % (counter, unit), head)
                expected = text[0].upper() + text[1:] + "."
                expected += " Of each node." if place == "node" else ""
                if instances:
                    names = ", ".join("C<%s>" % name for name in instances.split())
                    expected += " Type instances: %s." % names
                self.assertEqual(expected, body.split("\n=back")[0].strip())

    def test_types_are_ours_alone(self):
        """no type of ours is in collectd's own types.db, or of the other plugin"""
        names = {m[0] for m in printed("metric")}
        self.assertEqual(set(), names & {m.type for m in agreement.metrics()})
        try:
            with open("/usr/share/collectd/types.db", encoding="utf-8") as file:
                stock = {line.split()[0] for line in file if line.strip() and line[0] != "#"}
        except FileNotFoundError:
            self.skipTest("no /usr/share/collectd/types.db (Debian package collectd-core)")
        self.assertEqual(set(), names & stock)

    def test_limits(self):
        """the limits in the man page are those of the code"""
        text = " ".join(agreement.read(MANUAL).split())
        limits = printed("limit")
        self.assertGreater(len(limits), 5)
        for number, phrase in limits:
            self.assertIn(phrase % int(number), text)

    def test_alertmanager(self):
        """Alertmanager takes the sample for it, as it stands and with all its comments"""
        amtool = shutil.which("amtool")
        if amtool is None:
            self.skipTest("no amtool (Debian package prometheus-alertmanager)")
        text = agreement.read(ALERTMANAGER)
        for configuration in (text, re.sub(r"(?m)^( *)#(?=\S|  )", r"\1", text)):
            done = subprocess.run(
                [amtool, "check-config", "/dev/stdin"],
                input=configuration.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            self.assertEqual(0, done.returncode, done.stdout.decode())
