"""Waiting for something to become true, with an answer when it does not.

A test that sleeps is slow and flaky; a test that polls and then says only
"timed out" is no help. wait_until polls, and its failure carries the last
value (or the last error) that the probe gave.
"""

import time

SHOWN = 2000  # characters of a value in a failure


class Probe(Exception):
    """Raised by a probe that has no value yet; its text says what is missing."""


def wait_until(what, probe, timeout, accept=bool, poll=0.05, hold=0):
    """Calls probe() until accept(value), and returns that value.

    `what` names the awaited thing in the failure. A Probe, an OSError or a
    ValueError raised by the probe counts as "not yet": a daemon that does not
    listen yet, or half a page. Any other exception is a fault in the test.

    With `hold` every value must be accepted for that many seconds more; with a
    timeout of 0 from now on.
    """
    deadline = time.monotonic() + timeout
    accepted = None  # since when
    while True:
        try:
            value = probe()
            good = accept(value)
            last = "the last value was %s" % _shorten(repr(value))
        except (Probe, OSError, ValueError) as error:
            good = False
            last = "the last error was %s: %s" % (type(error).__name__, _shorten(str(error)))
        now = time.monotonic()
        if good:
            accepted = now if accepted is None else accepted
            if now >= accepted + hold:
                return value
        elif accepted is not None:
            raise AssertionError("%s did not hold for %g s; %s" % (what, hold, last))
        elif now >= deadline:
            raise AssertionError("waited %g s for %s; %s" % (timeout, what, last))
        time.sleep(poll)


def _shorten(text):
    """Keeps both ends of a long text."""
    if len(text) <= SHOWN:
        return text
    half = SHOWN // 2
    return "%s … (%d characters) … %s" % (text[:half], len(text), text[-half:])
