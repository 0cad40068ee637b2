"""The example Go program of tests/target as a daemon that is told what to hold."""

import ctypes
import os
import socket
import subprocess

from .daemon import Daemon, _libc, die_with_parent
from .installation import target_program
from .wait import Probe


class Target(Daemon):
    """A process called `sidecar`.

    instance: the name of its working directory, made in its private folder; or
    cwd: an existing folder (bytes are fine). variables: what its environment has
    beside PATH and HOME; a list of pairs may hold a name twice. do: commands it
    runs before it is ready. program: another copy of the executable. flags: of its
    command line.
    """

    name = "target"

    def __init__(
        self, instance="proj", cwd=None, variables=(), do=(), program=None, prefix=(), flags=()
    ):
        super().__init__()
        self.cwd = cwd
        self.instance = instance
        self.variables = list(variables.items() if isinstance(variables, dict) else variables)
        self.commands = list(do)
        self.program = program
        self.prefix = list(prefix)
        self.flags = list(flags)

    def prepare(self):
        if self.cwd is None:
            os.mkdir(self.path(self.instance))
        os.mkdir(self.path("held"))
        self.program = self.program or target_program()

    def directory(self):
        return self.path(self.instance) if self.cwd is None else self.cwd

    def argv(self):
        command = self.prefix + [self.program]
        command += ["-control", self.path("control"), "-dir", self.path("held")]
        command += self.flags
        for line in self.commands:
            command += ["-do", line]
        return command

    def environment(self):
        return dict(super().environment(), GOMAXPROCS="2", **dict(self.variables))

    def before_exec(self):
        """An environment with a name twice cannot be given to subprocess as a dict."""
        die_with_parent()
        names = [name for name, _ in self.variables]
        if len(names) != len(set(names)):
            pairs = list(super().environment().items()) + self.variables
            self._exec(["%s=%s" % pair for pair in pairs])

    def _exec(self, environment):
        def strings(items):
            encoded = [os.fsencode(item) for item in items]
            return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)

        argv = self.argv()
        _libc.execve(os.fsencode(argv[0]), strings(argv), strings(environment))

    def ready(self):
        return os.path.exists(self.path("control"))

    def do(self, line):
        """Runs commands of the target's language; returns what follows "ok"."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(30)
            control.connect(self.path("control"))
            control.sendall(line.encode("utf-8", "surrogateescape") + b"\n")
            control.shutdown(socket.SHUT_WR)
            reply = b""
            while piece := control.recv(65536):
                reply += piece
        reply = reply.decode("utf-8", "backslashreplace").rstrip("\n")
        if not reply.startswith("ok") or "settled=no" in reply:
            raise AssertionError("the target said to %r: %s" % (line, reply or "nothing"))
        return reply[2:].strip()


def curl(url):
    """What curl prints; a Probe when it cannot."""
    done = subprocess.run(
        ["curl", "-sSf", "--max-time", "5", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        raise Probe("curl: " + done.stderr.decode(errors="replace").strip())
    return done.stdout.decode(errors="replace")
