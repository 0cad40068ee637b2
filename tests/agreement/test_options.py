"""The options in the code, the man page and the sample configuration are the same ones."""

import re
import unittest

import agreement

BLOCKS = {"Process", "RedFlag"}
HEADS = {"plugin": "=head1 OPTIONS\n", "process": "=head1 OPTIONS OF A PROCESS BLOCK\n"}


def manual_items(where):
    """{option: its text} of a part of the man page, in the order they stand in."""
    part = agreement.read(agreement.MANUAL).split(HEADS[where])[1].split("\n=head1")[0]
    pieces = re.split(r"^=item B<(\w+)>(.*)$", part, flags=re.MULTILINE)
    return {name: text for name, text in zip(pieces[1::3], pieces[3::3])}


def unquoted(value):
    """A value of the configuration without what collectd's parser takes away."""
    if value.startswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def parse(text):
    """{"plugin": [(option, [values])], "process": [...]} of a configuration; comments count not.
    Of a red flag's block the key is ("red_flag", its name)."""
    found = {"plugin": [], "process": []}
    where = "plugin"
    for line in text.splitlines():
        words = re.findall(r'"(?:[^"\\]|\\.)*"|#.*|[^\s"#]+', line)
        words = [word for word in words if not word.startswith("#")]
        if not words or words[0] in ("LoadPlugin", "<Plugin", "</Plugin>"):
            continue
        if words[0] == "<Process":
            where = "process"
        elif words[0] == "<RedFlag":
            where = ("red_flag", unquoted(words[1]))
            found[where] = []
        elif words[0] in ("</Process>", "</RedFlag>"):
            where = "plugin"
        else:
            found[where].append((words[0], [unquoted(word) for word in words[1:]]))
    return found


def sample_uncommented():
    """The sample as it is when one # is taken off each line of the block."""
    text = agreement.read(agreement.SAMPLE)
    head, block = text.split("#<Plugin sidecar>")
    return parse(head + "\n".join(line[1:] for line in ("#<Plugin sidecar>" + block).splitlines()))


def synopsis():
    text = agreement.read(agreement.MANUAL)
    return parse(text.split("  <Plugin sidecar>\n")[1].split("  </Plugin>")[0])


class Options(unittest.TestCase):
    def setUp(self):
        self.options = {
            where: [o for o in agreement.options() if o.where == where]
            for where in ("plugin", "process")
        }

    def test_order(self):
        """the code's tables are in alphabetical order, and so is the man page"""
        for where, options in self.options.items():
            names = [option.name for option in options]
            self.assertEqual(sorted(names), names)
            self.assertEqual(names, list(manual_items(where)), "in " + HEADS[where])

    def test_manual(self):
        """the man page says what is allowed in the words of the code, and the code's default"""
        for where, options in self.options.items():
            items = manual_items(where)
            for option in options:
                with self.subTest(option.name):
                    line = re.search(r"^Default: (.*?) Allowed: (.*)\.$", items[option.name], re.MULTILINE)
                    self.assertIsNotNone(line, "no line 'Default: … Allowed: ….'")
                    self.assertEqual(option.allowed, line.group(2))
                    if option.repeatable:
                        continue
                    for value in (option.default, option.other_default):
                        if value in ("", "0", "other", "sidecar"):
                            self.assertRegex(line.group(1), r"^(none|the name of the block)\.$")
                        else:
                            self.assertIn("C<%s>" % value, line.group(1))

    def test_manual_has_examples(self):
        """each option of the man page has an example of itself"""
        for where in self.options:
            for name, text in manual_items(where).items():
                example = (r"^  <%s " if name in BLOCKS else r"^  %s ") % name
                self.assertRegex(text, re.compile(example, re.MULTILINE), name)

    def check_defaults(self, found, has_all):
        """`found` has the code's defaults and nothing else."""
        patterns = []
        for where in ("plugin", "process"):
            by_name = {option.name: option for option in self.options[where]}
            for name, values in found[where]:
                self.assertIn(name, by_name, "no such option")
                option = by_name.pop(name) if not by_name[name].repeatable else by_name[name]
                if name in agreement.PATTERNS:
                    patterns.append((name, *values))
                    continue
                self.assertEqual([option.default], values, name)
            unset = {"CaptureSchedule", "CommandLine", "PprofPort"}  # there is no value that says "none"
            missing = set(by_name) - unset - BLOCKS - set(agreement.PATTERNS)
            self.assertEqual(set(), missing if has_all else set(), "not shown")
        self.assertEqual(agreement.default_patterns(), patterns)

    def test_sample(self):
        """the sample, uncommented, has every option with its default"""
        self.check_defaults(sample_uncommented(), has_all=True)

    def test_sample_mentions_all(self):
        """the sample shows the options that have no default as well"""
        text = agreement.read(agreement.SAMPLE)
        for options in self.options.values():
            for option in options:
                self.assertRegex(text, r"(?m)^#[#\s]*<?%s\b" % option.name)

    def test_synopsis(self):
        """the man page's synopsis has every option with its default"""
        self.check_defaults(synopsis(), has_all=True)
