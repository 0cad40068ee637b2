"""Processes that are odd, dying, or closed to us: their gaps stay their own."""

import os
import shutil
import subprocess
import threading
import time

from harness import collectd_config as config
from harness import namespace, procfs
from harness.case import INTERVAL, OK, SidecarCase, labels, metric
from harness.collectd import Collectd
from harness.daemon import private_folder, remove_folder
from harness.installation import target_program
from harness.target import Target
from harness.wait import wait_until

# what the last component of a working directory may be called
ODD_NAMES = {
    "two words": b"two words",
    "quotes": b"it's \"quoted\"",
    "semicolon": b"a;b=c",
    "newline": b"one\ntwo",
    "control bytes": b"bell\x07 and escape\x1b[31m",
    "not UTF-8": b"caf\xe9-\xff\xfe",
    "cut UTF-8": b"half-\xe2\x82",
    "emoji": "📦 Projekt größer".encode(),
    "dots": b"a.b.c",
    "backslash": b"back\\slash",
    "braces": b"{sidecar=\"x\"} 1",
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
        for sentence, target in self.targets.items():
            wait_until("its pid", lambda pid=target.pid: self.name_of(pid), 15)
            name = self.name_of(target.pid)
            with self.subTest(sentence):
                found = self.rested("process_open_fds", name)
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
        self.assertEqual([], self.log_lines("sidecar plugin"))


class OddFiles(SidecarCase):
    """Open files whose names hold any byte."""

    def test_names(self):
        """files with newlines, quotes, bad UTF-8 or the looks of a socket are regular files"""
        names = (
            r"new\nline", r"quote\"s", r"bytes-\xff\xfe", r"tab\there", r"semi\;colon", r"back\\slash",
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
            self.assertEqual(len(names), self.value("process_fds_duplicate", "files"))
            self.assertEqual(0, self.value("process_fds_deleted", "files"))
            self.assert_healthy_page()


class Dying(SidecarCase):
    """Ends in the middle of a read, ends without being reaped, becomes something else."""

    @classmethod
    def collectd_options(cls):
        return {"load": ("sidecar",)}

    def test_zombie(self):
        """a zombie is not counted and not complained about"""
        target = Target("undead")
        with target:
            self.wait_for_pid("undead", target.pid)
            os.kill(target.pid, 9)
            wait_until("a zombie", lambda: procfs.state(target.pid) == "Z", 5)
            wait_until("undead to go", lambda: "undead" not in self.instances(), 4 * INTERVAL)
            self.assertEqual("Z", procfs.state(target.pid))
            self.assertEqual([], self.log_lines("undead|%d" % target.pid))

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

    def test_exec(self):
        """a process that becomes another program under the same pid is a sidecar no more"""
        with Target("shapeshifter", prefix=["/bin/sh", "-c", 'sleep 2; exec "$@"', "sh"]) as target:
            self.wait_for_pid("shapeshifter", target.pid)

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
            ]  # fmt: skip
        self.assertEqual([], errors)
        self.assertEqual([], complaints)


class Denied(SidecarCase):
    """A collectd without privileges, and single files that it may not read."""

    ANYBODY = 65534

    def setUp(self):
        if os.geteuid() != 0 or not self.can_be(self.ANYBODY):
            self.skipTest("needs root, to run collectd as somebody else")

    @classmethod
    def setUpClass(cls):
        pass

    @staticmethod
    def can_be(user):
        done = subprocess.run(
            ["setpriv", "--reuid", str(user), "--clear-groups", "true"],
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode == 0

    def start_as(self, *capabilities):
        """A collectd of no user, with these capabilities and no others."""
        kept = ",".join(["-all"] + ["+" + name for name in capabilities])
        user = str(self.ANYBODY)
        prefix = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
        prefix += ["--inh-caps", kept, "--ambient-caps", kept, "--bounding-set", kept]
        self.collectd = Unprivileged(*self.parts(), prefix=prefix)
        self.enterContext(self.collectd)

    def check(self, target, denied, absent, present):
        """Statuses, values and the log of a target after some rounds."""
        name = target.instance
        self.wait_for_instances(name)
        for collector in denied:
            self.wait_for_status(name, collector, 2)
        after = self.at_rest()
        for type_name in present:
            self.sample(type_name, name, after=after) if isinstance(type_name, str) else self.sample(
                type_name[0], name, type_name[1], after=after
            )
        page = self.assert_healthy_page()
        for type_name in absent:
            self.assertEqual([], page.select(metric(type_name), sidecar=name))
        for collector in denied:
            lines = self.log_lines(r"\b%s\b" % name)
            self.assertTrue(any("CAP_" in line for line in lines), lines)

    def test_nothing_allowed(self):
        """without privileges a root's sidecar has pulse values, statuses that say why, no zeros"""
        with Target("private", variables={"SIDECAR_PPROF": "1"}) as target:
            self.start_as()
            # the working directory is closed too, so the program's name stands in
            target.instance = "sidecar"
            self.check(
                target,
                denied=("descriptors", "smaps", "pprof"),
                absent=("process_fds", "process_smaps_bytes", "process_memory_regions",
                        "ps_disk_octets_read_total", "process_inotify_watches"),
                present=("process_resident_memory_bytes", "process_open_fds", "process_threads"),
            )  # fmt: skip
            self.assertEqual([], self.go_values("sidecar"))

    def test_ptrace_only(self):
        """with CAP_SYS_PTRACE alone only what needs the descriptors' names is missing"""
        with Target("traced") as target:
            self.start_as("sys_ptrace")
            self.check(
                target,
                denied=("descriptors",),
                absent=("process_fds", "process_fds_same_file_max", "process_fds_matching"),
                present=("process_open_fds", ("process_smaps_bytes", "pss"), "process_memory_regions"),
            )

    def test_as_the_unit_should(self):
        """with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH nothing is missing"""
        with Target("open") as target:
            self.start_as("sys_ptrace", "dac_read_search")
            self.check(
                target,
                denied=(),
                absent=(),
                present=("process_open_fds", ("process_fds", "regular"), ("process_smaps_bytes", "pss")),
            )
            for collector in ("process", "descriptors", "smaps"):
                self.wait_for_status("open", collector, OK)

    def hide(self, path):
        """Puts something over it that only root may read."""
        folder = os.path.isdir(path)
        cover = os.path.join(self.covers, "folder" if folder else "file")
        subprocess.run(["mount", "--bind", cover, path], check=True, timeout=10)
        self.addCleanup(subprocess.run, ["umount", "-l", path], check=False, timeout=10)

    def check_alone(self, entry, denied, absent, present):
        if not namespace.inside():
            self.skipTest("needs a mount namespace of its own")
        self.covers = private_folder("covers")
        self.addCleanup(remove_folder, self.covers)
        os.mkdir(os.path.join(self.covers, "folder"), 0)
        with open(os.path.join(self.covers, "file"), "w", encoding="ascii"):
            os.chmod(os.path.join(self.covers, "file"), 0)
        user = str(self.ANYBODY)
        prefix = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--bounding-set", "-all"]
        with AsAnybody("alone", prefix=prefix) as target:
            self.hide("/proc/%d/%s" % (target.pid, entry))
            self.start_as()
            self.check(target, denied, absent, present)

    def test_no_fd(self):
        """without permission for fd/ alone only what needs the descriptors' names is missing"""
        self.check_alone(
            "fd",
            denied=("descriptors",),
            absent=("process_fds", "process_fds_matching"),
            present=("process_resident_memory_bytes", ("process_smaps_bytes", "pss"), "process_memory_regions"),
        )

    def test_no_io(self):
        """without permission for io alone only the disk octets are missing"""
        self.check_alone(
            "io",
            denied=(),
            absent=("ps_disk_octets_read_total", "ps_disk_octets_write_total"),
            present=("process_open_fds", ("process_fds", "regular"), ("process_smaps_bytes", "pss")),
        )

    def test_no_smaps_rollup(self):
        """without permission for smaps_rollup alone only the smaps values are missing"""
        self.check_alone(
            "smaps_rollup",
            denied=("smaps",),
            absent=("process_smaps_bytes",),
            present=("process_open_fds", ("process_fds", "regular"), "process_memory_regions"),
        )

    def test_no_environ(self):
        """without permission for environ alone only the Go values are missing"""
        self.check_alone(
            "environ",
            denied=("pprof",),
            absent=("go_goroutines", "go_memstats_heap_alloc_bytes"),
            present=("process_open_fds", ("process_fds", "regular"), ("process_smaps_bytes", "pss")),
        )


class Unprivileged(Collectd):
    """Its folder belongs to the user it will be."""

    def prepare(self):
        super().prepare()
        for path in (self.folder, self.path("base"), self.path("collectd.conf")):
            os.chown(path, Denied.ANYBODY, Denied.ANYBODY)


class AsAnybody(Target):
    """A target of the same user as that collectd."""

    def prepare(self):
        super().prepare()
        os.chmod(self.folder, 0o755)
        for path in (self.folder, self.path("held"), self.path(self.instance)):
            os.chown(path, Denied.ANYBODY, Denied.ANYBODY)
