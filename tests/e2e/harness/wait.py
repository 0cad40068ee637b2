"""Waiting for something to become true, with an answer when it does not.

A test that sleeps is slow and flaky; a test that polls and then says only
"timed out" is no help. wait_until polls, and its failure carries the last
value (or the last error) that the probe gave.
"""

import time

POLL_SECONDS = 0.05


class Probe(Exception):
    """Raised by a probe that has no value yet; its text says what is missing."""


def wait_until(what, probe, timeout, accept=bool, poll=POLL_SECONDS):
    """Calls probe() until accept(value), and returns that value.

    `what` names the awaited thing in the failure. A Probe, an OSError or a
    ValueError raised by the probe counts as "not yet": a daemon that does not
    listen yet, or half a page. Any other exception is a fault in the test.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            value = probe()
            if accept(value):
                return value
            last = "the last value was %s" % shorten(repr(value))
        except (Probe, OSError, ValueError) as error:
            last = "the last error was %s: %s" % (type(error).__name__, shorten(str(error)))
        if time.monotonic() >= deadline:
            raise AssertionError("waited %g s for %s; %s" % (timeout, what, last))
        time.sleep(poll)


def holds_for(what, probe, seconds, poll=0.2):
    """Checks that probe() stays true for that long; returns the last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if not value:
            raise AssertionError("%s did not hold: got %s" % (what, shorten(repr(value))))
        if time.monotonic() >= deadline:
            return value
        time.sleep(poll)


def shorten(text, limit=2000):
    """Keeps both ends of a long text."""
    if len(text) <= limit:
        return text
    return "%s … (%d characters) … %s" % (text[: limit // 2], len(text), text[-limit // 2 :])
