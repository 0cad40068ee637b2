"""The outside oracle: what ps, lsof, ls, pmap and lslocks say of a process.

None of this shares code or ideas with the plugin. Where an everyday tool can
answer, the tool is asked; /proc itself is read only for what no tool prints.
"""

import collections
import os
import re
import subprocess

from .daemon import need

OPEN_CLASSES = (
    "regular",
    "directory",
    "pipe",
    "socket",
    "inotify",
    "eventpoll",
    "eventfd",
    "device",
    "other",
)
_LSOF_TYPES = {
    "REG": "regular",
    "DIR": "directory",
    "FIFO": "pipe",
    "CHR": "device",
    "BLK": "device",
}
_LSOF_SOCKETS = ("unix", "IPv4", "IPv6", "sock", "netlink", "pack")
_STATUS_LINE = re.compile(r"(\w+):\s+(\d+)(?: kB)?$", re.M)


def output_of(program, package, *arguments):
    """What the tool prints; its exit status is not looked at (lsof's means little)."""
    done = subprocess.run(
        [need(program, package)] + [str(argument) for argument in arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=30,
        env={"LANG": "C.UTF-8", "PATH": os.environ["PATH"]},
        check=False,
    )
    return done.stdout


def count_descriptors(pid):
    """ls /proc/PID/fd | wc -l"""
    return len(output_of("ls", "coreutils", "/proc/%d/fd" % pid).split())


def count_threads(pid):
    """ps -o nlwp="""
    return int(output_of("ps", "procps", "-o", "nlwp=", "-p", pid))


def count_regions(pid):
    """The lines of pmap, without its first (the command) and its last (the total)."""
    return len(output_of("pmap", "procps", pid).splitlines()) - 2


def resident_bytes(pid):
    """ps -o rss=, which has kilobytes"""
    return int(output_of("ps", "procps", "-o", "rss=", "-p", pid)) * 1024


def virtual_bytes(pid):
    return int(output_of("ps", "procps", "-o", "vsz=", "-p", pid)) * 1024


class OpenFile(collections.namedtuple("OpenFile", "fd kind name links inode")):
    """A descriptor as lsof prints it; kind is one of OPEN_CLASSES."""


def open_files(pid):
    """lsof's numbered descriptors: no cwd, txt or mem entries."""
    text = output_of("lsof", "lsof", "-n", "-P", "-w", "-l", "+L", "-p", pid, "-F", "0ftnki")
    found = []
    for line in text.split(b"\n"):
        fields = {field[:1]: field[1:] for field in line.split(b"\0") if field}
        descriptor = fields.get(b"f", b"")
        if not descriptor.isdigit():
            continue
        kind = fields.get(b"t", b"").decode()
        name = fields.get(b"n", b"")
        found.append(
            OpenFile(
                int(descriptor),
                _class_of(kind, name.decode("latin-1")),
                name,
                int(fields[b"k"]) if fields.get(b"k", b"").isdigit() else None,
                fields.get(b"i", b"").decode(),
            )
        )
    return found


def _class_of(kind, name):
    if kind == "a_inode":
        for anonymous in ("inotify", "eventpoll", "eventfd"):
            if re.match(r"(anon_inode:)?\[?%s\b" % anonymous, name):
                return anonymous
        return "other"
    if kind in _LSOF_SOCKETS:
        return "socket"
    return _LSOF_TYPES.get(kind, "other")


def classes(files):
    """{class: count}, with every class there."""
    counts = collections.Counter(file.kind for file in files)
    return {kind: counts.get(kind, 0) for kind in OPEN_CLASSES}


def opens_by_file(files):
    """lsof | grep REG | awk '{print $9}' | sort | uniq -c, as a Counter."""
    return collections.Counter(file.name for file in files if file.kind == "regular")


def links(pid):
    """{descriptor: the bytes of its link}, read without any tool."""
    folder = b"/proc/%d/fd" % pid
    return {int(name): os.readlink(folder + b"/" + name) for name in os.listdir(folder)}


def inotify_watches(pid):
    """grep -c ^inotify over /proc/PID/fdinfo/*"""
    text = output_of("grep", "grep", "-h", "-c", "^inotify", "-r", "/proc/%d/fdinfo" % pid)
    return sum(int(count) for count in text.split())


def locks(pid):
    """{type instance: number}: locks of the process, and of others, on files it has open.

    From lslocks, which leaves no way to name a file but its path.
    """
    paths = {
        file.name.decode("utf-8", "replace") for file in open_files(pid) if file.kind == "regular"
    }
    text = output_of("lslocks", "util-linux", "-n", "-r", "-o", "PID,MODE,BLOCKER,PATH").decode()
    counts = {"held": 0, "foreign": 0, "contended": 0}
    for line in text.splitlines():
        owner, mode, _, path = line.split(" ", 3)
        if path not in paths:
            continue
        is_own = int(owner) == pid
        counts["held" if is_own else "foreign"] += 1
        counts["contended"] += not is_own and mode == "WRITE" and path.endswith(".db")
    return counts


def status(pid):
    """The numbers of /proc/PID/status as they stand there."""
    with open("/proc/%d/status" % pid, encoding="utf-8", errors="replace") as file:
        return {key: int(value) for key, value in _STATUS_LINE.findall(file.read())}


def stat(pid):
    """The fields of /proc/PID/stat behind the name: [0] is field 3, the state."""
    with open("/proc/%d/stat" % pid, "rb") as file:
        return file.read().rpartition(b") ")[2].split()


def cpu_ticks(pid):
    fields = stat(pid)
    return int(fields[11]), int(fields[12])


def page_faults(pid):
    fields = stat(pid)
    return int(fields[7]), int(fields[9])


def start_ticks(pid):
    return int(stat(pid)[19])


def state(pid):
    return stat(pid)[0].decode()


def rollup(pid):
    """{name: bytes} from smaps_rollup."""
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
        return {key: int(value) * 1024 for key, value in _STATUS_LINE.findall(file.read())}


def io(pid):
    with open("/proc/%d/io" % pid, encoding="ascii") as file:
        return {key: int(value) for key, value in _STATUS_LINE.findall(file.read())}


def soft_limit_files(pid):
    with open("/proc/%d/limits" % pid, encoding="ascii") as file:
        return int(re.search(r"^Max open files\s+(\d+)", file.read(), re.M).group(1))


def exists(pid):
    return os.path.isdir("/proc/%d" % pid)
