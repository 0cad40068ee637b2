"""The real sidecar: got as a Go tool, run in tmux, with its state kept apart.

It must be fetched before the tests enter a network namespace, so conftest.py
calls prepare() outside; the environment carries the outcome inside.
"""

import os
import shutil
import subprocess
import tempfile
import time
import unittest

from .daemon import Daemon, need
from .wait import Probe

MODULE = "github.com/marcus/sidecar/cmd/sidecar"
VERSION = "v1.3.0"
GIVEN = "SIDECAR_REAL"  # a path, given by the user or found by prepare()
REASON = "SIDECAR_REAL_MISSING"
INSTALL_SECONDS = 900


def prepare():
    """Installs the program unless SIDECAR_REAL names one; notes why it could not."""
    if os.environ.get(GIVEN) or os.environ.get(REASON):
        return
    go = shutil.which("go")
    if go is None:
        os.environ[REASON] = "no go to install %s with" % MODULE
        return
    folder = tempfile.mkdtemp(prefix="gobin-")
    try:
        done = subprocess.run(
            [go, "install", "%s@%s" % (MODULE, VERSION)],
            env=dict(os.environ, GOBIN=folder, GOFLAGS="-modcacherw"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        words = done.stdout.decode(errors="replace").strip().splitlines()
    except (OSError, subprocess.TimeoutExpired) as error:
        words = [str(error)]
    program = os.path.join(folder, "sidecar")
    if os.path.isfile(program):
        os.environ[GIVEN] = program
    else:
        # the cause stands at the end, behind the names of all that was being got
        words = " ".join(" ".join(words).split())[-60:]
        os.environ[REASON] = "go cannot install sidecar %s: ...%s" % (VERSION, words)


def program():
    """The real program's path, or a skip with the reason.

    Also in CI: whether a module registry hands it out is not in our hands, unlike
    everything else that is missing().
    """
    path = os.environ.get(GIVEN)
    if path:
        if not os.access(path, os.X_OK):
            raise AssertionError("%s=%s is no program" % (GIVEN, path))
        return path
    raise unittest.SkipTest(os.environ.get(REASON, "not prepared: run it with tests/pytest e2e"))


class RealSidecar(Daemon):
    """A real sidecar in a tmux server of its own, in a project of its own."""

    name = "sidecar"
    start_timeout = 30

    def __init__(self, instance, pprof=None):
        super().__init__()
        self.instance = instance
        self.pprof = pprof
        self.sidecar_pid = None

    def environment(self):
        variables = {
            "TERM": "xterm-256color",
            "SHELL": "/bin/sh",
            "TMUX_TMPDIR": self.path("tmux"),
            "XDG_STATE_HOME": self.path("state"),
            "XDG_CONFIG_HOME": self.path("config"),
            "XDG_DATA_HOME": self.path("data"),
            "XDG_CACHE_HOME": self.path("cache"),
            # refuses to start rather than write to the real state
            "SIDECAR_ISOLATED_STATE": "1",
        }
        if self.pprof is not None:
            variables["SIDECAR_PPROF"] = str(self.pprof)
        return dict(super().environment(), **variables)

    def prepare(self):
        for folder in ("tmux", "state", "config", "data", "cache", self.instance):
            os.mkdir(self.path(folder), 0o700)
        self.write("sidecar/config.json", "{}\n")

    def argv(self):
        return [need("tmux", "tmux"), "-L", "e2e", "-f", "/dev/null", "-D"]

    def directory(self):
        return self.path(self.instance)

    def tmux(self, *arguments):
        return subprocess.run(
            # -N: a client that comes before our server must not start one of its own
            [need("tmux", "tmux"), "-N", "-L", "e2e", "-f", "/dev/null"] + list(arguments),
            env=self.environment(),
            cwd=self.directory(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=20,
            check=False,
        ).stdout.decode(errors="replace")

    def ready(self):
        """The program runs, in a pane of this tmux server."""
        if self.sidecar_pid is None:
            command = [program(), "-config", self.path("sidecar", "config.json")]
            self.tmux("new-session", "-d", "-x", "160", "-y", "48", *command)
            pane = self.tmux("list-panes", "-a", "-F", "#{pane_pid}").strip()
            if not pane.isdigit():
                raise Probe("tmux says %r" % pane)
            self.sidecar_pid = int(pane)
        return os.path.basename(os.readlink("/proc/%d/exe" % self.sidecar_pid)) == "sidecar"

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def end_sidecar(self, timeout=10):
        """Ends the program inside tmux and waits for that."""
        self.tmux("kill-server")
        end = time.monotonic() + timeout
        while os.path.isdir("/proc/%d" % self.sidecar_pid) and time.monotonic() < end:
            time.sleep(0.05)
