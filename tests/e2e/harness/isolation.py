"""A pytest plugin: the tests of a file run in private namespaces, several files at a time.

pytest-xdist's workers are started in namespaces of their own (namespace.py), and
take one file after the other; whatever runs when a file is done is ended there, so
that the next one finds as little as the first did. The tests mostly wait for the
next interval, so there are many more workers than cores.

Without namespaces, and with -n0, the tests run one after the other in this
process. conftest.py of a suite names this plugin.
"""

import glob
import hashlib
import os
import shutil
import signal
import tempfile

import pytest

from . import daemon, installation, namespace


def pytest_addoption(parser):
    group = parser.getgroup("tests with real daemons")
    group.addoption("--builddir", default=os.getcwd(), help="where make ran (default: here)")
    group.addoption("--collectd", default="collectd", help="the daemon's program")
    group.addoption("--keep", action="store_true", help="keep the temporary folders")
    group.addoption(
        "--no-namespaces", action="store_true", help="share this machine's processes and ports"
    )


def _is_worker(config):
    return hasattr(config, "workerinput")


# --- workers in namespaces


def _files(config):
    """How many files of tests there are, at most."""
    paths = [arg.split("::")[0] for arg in config.args]
    return sum(len(glob.glob(os.path.join(path, "test_*.py"))) or 1 for path in paths)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Before pytest-xdist looks how many workers are wanted."""
    if _is_worker(config) or config.option.help:
        return
    option = config.option
    config.no_namespaces = "not wanted" if option.no_namespaces else namespace.why_not()
    if option.numprocesses is None:
        alone = config.no_namespaces or option.collectonly or option.usepdb
        most = min(3 * len(os.sched_getaffinity(0)), _files(config))
        option.numprocesses = 0 if alone else most
    if option.numprocesses and option.dist == "no":
        option.dist = "loadfile"
        option.loadscopereorder = False  # of pytest-xdist from 3.7


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config, specs):
    if config.no_namespaces is None:
        for spec in specs:
            spec.python = namespace.python()


def pytest_sessionstart(session):
    config = session.config
    if not _is_worker(config) and config.no_namespaces is not None:
        print("%s: no private namespaces: %s" % (config.suite, config.no_namespaces), flush=True)


@pytest.fixture(scope="module", autouse=True)
def nothing_left():
    """Ends what the tests of a file have left running."""
    yield
    for one in daemon.started:
        one.kill()
    if namespace.inside():
        namespace.end_all()


# --- what the tests find


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    installation.settings.builddir = os.path.abspath(config.option.builddir)
    installation.settings.collectd = config.option.collectd
    daemon.keep_folders = config.option.keep
    if _is_worker(config) or config.option.help:
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Whatever happens, all temporary folders go with this one.
    config.folder = installation.open_folder()  # some tests run programs as another user
    os.environ["TMPDIR"] = tempfile.tempdir = config.folder
    installation.prepare_plugins()
    installation.prepare_target()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if hasattr(config, "folder") and not config.option.keep:
        shutil.rmtree(config.folder, ignore_errors=True)


# --- the daemons' logs beside a failure


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    daemon.started[:] = [one for one in daemon.started if one.running]
    # Where a worker ends in the middle of a test, another begins the file where it was left, with
    # that test, again and again.
    name = "begun-" + hashlib.sha1(item.nodeid.encode()).hexdigest()
    path = os.path.join(tempfile.gettempdir(), name)
    if os.path.exists(path):
        pytest.fail("it ended the worker that ran it", pytrace=False)
    with open(path, "w", encoding="utf-8"):
        pass


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for one in daemon.started:
            tail = one.log_tail() if one.folder else one.last_log
            if tail:
                report.sections.append(("end of the log of " + one.name, tail))
