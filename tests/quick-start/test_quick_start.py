"""packaging/quick-start/run: what it shows, and that it ends all that it started."""

import os
import re
import shutil
import signal
import socket
import tempfile
import unittest

import pytest

from harness.daemon import Daemon, free_port, need
from harness.installation import SOURCE
from harness.metrics import Endpoint
from harness.target import Target
from harness.wait import Probe, wait_until

pytestmark = pytest.mark.timeout(600)  # the first start builds

SCRIPT = os.path.join(SOURCE, "packaging", "quick-start", "run")
LINE = re.compile(
    r"^(?:\S+ plugin: )?(?P<name>\S+) +pid (?P<pid>\d+) +RSS +[\d.]+ MB +FDs +\d+ +threads +\d+ +goroutines +(\d+|-)"
    r" +heap in use +([\d.]+ MB|-)",
    re.MULTILINE,
)


def processes():
    """{pid: its command line} of all that run; threads of the kernel and zombies have none."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/cmdline" % name, "rb") as file:
                    line = file.read()
            except OSError:
                continue
            if line:
                found[int(name)] = line.replace(b"\0", b" ").decode(errors="replace")
    return found


class QuickStart(Daemon):
    """The script, with a build folder that all tests share."""

    name = "quick-start"
    start_timeout = 500
    build = None

    def __init__(self, port=None):
        super().__init__()
        self.port = port or free_port()
        self.endpoint = Endpoint("http://127.0.0.1:%d/metrics" % self.port)

    def prepare(self):
        os.mkdir(self.path("tmp"))

    def argv(self):
        return [SCRIPT]

    def environment(self):
        return dict(
            super().environment(),
            PATH=os.environ["PATH"],
            PORT=str(self.port),
            INTERVAL="1",
            BUILD=self.build,
            TMPDIR=self.path("tmp"),
        )

    def before_exec(self):
        """Under nohup, and behind a shell's &, some are ignored, and stay so in what is started."""
        super().before_exec()
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)

    def ready(self):
        return LINE.search(self.log()) is not None

    def private_folders(self):
        return os.listdir(self.path("tmp"))

    def wait_for_line(self, pattern, timeout=60):
        return self.wait_for_log(re.compile(pattern, re.MULTILINE), timeout)

    def signal_all(self, number):
        """What a terminal does: the whole group gets it."""
        os.killpg(self.pid, number)


