#!/usr/bin/python3
"""What watching costs: CPU and memory of whole programs, side by side in one run.

    daemon.py --builddir DIR cpu [SECONDS [INTERVAL]]
    daemon.py --builddir DIR descriptors [SECONDS]
    daemon.py --builddir DIR memory
    daemon.py --builddir DIR readings [NUMBER]

cpu: collectd with the plugin, prometheus-process-exporter, netdata's apps.plugin, and a shell
loop of ps and curl, all at the same time and at the same cadence, watching one healthy process
and one with 10,000 descriptors. CPU is what the kernel counts for all threads (and for the loop
its children), after everybody has started. Two collectds without the plugin run beside: an empty
one, and one that dispatches as many constants. What collectd with the plugin uses more than the
empty one is the plugin's own part, with what collectd itself does with the plugin's values. A
ratio to the shell loop has no limit: it would be below what collectd needs without the plugin.
descriptors: the two parts of a round that grow with a process's descriptors, apart, by the CPU of
the threads that do them (sidecar-reader, sidecar-listing): a reading with its detail, with and
without such a process, and a capture's lists, of such a process and of a healthy one.
memory: collectd without the plugin, with a plugin that only dispatches as many constants
(what the daemon itself needs for that many series), and with the plugin, while 100
processes of 100 descriptors run.
"""

import argparse
import glob
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from harness import collectd_config as config  # noqa: E402
from harness.collectd import Collectd  # noqa: E402
from harness.daemon import Daemon, free_port  # noqa: E402
from harness.installation import plugin_folder, settings  # noqa: E402
from harness.target import Target  # noqa: E402

OWN_PART_MS = 2  # of watching the two processes of `cpu`, a round
OWN_THREADS = ("sidecar-reader", "sidecar-pprof")
CAPTURES = 10
EXPORTER = "prometheus-process-exporter"
APPS_PLUGIN = "/usr/lib/netdata/plugins.d/apps.plugin"


def cpu_seconds(pid):
    """CPU time of all threads of a process, to the nanosecond (schedstat)."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task), encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def thread_cpu_seconds(pid, name):
    """CPU time of the threads of that name."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        folder = "/proc/%d/task/%s/" % (pid, task)
        with open(folder + "comm", encoding="utf-8", errors="replace") as file:
            if file.read().rstrip("\n") != name:
                continue
        with open(folder + "schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def children_cpu_seconds(pid):
    """CPU time of the children that a process has waited for (cutime, cstime of stat)."""
    with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid):
    """Memory of a process by the names of smaps_rollup and status, in kB."""
    values = {}
    for name in ("smaps_rollup", "status"):
        with open("/proc/%d/%s" % (pid, name), encoding="ascii", errors="replace") as file:
            for line in file:
                words = line.split()
                if len(words) == 3 and words[2] == "kB":
                    values[words[0].rstrip(":")] = int(words[1])
    return values


class ProcessExporter(Daemon):
    """Debian's prometheus-process-exporter, told to watch what we watch."""

    name = "process-exporter"

    def prepare(self):
        self.port = free_port()

    def argv(self):
        return [
            EXPORTER,
            "-procnames",
            "sidecar",
            "-web.listen-address",
            "127.0.0.1:%d" % self.port,
        ]

    def url(self):
        return "http://127.0.0.1:%d/metrics" % self.port

    def ready(self):
        return scrape(self.url())


class AppsPlugin(Daemon):
    """netdata's apps.plugin alone, as the netdata daemon runs it."""

    name = "apps.plugin"

    def __init__(self, interval):
        super().__init__()
        self.interval = interval

    def argv(self):
        return [APPS_PLUGIN, str(self.interval)]

    def standard_input(self):
        return subprocess.PIPE  # it ends with its standard input


