"""A user who takes what he can get: many processes called `sidecar`, each with many things.

Run as a program: greedy_processes.py PROCESSES COMMAND NUMBER; see below. It becomes that many processes,
and says "ready".
"""

import ctypes
import fcntl
import os
import signal
import sys
import time


def duplicates_of_watches(number):
    """An inotify instance with 2,000 watches, open so many times."""
    libc = ctypes.CDLL(None, use_errno=True)
    instance = libc.inotify_init1(0)
    for i in range(2000):
        name = b"watched-%d" % i
        os.close(os.open(name, os.O_CREAT | os.O_RDWR))
        if libc.inotify_add_watch(instance, name, 2) < 0:
            sys.exit("inotify_add_watch: %s" % os.strerror(ctypes.get_errno()))
    for _ in range(1, number):
        os.dup(instance)


def descriptors(number):
    for _ in range(number):
        os.dup(0)


def locks(number):
    """Locks on single bytes, with gaps, so that none is merged; many in one file take long."""
    for i in range(number):
        if i % 200 == 0:
            file = os.open("locked-%d" % i, os.O_CREAT | os.O_RDWR)
        fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * i)


def nothing(number):
    del number


def new_names(number):
    """So many processes one after another, each in a folder of its own for a second."""
    for i in range(number):
        if os.fork() == 0:
            os.mkdir("name-%d" % i)
            os.chdir("name-%d" % i)
            time.sleep(1.5)
            os._exit(0)
        time.sleep(0.05)


def short_lives(number):
    """So many processes, two hundred of them at a time, each for up to a second."""
    print("ready", flush=True)
    alive = set()
    for i in range(number):
        pid = os.fork()
        if pid == 0:
            time.sleep(i % 100 / 100)
            os._exit(0)
        alive.add(pid)
        while len(alive) >= 200:
            alive.discard(os.wait()[0])
    while alive:
        alive.discard(os.wait()[0])
    print("all have ended", flush=True)


def main():
    processes, command, number = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    if command != "short_lives":
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    globals()[command](number)
    for _ in range(1, processes):
        if os.fork() == 0:
            break
    else:
        print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