class Shown(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need("gcc", "gcc")
        QuickStart.build = tempfile.mkdtemp(prefix="quick-start-build-")
        cls.addClassCleanup(shutil.rmtree, QuickStart.build, ignore_errors=True)

    def setUp(self):
        self.before = processes()

    def started_since(self):
        return {pid: line for pid, line in processes().items() if pid not in self.before}

    def assert_nothing_left(self, demo, timeout=10):
        """No process that was not there before, and no private folder."""

        def gone():
            left = self.started_since()
            if left:
                raise Probe("still there: %s" % left)
            return True

        wait_until("everything to end", gone, timeout)
        self.assertEqual([], demo.private_folders())

    def test_example(self):
        """where no sidecar runs it says so, starts the example, and shows it leaking"""
        with QuickStart() as demo:
            self.assertIn("No sidecar runs on this machine", demo.log())
            match = LINE.search(demo.log())
            self.assertEqual("example", match["name"])
            self.assertTrue(os.readlink("/proc/%s/exe" % match["pid"]).endswith("/sidecar"))
            self.assertIn("http://127.0.0.1:%d/metrics" % demo.port, demo.log())
            demo.wait_for_line(r"goroutines +\d+  heap in use +[\d.]+ MB.*HIGH: ")
            count = demo.endpoint.sample("collectd_sidecar_process_count", sidecar="sidecar")
            self.assertEqual(1, count.value)
            demo.endpoint.sample("collectd_sidecar_go_memstats_heap_inuse_bytes", sidecar="example")
            demo.endpoint.sample(
                "collectd_sidecar_process_fds_matching", sidecar="example", type="claude_sessions"
            )

    def test_documented(self):
        """every metric on the page stands in README.md, and every one of README.md on the page"""
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
            table = file.read().split("<!-- begin metrics")[1].split("<!-- end metrics")[0]
        documented = set()
        for cell in re.findall(r"^\| ([a-z][^|]*) \|", table, re.MULTILINE):
            documented.update(cell.split("<br>"))
        documented.discard("metric")
        with QuickStart() as demo:

            def agree():
                page = demo.endpoint.page()
                served = {s.name for s in page.samples if s.name.startswith("collectd_sidecar_")}
                served = {name.replace("collectd_sidecar_", "") for name in served}
                served.add("go_goroutines_leaked")  # of an example that Go 1.27 built
                if served != documented:
                    raise Probe(
                        "only served: %s; only documented: %s"
                        % (sorted(served - documented), sorted(documented - served))
                    )
                return True

            wait_until("the page and README.md to agree", agree, 60)

    def test_running_sidecar(self):
        """where a sidecar runs it is watched, and no example is started"""
        with Target("proj") as target, QuickStart() as demo:
            match = LINE.search(demo.log())
            self.assertEqual(("proj", str(target.pid)), (match["name"], match["pid"]))
            self.assertNotIn("example", demo.log())

    def end_by(self, ending, status):
        demo = QuickStart().start()
        self.addCleanup(demo.kill)
        self.assertGreaterEqual(len(self.started_since()), 3)  # itself, collectd, the example
        ending(demo)
        self.assertEqual(status, demo.wait_for_exit())
        self.assert_nothing_left(demo)

    def test_interrupt(self):
        """Ctrl-C ends all that it started and leaves no folder behind"""
        self.end_by(lambda demo: demo.signal_all(signal.SIGINT), 130)

    def test_terminate(self):
        """so does SIGTERM to the script alone"""
        self.end_by(lambda demo: demo.process.terminate(), 143)

    def test_hangup(self):
        """so does closing the terminal"""
        self.end_by(lambda demo: demo.signal_all(signal.SIGHUP), 129)

    def test_killed(self):
        """even where the script is killed its processes end with it"""
        demo = QuickStart().start()
        self.addCleanup(demo.kill)
        demo.process.kill()
        demo.wait_for_exit()
        wait_until("everything to end", lambda: not self.started_since(), 10)

    def test_collectd_ends(self):
        """where collectd ends by itself the script says so and ends the example"""
        demo = QuickStart().start()
        self.addCleanup(demo.kill)
        (collectd,) = [p for p, line in self.started_since().items() if line.startswith("collectd ")]
        os.kill(collectd, signal.SIGKILL)
        self.assertEqual(1, demo.wait_for_exit())
        self.assertIn("collectd ended with status", demo.log())
        self.assert_nothing_left(demo)

    def test_port_taken(self):
        """a port that is taken is said at once, with the remedy"""
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            with self.subTest(address), socket.socket(family) as other:
                other.bind((address, 0))
                other.listen()
                demo = QuickStart(other.getsockname()[1]).spawn()
                self.addCleanup(demo.kill)
                self.assertEqual(1, demo.wait_for_exit())
                self.assertRegex(demo.log(), r"port \d+ is taken.*PORT=")
                self.assert_nothing_left(demo)

    def test_nothing_in_the_source(self):
        """the source has nothing in it afterwards that was not there before"""

        def listing():
            found = []
            for folder, folders, names in os.walk(SOURCE):
                folders[:] = [name for name in folders if name not in ("build", ".git")]
                found += [os.path.join(folder, name) for name in names + folders]
            return sorted(name for name in found if "__pycache__" not in name)

        before = listing()
        with QuickStart():
            pass
        self.assertEqual(before, listing())

    def test_installed_collectd(self):
        """an installed collectd's configuration, plugins and data stay as they are"""
        folders = ("/etc/collectd", "/usr/lib/collectd", "/usr/share/collectd", "/var/lib/collectd")

        def state():
            """{path: what a change would change}"""
            found = {}
            for folder in folders:
                for path, _, names in os.walk(folder):
                    for one in [path] + [os.path.join(path, name) for name in names]:
                        status = os.lstat(one)
                        found[one] = (status.st_ino, status.st_size, status.st_mtime_ns)
            return found

        before = state()
        self.assertTrue(before, "there is no collectd that could be touched")
        with QuickStart() as demo:
            demo.wait_for_line("HIGH: ")
        self.assertEqual(before, state())
