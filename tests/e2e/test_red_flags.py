"""Red flags of the example target: levels are breached, told of with their evidence, and over."""

import os
import time

import pytest
from harness import collectd_config as config
from harness.case import SidecarCase, labels, metric
from harness.daemon import free_port
from harness.notices import Notices
from harness.red_flags import WATCHES_PERCENT, RedFlagCase
from harness.sqlite import Database
from harness.target import Target
from harness.wait import wait_until


def tail(path):
    """As a line has it: the end of a long path."""
    return path if len(path) <= 90 else "..." + path[-90:]


class Levels(RedFlagCase):
    """Each level is breached, told of once with its evidence, and over when it is."""

    def setUp(self):
        self.port = free_port()
        self.target = self.enterContext(
            Target("proj", variables={"SIDECAR_PPROF": str(self.port)})
        )
        self.wait_for_instances("proj")

    def turns(self, command, flag, severity, release="release all"):
        """Notifications when the flag turns; afterwards it has ended again."""
        self.target.do(command)
        notice = self.notices.wait_for("proj", flag, severity)
        self.wait_for_state("proj", flag, {"warning": 1, "failure": 2}[severity])
        self.assertEqual("sidecar", notice["plugin"])
        self.assertEqual("red_flag", notice["type"])
        self.assertLessEqual(len(notice["message"].encode()), 255)
        self.assertEqual(self.target.pid, int(notice["meta"]["pid"]))
        self.assertIn("proj (pid %d): " % self.target.pid, notice["message"])
        before = len(self.notices.all("proj", flag))
        self.target.do(release)
        over = self.notices.wait_for("proj", flag, "okay")
        self.wait_for_state("proj", flag, 0)
        self.assertIn("back to normal", over["message"])
        self.assertEqual(before + 1, len(self.notices.all("proj", flag)))
        return notice

    def test_fds(self):
        """many descriptors: the class with most, and the command that lists them"""
        notice = self.turns("fds pipe 250", "fds", "warning")
        self.assertEqual("pipe", notice["meta"]["class"])
        # up to Go 1.20 the runtime's poller has a pipe of its own
        self.assertIn(int(notice["meta"]["class_count"]), (250, 252))
        self.assertGreaterEqual(notice["meta"]["value"], 250)
        self.assertEqual(200, notice["meta"]["threshold"])
        self.assertIn("lsof -p %d" % self.target.pid, notice["meta"]["next"])

    def test_fds_limit(self):
        """four fifths of the descriptors that it may have"""
        limited = ["sh", "-c", 'ulimit -n 1000 && exec "$@"', "sh"]
        with Target("narrow", prefix=limited, do=["fds pipe 810"]) as target:
            notice = self.notices.wait_for("narrow", "fds_limit", "warning")
            self.assertRegex(notice["message"], r"FDs: 8\d % of the limit \(warning from 80 %")
            self.assertEqual("pipe", notice["meta"]["class"])
            target.do("fds pipe 150")
            self.notices.wait_for("narrow", "fds_limit", "failure")
            target.do("release all")
            self.notices.wait_for("narrow", "fds_limit", "okay", 60)

    def test_same_file(self):
        """one file sixty times: its path and its count"""
        notice = self.turns("fds regular 60 path=leaked.jsonl", "same_file", "failure")
        self.assertTrue(notice["meta"]["path"].endswith("/leaked.jsonl"), notice)
        self.assertEqual("60", notice["meta"]["count"])
        self.assertIn("leaked.jsonl", notice["message"])

    def test_session_files(self):
        """session files by the hundred: the pattern and its count"""
        command = "fds regular 120 path=.claude/projects/p/%d.jsonl"
        notice = self.turns(command, "session_files", "warning")
        self.assertEqual("claude_sessions", notice["meta"]["pattern"])
        self.assertEqual("120", notice["meta"]["count"])

    def test_ugly_path(self):
        """a file name with line breaks and escapes is told in one printable line"""
        notice = self.turns(
            'fds regular 10 path="a\\nb\\x1b[31m\\xff"', "same_file", "warning"
        )
        self.assertIn("a\\x0Ab\\x1B[31m\\xFF", notice["meta"]["path"])
        self.assertTrue(notice["message"].isprintable(), notice["message"])

    def links(self):
        """What `ls -l /proc/PID/fd` shows of the target."""
        folder = "/proc/%d/fd" % self.target.pid
        found = []
        for number in os.listdir(folder):
            try:
                found.append(os.readlink(os.path.join(folder, number)))
            except FileNotFoundError:
                pass
        return found

    def holds(self, command):
        """The notification of so many descriptors, the links meanwhile, and what the line names."""
        self.target.do(command)
        notice = self.notices.wait_for("proj", "fds", "warning")
        links = self.links()
        self.target.do("release all")
        self.notices.wait_for("proj", "fds", "okay")
        self.assertLessEqual(len(notice["message"].encode()), 255)
        self.assertTrue(notice["message"].isprintable(), notice["message"])
        return notice["meta"], links, notice["message"].split("; ")[2:]

    def test_deleted(self):
        """deleted files by the hundred: how many, and an example"""
        meta, links, named = self.holds("fds deleted 250; fds regular 3 path=out.log")
        deleted = [link for link in links if link.endswith(" (deleted)")]
        self.assertEqual(250, len(deleted))
        self.assertEqual("250", meta["deleted_count"])
        self.assertIn(meta["deleted"], deleted)
        self.assertEqual(["250 deleted, such as %s" % tail(meta["deleted"])], named)
        self.assertNotIn("path", meta)

    def test_devices(self):
        """one device by the hundred"""
        meta, links, named = self.holds("fds device 220 path=/dev/ptmx; fds pipe 20")
        (path,) = {link for link in links if link.endswith("ptmx")}
        self.assertEqual(220, links.count(path))
        self.assertEqual(("220", path), (meta["device_count"], meta["device"]))
        self.assertEqual(["220 times %s" % path], named)

    def test_directory(self):
        """files by the hundred in one folder with a hostile name: the folder, not a file opened thrice"""
        hostile = "a\x1b[31m (deleted)\n"
        folder = "a\\x1b[31m (deleted)\\n"
        meta, links, named = self.holds(
            'fds regular 230 path="%s/%%d.jsonl"; fds regular 3 path=out.log; '
            'fds regular 20 path="few/%%d"' % folder
        )
        real = os.path.join(os.path.realpath(self.target.path("held")), hostile)
        self.assertEqual(230, sum(os.path.dirname(link) == real for link in links))
        self.assertEqual("230", meta["directory_count"])
        printable = real.replace("\x1b", "\\x1B").replace("\n", "\\x0A")
        self.assertEqual(printable, meta["directory"])
        self.assertEqual(["230 files in %s" % tail(printable)], named)
        self.assertNotIn("path", meta)

    def test_no_holder(self):
        """pipes by the hundred beside a file opened twice: no file is blamed"""
        meta, _links, named = self.holds("fds pipe 250; fds regular 2 path=out.log")
        self.assertEqual([], named)
        self.assertEqual("pipe", meta["class"])
        self.assertNotIn("path", meta)

    def test_threads(self):
        """too many threads"""
        self.turns("threads 110", "threads", "failure")

    def test_goroutines(self):
        """many goroutines: the state with most, and where they stand"""
        notice = self.turns("goroutines select 250", "goroutines", "warning")
        self.assertEqual("select", notice["meta"]["state"])
        self.assertIn("main.", notice["meta"]["stack"])
        self.assertIn("localhost:%d" % self.port, notice["meta"]["next"])

    def test_fetch_data(self):
        """fetches that pile up: the stack"""
        command = "goroutines chan_receive 12 as=fetchData"
        notice = self.turns(command, "fetch_data_piling", "failure")
        self.assertIn("fetchData", notice["meta"]["stack"])

    @pytest.mark.timeout(300)
    def test_fetch_stuck(self):
        """one fetch that has been waiting for minutes: its stack and age; a loop of a monitor is none"""
        self.target.do("goroutines select 2 as=monitorPoll; goroutines sleep 1 as=fetchData; gc")
        self.target.do("goroutines io_wait 1 as=fetchData; gc")
        notice = self.notices.wait_for("proj", "fetch_stuck", "warning", 200)
        self.assertEqual(1, notice["meta"]["value"])
        self.assertEqual("io_wait", notice["meta"]["state"])
        self.assertIn("fetchData", notice["meta"]["stack"])
        self.assertRegex(notice["meta"]["age"], r"^[2-4] minutes$")
        self.target.do("release goroutines io_wait")
        self.notices.wait_for("proj", "fetch_stuck", "okay")

    def test_memory_regions(self):
        """regions of the memory map by the thousand"""
        self.turns("maps regions 1200", "memory_regions", "warning")

    def test_rss(self):
        """memory: its kinds, and what the Go heap has of it"""
        notice = self.turns("maps anon 1 size=200MB", "rss", "warning")
        self.assertRegex(notice["meta"]["anonymous"], r"^2\d\d\.\d MB$")
        self.assertIn("heap_inuse", notice["meta"])

    def test_retained(self):
        """memory that Go keeps after it was freed is told apart from a leak"""
        notice = self.turns("retain 200MB", "rss", "warning")
        self.assertIn("retained, not leaked", notice["message"])

    def test_inotify(self):
        """inotify watches near the user's limit"""
        with open("/proc/sys/fs/inotify/max_user_watches", encoding="ascii") as file:
            limit = int(file.read())
        watches = int(limit * WATCHES_PERCENT / 100) + 10
        notice = self.turns("watches %d" % watches, "inotify_watches", "warning")
        self.assertEqual(str(limit), notice["meta"]["limit"])

    def test_contention(self):
        """somebody else's lock on a database: the path and its owner"""
        path = self.target.path("held/td.db")
        with Target("td") as other:
            other.do("locks posix 1 path=%s" % path)
            self.target.do("fds regular 1 path=%s" % path)
            notice = self.notices.wait_for("proj", "sqlite_contention", "warning")
            self.assertTrue(notice["meta"]["path"].endswith("td.db"), notice)
            self.assertEqual(str(other.pid), notice["meta"]["owner_pid"])
            self.assertEqual("sidecar", notice["meta"]["owner"])
            other.do("release all")
            self.notices.wait_for("proj", "sqlite_contention", "okay")

    def test_sqlite(self):
        """SQLite's locks: an exclusive one stops reads; those of writers only do not"""
        cases = (  # journal mode, the transaction, what it is called if it stops reads
            ("delete", "BEGIN IMMEDIATE", None),
            ("wal", "BEGIN EXCLUSIVE", None),
            ("delete", "BEGIN EXCLUSIVE", "exclusive"),
        )
        for number, (mode, begin, kind) in enumerate(cases):
            with self.subTest(mode + ", " + begin):
                path = self.target.path("sqlite-%d.db" % number)
                with Database(path, mode, begin) as database:
                    for file in database.files():
                        self.target.do("fds regular 1 path=%s" % file)
                    self.assertEqual(kind and "database is locked", database.read() or None)
                    if kind is not None:
                        notice = self.notices.wait_for("proj", "sqlite_contention", "warning")
                        self.assertEqual(kind, notice["meta"]["lock"])
                        self.assertEqual(str(database.pid), notice["meta"]["owner_pid"])
                    else:
                        wait_until("the lock to be seen", lambda: self.locks("foreign") > 0, 20)
                        self.assertEqual(0, self.locks("contended"))
                        self.assertEqual(0, self.state("proj", "sqlite_contention"))
                self.target.do("release all")
        self.notices.wait_for("proj", "sqlite_contention", "okay")

    def locks(self, kind):
        return self.page().value(metric("process_file_locks"), **labels("proj", kind)) or 0

    def test_handles(self):
        """several handles on one database: its path; its journals and other databases are none"""
        self.target.do("fds regular 2 path=app.db; fds regular 5 path=app.db-wal")
        self.target.do("fds regular 5 path=app.db-shm; fds regular 4 path=other-%d.db")
        self.wait_for_state("proj", "same_file", 1)
        self.wait_for_state("proj", "sqlite_handles", 0)
        notice = self.turns("fds regular 1 path=app.db", "sqlite_handles", "warning")
        self.assertEqual(3, notice["meta"]["value"])
        self.assertTrue(notice["meta"]["path"].endswith("/app.db"), notice)
        self.assertIn("app.db", notice["message"])

    def test_end(self):
        """what is up ends with the process, and that is told"""
        self.target.do("threads 110")
        self.notices.wait_for("proj", "threads", "failure")
        self.target.do("quit")
        over = self.notices.wait_for("proj", "threads", "okay")
        self.assertIn("the process ended", over["message"])


