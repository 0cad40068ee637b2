"""A real program as a context manager: private folder, own log, ended by pid.

Every daemon of the tests derives from Daemon. It is started in a temporary
folder of its own, listens on loopback only, and is ended with SIGTERM, then,
after a bounded wait, with SIGKILL. The tail of its log outlives the folder, so
that it can be shown beside a failure. Children die with the test
program even when that is killed (PR_SET_PDEATHSIG).
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from .wait import Probe, wait_until

PR_SET_PDEATHSIG = 1
LOG_TAIL_LINES = 30
_libc = ctypes.CDLL(None, use_errno=True)

# Every daemon started since a test last began with none: what to show on failure.
started = []
keep_folders = False


def in_ci():
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def missing(reason):
    """Skips the test; in CI, where everything is to be installed, fails it."""
    if in_ci():
        raise AssertionError("missing in CI: " + reason)
    raise unittest.SkipTest(reason)


def need(program, package):
    """The path of a program, or a skip that names the Debian package to install."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        missing("no %s (Debian package %s)" % (program, package))
    return path


def free_port():
    """A loopback TCP port that nobody listens on at the moment of asking."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def private_folder(name):
    """A short path: a unix socket's path holds 107 bytes."""
    return tempfile.mkdtemp(prefix=name + "-")


def remove_folder(path):
    if not keep_folders:
        shutil.rmtree(path, ignore_errors=True)


def die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Daemon:
    """Subclasses set `name` and implement prepare(), argv() and ready()."""

    name = "daemon"
    start_timeout = 20
    stop_timeout = 10

    def __init__(self):
        self.folder = None
        self.process = None
        self.last_log = ""

    def prepare(self):
        """Writes configuration files into self.folder."""

    def argv(self):
        raise NotImplementedError

    def environment(self):
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": self.folder,
            "LANG": "C.UTF-8",
        }

    def directory(self):
        return self.folder

    def before_exec(self):
        """Runs in the child. Whoever runs the tests may have signals ignored (nohup, a shell's
        background); a program that is to obey them must not inherit that."""
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent()

    def standard_input(self):
        return subprocess.DEVNULL

    def ready(self):
        """True when the daemon answers; a Probe or OSError counts as not yet."""
        return True

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def spawn(self):
        """Starts the program and does not wait for it."""
        self.folder = private_folder(self.name)
        self.prepare()
        started.append(self)
        self._run()
        return self

    def _run(self):
        """Runs the program in its folder; what it writes is added to its log."""
        with open(self.path("output.log"), "ab") as output:
            self.process = subprocess.Popen(
                self.argv(),
                cwd=self.directory(),
                env=self.environment(),
                stdin=self.standard_input(),
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=self.before_exec,
                start_new_session=True,
            )

    def again(self):
        """Starts it in the folder that it had before it ended."""
        self._run()
        wait_until("%s to answer" % self.name, self._alive_and_ready, self.start_timeout)

    def start(self):
        try:
            self.spawn()
            wait_until("%s to answer" % self.name, self._alive_and_ready, self.start_timeout)
        except BaseException as error:
            log = self.log()
            self.kill()
            if isinstance(error, AssertionError):
                raise AssertionError("%s\n%s" % (error, log)) from None
            raise
        return self

    def _alive_and_ready(self):
        if not self.running:
            raise AssertionError(
                "%s ended at start with status %s" % (self.name, self.process.returncode)
            )
        return self.ready()

    def terminate(self, timeout=None):
        """SIGTERM and a bounded wait; returns the seconds it took to end.

        Raises AssertionError, after SIGKILL, when the daemon does not end.
        """
        begin = time.monotonic()
        limit = self.stop_timeout if timeout is None else timeout
        if self.running:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            log = self.log()
            self.process.kill()
            self.process.wait(10)
            raise AssertionError(
                "%s (pid %d) did not end within %g s of SIGTERM\n%s"
                % (self.name, self.pid, limit, log)
            ) from None
        return time.monotonic() - begin

    def wait_for_exit(self, timeout=15):
        """Waits for the daemon to end by itself; returns its exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                "%s still runs after %g s\n%s" % (self.name, timeout, self.log())
            ) from None

    def stop(self):
        """Ends the daemon and removes its folder. May be called again."""
        if self.folder is None:
            return
        try:
            if self.process is not None:
                self.terminate()
        finally:
            self.last_log = self.log_tail()
            remove_folder(self.folder)
            self.folder = None

    def kill(self):
        """stop() for a daemon that is expected to be in no state to obey."""
        if self.running:
            self.process.kill()
            self.process.wait(10)
        self.stop()

    def log_files(self):
        return [self.path("output.log")]

    def log(self):
        """Everything the daemon wrote so far."""
        if self.folder is None:
            return self.last_log
        parts = []
        for path in self.log_files():
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="backslashreplace") as file:
                    parts.append(file.read())
        return "".join(parts)

    def log_tail(self):
        lines = [line for line in self.log().splitlines() if line and line != "ready"]
        return "\n".join("    %s| %s" % (self.name, line) for line in lines[-LOG_TAIL_LINES:])

    def wait_for_log(self, pattern, timeout=10):
        """Waits for a line that matches the compiled pattern; returns the match."""

        def probe():
            match = pattern.search(self.log())
            if match is None:
                raise Probe("the log has no line like %s" % pattern.pattern)
            return match

        return wait_until("a line in the log of %s" % self.name, probe, timeout)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.stop()
        else:
            self.kill()
