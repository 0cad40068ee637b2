"""Runs the tests: a sentence for each, a hard time limit, one countable last line.

No test may hang. SIGALRM raises in the test when its time is over; should even
that not help, faulthandler prints where every thread is and ends the program,
and the daemons end with it. The limit covers class fixtures as well.
"""

import collections
import faulthandler
import re
import signal
import sys
import time
import traceback
import unittest

from . import daemon

TEST_SECONDS = 90
LAST_RESORT_SECONDS = 45
REASON_LENGTH = 120  # of a skip: an error's text may be a page
# what takes long should not start last
LONG = (
    "test_alert_rules",
    "test_red_flag_rates",
    "test_red_flag_growth",
    "test_alertmanager_answers",
    "test_captures",
    "test_churn",
    "test_red_flags",
    "test_profiles",
    "test_alertmanager_outage",
    "test_identity",
)


class OutOfTime(BaseException):
    """Not an Exception: no handler of a test may swallow it."""


def _ring(_signal, _frame):
    raise OutOfTime("the test took longer than %d s" % TEST_SECONDS)


def _wind_up():
    signal.alarm(TEST_SECONDS)
    faulthandler.dump_traceback_later(TEST_SECONDS + LAST_RESORT_SECONDS, exit=True)


def _disarm():
    signal.alarm(0)
    faulthandler.cancel_dump_traceback_later()


def sentence(test):
    """The test's name for people: its file, then the first line of its docstring."""
    if not hasattr(test, "_testMethodName"):
        return str(test)  # a fixture that failed
    module = type(test).__module__.replace("test_", "", 1)
    text = test.shortDescription() or test._testMethodName.replace("test_", "").replace("_", " ")
    return "%s: %s" % (module, text)


class Result(unittest.TestResult):
    """Prints one line when a test ends, and the reasons at once."""

    def __init__(self, stream, tests):
        super().__init__()
        self.stream = stream
        self.tests = tests
        self.passed = self.failed = 0
        self.skips = collections.Counter()  # (module, reason): how many tests
        self.begin = time.monotonic()
        self.subtests_failed = False

    def _say(self, verdict, test, note=""):
        seconds = time.monotonic() - self.begin
        self.stream.write("%-4s %s%s  [%.1f s]\n" % (verdict, sentence(test), note, seconds))
        self.stream.flush()

    def startTest(self, test):
        super().startTest(test)
        self.begin = time.monotonic()
        self.subtests_failed = False
        daemon.started[:] = [one for one in daemon.started if one.running]
        _wind_up()

    def stopTest(self, test):
        super().stopTest(test)
        _wind_up()  # for the fixtures between this test and the next

    def _fail(self, test, error, note=""):
        self.failed += 1
        self._say("FAIL", test, note)
        text = "".join(traceback.format_exception(*error))
        self.stream.write("".join("    %s\n" % line for line in text.splitlines()))
        for one in daemon.started:
            tail = one.log_tail() if one.folder else one.last_log
            self.stream.write(tail + "\n" if tail else "")
        self.stream.flush()

    def addSuccess(self, test):
        if not self.subtests_failed:
            self.passed += 1
            self._say("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        kept_from = self._tests_of_fixture(test)
        self._fail(test, err)
        for one in kept_from:
            self._say("FAIL", one, " (its class could not start)")
        self.failed += max(0, len(kept_from) - 1)

    def _tests_of_fixture(self, test):
        """All tests of the class whose setUpClass `test` stands for, else none."""
        match = re.fullmatch(r"setUpClass \((\S+)\)", str(test))
        if match is None or hasattr(test, "_testMethodName"):
            return []
        name = match.group(1)
        return [one for one in self.tests if unittest.util.strclass(type(one)) == name]

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            if self.subtests_failed:
                self.failed -= 1  # one test counts once
            self.subtests_failed = True
            self._fail(test, err, " " + subtest._subDescription())

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        skipped = self._tests_of_fixture(test) or [test]
        module = type(skipped[0]).__module__.replace("test_", "", 1)
        words = " ".join(reason.split())
        if len(words) > REASON_LENGTH:
            words = words[: REASON_LENGTH - 3] + "..."
        self.skips[module, words] += len(skipped)

    def tell_skips(self):
        """A line for each reason, not for each test."""
        for (module, reason), count in self.skips.items():
            tests = "1 test" if count == 1 else "%d tests" % count
            self.stream.write("skip %s: %s (%s)\n" % (module, tests, reason))


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def _chosen(test, words):
    module = type(test).__module__
    return any(
        module == "test_" + word
        or "." in word
        and word in test.id()
        or " " in word
        and word in sentence(test)
        for word in words
    )


def select(suite, words):
    """The tests that some word chooses: a module's name without test_ ("values"), a part of
    module.Class.method with a dot in it, or a part of the sentence with a blank in it."""
    if not words:
        return suite
    return unittest.TestSuite(test for test in flatten(suite) if _chosen(test, words))


def load(folder, words):
    """The chosen tests of folder/test_*.py."""
    loader = unittest.TestLoader()
    return select(loader.discover(folder, pattern="test_*.py", top_level_dir=folder), words)


def modules(folder, words):
    """The names of the files that have a chosen test, the longest-running first."""
    names = sorted({type(test).__module__ for test in flatten(load(folder, words))})
    first = [name for name in LONG if name in names]
    return first + [name for name in names if name not in first]


def run(folder, words, only=None, stream=sys.stdout):
    """Runs what is in folder/test_*.py, or only in one of them; returns the exit status."""
    signal.signal(signal.SIGALRM, _ring)
    suite = load(folder, words)
    if only is not None:
        suite = unittest.TestSuite(test for test in flatten(suite) if type(test).__module__ == only)
    if words and suite.countTestCases() == 0:
        stream.write("no test is called %s\n" % " or ".join(words))
        return 2
    result = Result(stream, list(flatten(suite)))
    begin = time.monotonic()
    _wind_up()
    try:
        suite.run(result)
    except KeyboardInterrupt:
        stream.write("interrupted\n")
        result.failed += 1
    finally:
        _disarm()
    for one in daemon.started:
        one.kill()
    result.tell_skips()
    stream.write("e2e: %.0f s\n" % (time.monotonic() - begin))
    stream.write(
        "e2e: %d passed, %d failed, %d skipped\n"
        % (result.passed, result.failed, sum(result.skips.values()))
    )
    stream.flush()
    return 1 if result.failed else 0
