"""Processes that are odd, dying, or closed to us: their gaps stay their own."""

import os
import shutil
import subprocess
import threading
import time

from harness import procfs
from harness.case import INTERVAL, SidecarCase, labels, metric
from harness.collectd import Collectd
from harness.daemon import private_folder, remove_folder
from harness.installation import target_program
from harness.target import Target
from harness.wait import wait_until

# what the last component of a working directory may be called
ODD_NAMES = {
    "two words": b"two words",
    "quotes": b'it\'s "quoted"',
    "semicolon": b"a;b=c",
    "newline": b"one\ntwo",
    "control bytes": b"bell\x07 and escape\x1b[31m",
    "not UTF-8": b"caf\xe9-\xff\xfe",
    "cut UTF-8": b"half-\xe2\x82",
    "invisible": "so\u00adft\u061c\u202e\u115f\U000e0041".encode(),
    "emoji": "📦 Projekt größer".encode(),
    "dots": b"a.b.c",
    "backslash": b"back\\slash",
    "braces": b'{sidecar="x"} 1',
    "percent": b"100%s%n%d",
    "255 bytes": b"n" * 255,
    "255 bytes of umlauts": ("ü" * 127 + "x").encode(),
    "spaces only": b"   ",
    "deleted": b"gone (deleted)",
    "hash": b"# HELP me",
}


