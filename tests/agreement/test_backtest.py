"""sidecar-backtest's manual page, its help, and what it does are the same."""

import csv
import os
import re
import subprocess
import unittest

import agreement

PAGE = "plugins/backtest/sidecar-backtest.1.pod"
WITHOUT_DEFAULT = {"help", "version"}


def run(*arguments, text=""):
    """(exit status, standard output, standard error)"""
    done = subprocess.run(
        ["./sidecar-backtest", *arguments],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def part(head):
    return agreement.read(PAGE).split("=head1 %s\n" % head)[1].split("\n=head1")[0]


def items():
    """{option: (its letter, its value, its paragraphs)} of the page, in order."""
    found = {}
    for item in part("OPTIONS").split("\n=item ")[1:]:
        title, *paragraphs = item.split("\n=back")[0].strip().split("\n\n")
        form = re.fullmatch(r"B<--([a-z-]+)>(?:=(\S+))?, B<-(\w)>(?: (\S+))?", title)
        assert form and form.group(2) == form.group(4), title
        value = re.sub(r"I<([A-Z]+)>", r"\1", form.group(2) or "")
        found[form.group(1)] = (form.group(3), value, paragraphs)
    return found


class Backtest(unittest.TestCase):
    def test_options(self):
        """the page has the options of the help, with their letters and values"""
        code, text, _ = run("--help")
        self.assertEqual(0, code)
        form = r"^  -(\w), --([a-z-]+)(?:=(\S+))?(?:\s|$)"
        listed = {m[2]: (m[1], m[3] or "") for m in re.finditer(form, text, re.MULTILINE)}
        self.assertGreater(len(listed), 7)
        self.assertEqual(listed, {name: item[:2] for name, item in items().items()})
        self.assertEqual(sorted(listed), list(items()))

    def test_options_exist(self):
        """each is one that the program knows, by both names, and there is no other letter"""
        for name, (letter, value, _) in items().items():
            for given in ("--" + name, "-" + letter):
                _, _, said = run(given, *(["1"] if value else []), os.devnull)
                self.assertNotRegex(said, "(unrecognized|invalid) option")
        letters = {item[0] for item in items().values()}
        for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
            _, _, said = run("-" + letter, "1", os.devnull)
            self.assertEqual(letter not in letters, "invalid option" in said, letter)

    def test_items(self):
        """each says what it does, its default and what is allowed, why to give it, and an example"""
        for name, (_, _, paragraphs) in items().items():
            if name in WITHOUT_DEFAULT:
                continue
            with self.subTest(name):
                default = [i for i, text in enumerate(paragraphs) if text.startswith("Default: ")]
                self.assertEqual(1, len(default))
                self.assertGreater(default[0], 0, "it is not said what it does")
                self.assertIn("Allowed: ", paragraphs[default[0]])
                after = paragraphs[default[0] + 1 :]
                self.assertTrue([p for p in after if not p.startswith(" ")], "no reason")
                self.assertTrue([p for p in after if re.search(r"^  .*--%s\b" % name, p)], "no example")

    def test_limits(self):
        """what is allowed stands in the words of the errors"""
        for option, bad in (("--interval", "0"), ("--watches-limit", "0")):
            _, _, said = run(option, bad)
            allowed = re.search(r"allowed is (a number [\w ]*from [\d.]+ to \d+)", said).group(1)
            page = " ".join(" ".join(items()[option[2:]][2]).split())
            self.assertIn("Allowed: %s." % allowed, page)

    def test_output(self):
        """the page's header lines are those that are printed"""
        recording = "time,process_open_fds\n1000,314\n1060,314\n"
        code, text, _ = run(text=recording)
        self.assertEqual(1, code)
        self.assertIn("\n  %s\n" % text.splitlines()[0], part("OUTPUT"))
        names = re.findall(r"B<(\w+)>", " ".join(re.findall(r"^=item .*", part("OUTPUT"), re.M)))
        self.assertEqual(next(csv.reader(text.splitlines())), names)
        _, text, _ = run("--summary", text=recording)
        self.assertIn("\n  %s\n" % text.splitlines()[0], part("OUTPUT"))

    def test_input(self):
        """the page's example of a recording is one"""
        example = re.search(r"\n\n((?:  .*\n)+)", part("INPUT")).group(1)
        code, _, said = run(text="".join(line[2:] + "\n" for line in example.splitlines()))
        self.assertEqual((0, ""), (code, said))

    def test_metrics(self):
        """each metric of README.md's table is a column"""
        table = agreement.read("README.md").split("<!-- begin metrics")[1].split("<!-- end")[0]
        columns = ["time"]
        for row in re.findall(r"^\| (\w\S+) \| ([^|]*) \|", table, re.MULTILINE)[1:]:
            instances = ["mine"] if row[1] == "(your names)" else row[1].split() or [""]
            for name in row[0].split("<br>"):
                columns += [name + (instance and ":" + instance) for instance in instances]
        self.assertGreater(len(columns), 90)
        self.assertIn("ps_cputime_user_total", columns)
        code, _, said = run(text=",".join(columns) + "\n")
        self.assertEqual((0, ""), (code, said))
