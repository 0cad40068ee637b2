"""What only sounds like a sidecar."""

import os
import shutil
import subprocess
import time

from harness import namespace
from harness.case import INTERVAL, SidecarCase
from harness.daemon import need, private_folder, remove_folder
from harness.wait import wait_until


class Others(SidecarCase):
    def setUp(self):
        if not namespace.inside():
            self.skipTest("needs private namespaces: other sidecars may run on this machine")
        self.folder = private_folder("others")
        self.addCleanup(remove_folder, self.folder)

    def run_process(self, *argv):
        process = subprocess.Popen(
            argv, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def assert_no_sidecar(self):
        since = time.time()
        self.assertEqual(0, self.count(after=since + 2 * INTERVAL))
        self.assertEqual(set(), self.instances())

    def tmux(self, *arguments):
        return subprocess.run(
            [need("tmux", "tmux"), "-L", "e2e", "-f", "/dev/null"] + list(arguments),
            env={"PATH": os.environ["PATH"], "TMUX_TMPDIR": self.folder, "LANG": "C.UTF-8",
                 "HOME": self.folder, "SHELL": "/bin/sh", "TERM": "xterm"},
            cwd=self.folder,
            check=True,
            timeout=20,
            stdout=subprocess.PIPE,
        ).stdout.decode()  # fmt: skip

    def test_tmux_session(self):
        """tmux new-session -s sidecar-sh-x is no sidecar, nor what runs in it"""
        need("tmux", "tmux")
        self.addCleanup(self.tmux, "kill-server")
        self.tmux("new-session", "-d", "-s", "sidecar-sh-x", "sleep 1000")
        self.assertIn("sidecar-sh-x", self.tmux("list-sessions"))
        self.assert_no_sidecar()

    def test_editor(self):
        """an editor that has a file named sidecar open is no sidecar"""
        path = os.path.join(self.folder, "sidecar")
        with open(path, "w", encoding="ascii") as file:
            file.write("a text\n")
        self.run_process("tail", "-f", path)
        editor = self.tmux_editor(path)
        self.assert_no_sidecar()
        if editor is None:
            self.skipTest("no vi here; tail -f stood in for it")

    def tmux_editor(self, path):
        """Opens the file in vi, in a terminal of its own; None without tmux or vi."""
        vi = next((vi for vi in ("vim", "vi", "nano") if shutil.which(vi)), None)
        if vi is None or shutil.which("tmux") is None:
            return None
        self.addCleanup(self.tmux, "kill-server")
        self.tmux("new-session", "-d", "-s", "edit", "%s %s" % (vi, path))
        return vi

    def test_script(self):
        """a shell script called sidecar is a shell"""
        path = os.path.join(self.folder, "sidecar")
        with open(path, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\nread forever\n")
        os.chmod(path, 0o755)
        process = subprocess.Popen([path], stdin=subprocess.PIPE, cwd=self.folder)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)

        def comm():
            with open("/proc/%d/comm" % process.pid, encoding="ascii") as file:
                return file.read()

        wait_until("the script to run", comm, 5, accept=lambda name: name == "sidecar\n")
        self.assert_no_sidecar()

    def test_longer_name(self):
        """sidecar-helper is no sidecar"""
        path = os.path.join(self.folder, "sidecar-helper")
        os.symlink("/bin/sleep", os.path.join(self.folder, "sidecar"))
        with open("/bin/sleep", "rb") as source, open(path, "wb") as copy:
            copy.write(source.read())
        os.chmod(path, 0o755)
        self.run_process(path, "1000")
        self.assert_no_sidecar()
