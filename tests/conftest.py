"""What all suites of tests in Python share: words that choose tests, and lines that count.

A test is called by a sentence: its file, then the first line of its docstring. One line says how
it ended, and the last ones are those that tests/run reads:

    ok   values: two in the same folder get different names  [1.2 s]
    FAIL values: a value that is wrong  [0.5 s]
    skip values: 2 tests (no vi)
    e2e: 325 passed, 1 failed, 2 skipped

What a failure has to say stands before those. Time limits are pytest-timeout's (pytest.ini).
"""

import collections
import faulthandler
import os
import re

import pytest

LAST_RESORT_SECONDS = 45  # after a time limit that did not help
REASON_LENGTH = 120  # of a skip: an error's text may be a page


def is_worker(config):
    """One of pytest-xdist's, which do not print."""
    return hasattr(config, "workerinput")


def pytest_configure(config):
    if config.option.help:
        return
    config.suite = os.path.basename(os.path.abspath(config.args[0].split("::")[0]))
    config.words = [arg for arg in config.args if not os.path.exists(arg.split("::")[0])]
    config.args = [arg for arg in config.args if arg not in config.words]
    config.real_stderr = os.dup(2)  # pytest reads the other one
    if not is_worker(config):
        config.pluginmanager.register(Lines(config))


# --- sentences, and the tests that words choose


def sentence(item):
    """The first line of the docstring, in which %s is what the test is parametrized with."""
    line = (item.function.__doc__ or "").strip().split("\n")[0]
    if hasattr(item, "callspec"):
        line = line.replace("%s", item.callspec.id)
    text = line or item.name.replace("test_", "").replace("_", " ")
    return "%s: %s" % (item.module.__name__.replace("test_", "", 1), text)


def chosen(item, word):
    module = item.module.__name__
    name = ".".join([module] + item.nodeid.split("::")[1:])
    return (
        module == "test_" + word
        or "." in word
        and word in name
        or " " in word
        and word in sentence(item)
    )


def pytest_collection_modifyitems(config, items):
    for item in items:
        item.user_properties.append(("sentence", sentence(item)))
    if config.words:
        items[:] = [item for item in items if any(chosen(item, word) for word in config.words)]


# --- a time limit that does not help


@pytest.hookimpl(hookwrapper=True)
def pytest_timeout_set_timer(item, settings):
    """A test that hangs where no signal interrupts it shows where, and ends with its process."""
    seconds = settings.timeout + LAST_RESORT_SECONDS
    faulthandler.dump_traceback_later(seconds, exit=True, file=item.config.real_stderr)
    yield


@pytest.hookimpl(hookwrapper=True)
def pytest_timeout_cancel_timer():
    faulthandler.cancel_dump_traceback_later()
    yield


# --- the lines


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report):
    """No dots: Lines prints. pytest still counts, and shows failures at the end."""
    if report.failed:
        return "failed" if report.when == "call" else "error", "", ""
    return report.outcome if report.when == "call" or report.skipped else "", "", ""


class Test:
    """How one test is getting on."""

    def __init__(self):
        self.outcome = "passed"
        self.seconds = 0.0


class Lines:
    """Prints a line for each test when it ends, and the counts after all that pytest prints."""

    def __init__(self, config):
        self.config = config
        self.tests = collections.defaultdict(Test)  # by nodeid
        self.skips = collections.Counter()  # (file, reason): how many tests

    def write(self, line):
        self.config.pluginmanager.getplugin("terminalreporter").write_line(line)
        self.config.get_terminal_writer().flush()

    def pytest_runtest_logreport(self, report):
        text = dict(report.user_properties).get("sentence", report.nodeid)
        test = self.tests[report.nodeid]
        test.seconds += report.duration
        if report.failed and test.outcome != "failed":
            test.outcome = "failed"
            self.write("FAIL %s  [%.1f s]" % (text, test.seconds))
        elif report.skipped and test.outcome == "passed":
            test.outcome = "skipped"
            self._skip(text.split(":")[0], report.longrepr)
        elif report.when == "teardown" and test.outcome == "passed":
            self.write("ok   %s  [%.1f s]" % (text, test.seconds))

    def pytest_collectreport(self, report):
        if report.failed:
            self.tests[report.nodeid].outcome = "failed"
            self.write("FAIL %s cannot be loaded" % (report.nodeid or self.config.suite))
        elif report.skipped:
            self.tests[report.nodeid].outcome = "skipped"
            self._skip(report.nodeid, report.longrepr)

    def _skip(self, file, longrepr):
        reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
        words = " ".join(re.sub(r"^Skipped: ", "", reason).split())
        if len(words) > REASON_LENGTH:
            words = words[: REASON_LENGTH - 3] + "..."
        self.skips[file, words] += 1

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, exitstatus):
        yield
        counts = collections.Counter(test.outcome for test in self.tests.values())
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            self.write("no test is called %s" % " or ".join(self.config.words or ["test_*"]))
        elif exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self.write("FAIL %s ended early (pytest's status %d)" % (self.config.suite, exitstatus))
            counts["failed"] += 1
        for (file, reason), count in self.skips.items():
            tests = "1 test" if count == 1 else "%d tests" % count
            self.write("skip %s: %s (%s)" % (file, tests, reason))
        result = "%(passed)d passed, %(failed)d failed, %(skipped)d skipped"
        self.write("%s: %s" % (self.config.suite, result % collections.defaultdict(int, counts)))
