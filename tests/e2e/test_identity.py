"""Which process is a sidecar, what it is called, and for how long."""

import os
import time

from harness import namespace
from harness.case import INTERVAL, SidecarCase, labels, metric
from harness.daemon import private_folder, remove_folder
from harness.target import Target
from harness.wait import wait_until

GONE_SECONDS = 3 * INTERVAL


class Names(SidecarCase):
    """Names stick for a process's life; the lowest free one is used again."""

    def setUp(self):
        if not namespace.inside():
            self.skipTest("needs private namespaces: other sidecars may run on this machine")
        self.wait_for_instances(timeout=5)
        self.folder = private_folder("names")
        self.addCleanup(remove_folder, self.folder)

    def project(self, name="proj"):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def start(self, cwd):
        return self.enterContext(Target(cwd=cwd))

    def test_one(self):
        """a sidecar is named after its working directory"""
        one = self.start(self.project("some-project"))
        self.wait_for_pid("some-project", one.pid)
        self.assertEqual(1, self.count(after=time.time()))

    def test_two_in_one_folder(self):
        """two in the same folder are proj and proj-2 in order of start, also when found at once"""
        first = self.start(self.project())
        self.wait_for_pid("proj", first.pid)
        second = self.start(self.project())
        self.wait_for_pid("proj-2", second.pid)
        self.wait_for_pid("proj", first.pid)

    def test_first_ends(self):
        """proj-2 keeps its name when proj ends, and a new one is proj again"""
        first = self.start(self.project())
        self.wait_for_pid("proj", first.pid)
        second = self.start(self.project())
        self.wait_for_pid("proj-2", second.pid)
        first.stop()
        self.wait_for_instances("proj-2")
        wait_until("proj-2", lambda: self.instances() == {"proj-2"}, 0, hold=GONE_SECONDS)
        third = self.start(self.project())
        self.wait_for_pid("proj", third.pid)
        self.wait_for_pid("proj-2", second.pid)

    def test_second_ends(self):
        """proj keeps its name when proj-2 ends"""
        first = self.start(self.project())
        self.wait_for_pid("proj", first.pid)
        second = self.start(self.project())
        self.wait_for_pid("proj-2", second.pid)
        second.stop()
        self.wait_for_instances("proj")
        wait_until("proj", lambda: self.pid_of("proj") == first.pid, 0, hold=GONE_SECONDS)

    def test_restart(self):
        """a restarted sidecar gets its old name back"""
        first = self.start(self.project())
        self.wait_for_pid("proj", first.pid)
        first.stop()
        second = self.start(self.project())
        self.wait_for_pid("proj", second.pid)

    def test_same_base_name(self):
        """two projects that are called alike in different folders are told apart"""
        first = self.start(self.project("a/proj"))
        self.wait_for_pid("proj", first.pid)
        second = self.start(self.project("b/proj"))
        self.wait_for_pid("proj-2", second.pid)

    def test_a_folder_called_like_a_second(self):
        """a project whose folder is really called proj-2 collides with no second proj"""
        folders = (self.project("proj-2"), self.project(), self.project())
        pids = {self.start(folder).pid for folder in folders}
        wait_until("three names", lambda: len(self.instances()) == 3, 10)
        self.assertEqual(pids, {self.pid_of(instance) for instance in self.instances()})

    def test_gone(self):
        """all series of a process that ended leave /metrics, and process_count says 0"""
        one = self.start(self.project("mortal"))
        self.wait_for_pid("mortal", one.pid)
        self.value("process_fds", "mortal", "regular")
        one.kill()
        # write_prometheus keeps a series for two intervals of its own; one more is ours.
        wait_until(
            "the series of mortal to go",
            lambda: not self.page().select(sidecar="mortal"),
            GONE_SECONDS + 1,
        )
        self.assertEqual(0, self.count(after=time.time()))

    def test_nothing_runs(self):
        """process_count is 0 and not absent while no sidecar runs"""
        self.assertEqual(0, self.count(after=time.time()))
        self.assertEqual(set(), self.instances())


class ReusedPid(SidecarCase):
    """The kernel gives the same number to another process: a new process all the same."""

    def setUp(self):
        if not namespace.inside():
            self.skipTest("needs a pid namespace of its own to choose the next pid")

    @staticmethod
    def next_pid(pid):
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as file:
            file.write(str(pid - 1))

    def start_as(self, pid, instance, do):
        """A target with that very pid, or None when another program was quicker."""
        target = Target(instance, do=do)
        self.next_pid(pid)
        target.spawn()
        self.addCleanup(target.kill)
        if target.pid != pid:
            target.kill()
            return None
        return target

    def check_page(self, first_started):
        """The page, which has no sample of one process under the other's name."""
        page = self.page()
        fds = page.value(metric("process_open_fds"), **labels("few"))
        self.assertLess(fds or 0, 100)
        regular = page.value(metric("process_fds"), **labels("few", "regular"))
        self.assertLess(regular or 0, 100)
        for instance, is_it in (
            ("few", self.assertAlmostEqual),
            ("many", self.assertNotAlmostEqual),
        ):
            started = page.value(metric("process_start_time_seconds"), **labels(instance))
            if started is not None:
                is_it(first_started, started, delta=0.05)
        return page

    def replace_once(self, delay):
        """Ends one process and starts another with its pid; False when that was taken."""
        first = Target("few").start()
        self.addCleanup(first.kill)
        self.wait_for_pid("few", first.pid)
        started = self.value("process_start_time_seconds", "few")
        time.sleep(delay)
        first.process.kill()
        first.process.wait()
        second = self.start_as(first.pid, "many", ["fds regular 300"])
        if second is None:
            return False

        def many_files():
            page = self.check_page(started)
            return page.value(metric("process_fds"), **labels("many", "regular")) or 0

        wait_until("the second process", many_files, 10, accept=lambda files: files >= 300)
        wait_until("few to go", lambda: not self.check_page(started).select(sidecar="few"), 10)
        second.kill()
        return True

    def test_never_mixed(self):
        """a pid that is reused between two reads never mixes two processes' values"""
        reused = [self.replace_once(phase * INTERVAL / 5) for phase in range(5)]
        self.assertIn(True, reused, "the kernel never gave the pid again")
