"""A private world for the tests: own pid, network and mount namespaces.

The plugin watches every process of the machine, and a developer who runs these
tests may well have sidecars running, one of them on port 6060. In namespaces of
its own a test sees only what it started, may use any port, may choose the next
pid, and leaves nothing behind: the kernel ends all of it with the first
process. Where the system permits no namespaces the tests run without, and
those that need them are skipped.
"""

import os
import shutil
import subprocess
import sys

MARK = "E2E_PRIVATE_NAMESPACES"

# write_prometheus asks for an address with AI_ADDRCONFIG: without an address other than
# loopback it would find none to listen on.
_PREPARE = """
mount --make-private /proc &&
mount -t proc -o nosuid,nodev,noexec proc /proc &&
ip link set lo up &&
ip addr add 192.0.2.1/32 dev lo
"""

_TOOLS = (
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
    ("mount", "mount"),
    ("ip", "iproute2"),
)


def inside():
    """Do we run in namespaces of our own?"""
    return os.environ.get(MARK) == "1"


def _unshare():
    # ends with us, however we end
    command = ["setpriv", "--pdeathsig", "KILL", "--"]
    command += ["unshare", "--pid", "--fork", "--kill-child", "--net", "--mount"]
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user"]
    return command + ["--propagation", "unchanged", "--"]


def why_not():
    """None when namespaces can be had, otherwise the reason."""
    for tool, package in _TOOLS:
        if shutil.which(tool) is None:
            return "no %s (Debian package %s)" % (tool, package)
    try:
        probe = subprocess.run(
            _unshare() + ["sh", "-c", _PREPARE],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if probe.returncode != 0:
        return probe.stdout.decode(errors="replace").strip() or "unshare failed"
    return None


def command_inside(argv):
    """The command that runs this Python program inside; be_init must follow there."""
    return _unshare() + [sys.executable, "-B"] + argv


def environment_inside():
    return dict(os.environ, **{MARK: "1"})


def be_init(main):
    """As process 1: prepares the namespaces, runs main in a child, reaps all others.

    Orphans become children of process 1; unreaped they would stay as zombies and
    blur tests that watch processes end.
    """
    subprocess.run(["sh", "-c", _PREPARE], check=True, timeout=20)
    child = os.fork()
    if child == 0:
        os._exit(main())
    while True:
        try:
            pid, status = os.wait()
        except KeyboardInterrupt:
            continue
        if pid == child:
            sys.stdout.flush()
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