class Missing(RedFlagCase):
    """A red flag and no pprof."""

    def test_missing(self):
        """a process with a red flag and without pprof is told how to get it"""
        with Target("blind") as target:
            self.wait_for_instances("blind")
            self.assertEqual([], self.notices.all("blind", "pprof_missing"))
            target.do("threads 110")
            notice = self.notices.wait_for("blind", "pprof_missing", "warning")
            self.assertIn("SIDECAR_PPROF=1", notice["message"])
            self.assertNotIn("capture", notice["meta"])
            target.do("release all")
            self.notices.wait_for("blind", "pprof_missing", "okay")


class Crashing(SidecarCase):
    """A program that ends before it is watched."""

    @classmethod
    def parts(cls):
        cls.notices = Notices()
        return [cls.notices.part(), config.sidecar(config.young(minimum_age=600))]

    def test_crashes(self):
        """one that is started again and again and ends young is told once, and counted"""
        counter = metric("process_short_lived_total")
        user = str(os.getuid())
        for crashes in range(8):
            with Target("doomed"):
                time.sleep(1.5)  # it is found: a reading takes place each second
            wait_until(
                "%d crashes to be counted" % (crashes + 1),
                lambda: self.page().value(counter, sidecar="sidecar") == crashes + 1,
                10,
            )
            self.assertEqual(int(crashes >= 4), len(self.notices.all("sidecar", user)))
        notice = self.notices.wait_for("sidecar", user, "warning")
        self.assertEqual("process_short_lived", notice["type"])
        self.assertEqual("SidecarCrashLooping", notice["meta"]["alertname"])
        self.assertEqual(user, notice["meta"]["label:user"])
        self.assertEqual(5, notice["meta"]["value"])
        self.assertIn("do they crash?", notice["message"])
        self.assertEqual(set(), self.instances())


class Off(RedFlagCase):
    """Switched off."""

    options = {"capture": False}
    flags = {"threads": {"Disable": True}}

    def test_off(self):
        """Capture false writes nothing, and a disabled flag is neither sent nor told"""
        with Target("quiet") as target:
            target.do("threads 110; fds pipe 1100")
            notice = self.notices.wait_for("quiet", "fds", "failure")
            self.assertNotIn("capture", notice["meta"])
            self.assertEqual([], self.notices.all("quiet", "threads"))
            self.assertIsNone(self.state("quiet", "threads"))
            self.assertFalse(os.path.exists(self.folder))
