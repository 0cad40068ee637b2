#!/usr/bin/python3
"""What watching costs the watched: CPU that a Go program spends answering questions.

    watched.py --builddir DIR [SECONDS [INTERVAL [STACKS]]]

Four copies of the example target (50 goroutines, 100 descriptors) side by side: one is
watched by collectd with the plugin, with default intervals of the detail; one answers a
loop of curl that gets the same metrics as often as collectd sends them; one a loop of curl
that fetches each page only as often as the plugin does, once for all its metrics; one is
left alone, and what it spends is taken off the others. CPU is what the kernel counts for
all threads of the program.

With STACKS: two copies whose heap page lists so many stacks, one watched and one left alone:
7000 are 14 MB, as a busy program has after hours. A page is read every few minutes, so
measure for ten.
"""

import argparse
import os
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from daemon import cpu_seconds  # noqa: E402
from harness import collectd_config as config  # noqa: E402
from harness.collectd import Collectd  # noqa: E402
from harness.daemon import Daemon, free_port, private_folder, remove_folder  # noqa: E402
from harness.installation import settings, target_program  # noqa: E402
from harness.target import Target, curl  # noqa: E402

DETAIL = 60
BUDGET = 0.1
HOLDS = ["goroutines chan_receive 50", "fds regular 80", "heap 20MB", "gc"]

# The guide's commands, for the metrics that the plugin sends by default.
COUNT = "curl -s '%s/goroutine?debug=1' | head -1"
MEMSTATS = "curl -s '%s/heap?debug=1' | grep -E '^# [A-Z]'"
DUMP = "curl -s '%s/goroutine?debug=2' | grep -cE 'chan receive|minutes|[fF]etchData'"
HEAP = "curl -s -o /dev/null '%s/heap'"  # for go tool pprof -focus


class CurlLoop(Daemon):
    """Runs commands in each interval, and others in each interval of the detail."""

    name = "curl"

    def __init__(self, port, interval, commands, detail):
        super().__init__()
        base = "http://127.0.0.1:%d/debug/pprof" % port
        every = "; ".join(command % base for command in commands)
        now_and_then = "; ".join(command % base for command in detail) or ":"
        rounds = max(DETAIL // interval, 1)
        self.script = "n=0; while :; do %s; [ $((n %% %d)) -ne 0 ] || { %s; }; n=$((n + 1)); sleep %d; done" % (
            every, rounds, now_and_then, interval)

    def argv(self):
        return ["sh", "-c", self.script]


def defaults(target, **options):
    """The plugin's configuration, with its default intervals and budget, for one target."""
    only = target.path("control").replace(".", "[.]")
    return config.sidecar(
        config.young(command_line=only, **options), detail_interval=DETAIL, pprof_budget=BUDGET
    )


def bench_large_page(seconds, interval, stacks):
    names = ("watched", "alone")
    ports = {name: free_port() for name in names}
    # a name of its own: a collectd that watches this machine's sidecars would ask these as well
    folder = private_folder("bench")
    program = os.path.join(folder, "bench-target")
    shutil.copy(target_program(), program)
    targets = {
        name: Target(
            name,
            variables={"SIDECAR_PPROF": str(ports[name])},
            do=["stacks %d" % stacks],
            program=program,
        )
        for name in names
    }
    daemons = list(targets.values())
    try:
        for target in targets.values():
            target.start()
        page = len(curl("http://127.0.0.1:%d/debug/pprof/heap?debug=1" % ports["alone"]))
        before = {name: cpu_seconds(target.pid) for name, target in targets.items()}
        configuration = defaults(targets["watched"], executable="bench-target")
        daemons.append(Collectd(configuration, interval=interval).start())
        time.sleep(seconds)
        spent = {name: cpu_seconds(targets[name].pid) - before[name] for name in names}
    finally:
        for daemon in reversed(daemons):
            daemon.kill()
        remove_folder(folder)
    print("CPU that a program with a heap page of %.1f MB spends on questions," % (page / 1e6))
    print("from the first on, %d s at %d s intervals (alone it spends %.1f ms):"
          % (seconds, interval, spent["alone"] * 1e3))
    ours = spent["watched"] - spent["alone"]
    print("  %-52s %7.1f ms; %.3f %% of a core  (to reach: 0.2 %%)"
          % ("collectd with the plugin", ours * 1e3, 100 * ours / seconds))


def bench(seconds, interval):
    names = ("watched", "asked", "asked_as_often", "alone")
    ports = {name: free_port() for name in names}
    targets = {
        name: Target(name, variables={"SIDECAR_PPROF": str(ports[name])}, do=HOLDS)
        for name in names
    }
    daemons = list(targets.values())
    try:
        for target in targets.values():
            target.start()
        daemons.append(
            Collectd(
                defaults(targets["watched"]),
                interval=interval,
            ).start()
        )
        for name, commands, detail in (
            ("asked", (COUNT, MEMSTATS, DUMP, HEAP), ()),
            ("asked_as_often", (COUNT,), (MEMSTATS, DUMP)),
        ):
            daemons.append(CurlLoop(ports[name], interval, commands, detail).spawn())
        time.sleep(2 * interval + 1)
        before = {name: cpu_seconds(target.pid) for name, target in targets.items()}
        time.sleep(seconds)
        spent = {name: cpu_seconds(targets[name].pid) - before[name] for name in names}
    finally:
        for daemon in reversed(daemons):
            daemon.kill()

    idle = spent.pop("alone")
    ours = spent["watched"] - idle
    print("CPU that a program of 50 goroutines and 100 descriptors spends on questions,")
    print("%d s at %d s intervals, detail every %d s (alone it spends %.1f ms):"
          % (seconds, interval, DETAIL, idle * 1e3))
    print("  %-52s %7.1f ms" % ("collectd with the plugin", ours * 1e3))
    for name, what, limit in (
        ("asked", "curl, all metrics in each interval", "  (to reach: 0.25)"),
        ("asked_as_often", "curl, each page once and as often as the plugin", ""),
    ):
        other = spent[name] - idle
        print("  %-52s %7.1f ms; ratio %.2f%s" % (what, other * 1e3, ours / other, limit))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--builddir", default=".")
    parser.add_argument("numbers", nargs="*", type=int)
    arguments = parser.parse_args()
    settings.builddir = os.path.abspath(arguments.builddir)
    numbers = arguments.numbers + [60, 10][len(arguments.numbers):]
    if len(numbers) > 2:
        bench_large_page(*numbers)
    else:
        bench(*numbers)


if __name__ == "__main__":
    main()
