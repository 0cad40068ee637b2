"""The text exposition format, and questions to a page of it.

prometheus_client parses, and takes more than Prometheus does: that of Debian 12
knows neither a bad name nor a label or a series that stands twice. A series twice,
a name that is none and bytes that are not UTF-8 are Malformed here, and whoever
asks whether a scraper would take the page as a whole asks promtool.
"""

import re
import subprocess
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from .daemon import need
from .wait import Probe, wait_until

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
PARSE_ERROR = 1  # promtool's status; 3 is for what it would call otherwise


class Malformed(Exception):
    """A page that no scraper may accept."""


class Sample:
    """One series' last value; `time` is in seconds, or None."""

    __slots__ = ("name", "labels", "value", "time")

    def __init__(self, name, labels, value, time):
        self.name, self.labels, self.value, self.time = name, labels, value, time

    def __repr__(self):
        labels = ",".join("%s=%r" % item for item in sorted(self.labels.items()))
        return "%s{%s} %r" % (self.name, labels, self.value)


def _samples(text):
    """Every sample that prometheus_client finds."""
    try:
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                yield Sample(one.name, one.labels, one.value, one.timestamp)
    except (ValueError, IndexError) as error:
        raise Malformed("prometheus_client: %s" % error) from None


def parse(text):
    """Bytes or text of a page to a Page; raises Malformed."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("the page is not UTF-8: %s" % error) from None
    samples, seen = [], set()
    for sample in _samples(text):
        if not _NAME.fullmatch(sample.name) or not all(map(_LABEL_NAME.fullmatch, sample.labels)):
            raise Malformed("bad name: %r" % sample)
        key = (sample.name, tuple(sorted(sample.labels.items())))
        if key in seen:
            raise Malformed("series twice: %r" % sample)
        seen.add(key)
        samples.append(sample)
    return Page(samples)


def check_by_promtool(text):
    """Raises Malformed where Prometheus' own parser does not take the page."""
    done = subprocess.run(
        [need("promtool", "prometheus"), "check", "metrics"],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode == PARSE_ERROR:
        raise Malformed("promtool: " + done.stdout.decode(errors="replace"))


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
