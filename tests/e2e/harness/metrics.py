"""The text exposition format, read strictly, and questions to a page of it.

Strict because the tests are the scraper: a page that Prometheus would refuse,
or that repeats a series, must fail here and not be half understood.
"""

import re
import urllib.request

from .wait import Probe, wait_until

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(
    r"(?P<name>%s)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: (?P<time>-?\d+))?" % _NAME
)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
_META = re.compile(
    r"# (?:HELP %s .*|TYPE %s (?:counter|gauge|histogram|summary|untyped))" % (_NAME, _NAME)
)
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Malformed(Exception):
    """A line that no scraper may accept."""


class Sample:
    """One series' last value; `time` is in seconds, or None."""

    __slots__ = ("name", "labels", "value", "time")

    def __init__(self, name, labels, value, time):
        self.name, self.labels, self.value, self.time = name, labels, value, time

    def __repr__(self):
        labels = ",".join("%s=%r" % item for item in sorted(self.labels.items()))
        return "%s{%s} %r" % (self.name, labels, self.value)


def _parse_labels(text, line):
    labels, at = {}, 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None:
            raise Malformed("bad labels: " + line)
        key, raw, _ = match.groups()
        if key in labels:
            raise Malformed("label %s twice: %s" % (key, line))
        labels[key] = re.sub(r"\\.", lambda escape: _ESCAPES[escape.group()], raw)
        at = match.end()
    return labels


def parse(text):
    """Bytes or text of a page to a Page; raises Malformed."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("the page is not UTF-8: %s" % error) from None
    samples, seen = [], set()
    for line in text.split("\n"):
        if line == "":
            continue
        if line.startswith("#"):
            if line.startswith(("# HELP", "# TYPE")) and not _META.fullmatch(line):
                raise Malformed("bad comment: " + line)
            continue
        match = _SAMPLE.fullmatch(line)
        if match is None:
            raise Malformed("bad line: " + line)
        labels = _parse_labels(match["labels"] or "", line)
        key = (match["name"], tuple(sorted(labels.items())))
        if key in seen:
            raise Malformed("series twice: " + line)
        seen.add(key)
        stamp = int(match["time"]) / 1000 if match["time"] else None
        try:
            value = float(match["value"])
        except ValueError:
            raise Malformed("bad value: " + line) from None
        samples.append(Sample(match["name"], labels, value, stamp))
    return Page(samples)


class Page:
    """Every sample of one answer."""

    def __init__(self, samples):
        self.samples = samples

    def select(self, name=None, **labels):
        """Samples of that name whose labels include the given ones."""
        return [
            sample
            for sample in self.samples
            if (name is None or sample.name == name)
            and all(sample.labels.get(key) == value for key, value in labels.items())
        ]

    def one(self, name, **labels):
        """The only such sample, or None when there is none."""
        found = self.select(name, **labels)
        if len(found) > 1:
            raise Malformed("%d series where one is expected: %s" % (len(found), found))
        return found[0] if found else None

    def value(self, name, **labels):
        sample = self.one(name, **labels)
        return None if sample is None else sample.value

    def by_label(self, label, name, **labels):
        """{value of the label: value} for each such sample."""
        return {sample.labels.get(label): sample.value for sample in self.select(name, **labels)}

    def label_values(self, label, name=None):
        return {sample.labels[label] for sample in self.select(name) if label in sample.labels}


class Endpoint:
    """A URL that answers with a page."""

    def __init__(self, url):
        self.url = url

    def text(self):
        with urllib.request.urlopen(self.url, timeout=5) as answer:
            return answer.read()

    def page(self):
        return parse(self.text())

    def wait_for(self, what, probe, timeout=10):
        """Polls until probe(page) is true; returns what it gave."""
        return wait_until(what, lambda: probe(self.page()), timeout)

    def sample(self, name, timeout=10, after=0.0, **labels):
        """Waits for the sample, dated later than `after` (seconds since 1970)."""

        def probe():
            sample = self.page().one(name, **labels)
            if sample is None:
                raise Probe("no series %s %s" % (name, labels))
            if sample.time is not None and sample.time <= after:
                raise Probe("%r is %.3f s too old" % (sample, after - sample.time))
            return (sample,)

        return wait_until("%s %s" % (name, labels), probe, timeout)[0]
