#!/usr/bin/python3
"""What sidecar-backtest takes for a month: 30 days at 10 s, with every metric of README.md.

    backtest.py [--builddir DIR] [--days N] [--interval SECONDS]

The same values once as comma-separated values and once as the folder that collectd's csv plugin
would have written: wall-clock seconds and the highest RSS of the program, beside how long cat needs
for the same bytes. Meant are at most 20 s and 50 MB; it prints figures and fails for neither.
"""

import argparse
import os
import random
import re
import resource
import shutil
import subprocess
import tempfile
import time

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BEGIN = 1764460800  # a midnight
DAY = 86400
BYTES = 60_000_000


def names():
    """Every metric of README.md's table, as columns."""
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        table = file.read().split("<!-- begin metrics")[1].split("<!-- end")[0]
    own = {"process_fds_matching": ["claude_sessions", "codex_sessions", "sqlite"],
           "go_goroutines_matching": ["fetch_data", "monitor", "tea_cmd"],
           "go_heap_inuse_matching_bytes": ["bufio_scanner", "json_unmarshal"]}
    columns = []
    for types, instances in re.findall(r"^\| (\w\S+) \| ([^|]*) \|", table, re.MULTILINE)[1:]:
        for name in types.split("<br>"):
            listed = own.get(name) or instances.split() or [""]
            columns += [name + (one and ":" + one) for one in listed]
    return columns


def value(name, row, seconds, chance):
    """A healthy process, but that its descriptors rise for a week and its heap has teeth."""
    if name == "process_start_time_seconds":
        return BEGIN - 1000
    if name.endswith("_total"):
        return int(row * seconds * 10000)
    if name.startswith(("red_flag", "collector_")):
        return 0
    if name == "process_open_fds":
        return 60 + max(0, row - 100000) // 500 + chance.randrange(5)
    if "heap" in name and name.endswith("_bytes") or "bytes" in name:
        return BYTES + row % 12 * 1_000_000 + chance.randrange(100_000)
    return 20 + chance.randrange(10)


def rows(columns, days, seconds):
    chance = random.Random(1)
    for row in range(int(days * DAY / seconds)):
        yield BEGIN + row * seconds, [str(value(name, row, seconds, chance)) for name in columns]


def file_name(column):
    """(file of the csv plugin, data source or None)"""
    pair = re.fullmatch(r"(ps_\w+)_([a-z]+)_total", column)
    if pair:
        return pair.group(1), pair.group(2)
    return column.removesuffix("_total").replace(":", "-"), None


def write(folder, columns, days, seconds):
    """The recording in both forms; returns their paths."""
    table = os.path.join(folder, "month.csv")
    tree = os.path.join(folder, "sidecar-month")
    os.mkdir(tree)
    files = {}
    for at, column in enumerate(columns):
        name, source = file_name(column)
        files.setdefault(name, []).append((at, source or "value"))
    day, opened = None, {}
    with open(table, "w", encoding="ascii") as out:
        out.write("time,%s\n" % ",".join(columns))
        for now, cells in rows(columns, days, seconds):
            out.write("%d,%s\n" % (now, ",".join(cells)))
            if now // DAY != day:
                day = now // DAY
                date = time.strftime("%Y-%m-%d", time.gmtime(now))
                for file in opened.values():
                    file.close()
                for name, sources in files.items():
                    path = os.path.join(tree, "%s-%s" % (name, date))
                    opened[name] = open(path, "w", encoding="ascii")
                    opened[name].write("epoch,%s\n" % ",".join(source for _, source in sources))
            for name, sources in files.items():
                opened[name].write(
                    "%d.%03d,%s\n" % (now, sources[0][0], ",".join(cells[at] for at, _ in sources)))
    for file in opened.values():
        file.close()
    return table, tree


def peak_rss_kb(pid):
    """What wait4(2) returns would include this script, which it is forked from."""
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as file:
        found = re.search(r"^VmHWM:\s+(\d+) kB", file.read(), re.MULTILINE)
    return int(found.group(1)) if found else 0


def measure(command):
    """(seconds, highest RSS in MB, exit status, lines of output)"""
    with tempfile.TemporaryFile() as out:
        peak = 0
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=out)
        while process.poll() is None:
            peak = max(peak, peak_rss_kb(process.pid))
            time.sleep(0.01)
        seconds = time.monotonic() - begin
        out.seek(0)
        lines = 0 if command[0] == "cat" else len(out.readlines())
    return seconds, peak / 1024, process.returncode, lines


def bench(program, folder, days, seconds):
    columns = names()
    table, tree = write(folder, columns, days, seconds)
    files = [os.path.join(tree, name) for name in os.listdir(tree)]
    print("%g days at %g s, %d metrics: %d rows" % (
        days, seconds, len(columns), days * DAY / seconds))
    for what, path, parts in (("one file", table, [table]), ("folder", tree, files)):
        size = sum(os.path.getsize(part) for part in parts)
        measure(["cat", *parts])  # so that both find it in memory
        cat, *_ = measure(["cat", *parts])
        took, peak, code, lines = measure([program, path])
        assert code in (0, 1), "exit status %d" % code
        print("  %-9s %5d MB in %5d files: %6.2f s (cat %.2f s), highest RSS %.1f MB, %d lines" % (
            what, size >> 20, len(parts), took, cat, peak, lines))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--builddir", default=".")
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--interval", type=float, default=10)
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    folder = tempfile.mkdtemp(prefix="bench-backtest-")
    try:
        bench(os.path.join(arguments.builddir, "sidecar-backtest"), folder, arguments.days,
              arguments.interval)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
