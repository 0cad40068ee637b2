"""A Python process whose "pprof port" misbehaves; see hostile_pprof.py for the modes."""

import os
import re
import sys

from . import collectd_config as config
from .daemon import Daemon, free_port

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile_pprof.py")


def process_block(**options):
    """A <Process> block that watches every hostile process, and nothing else."""
    executable = os.path.basename(os.path.realpath(sys.executable))
    return config.young(
        "hostile",
        executable=executable,
        command_line=r"hostile_pprof\.py",
        instance="%{cwd}",
        **options,
    )


class Hostile(Daemon):
    """Its instance is its working directory's name: the mode, unless given.

    A crowd of so many processes more has the same port open, in the same directory.
    """

    name = "hostile"

    def __init__(self, mode, instance=None, crowd=0):
        super().__init__()
        self.crowd = crowd
        self.mode = mode
        self.instance = instance or mode
        self.port, self.bait_port = free_port(), free_port()

    def prepare(self):
        os.mkdir(self.path(self.instance))
        self.behave(self.mode)

    def behave(self, mode):
        """From the next connection on."""
        self.write("mode.new", mode)
        os.replace(self.path("mode.new"), self.path("mode"))

    def directory(self):
        return self.path(self.instance)

    def environment(self):
        return dict(super().environment(), SIDECAR_PPROF=str(self.port))

    def argv(self):
        return [
            sys.executable,
            "-B",
            PROGRAM,
            str(self.port),
            str(self.bait_port),
            self.path("mode"),
            str(self.crowd),
        ]

    def ready(self):
        return re.search("^ready$", self.log(), re.M) is not None

    def requests(self):
        """["MODE PATH", …] served so far; "bait" for each redirect that was followed."""
        path = self.path("mode.requests")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    def forget_requests(self):
        if os.path.exists(self.path("mode.requests")):
            os.remove(self.path("mode.requests"))
