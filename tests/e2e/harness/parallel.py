"""Several files of tests at a time, each in private namespaces of its own.

The tests mostly wait for the next interval, so many more of them run at once than there are
cores. What a file prints is shown when it has ended, and the counts are added up.
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time

from . import namespace

_COUNT = re.compile(r"e2e: (\d+) passed, (\d+) failed, (\d+) skipped")
_TIME = re.compile(r"e2e: \d+ s")


class Pool:
    """Runs one program again and again, for one module each."""

    def __init__(self, command, jobs):
        self.command = command
        self.jobs = jobs
        self.children = []
        self.lock = threading.Lock()
        self.ended = False
        self.counts = [0, 0, 0]

    def _run_one(self, module):
        with self.lock:
            if self.ended:
                return
            child = subprocess.Popen(
                namespace.command_inside(self.command + ["--only", module]),
                env=namespace.environment_inside(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            self.children.append(child)
        output = child.communicate()[0].decode(errors="replace")
        with self.lock:
            if not self.ended:
                self._show(module, output)

    def _show(self, module, output):
        counted = False
        for line in output.splitlines():
            match = _COUNT.fullmatch(line)
            if match:
                counted = True
                self.counts = [sum(pair) for pair in zip(self.counts, map(int, match.groups()))]
            elif not _TIME.fullmatch(line):
                print(line)
        if not counted:
            print("FAIL %s ended before it could count" % module)
            self.counts[1] += 1
        sys.stdout.flush()

    def run(self, modules):
        """Runs them all; returns the exit status. An interruption ends them all."""
        begin = time.monotonic()
        try:
            with concurrent.futures.ThreadPoolExecutor(self.jobs) as executor:
                try:
                    for future in [executor.submit(self._run_one, name) for name in modules]:
                        future.result()
                finally:
                    with self.lock:
                        self.ended = True
                        for child in self.children:
                            child.kill()
        except KeyboardInterrupt:
            print("interrupted")
            self.counts[1] += 1
        print("e2e: %.0f s, %d at a time" % (time.monotonic() - begin, self.jobs))
        print("e2e: %d passed, %d failed, %d skipped" % tuple(self.counts), flush=True)
        return 1 if self.counts[1] else 0


def default_jobs():
    return 3 * len(os.sched_getaffinity(0))
