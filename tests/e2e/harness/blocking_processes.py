"""Processes that block everyone who reads them below /proc: see watchdog.h of the plugin.

Run as a program: blocking_processes.py PROCESSES COMMAND NUMBER, with the device of FUSE as `fuse` in
the folder above. It mounts a FUSE file system, whose server, a process of its own, never answers when a
file is closed. Each of the PROCESSES executes itself with a file of it open, at once or, with the
command `later`, when there is a file `block`, and blocks its readers from then on, until there is a
file `release`, and at most NUMBER seconds. Says "ready", or "impossible" with the reason.
"""

import ctypes
import os
import select
import signal
import struct
import sys
import time

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
LOOKUP, FORGET, GETATTR, OPEN, RELEASE, FLUSH, INIT, INTERRUPT, BATCH_FORGET = 1, 2, 3, 14, 18, 25, 26, 36, 42
DIRECTORY, FILE = 1, 2  # inodes
ENOSYS = 38

libc = ctypes.CDLL(None, use_errno=True)


def succeed(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def become_root_of_a_namespace():
    uid, gid = os.getuid(), os.getgid()
    succeed(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", "0 %d 1" % uid)
    write("/proc/self/gid_map", "0 %d 1" % gid)


# --- the server: include/uapi/linux/fuse.h


def attributes(inode):
    mode = 0o40777 if inode == DIRECTORY else 0o100777
    return struct.pack("<6Q10I", inode, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(operation, inode):
    """The body of an answer; None: there is none."""
    if operation == INIT:
        return struct.pack("<4I2H2I2H", 7, 31, 65536, 0, 12, 10, 65536, 1, 0, 0) + bytes(32)
    if operation == LOOKUP:
        return struct.pack("<4Q2I", FILE, 0, 0, 0, 0, 0) + attributes(FILE)
    if operation == GETATTR:
        return struct.pack("<Q2I", 0, 0, 0) + attributes(inode)
    if operation == OPEN:
        return struct.pack("<Q2I", 1, 0, 0)
    return b"" if operation == RELEASE else None


def serve_one(device):
    try:
        request = os.read(device, 1 << 20)
    except OSError:
        return
    _, operation, unique, inode = struct.unpack_from("<IIQQ", request)
    if operation in (FORGET, FLUSH, INTERRUPT, BATCH_FORGET):
        return
    body = answer(operation, inode)
    error = 0 if body is not None else -ENOSYS
    body = body or b""
    os.write(device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)


def serve(device):
    while not os.path.exists("release"):
        if select.select([device], [], [], 0.05)[0]:
            serve_one(device)
    os._exit(0)  # ends the file system and so whoever waits for it


def mount():
    os.mkdir("mounted")
    device = os.open("../fuse", os.O_RDWR)
    options = "fd=%d,rootmode=40000,user_id=0,group_id=0" % device
    succeed(libc.mount(b"fuse", b"mounted", b"fuse", 0, options.encode()))
    return device


# --- those who block


def block(waits):
    while waits and not os.path.exists("block"):
        time.sleep(0.05)
    os.open("mounted/file", os.O_RDWR)  # closed on exec, as all files of Python
    os.execv(sys.executable, [sys.executable, "-B", "-c", "import time; time.sleep(%s)" % sys.argv[3]])


def main():
    processes, command, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.alarm(seconds)
    try:
        become_root_of_a_namespace()
        device = mount()
    except OSError as error:
        print("impossible: %s" % error, flush=True)
        signal.pause()
    if os.fork() == 0:
        signal.alarm(seconds)
        serve(device)
    os.close(device)
    for _ in range(processes):
        if os.fork() == 0:
            signal.alarm(seconds)
            block(command == "later")
    time.sleep(0.5)
    print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