class ShellLoop(Daemon):
    """The guide's way: RSS by ps; goroutines, HeapAlloc and HeapInuse by curl."""

    name = "shell"

    def __init__(self, targets, interval):
        super().__init__()
        self.targets = targets
        self.interval = interval

    def argv(self):
        lines = []
        for pid, port in self.targets:
            base = "http://127.0.0.1:%d/debug/pprof" % port
            lines += [
                "ps -o rss= -p %d" % pid,
                "curl -s '%s/goroutine?debug=1' | head -1" % base,
                "curl -s '%s/heap?debug=1' | grep -E '^# Heap(Alloc|Inuse)'" % base,
            ]
        script = "while :; do %s; sleep %d; done" % ("; ".join(lines), self.interval)
        return ["sh", "-c", script]


def scrape(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return len(answer.read()) > 0


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < 12000:
        sys.exit("bench: the limit of open files is %d; 12000 are needed (ulimit -Hn)" % hard)


def bench_cpu(seconds, interval):
    raise_descriptor_limit()
    ports = [free_port(), free_port()]
    healthy = Target("healthy", variables={"SIDECAR_PPROF": str(ports[0])},
                     do=["fds regular 80", "goroutines chan_receive 40"])
    sick = Target("sick", variables={"SIDECAR_PPROF": str(ports[1])},
                  do=["fds regular 10000", "goroutines chan_receive 40"])
    daemons = [healthy, sick]
    try:
        healthy.start()
        sick.start()
        only = "|".join(re.escape(target.path("control")) for target in daemons)
        ours = Collectd(config.sidecar(config.young(command_line=only), detail_interval=60),
                        interval=interval)
        daemons.append(ours.start())
        exporter = ProcessExporter() if shutil.which(EXPORTER) is not None else None
        if exporter is not None:
            daemons.append(exporter.start())
        time.sleep(2 * interval + 1)
        for name in ('go_goroutines{sidecar="healthy"', 'process_open_fds{sidecar="sick"'):
            if name not in page(ours):
                sys.exit("bench: collectd does not show %s: nothing to compare" % name)
        empty = Collectd(load=(), interval=interval)
        floor = FloorCollectd(series_of(ours), interval)
        loop = ShellLoop([(healthy.pid, ports[0]), (sick.pid, ports[1])], interval)
        daemons += [empty.start(), floor.start(), loop.spawn()]
        apps = AppsPlugin(interval) if os.access(APPS_PLUGIN, os.X_OK) else None
        if apps is not None:
            daemons.append(apps.spawn())
        time.sleep(2 * interval + 1)

        watchers = [ours, empty, floor, loop] + [d for d in (exporter, apps) if d is not None]
        before = {daemon: cpu_seconds(daemon.pid) for daemon in watchers}
        parts = {name: -thread_cpu_seconds(ours.pid, name) for name in OWN_THREADS}
        before_children = children_cpu_seconds(loop.pid)
        for _ in range(seconds // interval):
            if exporter is not None:
                scrape(exporter.url())  # it works only when asked
            time.sleep(interval)
        used = {daemon: cpu_seconds(daemon.pid) - before[daemon] for daemon in watchers}
        for name in OWN_THREADS:
            parts[name] += thread_cpu_seconds(ours.pid, name)
        used[loop] += children_cpu_seconds(loop.pid) - before_children
    finally:
        for daemon in reversed(daemons):
            daemon.kill()

    rounds = seconds // interval
    print("CPU of watching a healthy and a 10,000-descriptor process, %d s at %d s intervals:"
          % (seconds, interval))
    print("  %-38s %7.2f ms a round" % ("collectd with the plugin", used[ours] / rounds * 1e3))
    names = {empty: "collectd, empty", floor: "collectd, as many constants",
             exporter: "process-exporter", apps: "apps.plugin", loop: "shell loop"}
    limits = {exporter: " (limit 0.200)", apps: " (limit 0.500)"}
    for daemon in watchers[1:]:
        print("  %-38s %7.2f ms a round; ratio %.3f%s" % (
            names[daemon], used[daemon] / rounds * 1e3, used[ours] / used[daemon],
            limits.get(daemon, "")))
    print("  %-38s %7.2f ms a round (wanted: at most %.0f)" % (
        "the plugin's own part, beside empty", (used[ours] - used[empty]) / rounds * 1e3,
        OWN_PART_MS))
    for name in OWN_THREADS:
        print("  %-38s %7.2f ms a round" % ("  of it the thread " + name, parts[name] / rounds * 1e3))
    print("  %-38s %7.2f ms a round" % (
        "the same, beside as many constants", (used[ours] - used[floor]) / rounds * 1e3))
    if exporter is None:
        print("  process-exporter: skipped, no %s (Debian package of that name)" % EXPORTER)
    if apps is None:
        print("  apps.plugin: skipped, no %s (Debian package netdata-core)" % APPS_PLUGIN)


def bench_descriptors(seconds):
    """Each target has a collectd of its own, at one second, whose detail is read each time."""
    raise_descriptor_limit()
    daemons, watched = [], {}
    folder = tempfile.mkdtemp(prefix="bench-descriptors-")
    try:
        for name, count in (("healthy", 80), ("sick", 10000)):
            target = Target(name, do=["fds regular %d" % count]).start()
            daemons.append(target)
            captures = os.path.join(folder, name)
            block = config.young(command_line=re.escape(target.path("control")))
            collectd = Collectd(
                config.sidecar(block, detail_interval=1, capture=True, capture_folder=captures,
                               baseline_delay=86400), interval=1).start()
            daemons.append(collectd)
            watched[name] = (collectd, captures)
        time.sleep(5)
        reading = {name: -thread_cpu_seconds(collectd.pid, "sidecar-reader")
                   for name, (collectd, _) in watched.items()}
        time.sleep(seconds)
        for name, (collectd, _) in watched.items():
            reading[name] += thread_cpu_seconds(collectd.pid, "sidecar-reader")
        listing = {name: captured(collectd, captures, name)
                   for name, (collectd, captures) in watched.items()}
        counts = {name: open_descriptors(page(collectd)) for name, (collectd, _) in watched.items()}
    finally:
        for daemon in reversed(daemons):
            daemon.kill()
        shutil.rmtree(folder)
    print("CPU of a round by its parts, %d s at 1 s intervals, %d captures:" % (seconds, CAPTURES))
    for name in watched:
        print("  %-38s %7.2f ms (reader), %.2f ms (a capture's lists)" % (
            "%s, %d descriptors" % (name, counts[name]), reading[name] / seconds * 1e3,
            listing[name] / CAPTURES * 1e3))


def captured(collectd, folder, name):
    """CPU time of the lists of CAPTURES captures, one after the other."""
    before = None
    for done in range(CAPTURES + 1):
        if done == 1:  # the first one starts the thread
            before = thread_cpu_seconds(collectd.pid, "sidecar-listing")
        with open(os.path.join(folder, "capture-now"), "w", encoding="ascii"):
            pass
        deadline = time.monotonic() + 60
        while len(glob.glob(os.path.join(folder, name, "*-requested*"))) <= done:
            if time.monotonic() > deadline:
                sys.exit("bench: no capture of %s\n%s" % (name, collectd.log()))
            time.sleep(0.2)
    return thread_cpu_seconds(collectd.pid, "sidecar-listing") - before


def open_descriptors(text):
    return int(re.search(r"^collectd_sidecar_process_open_fds\{.*\} (\d+)", text, re.M).group(1))


def page(collectd):
    with urllib.request.urlopen(collectd.endpoint.url, timeout=30) as answer:
        return answer.read().decode()


def start_crowd(count, descriptors, folder):
    """Copies of sleep(1) called sidecar, each with so many descriptors open."""
    program = os.path.join(folder, "sidecar")
    shutil.copy(os.path.realpath("/bin/sleep"), program)
    held = []
    for i in range(descriptors - 3):
        fd = os.open(os.path.join(folder, "file-%d" % i), os.O_CREAT | os.O_RDWR)
        os.set_inheritable(fd, True)
        held.append(fd)
    crowd = []
    for i in range(count):
        cwd = os.path.join(folder, "proj%d" % i)
        os.mkdir(cwd)
        crowd.append(subprocess.Popen([program, "600"], cwd=cwd, close_fds=False,
                                      stdin=subprocess.DEVNULL))
    for fd in held:
        os.close(fd)
    return crowd


class FloorCollectd(Collectd):
    """A collectd whose only reading is bench_floor: so many constant values."""

    def __init__(self, values, interval):
        super().__init__(load=("bench_floor",), interval=interval)
        self.values = values

    def configuration(self):
        ours = config.option("PluginDir", plugin_folder("bench_floor"))
        return super().configuration().replace(
            "LoadPlugin bench_floor", ours + "\nLoadPlugin bench_floor")

    def environment(self):
        return dict(super().environment(), FLOOR_VALUES=str(self.values))


def series_of(collectd):
    """How many of our series collectd shows; pairs of values are one series to it."""
    return len([line for line in page(collectd).splitlines()
                if line.startswith("collectd_sidecar_")])


def bench_memory():
    folder = tempfile.mkdtemp(prefix="bench-memory-")
    crowd = start_crowd(100, 100, folder)
    without = Collectd(load=(), interval=1)
    ours = Collectd(
        config.sidecar(config.young(), detail_interval=1, max_processes=256), interval=1)
    daemons = [without, ours]
    try:
        without.start()
        ours.start()
        deadline = time.monotonic() + 60
        while page(ours).count("collectd_sidecar_process_pid{") < 100:
            if time.monotonic() > deadline:
                sys.exit("bench: not all 100 processes are watched")
            time.sleep(1)
        time.sleep(2)
        series = series_of(ours)
        floor = FloorCollectd(series, 1)
        daemons.insert(1, floor)
        floor.start()
        for _ in range(10):
            for daemon in daemons:
                page(daemon)
            time.sleep(1)
        kb = [memory_kb(daemon.pid) for daemon in daemons]
    finally:
        for daemon in reversed(daemons):
            daemon.kill()
        for process in crowd:
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder)
    print("memory of collectd, kB, at 100 processes of 100 descriptors (%d series):" % series)
    print("  %-18s %10s %18s %12s %18s" % (
        "", "without", "as many constants", "the plugin", "more than these"))
    for name, what in (("VmRSS", "RSS"), ("Pss", "PSS"), ("RssAnon", "anonymous"),
                       ("RssFile", "files, libraries")):
        values = [one[name] for one in kb]
        print("  %-18s %10d %18d %12d %+18d" % (what, *values, values[2] - values[1]))


def bench_readings(readings):
    """The plugin's heap over many readings of ten processes, in a recording collectd."""
    folder = tempfile.mkdtemp(prefix="bench-readings-")
    crowd = start_crowd(10, 100, folder)
    try:
        subprocess.run([os.path.join(settings.builddir, "bench_readings"), str(readings)],
                       check=True)
    finally:
        for process in crowd:
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--builddir", default=".")
    parser.add_argument("what", choices=("cpu", "descriptors", "memory", "readings"))
    parser.add_argument("numbers", nargs="*", type=int)
    arguments = parser.parse_args()
    settings.builddir = os.path.abspath(arguments.builddir)
    if arguments.what == "cpu":
        numbers = arguments.numbers + [60, 1][len(arguments.numbers):]
        bench_cpu(*numbers)
    elif arguments.what == "descriptors":
        bench_descriptors(*(arguments.numbers or [30]))
    elif arguments.what == "readings":
        bench_readings(*(arguments.numbers or [100000]))
    else:
        bench_memory()


if __name__ == "__main__":
    main()