class OddFolders(SidecarCase):
    """Working directories that no metric's label was made for; all at the same time."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = os.fsencode(private_folder("odd"))
        cls.addClassCleanup(remove_folder, cls.folder)
        cls.targets = {}
        for sentence, name in ODD_NAMES.items():
            path = os.path.join(cls.folder, name)
            os.mkdir(path)
            cls.targets[sentence] = cls.enterClassContext(Target(cwd=path))
        cls.targets["the root"] = cls.enterClassContext(Target(cwd="/"))
        cls.targets["4000 bytes"] = cls.enterClassContext(Target(cwd=cls.deep(3999)))
        cls.targets["removed"] = cls.enterClassContext(Target(cwd=cls.deep(40)))
        os.rmdir(cls.targets["removed"].cwd)

    @classmethod
    def deep(cls, length):
        """A folder whose path has that many bytes."""
        path = os.path.join(cls.folder, b"deep%d" % length)
        while length - len(path) > 1:
            path += b"/" + b"d" * min(250, length - len(path) - 1)
        os.makedirs(path, exist_ok=True)
        return path

    def test_all_are_there(self):
        """sidecars in odd, deleted and very long folders are watched, each under its own name"""
        pids = {target.pid: sentence for sentence, target in self.targets.items()}

        def absent():
            samples = self.page().select(metric("process_pid"))
            return {sentence for pid, sentence in pids.items()} - {
                pids.get(int(sample.value)) for sample in samples
            }

        wait_until("all of them", absent, 15, accept=lambda names: not names)
        page = self.assert_healthy_page()
        for sample in page.select(metric("process_pid")):
            name = sample.labels["sidecar"]
            with self.subTest(pids.get(int(sample.value))):
                self.assertTrue(name.strip())
                self.assertLess(len(name.encode()), 128)
                for byte in '\n"\\;/\x07\x1b':
                    self.assertNotIn(byte, name)
                self.assertNotIn("\ufffd", name, "replaced where a byte should be left out")

    def test_right_values(self):
        """their values are right whatever their name"""
        after = self.at_rest()
        for sentence, target in self.targets.items():
            with self.subTest(sentence):
                wait_until("its pid", lambda pid=target.pid: self.name_of(pid), 15)
                found = self.value("process_open_fds", self.name_of(target.pid), after=after)
                self.assertEqual(procfs.count_descriptors(target.pid), found)

    def name_of(self, pid):
        for sample in self.page().select(metric("process_pid")):
            if sample.value == pid:
                return sample.labels["sidecar"]
        return None

    def test_readable_names(self):
        """names that need no care are kept as they are, and umlauts as well"""
        wait_until("the emoji", lambda: "📦 Projekt größer" in self.instances(), 15)
        self.assertIn("a.b.c", self.instances())
        self.assertIn("two words", self.instances())

    def test_quiet(self):
        """odd names alone are no reason to complain"""
        self.wait_for_instances(*self.instances())
        self.assertEqual([], self.complaints())


class OddFiles(SidecarCase):
    """Open files whose names hold any byte."""

    def test_names(self):
        """files with newlines, quotes, bad UTF-8 or the looks of a socket are regular files"""
        names = (
            r"new\nline", r"quote\"s", r"bytes-\xff\xfe", r"tab\there",
            r"semi\;colon", r"back\\slash",
            "socket:[123]", "pipe:[7]", "anon_inode:inotify", r"really\ (deleted)", "x" * 255,
        )  # fmt: skip
        with Target("files", do=[r'fds regular 2 path="%s"' % name for name in names]) as target:
            files = procfs.open_files(target.pid)
            expected = procfs.classes(files)
            self.assertGreaterEqual(expected["regular"], 2 * len(names))
            after = self.at_rest()
            for kind, count in expected.items():
                self.assertEqual(count, self.value("process_fds", "files", kind, after=after), kind)
            self.assertEqual(2, self.value("process_fds_same_file_max", "files"))
            # one more: standard output and error are one file
            self.assertEqual(len(names) + 1, self.value("process_fds_duplicate", "files"))
            self.assertEqual(0, self.value("process_fds_deleted", "files"))
            self.assert_healthy_page()


class Dying(SidecarCase):
    """Ends in the middle of a read, ends without being reaped, becomes something else."""

    def test_zombie(self):
        """a zombie is not counted and not complained about"""
        target = Target("undead")
        with target:
            self.wait_for_pid("undead", target.pid)
            os.kill(target.pid, 9)
            wait_until("a zombie", lambda: procfs.state(target.pid) == "Z", 5)
            wait_until("undead to go", lambda: "undead" not in self.instances(), 4 * INTERVAL)
            self.assertEqual("Z", procfs.state(target.pid))
            self.assertEqual([], self.log_lines("undead"))

    def test_replaced_executable(self):
        """a sidecar whose program was replaced on disk is found by a collectd started later"""
        folder = private_folder("upgrade")
        self.addCleanup(remove_folder, folder)
        program = os.path.join(folder, "sidecar")
        shutil.copy(target_program(), program)
        with Target("old-version", program=program) as target:
            os.remove(program)
            shutil.copy(target_program(), program)
            self.assertIn("(deleted)", os.readlink("/proc/%d/exe" % target.pid))
            with Collectd(*self.parts()) as later:
                later.endpoint.sample(metric("process_pid"), **labels("old-version"))
            self.wait_for_pid("old-version", target.pid)

    def test_becomes_a_sidecar(self):
        """a process that becomes a sidecar under the same pid is found"""
        with Target("becoming", prefix=["/bin/sh", "-c", 'sleep 3; exec "$@"', "sh"]) as target:
            self.wait_for_pid("becoming", target.pid)

    def test_becomes_another(self):
        """a sidecar that becomes another program under the same pid is one no more"""
        folder = private_folder("becomes")
        self.addCleanup(remove_folder, folder)
        program = os.path.join(folder, "sidecar")
        shutil.copy("/bin/sh", program)
        script = "read word; exec sleep 1000"
        process = subprocess.Popen([program, "-c", script], cwd=folder, stdin=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        name = os.path.basename(folder)
        self.wait_for_pid(name, process.pid)
        process.stdin.write(b"go\n")
        process.stdin.flush()
        wait_until("it to be forgotten", lambda: name not in self.instances(), 15)
        self.assertIsNone(process.poll())

    def test_churn(self):
        """sidecars that start and end all the time spoil no page and cause no complaint"""
        errors = []
        end = time.monotonic() + 8
        with Collectd(*self.parts(), interval=0.05) as hasty:
            steady = self.enterContext(Target("steady"))

            def churn():
                program = target_program()
                folder = steady.folder
                while time.monotonic() < end:
                    child = subprocess.Popen(
                        [program, "-do", "fds regular 200"], cwd=folder,
                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )  # fmt: skip
                    time.sleep(0.08)
                    child.kill()
                    child.wait()

            threads = [threading.Thread(target=churn) for _ in range(2)]
            for thread in threads:
                thread.start()
            while time.monotonic() < end:
                page = hasty.page()
                fds = page.value(metric("process_open_fds"), **labels("steady"))
                if fds is not None and fds > 50:
                    errors.append(fds)
                time.sleep(0.05)
            for thread in threads:
                thread.join()
            complaints = [
                line for line in hasty.log().splitlines()
                if "sidecar plugin" in line and ("[error]" in line or "[warning]" in line)
                and "all their time" not in line  # the machine may be busy
            ]  # fmt: skip
        self.assertEqual([], errors)
        self.assertEqual([], complaints)
