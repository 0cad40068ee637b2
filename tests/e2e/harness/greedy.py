"""Users who mean no good: processes called `sidecar`; see greedy_processes.py, blocking_processes.py."""

import os
import pwd
import resource
import shutil
import stat
import sys
import unittest

from .daemon import Daemon

FILES = 20000  # that each of them may open
HERE = os.path.dirname(os.path.abspath(__file__))


def need_another_user():
    """Root may become nobody, but in a user namespace only if he has an id in it."""
    uid = pwd.getpwnam("nobody").pw_uid
    with open("/proc/self/uid_map", encoding="ascii") as file:
        ranges = [[int(number) for number in line.split()] for line in file]
    if os.geteuid() != 0 or not any(first <= uid < first + count for first, _, count in ranges):
        raise unittest.SkipTest("only root may start processes of another user")


class Greedy(Daemon):
    """Processes of the user nobody, with a copy of Python called `sidecar`."""

    name = "greedy"
    program = "greedy_processes.py"

    def __init__(self, processes, command, number=0):
        super().__init__()
        need_another_user()
        self.arguments = [str(processes), command, str(number)]

    def prepare(self):
        program = shutil.copy(os.path.realpath(sys.executable), self.path("sidecar"))
        # the user nobody may not be able to read the source
        script = shutil.copy(os.path.join(HERE, self.program), self.path("processes.py"))
        os.mkdir(self.path("greedy"))
        nobody = pwd.getpwnam("nobody")
        for path in (self.folder, self.path("greedy")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        os.chmod(program, 0o755)
        os.chmod(script, 0o644)

    def directory(self):
        return self.path("greedy")

    def environment(self):
        return dict(super().environment(), PYTHONHOME=sys.base_prefix)

    def argv(self):
        return [self.path("sidecar"), "-B", self.path("processes.py")] + self.arguments

    def before_exec(self):
        nobody = pwd.getpwnam("nobody")
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        super().before_exec()

    def ready(self):
        return "ready" in self.log()

    def stop(self):
        if self.running:
            os.killpg(self.pid, 9)
        super().stop()


class Blocking(Greedy):
    """Those who block everyone who reads them, for a limited time."""

    name = "blocking"
    program = "blocking_processes.py"

    def prepare(self):
        super().prepare()
        # everyone may open it, on a usual machine
        os.mknod(self.path("fuse"), stat.S_IFCHR | 0o666, os.makedev(10, 229))
        os.chmod(self.path("fuse"), 0o666)

    def ready(self):
        return super().ready() or self.impossible()

    def impossible(self):
        """The reason why the kernel does not permit them; None."""
        lines = [line for line in self.log().splitlines() if line.startswith("impossible")]
        return lines[0] if lines else None

    def block(self):
        self.write("greedy/block", "")

    def release(self):
        self.write("greedy/release", "")

    def stop(self):
        if self.running:
            self.release()
        super().stop()
